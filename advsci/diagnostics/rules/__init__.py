"""Rules from readings to findings: each sees the probed records and their later half, and gives a finding or None."""

from advsci.diagnostics.rules.divergence import diverged as diverged
from advsci.diagnostics.rules.domain import deaf_adversary as deaf_adversary
from advsci.diagnostics.rules.domain import readable_domain as readable_domain
from advsci.diagnostics.rules.dynamics import coupled_batch as coupled_batch
from advsci.diagnostics.rules.dynamics import exploding_critic as exploding_critic
from advsci.diagnostics.rules.dynamics import idle_generator as idle_generator
from advsci.diagnostics.rules.dynamics import oscillation as oscillation
from advsci.diagnostics.rules.dynamics import overfitting as overfitting
from advsci.diagnostics.rules.dynamics import saturation as saturation
from advsci.diagnostics.rules.dynamics import vanishing_gradient as vanishing_gradient
from advsci.diagnostics.rules.samples import dead_generator as dead_generator
from advsci.diagnostics.rules.samples import fooled_frechet as fooled_frechet
from advsci.diagnostics.rules.samples import ill_conditioned as ill_conditioned
from advsci.diagnostics.rules.samples import junk as junk
from advsci.diagnostics.rules.samples import manifold_collapse as manifold_collapse
from advsci.diagnostics.rules.samples import mode_dropping as mode_dropping
from advsci.diagnostics.rules.samples import rank_collapse as rank_collapse
from advsci.diagnostics.rules.samples import shrunken_samples as shrunken_samples
