r"""Image quilting on the torus: new maps from patches of a process's maps, cut where neighbours agree best.

Patches are laid in rows; each overlaps its neighbours by a margin. Of some random patches one is taken whose squared
difference from what lies there already is among the smallest, and it is joined along the path of least difference
(Efros and Freeman 2001, doi 10.1145/383259.383296). Here the last patch of a row meets the first. Seams add power at
wavenumbers at which the process has little, so that each Fourier mode of the patchworks is scaled by

.. math:: \sqrt{P_{\mathrm{maps}}(|q|) / P_{\mathrm{patchworks}}(|q|)}

with the mean powers P in rings of wavenumbers. Nothing is learned: the pattern is new, each part of it is a copy.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import ndimage
from torch import Tensor

from advsci.errors import ShapeError
from advsci.streams import Stream

__all__ = ["cheapest_cut", "quilt", "with_spectrum_of"]


def cheapest_cut(cost: Float[np.ndarray, "b o"]) -> Float[np.ndarray, "b o"]:
    """Truth values right of the path from top to bottom along which a cost sums to the least.

    Parameters
    ----------
    cost
        (b o) cost of a cut at each pixel; a path moves by at most one pixel per row.

    Returns
    -------
    ndarray
        (b o) 1 on the path and right of it, else 0.

    Examples
    --------
    >>> cost = np.array([[9.0, 0.0, 9.0], [9.0, 0.0, 9.0], [9.0, 9.0, 0.0]])
    >>> cheapest_cut(cost).sum(1).tolist()
    [2.0, 2.0, 1.0]
    """
    total = cost.copy()
    for i in range(1, len(cost)):
        above = np.pad(total[i - 1], 1, constant_values=np.inf)
        total[i] += np.minimum(np.minimum(above[:-2], above[1:-1]), above[2:])
    keep = np.zeros_like(cost)
    j = int(total[-1].argmin())
    for i in reversed(range(len(cost))):
        if i < len(cost) - 1:
            low = max(j - 1, 0)
            j = low + int(total[i, low : j + 2].argmin())
        keep[i, j:] = 1.0
    return keep


def quilt(
    maps: Float[Tensor, "m n n"], count: int, stream: Stream, *, patches: int = 4, tried: int = 400
) -> Float[Tensor, "c n n"]:
    """Sew new maps from patches of others.

    Parameters
    ----------
    maps
        (m n n) periodic maps; patches are taken anywhere in them, reflected at random.
    count
        How many new maps.
    stream
        Where the choices come from.
    patches
        Patches along a side; divides n. The overlap is a third of their distance.
    tried
        Random patches among which each is chosen.

    Returns
    -------
    Tensor
        (count n n) maps of zero mean with the mean spectrum of ``maps``, in their type.

    Raises
    ------
    ShapeError
        The number of patches does not divide the grid.

    Examples
    --------
    >>> from advsci_friction import find_process
    >>> maps = find_process("e-beam").simulate(4, Stream(0), 32)
    >>> quilt(maps, 2, Stream(1)).shape
    torch.Size([2, 32, 32])
    """
    n = maps.shape[-1]
    if n % patches:
        fits = next(k for k in range(min(patches, n), 0, -1) if n % k == 0)
        raise ShapeError(f"got {patches} patches along {n} pixels; expected a divisor. Try: patches={fits}.")
    rng, step = stream.at("quilt").numpy(), n // patches
    source, overlap = maps.cpu().double().numpy(), max(2, n // patches // 3)
    found = [_sewn(source, rng, step, overlap, tried) for _ in range(count)]
    made = torch.as_tensor(np.stack(found)).to(maps)
    return with_spectrum_of(maps, made - made.mean((1, 2), keepdim=True))


def ring_power(maps: Float[Tensor, "m n n"]) -> tuple[Float[Tensor, " k"], Int[Tensor, "n n"]]:
    """Mean power of ``maps`` in rings of whole wavenumbers (k), and the ring of each mode (n n)."""
    n = maps.shape[-1]
    k = torch.fft.fftfreq(n, 1.0 / n)
    ring = torch.hypot(k[:, None], k[None, :]).round().long()
    power = torch.fft.fft2(maps.double()).abs().square().mean(0).cpu()
    total = torch.zeros(int(ring.max()) + 1, dtype=power.dtype).index_add(0, ring.flatten(), power.flatten())
    return total / torch.bincount(ring.flatten()), ring


def with_spectrum_of(maps: Float[Tensor, "m n n"], made: Float[Tensor, "c n n"]) -> Float[Tensor, "c n n"]:
    """Scale the modes of made maps so that their mean power in rings of wavenumbers is that of a process's maps.

    Parameters
    ----------
    maps
        (m n n) maps of the process.
    made
        (c n n) maps on the same grid, of zero mean.

    Returns
    -------
    Tensor
        (c n n), each mode scaled by at most 3.

    Examples
    --------
    >>> maps, made = Stream(0).normal((8, 16, 16)), 2.0 * Stream(1).normal((8, 16, 16))
    >>> settled = with_spectrum_of(maps, made - made.mean((1, 2), keepdim=True))
    >>> round(float(settled.std() / maps.std()), 1)
    1.0
    """
    wanted, ring = ring_power(maps)
    factor = (wanted / ring_power(made)[0].clamp_min(1e-30)).sqrt().clamp(max=3.0)
    factor[0] = 1.0  # the means are zero
    return torch.fft.ifft2(torch.fft.fft2(made) * factor[ring].to(made)).real


def _sewn(source: np.ndarray, rng: np.random.Generator, step: int, overlap: int, tried: int) -> np.ndarray:
    """One map."""
    n = source.shape[-1]
    canvas, filled, block = np.zeros((n, n)), np.zeros((n, n), bool), np.arange(step + overlap)
    for top in range(0, n, step):
        for left in range(0, n, step):
            place = np.ix_((top + block) % n, (left + block) % n)
            there, old = filled[place], canvas[place]
            patch = _suiting(source, rng, block, there, old, tried)
            last = top + step == n, left + step == n
            weight = _weight((patch - old) ** 2, overlap, (top > 0, left > 0), last)
            weight = np.where(there, ndimage.gaussian_filter(weight, 0.7), 1.0)  # no kink at the seam
            canvas[place] = weight * patch + (1.0 - weight) * old
            filled[place] = True
    return canvas


def _suiting(
    source: np.ndarray, rng: np.random.Generator, block: np.ndarray, there: np.ndarray, old: np.ndarray, tried: int
) -> np.ndarray:
    """A patch that differs little from what lies there: one of those within a tenth of the least difference."""
    n = source.shape[-1]
    rows, starts = rng.integers(0, len(source), tried), rng.integers(0, n, (2, tried))
    y, x = ((start[:, None] + block) % n for start in starts)
    flips = rng.integers(0, 2, (2, tried))
    y, x = (np.where(flip[:, None], axis[:, ::-1], axis) for flip, axis in zip(flips, (y, x), strict=True))
    cut = source[rows[:, None, None], y[:, :, None], x[:, None, :]]
    away = (((cut - old) ** 2) * there).sum((1, 2))
    return cut[rng.choice(np.flatnonzero(away <= 1.1 * away.min() + 1e-300))]


def _weight(
    cost: np.ndarray, overlap: int, before: tuple[bool, bool], last: tuple[bool, bool]
) -> Float[np.ndarray, "b b"]:
    """1 where the new patch is taken: within the cuts towards its neighbours above, left, below and right."""
    weight = np.ones_like(cost)
    for axis in (0, 1):
        view, side = (weight, cost) if axis == 1 else (weight.T, cost.T)
        if before[axis]:
            view[:, :overlap] *= cheapest_cut(side[:, :overlap])
        if last[axis]:
            view[:, -overlap:] *= cheapest_cut(side[:, -overlap:][:, ::-1])[:, ::-1]
    return weight
