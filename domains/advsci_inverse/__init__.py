"""Inverse problems with a generator prior: operators, baselines, latent search with error bars."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_inverse.identifiability import identifiability as identifiability
    from advsci_inverse.linear_gaussian import DataStep as DataStep
    from advsci_inverse.methods import Problem as Problem
    from advsci_inverse.methods import reconstruct as reconstruct
    from advsci_inverse.metrics import mse as mse
    from advsci_inverse.metrics import psnr as psnr
    from advsci_inverse.metrics import ssim as ssim
    from advsci_inverse.operators import LinearOperator as LinearOperator
    from advsci_inverse.operators import dot_test as dot_test
    from advsci_inverse.priors.prior import GeneratorPrior as GeneratorPrior
    from advsci_inverse.priors.store import load_prior as load_prior
    from advsci_inverse.search.latent import LatentSearch as LatentSearch

__getattr__, __dir__, __all__ = exports(__name__)
