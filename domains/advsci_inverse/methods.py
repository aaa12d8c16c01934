"""Every method by name: from data to a reconstruction, with weights tuned on validation images."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_inverse import baselines
from advsci_inverse.evaluation.scores import mse
from advsci_inverse.operators.matrices import DenseOperator
from advsci_inverse.operators.sensing import SubsampledDCT, SubsampledHadamard
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.priors.sampler import Consistency
from advsci_inverse.problem import Problem, Reconstruction
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.search.proposal import GaussianProposal, LatentProposal, Start, carried
from advsci_inverse.search.regularised import poor_reconstruction, regularised, weight_of_noise
from advsci_inverse.uncertainty.kind import residual_over_noise
from advsci_inverse.uncertainty.posterior import posterior_samples

__all__ = [
    "METHODS",
    "candidates",
    "choose",
    "first_stage",
    "reconstruct",
]


def _tuned(
    problem: Problem, method: Callable[[Tensor, float], Tensor], grid: tuple[float, ...], default: float, name: str
) -> Reconstruction:
    best = default
    if problem.validation is not None:
        truth, data = problem.validation
        best = min(grid, key=lambda value: float(mse(method(data, value).clamp(0, 1), truth).mean()))
    return Reconstruction(method(problem.y, best), setting=f"{name} {best:g}")


def _fbp(problem: Problem) -> Reconstruction:
    if len(problem.operator.data_shape) != 2:
        raise ConfigError(
            f"got data of shape {problem.operator.data_shape} for fbp; expected views x detectors. Try: cgls."
        )
    return Reconstruction(baselines.filtered_back_projection(problem.operator, problem.y))


def _cgls(problem: Problem) -> Reconstruction:
    run = lambda y, steps: baselines.cgls(problem.operator, y, int(steps))  # noqa: E731
    return _tuned(problem, run, (3.0, 5.0, 8.0, 12.0, 20.0, 40.0), 12.0, "steps")


def _tikhonov(problem: Problem) -> Reconstruction:
    run = lambda y, w: baselines.tikhonov(problem.operator, y, w)  # noqa: E731
    return _tuned(problem, run, (1e-3, 1e-2, 1e-1, 1.0, 10.0), 1e-1, "weight")


def _tv(problem: Problem) -> Reconstruction:
    norm = problem.operator.norm()
    scale = norm**2 / 12  # the grid is meant for operators of norm about 3.5, as A ~ N(0, 1/m) at m = 100
    grid = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 0.3)

    def run(y: Tensor, weight: float, steps: int = 1500) -> Tensor:
        """Total variation's solution for data ``y`` at this ``weight``, after that many ``steps``."""
        return baselines.total_variation(problem.operator, y, weight * scale, steps=steps, norm=norm)

    if problem.validation is None:
        best = _by_discrepancy(problem, lambda y, weight: run(y, weight, 500), grid)
        return Reconstruction(run(problem.y, best), setting=f"weight {best:g}, by the noise")
    last = lambda y: 1500 if y is problem.y else 500  # noqa: E731  the choice of weight needs no convergence
    return _tuned(problem, lambda y, weight: run(y, weight, last(y)), grid, 1e-2, "weight")


def _by_discrepancy(problem: Problem, method: Callable[[Tensor, float], Tensor], grid: tuple[float, ...]) -> float:
    """The weight that leaves what the noise is (Morozov 1966, Soviet Math. Dokl. 7:414), of an ascending ``grid``.

    The residual rises with the weight, so that half of what is left of the grid is ruled out by each reconstruction of
    a few images.
    """
    y, known = problem.y[:4], {}
    low, high = 0, len(grid)
    while low < high:
        middle = (low + high) // 2
        residual = residual_over_noise(problem.operator, method(y, grid[middle]), y, problem.sigma).mean()
        known[grid[middle]] = float(residual)
        low, high = (low, middle) if residual > 1 else (middle + 1, high)
    return min(known, key=lambda weight: abs(math.log(max(known[weight], 1e-9))))


def _lasso(transform: str) -> Callable[[Problem], Reconstruction]:
    def run(problem: Problem) -> Reconstruction:
        """The lasso's reconstruction of ``problem``, at the weight that is tuned or known."""
        norm = problem.operator.norm()
        method = lambda y, w: baselines.lasso(problem.operator, y, w, transform=transform, norm=norm)  # noqa: E731
        return _tuned(problem, method, (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 0.3), 1e-2, "weight")

    return run


