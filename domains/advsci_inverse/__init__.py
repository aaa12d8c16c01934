"""Inverse problems with a generator prior: operators, baselines, latent search with error bars."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_inverse.evaluation.identifiability import identifiability as identifiability
    from advsci_inverse.evaluation.scores import mse as mse
    from advsci_inverse.evaluation.scores import psnr as psnr
    from advsci_inverse.evaluation.scores import ssim as ssim
    from advsci_inverse.game.posterior import PosteriorGAN as PosteriorGAN
    from advsci_inverse.game.scoring import energy_score as energy_score
    from advsci_inverse.methods import reconstruct as reconstruct
    from advsci_inverse.operators import LinearOperator as LinearOperator
    from advsci_inverse.operators import dot_test as dot_test
    from advsci_inverse.operators.covariance import LowRankCovariance as LowRankCovariance
    from advsci_inverse.operators.data_step import DataStep as DataStep
    from advsci_inverse.operators.matrix_free_step import MatrixFreeStep as MatrixFreeStep
    from advsci_inverse.priors.prior import GeneratorPrior as GeneratorPrior
    from advsci_inverse.priors.sampler import PosteriorSampler as PosteriorSampler
    from advsci_inverse.problem import Problem as Problem
    from advsci_inverse.search.latent import LatentSearch as LatentSearch
    from advsci_inverse.search.proposal import GaussianProposal as GaussianProposal
    from advsci_inverse.search.proposal import LatentProposal as LatentProposal
    from advsci_inverse.store import load_prior as load_prior
    from advsci_inverse.uncertainty.calibration import Calibration as Calibration
    from advsci_inverse.uncertainty.kind import KindTest as KindTest
    from advsci_inverse.uncertainty.posterior import posterior_samples as posterior_samples

__getattr__, __dir__, __all__ = exports(__name__)
