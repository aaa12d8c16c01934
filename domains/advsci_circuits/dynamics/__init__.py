"""What circuits do: Hill kinetics, solvers, steady states and their stability, noise, functions and robustness."""

from advsci_circuits.dynamics.branches import all_branches as all_branches
from advsci_circuits.dynamics.branches import hill_branches as hill_branches
from advsci_circuits.dynamics.continuation import Branch as Branch
from advsci_circuits.dynamics.continuation import follow as follow
from advsci_circuits.dynamics.explicit import integrate as integrate
from advsci_circuits.dynamics.fixed_points import FixedPoints as FixedPoints
from advsci_circuits.dynamics.fixed_points import fixed_points as fixed_points
from advsci_circuits.dynamics.fixed_points import steady_state as steady_state
from advsci_circuits.dynamics.hill import HillModel as HillModel
from advsci_circuits.dynamics.hill_family import HillFamily as HillFamily
from advsci_circuits.dynamics.racipe import racipe as racipe
from advsci_circuits.dynamics.stability import is_stable as is_stable
