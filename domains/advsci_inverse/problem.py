"""What is to be reconstructed, with all that a method may use, and what a method made of it."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from advsci_inverse import baselines
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.priors.denoiser import Denoiser
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.priors.refiner import Refiner
from advsci_inverse.priors.sampler import PosteriorSampler

__all__ = ["Problem", "Reconstruction", "TrainedSampler"]


@dataclass(frozen=True)
class TrainedSampler:
    """A posterior sampler, and how it was trained to be used.

    Attributes
    ----------
    network
        The sampler.
    point
        Estimate that it is told, a method's name or ``"draws"``.
    level
        Root mean square error of the estimates, by which samples are held to the data.
    draws
        Draws of each image.
    latent
        Whether the draws come from a generator prior; else they are those of a Gaussian one.
    trust
        How far the samples' mean goes to the estimate, of `advsci_inverse.uncertainty.trust_in_point`.
    """

    network: PosteriorSampler
    point: str
    level: float
    draws: int
    latent: bool
    trust: float = 0.0


@dataclass(frozen=True)
class Problem:
    """Data under an operator, and what a method may use besides.

    Attributes
    ----------
    operator, y, sigma
        The measurement, data ``[n, *data]`` and the standard deviation of their noise.
    prior
        A generator prior, for latent search.
    denoiser, refiner, regulariser
        Learned parts, for the methods that need them.
    training
        Images of the same kind, for Gaussian, mixture and kernel priors.
    validation
        Images and their data under the same operator and noise, on which weights are tuned.
    density
        Mixture and kernel priors fitted before; None fits them to ``training`` where a method needs them.
    starts
        End points of the latent search.
    sampler, samples
        A trained posterior sampler, and how many samples of each image it gives.
    seed
        Of the samples.

    Examples
    --------
    >>> import torch
    >>> from advsci_inverse import Problem
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> operator = gaussian_sensing(20, (8, 8))
    >>> Problem(operator, operator(torch.zeros(2, 8, 8)), 0.01).sigma
    0.01
    """

    operator: LinearOperator
    y: Tensor
    sigma: float
    prior: GeneratorPrior | None = None
    denoiser: Denoiser | None = None
    refiner: Refiner | None = None
    regulariser: nn.Module | None = None
    training: Float[Tensor, "m h w"] | None = None
    validation: tuple[Tensor, Tensor] | None = None
    density: baselines.KernelMixture | None = None
    starts: int = 6
    sampler: TrainedSampler | None = None
    samples: int = 32
    seed: int = 0


@dataclass(frozen=True)
class Reconstruction:
    """What a method made of the data.

    Attributes
    ----------
    mean
        Images.
    deviation
        Standard deviation of each pixel, where the method knows it.
    misfit
        Chi-squared over data of each image, where the method knows it.
    setting
        What was tuned or chosen, in words.
    unclipped
        The mean before it was clipped to [0, 1], by which the residual is judged.
    samples
        Samples of the posterior, where the method draws them.
    """

    mean: Float[Tensor, "n h w"]
    deviation: Float[Tensor, "n h w"] | None = None
    misfit: Float[Tensor, " n"] | None = None
    setting: str = ""
    unclipped: Float[Tensor, "n h w"] | None = None
    samples: Float[Tensor, "p n h w"] | None = None