def _needs_training(problem: Problem, name: str) -> Tensor:
    if problem.training is None:
        raise ConfigError(f"got no training images for the {name} prior; expected some. Try: --data.")
    return problem.training


def _gaussian(problem: Problem) -> Reconstruction:
    prior = baselines.GaussianPrior.fit(_needs_training(problem, "Gaussian"))
    mean, deviation = prior.estimate(problem.operator, problem.y, problem.sigma)
    return Reconstruction(mean, deviation.expand_as(mean))


def _density(problem: Problem, name: str) -> baselines.KernelMixture:
    return problem.density or baselines.KernelMixture.fit(_needs_training(problem, name))


def _mixture(problem: Problem) -> Reconstruction:
    mixture = _density(problem, "mixture").mixture
    return Reconstruction(*mixture.estimate(problem.operator, problem.y, problem.sigma))


def _kernel(problem: Problem) -> Reconstruction:
    density = _density(problem, "kernel")
    mean, deviation, bandwidth = density.estimate(problem.operator, problem.y, problem.sigma)
    return Reconstruction(mean, deviation, setting=f"bandwidth {bandwidth:g}")


def _search(problem: Problem):
    if problem.prior is None:
        raise ConfigError("got no generator prior; expected one for latent search. Try: --prior.")
    return LatentSearch(problem.prior, problem.operator, problem.sigma)(problem.y, starts=problem.starts)


def _latent(problem: Problem) -> Reconstruction:
    found = _search(problem)
    return Reconstruction(found.mean, found.deviation, found.misfit)


def _range(problem: Problem) -> Reconstruction:
    found = _search(problem)
    return Reconstruction(found.projection, misfit=found.misfit)


def _start(problem: Problem, prior: GeneratorPrior) -> Tensor:
    """Where message passing starts when data are few: the posterior mean under the richest priors at hand.

    With training images that is the kernel prior's. From two data a latent dimension on the generator's is as good, and
    as its errors are others, the average of both is better; the search starts at what the encoder makes of the kernel
    prior's estimate, which replaces many screened starts.
    """
    few = problem.operator.data_size < 2 * prior.latent
    search = lambda **how: LatentSearch(prior, problem.operator, problem.sigma, **how)  # noqa: E731
    if problem.density is None and problem.training is None:
        return search(screen=4096)(problem.y, starts=max(problem.starts, 8)).mean.clamp(0, 1)
    kernel = _density(problem, "kernel").estimate(problem.operator, problem.y, problem.sigma, bandwidths=(0.5, 0.75))[0]
    kernel = kernel.clamp(0, 1)
    if few or prior.synthesis.encoder is None:
        return kernel
    first = prior.synthesis.encode(kernel[:, None])[0]
    return (kernel + search(screen=64)(problem.y, starts=1, steps=6, first=first).mean.clamp(0, 1)) / 2


@torch.no_grad()
def _amp(problem: Problem) -> Reconstruction:
    """Message passing with the learned denoiser: from zero where data are plenty, else from the priors' posterior mean.

    With fewer than four data a latent dimension the iteration has several fixed points; the prior's estimate picks the
    right one, and strong damping stays near it. With fewer than two, even that fixed point is one image out of many
    that the data allow, and its average with the posterior mean has the smaller error.
    """
    if problem.denoiser is None:
        raise ConfigError("got no denoiser; expected one for amp. Try: --denoiser.")
    net, prior = problem.denoiser, problem.prior
    denoise = lambda r, level: net(r, level)[0].clamp(0, 1)  # noqa: E731
    m = problem.operator.data_size
    if prior is None or m >= 4 * prior.latent:
        mean = baselines.damp(problem.operator, problem.y, denoise, steps=18, damping=0.8)
        return Reconstruction(mean, setting="from zero, 18 steps")
    start = _start(problem, prior)
    mean = baselines.damp(problem.operator, problem.y, denoise, steps=8, damping=0.3, start=start)
    if m < 2 * prior.latent:
        return Reconstruction((mean + start) / 2, setting="from the prior, 8 steps, averaged with its start")
    return Reconstruction(mean, setting="from the prior, 8 steps")


