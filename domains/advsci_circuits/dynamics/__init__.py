"""What circuits do: Hill kinetics, solvers, steady states and their stability, noise, functions and robustness."""

from advsci_circuits.dynamics.explicit import integrate as integrate
from advsci_circuits.dynamics.fixed_points import FixedPoints as FixedPoints
from advsci_circuits.dynamics.fixed_points import fixed_points as fixed_points
from advsci_circuits.dynamics.fixed_points import steady_state as steady_state
from advsci_circuits.dynamics.hill import HillModel as HillModel
from advsci_circuits.dynamics.racipe import racipe as racipe
from advsci_circuits.dynamics.stability import is_stable as is_stable
