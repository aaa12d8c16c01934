"""Solvers: how the players of a game move. One rule a file; each is checked against its exact spectrum."""

from advsci.solvers.alternating import Alternating as Alternating
from advsci.solvers.balanced import Balanced as Balanced
from advsci.solvers.balanced import ranking_accuracy as ranking_accuracy
from advsci.solvers.consensus import Consensus as Consensus
from advsci.solvers.extragradient import Extragradient as Extragradient
from advsci.solvers.gradient import Gradients as Gradients
from advsci.solvers.gradient import Terms as Terms
from advsci.solvers.gradient import compiled as compiled
from advsci.solvers.gradient import differentiable_field as differentiable_field
from advsci.solvers.gradient import player_gradient as player_gradient
from advsci.solvers.gradient import vector_field as vector_field
from advsci.solvers.implicit import Competitive as Competitive
from advsci.solvers.implicit import ProximalPoint as ProximalPoint
from advsci.solvers.jacobian import FieldJacobian as FieldJacobian
from advsci.solvers.lookahead import Lookahead as Lookahead
from advsci.solvers.optimistic import Optimistic as Optimistic
from advsci.solvers.simultaneous import Simultaneous as Simultaneous
from advsci.solvers.solver import Feed as Feed
from advsci.solvers.solver import OptimizerFactory as OptimizerFactory
from advsci.solvers.solver import Solver as Solver
from advsci.solvers.solver import adam as adam
from advsci.solvers.symplectic import SymplecticAdjustment as SymplecticAdjustment
from advsci.solvers.trust_region import TrustRegion as TrustRegion
from advsci.solvers.trust_region import generated as generated
from advsci.solvers.unrolled import Unrolled as Unrolled
from advsci.solvers.unrolled import unrolled_gradient as unrolled_gradient