def _hqs(problem: Problem) -> Reconstruction:
    if problem.denoiser is None:
        raise ConfigError("got no denoiser; expected one for hqs. Try: --denoiser.")
    net = problem.denoiser
    denoise = lambda r, level: net(r, level)[0].clamp(0, 1)  # noqa: E731
    run = lambda y, w: baselines.half_quadratic_splitting(problem.operator, y, denoise, problem.sigma, weight=w)  # noqa: E731
    return _tuned(problem, run, (0.03, 0.1, 0.3, 1.0, 3.0), 0.3, "weight")


def _refiner(problem: Problem) -> Reconstruction:
    if problem.refiner is None:
        raise ConfigError("got no refiner; expected one for refiner. Try: --refiner.")
    plan = problem.refiner.plan(problem.operator, problem.sigma)
    return Reconstruction(*problem.refiner.reconstruct(plan, problem.y))


def _adversarial(problem: Problem) -> Reconstruction:
    """The regulariser's own weight, and its multiples where there are validation images."""
    net, operator = problem.regulariser, problem.operator
    if net is None:
        raise ConfigError("got no regulariser; expected one for adversarial. Try: --regulariser.")
    own = weight_of_noise(operator, problem.sigma)
    run = lambda y, factor: regularised(  # noqa: E731
        net, operator, y, problem.sigma, weight=factor * own, start=poor_reconstruction(operator, y)
    )
    return _tuned(problem, run, (0.3, 1.0, 3.0), 1.0, "weight over that of the noise")


def first_stage(problem: Problem, point: str, count: int) -> Start:
    """Draws by likelihood, beside the point estimate that the second stage is told.

    Parameters
    ----------
    problem
        Holds a generator prior (for latent draws), else a refiner or training images (for Gaussian ones).
    point
        Name of the method that gives the estimate, or ``"draws"`` for the mean of the draws' own posterior.
    count
        Draws of each image.

    Returns
    -------
    Start
        Estimates, deviations and draws.
    """
    if problem.prior is not None:
        search = LatentSearch(problem.prior, problem.operator, problem.sigma)
        proposal = LatentProposal(search, starts=min(problem.starts, 2))
    else:
        proposal = GaussianProposal(problem.operator, problem.sigma, *_moments(problem))
        if point == "gaussian" and problem.refiner is None:  # the mean of these very draws
            point = "draws"
    blocks = [
        _first_of(block, point, proposal(block.y, count, Stream(problem.seed).at("first stage", k)))
        for k, block in enumerate(replace(problem, y=y) for y in problem.y.split(100))
    ]  # in blocks: methods that compare every image with every training image need memory for each pair
    return Start(*(torch.cat([getattr(b, key) for b in blocks]) for key in ("point", "deviation", "draws")))


def _first_of(block: Problem, point: str, start: Start) -> Start:
    """The draws of a block of images, beside the estimate of the method ``point``."""
    if point == "draws":
        return start
    found = reconstruct(point, block)
    if found.deviation is None:
        return Start(found.mean, start.deviation, start.draws)
    if block.prior is None:  # linear draws are far wider than a refiner's errors
        return carried(start, found.mean, found.deviation)
    return Start(found.mean, found.deviation, start.draws)


def _moments(problem: Problem) -> tuple[Tensor, Tensor]:
    shape = problem.operator.image_shape
    if problem.refiner is not None:
        net = problem.refiner
        return net.image_mean.reshape(shape), net.factor @ net.factor.T + torch.diag(net.diagonal)
    prior = baselines.GaussianPrior.fit(_needs_training(problem, "Gaussian"))
    return prior.mean.reshape(shape), prior.covariance


def _posterior(problem: Problem) -> Reconstruction:
    trained = problem.sampler
    if trained is None:
        raise ConfigError("got no sampler; expected one for posterior. Try: advsci-inverse posterior, then --sampler.")
    given = problem if trained.latent else replace(problem, prior=None)
    start = first_stage(given, trained.point, trained.draws)
    consistency = Consistency.of(problem.operator, problem.sigma, trained.level)
    back, stream = consistency.back(problem.y), Stream(problem.seed).at("samples")
    samples = posterior_samples(trained.network, start, back, consistency, problem.samples, stream, trained.trust)
    deviation = samples.std(0) * math.sqrt(1 + 1 / len(samples))
    floor = 0.1 * float(deviation.square().mean().sqrt())  # of pixels on which a few samples happen to agree
    return Reconstruction(
        samples.mean(0),
        (deviation.square() + floor**2).sqrt(),
        setting=f"{len(samples)} samples, told the estimate '{trained.point}'",
        samples=samples,
    )


