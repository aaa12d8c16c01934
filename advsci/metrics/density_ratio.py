r"""The discriminator after the training: its logits calibrated to the density ratio of data and samples.

On held-out data and fresh samples a logistic regression of one variable finds slope and offset,

.. math:: \log \frac{p(x)}{q(x)} \approx s\, a(x) + c,

with :math:`a` the logits, whatever objective they were trained with (Platt 1999; for GANs Turner et al. 2019, arXiv
1811.11357, section 4). With the ratio any sampler can be corrected towards the data: `rejection`,
`metropolis_hastings`, `resample`, `best_of`.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError, DataError
from advsci.streams import Stream

__all__ = [
    "DensityRatio",
    "best_of",
    "calibrate",
    "effective_sample_size",
    "metropolis_hastings",
    "rejection",
    "resample",
]

Sampler = Callable[[int, Stream], Tensor]
"""``sampler(n, stream) -> samples (n ...)``, such as ``game.sample``."""
LogRatio = Callable[[Tensor], Tensor]
r"""``log_ratio(samples) -> (n)``, :math:`\log p/q` up to a constant."""


@dataclass(frozen=True)
class DensityRatio:
    """A calibrated discriminator.

    Attributes
    ----------
    slope, offset
        Of the log ratio in the logits.
    slope_error
        Standard error of the slope.
    """

    slope: float
    offset: float
    slope_error: float

    def __call__(self, logits: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        r""":math:`\log p/q` of samples with these ``logits``."""
        return self.slope * logits + self.offset

    @property
    def informative(self) -> bool:
        """Whether the slope is above 0 by two standard errors: else the logits say nothing of the ratio."""
        return self.slope > 2.0 * self.slope_error


@torch.no_grad()
def calibrate(real: Float[Tensor, " n"], fake: Float[Tensor, " m"], *, steps: int = 50) -> DensityRatio:
    """Fit the density ratio to logits, by Newton's method on the logistic likelihood.

    Parameters
    ----------
    real
        Logits of data that the discriminator was not trained on.
    fake
        Logits of fresh samples.
    steps
        Most iterations.

    Returns
    -------
    DensityRatio
        A warning says where its slope is 0 within its error: nothing can then be corrected with it.

    Raises
    ------
    DataError
        A logit is not finite, or a set has fewer than ten.

    Examples
    --------
    >>> a = Stream(0).at("a").normal((2000,)) + 1.0   # N(1, 1) against N(-1, 1): the log ratio is 2 x
    >>> b = Stream(0).at("b").normal((2000,)) - 1.0
    >>> round(calibrate(a, b).slope)
    2
    """
    if min(len(real), len(fake)) < 10 or not bool(torch.isfinite(torch.cat([real, fake])).all()):
        raise DataError(
            f"got {len(real)} and {len(fake)} logits; expected at least 10 of each, all finite. "
            "Try: more held-out data, or a training that did not diverge."
        )
    a = torch.cat([real, fake]).double()
    centre, scale = a.mean(), a.std().clamp_min(1e-12)
    x = torch.stack([(a - centre) / scale, torch.ones_like(a)], 1)
    target = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))]).to(x)
    w = torch.zeros(2, dtype=x.dtype, device=x.device)
    # a small ridge keeps the fit finite where the logits separate the sets
    hessian = torch.eye(2, dtype=x.dtype, device=x.device)
    for _ in range(steps):
        p = torch.sigmoid(x @ w)
        gradient = x.T @ (p - target) + torch.tensor([1e-3, 0.0]).to(x) * w
        hessian = (x * (p * (1.0 - p)).unsqueeze(1)).T @ x + torch.diag(torch.tensor([1e-3, 1e-9])).to(x)
        step = torch.linalg.solve(hessian, gradient)
        w = w - step * (1.0 / step.abs().max().clamp_min(1.0))
        if float(step.abs().max()) < 1e-10:
            break
    slope, constant = (w[0] / scale).item(), (w[1] - w[0] * centre / scale).item()
    error = (torch.linalg.inv(hessian)[0, 0].sqrt() / scale).item()
    found = DensityRatio(slope, constant - math.log(len(real) / len(fake)), error)
    if not found.informative:
        warnings.warn(
            f"the calibrated slope {slope:.2g} is 0 within its error {error:.2g}: the logits tell nothing of the "
            "density ratio of held-out data, so that nothing can be corrected with them",
            stacklevel=2,
        )
    return found


def effective_sample_size(log_ratio: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    r""":math:`(\sum_i w_i)^2 / \sum_i w_i^2`: how many equally weighted samples weighted ones are worth.

    Parameters
    ----------
    log_ratio
        :math:`\log w` of each sample, up to a constant.

    Returns
    -------
    Tensor
        Between 1 and n.

    Examples
    --------
    >>> float(effective_sample_size(torch.zeros(8)))
    8.0
    """
    return torch.exp(2.0 * log_ratio.logsumexp(0) - (2.0 * log_ratio).logsumexp(0))


@torch.no_grad()
def rejection(
    sampler: Sampler, log_ratio: LogRatio, n: int, stream: Stream, *, batch: int = 1024, rounds: int = 1000
) -> Tensor:
    r"""``n`` samples of :math:`p` from a sampler of :math:`q`: each is kept with probability :math:`r(x) / M`.

    The bound :math:`M` is the largest ratio among the first ``batch`` samples (Azadi et al. 2019, arXiv 1810.06758,
    section 3); what lies above it later is kept for certain.

    Parameters
    ----------
    sampler, log_ratio
        Where samples come from, and their log density ratio.
    n
        Samples wanted.
    stream
        Key of all randomness.
    batch
        Samples drawn at a time.
    rounds
        Most draws.

    Raises
    ------
    DataError
        Too few samples were kept.
    """
    bound = log_ratio(sampler(batch, stream.at("bound"))).max()
    kept: list[Tensor] = []
    count = 0
    for i in range(rounds):
        x = sampler(batch, stream.at("samples", i))
        u = stream.at("accept", i).uniform((batch,), device=x.device, dtype=torch.float64)
        chosen = x[u.log() < (log_ratio(x) - bound).double()]
        kept.append(chosen)
        count += len(chosen)
        if count >= n:
            return torch.cat(kept)[:n]
    raise DataError(
        f"got {count} of {n} samples from {rounds * batch:,} draws; expected enough. "
        "Try: more rounds, resample(), or a generator nearer to the data."
    )


@torch.no_grad()
def metropolis_hastings(
    sampler: Sampler, log_ratio: LogRatio, n: int, stream: Stream, *, steps: int = 100, start: Tensor | None = None
) -> Tensor:
    r"""``n`` independent chains whose proposals are samples: a move is taken with probability
    :math:`\min(1, r(x') / r(x))`.

    The chains' stationary distribution is :math:`p` (Turner et al. 2019, arXiv 1811.11357, section 3); no bound on the
    ratio is needed.

    Parameters
    ----------
    sampler, log_ratio
        Where proposals come from, and their log density ratio.
    n
        Chains.
    stream
        Key of all randomness.
    steps
        Moves of each chain.
    start
        First states (n ...), best real data; None for samples.
    """
    x = sampler(n, stream.at("start")) if start is None else start
    now = log_ratio(x)
    for i in range(steps):
        y = sampler(n, stream.at("proposal", i))
        new = log_ratio(y)
        u = stream.at("accept", i).uniform((n,), device=x.device, dtype=torch.float64)
        taken = u.log() < (new - now).double()
        x = torch.where(taken.reshape(-1, *[1] * (x.dim() - 1)), y, x)
        now = torch.where(taken, new, now)
    return x


@torch.no_grad()
def resample(samples: Float[Tensor, "m ..."], log_ratio: Float[Tensor, " m"], n: int, stream: Stream) -> Tensor:
    """``n`` of the samples, each drawn in proportion to its density ratio (systematically: Kitagawa 1996).

    Parameters
    ----------
    samples
        Candidates, best many more than ``n``.
    log_ratio
        Their log density ratios.
    n
        Samples wanted.
    stream
        Key of the draw.
    """
    ends = torch.softmax(log_ratio.double(), 0).cumsum(0)
    u = (torch.arange(n, device=ends.device) + stream.at("resample").uniform((1,), device=ends.device)) / n
    return samples[torch.searchsorted(ends, u.double()).clamp_max(len(samples) - 1)]


def best_of(samples: Float[Tensor, "n k ..."], log_ratio: Float[Tensor, "n k"]) -> Tensor:
    """Of ``k`` candidates each the most realistic: (n ...).

    Parameters
    ----------
    samples
        Candidates, k for each of n.
    log_ratio
        Their log density ratios, or any score that grows with quality. Variety is lost as k grows.

    Raises
    ------
    ConfigError
        Samples and ratios differ in their first two axes.

    Examples
    --------
    >>> best_of(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[0.1, 0.3]]))
    tensor([[2.]])
    """
    if samples.shape[:2] != log_ratio.shape:
        raise ConfigError(
            f"got samples {tuple(samples.shape)} and ratios {tuple(log_ratio.shape)}; expected equal first two axes. "
            "Try: log_ratio.reshape(n, k)."
        )
    return samples[torch.arange(len(samples), device=samples.device), log_ratio.argmax(1)]
