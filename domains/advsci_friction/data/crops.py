r"""Periodic maps cut from measured ones, as samples of the process that made them.

A crop is levelled, and its edges are made to meet by Moisan's decomposition: the periodic part is the map less a
smooth one that carries the jumps at its edges (Moisan 2011, doi 10.1007/s10851-010-0227-1).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_friction.data.levelling import flatten
from advsci_friction.data.scans import Scan

__all__ = ["crops", "periodic_part"]


def periodic_part(heights: Float[np.ndarray, "ny nx"]) -> Float[np.ndarray, "ny nx"]:
    """The map less the smooth map that carries the jumps at its edges.

    Parameters
    ----------
    heights
        (ny nx) heights.

    Returns
    -------
    ndarray
        (ny nx) heights whose opposite edges meet; a periodic map is hardly changed.

    Examples
    --------
    >>> tilt = np.add.outer(np.arange(16.0), np.arange(16.0))
    >>> bool(np.ptp(periodic_part(tilt)) < 0.7 * np.ptp(tilt))
    True
    """
    ny, nx = heights.shape
    jump = np.zeros_like(heights, dtype=float)
    jump[0] += heights[-1] - heights[0]
    jump[-1] -= heights[-1] - heights[0]
    jump[:, 0] += heights[:, -1] - heights[:, 0]
    jump[:, -1] -= heights[:, -1] - heights[:, 0]
    laplacian = (
        2.0 * np.cos(2.0 * np.pi * np.arange(ny) / ny)[:, None] + 2.0 * np.cos(2.0 * np.pi * np.arange(nx) / nx) - 4.0
    )
    laplacian[0, 0] = 1.0
    smooth = np.fft.fft2(jump) / laplacian
    smooth[0, 0] = 0.0
    return heights - np.fft.ifft2(smooth).real


def crops(
    scans: Sequence[Scan], count: int, stream: Stream, pixels: int = 64
) -> tuple[Float[np.ndarray, "m n n"], float]:
    """Square periodic crops at random places, at the resolution of the scans.

    Parameters
    ----------
    scans
        Maps of one process, of one pixel size.
    count
        How many crops.
    stream
        Where their places come from.
    pixels
        Pixels along a crop.

    Returns
    -------
    tuple
        (count, pixels, pixels) heights [m] of zero mean, and the length of a crop [m].

    Raises
    ------
    DataError
        No scan, a scan smaller than a crop, oblong pixels, or pixel sizes that differ.
    """
    if not scans:
        raise DataError("got no scan; expected at least one. Try: a folder of AFM files or of npz.")
    steps = []
    for scan in scans:
        ny, nx = scan.heights.shape
        dy, dx = scan.size[0] / ny, scan.size[1] / nx
        if min(ny, nx) < pixels or abs(dy / dx - 1.0) > 0.02:
            raise DataError(
                f"{scan.name}: got {nx} x {ny} pixels of {dx:.3g} x {dy:.3g} m; expected square pixels and at least "
                f"{pixels} x {pixels}. Try: fewer pixels per map, or another scan."
            )
        steps.append(dx)
    if max(steps) > 1.05 * min(steps):
        raise DataError(
            f"got pixels of {min(steps):.3g} to {max(steps):.3g} m; expected one size. Try: scans of one resolution."
        )
    rng, found = stream.at("crops").numpy(), []
    for i in range(count):
        h = scans[i % len(scans)].heights
        y, x = (int(rng.integers(0, n - pixels + 1)) for n in h.shape)
        part = periodic_part(flatten(h[y : y + pixels, x : x + pixels], "plane"))
        found.append(part - part.mean())
    return np.stack(found), pixels * float(np.mean(steps))
