r"""Design by edit: the nearest map of a process, changed as little as the process itself would.

A request is :math:`a^*_j`, the log areas at one or several loads or whatever else a
`advsci_friction.design.property.Property` measures. Retrieval takes the maps that are nearest; then Newton steps meet
the request exactly. With the gradients :math:`g_j = \partial a_j / \partial h` of the solver's adjoint and the
covariance C of the process (its power spectrum, cut at the process's band), the step

.. math:: \Delta h = C G^T (G C G^T)^{-1} (a^* - a)

is the most probable change of a map of that spectrum that meets the linearised request (kriging; Tarantola 2005,
section 3.4). Free pixels would cheat a coarse grid: the step is band-limited, and between the rounds the finer grid
says by how much the coarse one is off. A round that brings a map no nearer is tried again over half the way, and from
half of the rounds on the gradients are those of the finer grid, which costs more and knows fine contacts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from advsci.errors import ConfigError
from advsci_friction.design.property import Property
from advsci_friction.surfaces.pressed import Pressed
from advsci_friction.surfaces.process import fourier_resample

__all__ = ["Edited", "edit", "nearest", "process_spectrum"]


@dataclass(frozen=True)
class Edited:
    """Edited maps.

    Attributes
    ----------
    maps
        (n p p) heights over the cell's length.
    start
        (n p p) the maps of the library that they were made from.
    source
        (n) their rows in the library.
    logs
        (n j) logs of what was asked for, on the finer grid.
    error
        (n) largest relative error of them on the finer grid.
    """

    maps: Float[Tensor, "n p p"]
    start: Float[Tensor, "n p p"]
    source: Int[Tensor, " n"]
    logs: Float[Tensor, "n j"]
    error: Float[Tensor, " n"]


def process_spectrum(maps: Float[Tensor, "m n n"], band: int) -> Float[Tensor, "n n"]:
    """Mean power of each Fourier mode of a set of maps, zero beyond the band and for the mean.

    Parameters
    ----------
    maps
        (m n n) maps of the process.
    band
        Largest wavenumber along the cell that the process can set.

    Returns
    -------
    Tensor
        (n n), of mean 1 over the band: the covariance C in the Fourier basis, up to a factor.
    """
    n = maps.shape[-1]
    k = torch.fft.fftfreq(n, 1.0 / n)
    q = torch.hypot(k[:, None], k[None, :])
    power = torch.fft.fft2(maps - maps.mean((1, 2), keepdim=True)).abs().square().mean(0)
    power = power * ((q > 0.0) & (q <= band))
    return power / power.sum() * (power > 0.0).sum()


def nearest(
    library: Pressed, wanted: Float[Tensor, " j"], strain: Float[Tensor, " j"], count: int, limit: float = torch.inf
) -> Tensor:
    """Rows of the maps whose areas are nearest to a request.

    Parameters
    ----------
    library
        Maps and their contacts.
    wanted
        (j) log area fractions.
    strain
        (j) :math:`P/E^*` at which they are wanted.
    count
        How many rows; with more than the library has they repeat.
    limit
        Largest allowed peak pressure over E*: the hardness.

    Returns
    -------
    Tensor
        (count) rows, the nearest first.

    Raises
    ------
    ConfigError
        No map of the library bears the largest load below the limit.
    """
    distance = (library.areas(strain) - wanted).abs().amax(1)
    worst = int(strain.argmax())
    able = library.peaks(strain)[:, worst] * strain[worst] <= limit
    if not bool(able.any()):
        raise ConfigError(
            "got a process none of whose maps bears the load within the hardness; expected at least one. "
            "Try: a lower pressure, another process, or a shallower one with --depth."
        )
    order = torch.where(able, distance, torch.full_like(distance, torch.inf)).argsort()[: int(able.sum())]
    return order.repeat(-(-count // len(order)))[:count]


def edit(
    library: Float[Tensor, "m p p"],
    wanted: Float[Tensor, "n j"],
    asked: Property,
    source: Tensor,
    band: int,
    *,
    fixed: Bool[Tensor, "p p"] | None = None,
    rounds: int = 6,
    steps: int = 3,
    error: float = 0.01,
    finer: int = 2,
    keep: Callable[[Tensor], Tensor] | None = None,
    prefer: Callable[[Tensor], Tensor] | None = None,
) -> Edited:
    """Edit maps of a library until the finer grid agrees with the request.

    Parameters
    ----------
    library
        (m p p) maps of the process, heights over the cell's length.
    wanted
        (n j) wanted logs per design.
    asked
        What they are the logs of.
    source
        (n) row of the library that each design starts from.
    band
        Largest wavenumber that the process can set.
    fixed
        (p p) pixels that keep their height.
    rounds
        How many times at most the finer grid corrects the coarse one.
    steps
        Newton steps per round.
    error
        Relative error, on the finer grid, that is good enough.
    finer
        How many times finer the judging grid is.
    keep
        Projection of edited maps onto what the process can make, applied after each step; None for none.
    prefer
        A further change of maps (n p p) that is wanted, such as a critic's gradient: of each step's the part is taken
        that the process can set and that leaves what is asked for as it is; None for none.

    Returns
    -------
    Edited
        The designs, with their error on the finer grid.
    """
    start = library[source]
    maps, target = start.clone(), wanted.to(start)
    covariance = process_spectrum(library, band).to(start)
    free = None if fixed is None else (~fixed).to(start)
    pixels = finer * start.shape[-1]

    def spread(g: Tensor) -> Tensor:
        """The covariance of the process applied to ``g``, on free pixels."""
        g = g if free is None else g * free
        g = torch.fft.ifft2(torch.fft.fft2(g) * covariance).real
        return g if free is None else g * free

    best, found = maps, asked.logs(fourier_resample(maps, pixels))
    worst = (found - target).abs().amax(1)
    share = torch.ones_like(worst)  # of the way to the request that a round tries: half after one that did not help
    for turn in range(rounds):
        todo = (worst > error).nonzero().flatten()
        if len(todo) == 0:
            break
        moved, off = best[todo], None
        for _ in range(steps):
            # what the coarse grid has not met by half of the rounds, the finer one's own gradients may
            area, g = asked.gradients(moved, start.shape[-1] if turn < rounds // 2 else pixels)
            # by how much this smoothed value is off the judged one on the finer grid
            off = area - found[todo] if off is None else off
            miss = found[todo] + share[todo, None] * (target[todo] - found[todo]) + off - area
            if prefer is None and float(miss.abs().max()) < 0.3 * error:
                break
            change = spread(g)
            gram = torch.einsum("njab,nkab->njk", g, change)
            ridge = 1e-3 * gram.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(asked.count).to(gram)
            miss = miss.clamp(-0.5, 0.5)
            if prefer is not None:
                wish = spread(prefer(moved))
                moved, miss = moved + wish, miss - torch.einsum("njab,nab->nj", g, wish)
            factor = torch.linalg.solve(gram + ridge, miss)
            moved = moved + torch.einsum("nj,njab->nab", factor, change)
            moved = moved if keep is None else keep(moved)
        fine = asked.logs(fourier_resample(moved, pixels))
        new = (fine - target[todo]).abs().amax(1)
        better = new < worst[todo]
        share[todo] = torch.where(better, (2.0 * share[todo]).clamp_max(1.0), 0.5 * share[todo])
        best = best.index_copy(0, todo[better], moved[better])
        found, worst = found.index_copy(0, todo[better], fine[better]), worst.index_copy(0, todo[better], new[better])
    return Edited(best, start, source, found, worst.exp() - 1.0)
