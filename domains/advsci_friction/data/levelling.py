r"""What is taken off a scan before it is pressed: tilt, bow, jumps from line to line; and pixels filled in.

A hole is filled by the harmonic function with the values of its rim, :math:`\Delta h = 0`: the smoothest surface that
continues the measured one, without a new extremum. Tilt is taken off before, so that it does not enter the fill.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from advsci_friction.config import Flatten

__all__ = ["fill_undefined", "flatten"]


def flatten(heights: Float[np.ndarray, "ny nx"], how: Flatten = "plane") -> Float[np.ndarray, "ny nx"]:
    """Heights less what the measurement added to them.

    Parameters
    ----------
    heights
        (ny, nx) heights; undefined pixels (NaN) stay undefined and do not enter the fit.
    how
        ``plane``: the least-squares plane (tilt of the sample); ``parabola``: the least-squares paraboloid (bow of the
        scanner); ``lines``: each line's median, then the plane (jumps between scan lines); ``none``: nothing.

    Returns
    -------
    ndarray
        (ny, nx) heights in the same unit; a new array.

    Examples
    --------
    >>> float(np.abs(flatten(np.add.outer(np.arange(8.0), np.arange(9.0)))).max()) < 1e-12
    True
    """
    if how == "none":
        return heights.copy()
    if how == "lines":
        heights = heights - np.nanmedian(heights, axis=1, keepdims=True)
    y, x = (np.linspace(-1.0, 1.0, n) for n in heights.shape)
    y, x = np.meshgrid(y, x, indexing="ij")
    columns = [np.ones_like(x), x, y, *((x * x, x * y, y * y) if how == "parabola" else ())]
    basis = np.stack([c.ravel() for c in columns], 1)
    known = np.isfinite(heights).ravel()
    fit, *_ = np.linalg.lstsq(basis[known], heights.ravel()[known], rcond=None)
    return heights - (basis @ fit).reshape(heights.shape)


def fill_undefined(heights: Float[np.ndarray, "ny nx"]) -> Float[np.ndarray, "ny nx"]:
    """Fill undefined pixels with the harmonic function that continues their rim.

    Parameters
    ----------
    heights
        (ny, nx) heights with NaN where they are undefined; at least one is defined.

    Returns
    -------
    ndarray
        (ny, nx) heights, defined pixels unchanged. At the edge of the map the fill has no slope across it.

    Examples
    --------
    >>> h = np.add.outer(np.arange(5.0), np.arange(6.0))
    >>> hole = h.copy()
    >>> hole[2, 2] = np.nan
    >>> bool(np.allclose(fill_undefined(hole), h))
    True
    """
    hole: Bool[np.ndarray, "ny nx"] = ~np.isfinite(heights)
    filled = heights.copy()
    if not hole.any():
        return filled
    number = np.full(heights.shape, -1)
    number[hole] = np.arange(hole.sum())
    i, j = np.nonzero(hole)
    rows, columns, values, right = [], [], [], np.zeros(len(i))
    count = np.zeros(len(i))
    for di, dj in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        a, b = i + di, j + dj
        inside = (a >= 0) & (a < heights.shape[0]) & (b >= 0) & (b < heights.shape[1])
        count += inside
        k = np.nonzero(inside)[0]
        other = number[a[k], b[k]]
        unknown = other >= 0
        rows.append(k[unknown])
        columns.append(other[unknown])
        values.append(-np.ones(unknown.sum()))
        right[k[~unknown]] += heights[a[k[~unknown]], b[k[~unknown]]]
    every = np.arange(len(i))
    entries = np.concatenate([*values, count]), (np.concatenate([*rows, every]), np.concatenate([*columns, every]))
    filled[hole] = spsolve(coo_matrix(entries, shape=(len(i), len(i))).tocsc(), right)
    return filled
