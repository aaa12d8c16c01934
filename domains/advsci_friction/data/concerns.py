"""What in a scan deserves a second look: each concern is one sentence with what to try. None changes the map."""

import numpy as np
from jaxtyping import Float

from advsci_friction.config import Flatten
from advsci_friction.data.levelling import flatten

__all__ = ["concerns", "slopes"]


def slopes(heights: Float[np.ndarray, "ny nx"], size: tuple[float, float]) -> tuple[float, float]:
    """Rms slope of a map by its Fourier series and by differences between neighbouring pixels.

    Parameters
    ----------
    heights
        (ny, nx) heights [m].
    size
        (Ly, Lx) [m].

    Returns
    -------
    tuple
        (spectral, differences). The first is that of the periodic map, with the jumps at its edges, and is what the
        solver presses; the second does not see the edges. Both agree on a periodic, well resolved map.
    """
    spectrum = np.fft.fft2(heights)
    q = [2.0 * np.pi * np.fft.fftfreq(n, length / n) for n, length in zip(heights.shape, size, strict=True)]
    square = (np.add.outer(q[0] ** 2, q[1] ** 2) * np.abs(spectrum) ** 2).sum() / heights.size**2
    steps = [length / n for n, length in zip(heights.shape, size, strict=True)]
    differences = sum((np.diff(heights, axis=i) / steps[i]).__pow__(2).mean() for i in (0, 1))
    return float(np.sqrt(square)), float(np.sqrt(differences))


def concerns(heights: Float[np.ndarray, "ny nx"], size: tuple[float, float]) -> list[str]:
    """Sentences about a map that is about to be pressed.

    Parameters
    ----------
    heights
        (ny, nx) heights [m], levelled.
    size
        (Ly, Lx) [m].

    Returns
    -------
    list of str
        Bow, jumps between lines, outliers, steps, an upside-down look, edges that do not meet, steep slopes; empty
        where nothing was found.

    Examples
    --------
    >>> y, x = np.mgrid[:32, :32] * 2 * np.pi / 32
    >>> concerns(1e-9 * np.cos(x) * np.cos(y), (1e-6, 1e-6))
    []
    """
    found = []
    height = heights.std()
    if height == 0.0:
        return found
    kinds: tuple[tuple[Flatten, str], ...] = (
        ("parabola", "a bow of the scanner"),
        ("lines", "jumps from line to line"),
    )
    for how, why in kinds:
        left = flatten(heights, how).std()
        if left < 0.6 * height:
            share = 100.0 * (1.0 - (left / height) ** 2)
            found.append(f"{share:.0f} % of the heights' variance looks like {why}. Try: --flatten {how}.")
    z = (heights - np.median(heights)) / max(1.4826 * np.median(np.abs(heights - np.median(heights))), 1e-300)
    outliers = int((np.abs(z) > 8.0).sum())
    if 0 < outliers <= max(4, heights.size // 500):
        found.append(
            f"{outliers} pixels stand out by more than eight deviations and may carry much of the load. "
            "Try: mask them (undefined) and --fill."
        )
    skewness = float((((heights - heights.mean()) / height) ** 3).mean())
    if skewness < -1.0:
        found.append(
            f"The heights have a skewness of {skewness:.1f}: a plateau with pits, or a map upside down. "
            "Try: --invert, if it is a depth map or a replica."
        )
    levels = _step(_untilted(heights))
    if levels is not None:
        found.append(f"The map has two levels {levels:.3g} m apart, so that only the upper one touches. Try: crop it.")
    spectral, differences = slopes(heights, size)
    if spectral > 1.5 * differences and _edge_jump(heights) > 3.0:
        found.append(
            f"The rms slope is {spectral:.2g} with the jumps at the map's edges and {differences:.2g} without them: "
            "the edges do not meet, and the jump carries load. Try: --flatten parabola, or a larger map."
        )
    if differences > 0.3:
        found.append(
            f"The rms slope is {differences:.2g}: beyond the theory of small slopes (0.3), areas and pressures are "
            "rough guides. Try: check the units of heights and size."
        )
    return found


def _edge_jump(heights: np.ndarray) -> float:
    """Root mean square jump across the map's edges, over that between neighbouring pixels; the larger of both axes."""
    ratios = []
    for axis in (0, 1):
        inner = np.sqrt((np.diff(heights, axis=axis) ** 2).mean())
        edge = np.sqrt(((np.take(heights, 0, axis) - np.take(heights, -1, axis)) ** 2).mean())
        ratios.append(edge / max(inner, 1e-300))
    return float(max(ratios))


def _untilted(heights: np.ndarray) -> np.ndarray:
    """The map less the plane that a step has left in it: levelling by the mean plane tilts both of its sides."""
    y, x = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in heights.shape), indexing="ij")
    plane, best = np.stack([x.ravel(), y.ravel(), np.ones(heights.size)], 1), (np.inf, heights)
    for axis in (0, 1):
        jump = int(np.abs(np.diff(heights.mean(1 - axis))).argmax())  # a step along a line of pixels
        beyond = np.indices(heights.shape)[axis] > jump
        fit, *_ = np.linalg.lstsq(np.column_stack([plane, beyond.ravel()]), heights.ravel(), rcond=None)
        flat = heights - (plane @ fit[:3]).reshape(heights.shape)
        left = float(((flat - fit[3] * beyond) ** 2).sum())
        best = min(best, (left, flat), key=lambda pair: pair[0])
    return best[1]


def _step(heights: np.ndarray) -> float | None:
    """Distance of two levels that are far apart against the roughness on each, where there are two."""
    flat = np.sort(heights.ravel())
    n = len(flat)
    cumulative, square = np.cumsum(flat), np.cumsum(flat**2)
    k = np.arange(n // 20, n - n // 20)
    low, high = cumulative[k] / (k + 1), (cumulative[-1] - cumulative[k]) / (n - k - 1)
    within = square[-1] - (k + 1) * low**2 - (n - k - 1) * high**2
    i = int(within.argmin())
    spread = float(np.sqrt(max(within[i], 0.0) / n))
    gap = float(high[i] - low[i])
    return gap if gap > 6.0 * spread and gap > 3.0 * float(np.abs(np.diff(heights, axis=1)).mean()) else None