METHODS: dict[str, Callable[[Problem], Reconstruction]] = {
    "latent": _latent,
    "range": _range,
    "amp": _amp,
    "hqs": _hqs,
    "refiner": _refiner,
    "posterior": _posterior,
    "adversarial": _adversarial,
    "fbp": _fbp,
    "cgls": _cgls,
    "tikhonov": _tikhonov,
    "tv": _tv,
    "lasso-pixel": _lasso("pixel"),
    "lasso-dct": _lasso("dct"),
    "lasso-haar": _lasso("haar"),
    "gaussian": _gaussian,
    "mixture": _mixture,
    "kernel": _kernel,
    "dip": lambda problem: Reconstruction(baselines.deep_image_prior(problem.operator, problem.y)),
}


@torch.no_grad()
def _checked(problem: Problem) -> None:
    expected = problem.operator.data_shape
    if problem.y.shape[1:] != expected or not bool(torch.isfinite(problem.y).all()):
        raise ConfigError(
            f"got data of shape {tuple(problem.y.shape)}; expected finite ones of [n, {expected}]. "
            "Try: the operator's own shape."
        )


def reconstruct(name: str, problem: Problem) -> Reconstruction:
    """Run a method on a problem.

    Parameters
    ----------
    name
        A key of `METHODS`.
    problem
        Data, operator and what the method needs.

    Returns
    -------
    Reconstruction
        Images clipped to [0, 1].

    Raises
    ------
    ConfigError
        No such method, data that do not fit, or a missing part.

    Examples
    --------
    >>> from advsci_inverse.operators import Radon, equispaced_angles
    >>> scanner = Radon(12, equispaced_angles(8))
    >>> y = scanner(torch.ones(2, 12, 12))
    >>> reconstruct("cgls", Problem(scanner, y, sigma=0.01)).mean.shape
    torch.Size([2, 12, 12])
    """
    _checked(problem)
    if name not in METHODS:
        raise ConfigError(f"got method '{name}'; expected one of {', '.join(METHODS)}. Try: tv.")
    result = METHODS[name](problem)
    return replace(result, mean=result.mean.clamp(0, 1), unclipped=result.mean)


def candidates(problem: Problem) -> list[str]:
    """Methods that a problem has the parts for, and that its operator suits.

    Parameters
    ----------
    problem
        Data, operator and what was learned.

    Returns
    -------
    list of str
        Names; message passing only for operators with incoherent rows, mixtures only for small images.
    """
    names = ["tv", "cgls"]
    if (
        isinstance(problem.operator, DenseOperator | SubsampledDCT | SubsampledHadamard)
        and problem.denoiser is not None
    ):
        names.append("amp")
    parts = {"hqs": problem.denoiser, "latent": problem.prior, "refiner": problem.refiner}
    parts |= {"adversarial": problem.regulariser, "posterior": problem.sampler}
    names += [name for name, part in parts.items() if part is not None]
    if problem.training is not None and problem.operator.image_size <= 4096:
        names.append("gaussian")
        if problem.operator.image_size <= 1024 and len(problem.training) >= 1000:
            names.append("mixture")
    return names


def choose(problem: Problem, images: Float[Tensor, "n h w"]) -> tuple[str, dict[str, float]]:
    """The method with the smallest error on images that are measured as the data at hand were.

    Parameters
    ----------
    problem
        Operator, noise and what was learned.
    images
        Held-out images of the kind; half tune each method, half judge it.

    Returns
    -------
    name : str
        The best method.
    errors : dict
        Mean squared error of every candidate.
    """
    stream = Stream(problem.seed).at("choice")
    noise = problem.sigma * stream.normal((len(images), *problem.operator.data_shape))
    y = problem.operator(images) + noise.to(images.device)
    cut = len(images) // 2
    judged = replace(problem, y=y[cut:], validation=(images[:cut], y[:cut]))
    errors = {name: float(mse(reconstruct(name, judged).mean, images[cut:]).mean()) for name in candidates(problem)}
    return min(errors, key=lambda name: errors[name]), errors
