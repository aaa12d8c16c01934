"""Solvers: how the players of a game move. One rule a file; each is checked against its exact spectrum."""

from advsci.solvers.alternating import Alternating as Alternating
from advsci.solvers.extragradient import Extragradient as Extragradient
from advsci.solvers.gradient import Gradients as Gradients
from advsci.solvers.gradient import Terms as Terms
from advsci.solvers.gradient import compiled as compiled
from advsci.solvers.gradient import differentiable_field as differentiable_field
from advsci.solvers.gradient import player_gradient as player_gradient
from advsci.solvers.gradient import vector_field as vector_field
from advsci.solvers.simultaneous import Simultaneous as Simultaneous
from advsci.solvers.solver import Feed as Feed
from advsci.solvers.solver import OptimizerFactory as OptimizerFactory
from advsci.solvers.solver import Solver as Solver
from advsci.solvers.solver import adam as adam
