"""Classical and plug-and-play reconstruction, as first-class methods."""

from advsci_inverse.baselines.deep_image_prior import deep_image_prior as deep_image_prior
from advsci_inverse.baselines.diffusion import diffpir as diffpir
from advsci_inverse.baselines.diffusion import dps as dps
from advsci_inverse.baselines.filtered_back_projection import filtered_back_projection as filtered_back_projection
from advsci_inverse.baselines.gaussian import GaussianPrior as GaussianPrior
from advsci_inverse.baselines.kernel_mixture import KernelMixture as KernelMixture
from advsci_inverse.baselines.krylov import cgls as cgls
from advsci_inverse.baselines.krylov import tikhonov as tikhonov
from advsci_inverse.baselines.lasso import lasso as lasso
from advsci_inverse.baselines.mixture import MixturePrior as MixturePrior
from advsci_inverse.baselines.plug_and_play import damp as damp
from advsci_inverse.baselines.plug_and_play import half_quadratic_splitting as half_quadratic_splitting
from advsci_inverse.baselines.total_variation import total_variation as total_variation
