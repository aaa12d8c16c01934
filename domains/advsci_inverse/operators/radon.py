r"""X-ray transforms as cached sparse matrices: exact area weights (parallel beam) and exact line lengths (fan beam).

Geometry. Pixels are unit squares; pixel ``(i, j)`` of an ``n x n`` image has its centre at
:math:`(x, y) = (j-(n-1)/2,\ (n-1)/2-i)`. A parallel ray at angle :math:`\theta` and offset :math:`s` is the line
:math:`x\cos\theta+y\sin\theta=s`. Detector bins have width 1 and are centred on the origin. All lengths are in pixels:
attenuation per millimetre is the image divided by the pixel size in millimetres.
"""

import math

import numpy as np
import scipy.sparse as sp
import torch

from advsci.errors import ConfigError
from advsci_inverse.operators.matrices import SparseOperator

__all__ = [
    "FanBeam",
    "Radon",
    "checked_geometry",
    "equispaced_angles",
    "fan_matrix",
    "line_lengths",
    "strip_matrix",
]


def equispaced_angles(views: int, arc: float = math.pi) -> np.ndarray:
    """Angles of a scan.

    Parameters
    ----------
    views
        Number of angles.
    arc
        Angle that they share equally [radians]; 0 is included, ``arc`` is not.

    Returns
    -------
    array [views]
        Radians.

    Raises
    ------
    ConfigError
        Fewer than one.
    """
    if views < 1:
        raise ConfigError(f"got {views} views; expected at least 1. Try: 30.")
    return np.arange(views) * (arc / views)


def _pixel_centres(n: int) -> tuple[np.ndarray, np.ndarray]:
    c = np.arange(n) - (n - 1) / 2
    x, y = np.meshgrid(c, -c, indexing="xy")
    return x.ravel(), y.ravel()


def _shadow_integral(t: np.ndarray, wide: float, narrow: float) -> np.ndarray:
    """Integral up to ``t`` of a unit square's shadow: the convolution of two centred boxes, of unit area."""
    if narrow < 1e-9:
        return np.clip(t / wide + 0.5, 0.0, 1.0)
    ends = np.array([wide + narrow, wide - narrow, narrow - wide, -wide - narrow]) / 2
    signs = np.array([1.0, -1.0, -1.0, 1.0])
    ramps = np.square(np.maximum(t[..., None] + ends, 0.0)) / 2
    return (ramps @ signs) / (wide * narrow)


def strip_matrix(
    n: int, angles: np.ndarray, detectors: int, *, spacing: float = 1.0, offset: float = 0.0, dtype=np.float32
) -> sp.csr_matrix:
    """Line integrals averaged over each detector bin: the area of each pixel inside the bin's strip, over its width.

    Parameters
    ----------
    n
        Side of the image [pixels].
    angles
        Radians.
    detectors
        Number of bins.
    spacing
        Width of a bin [pixels].
    offset
        Bin on which the rotation centre falls, less that of a centred detector [bins].
    dtype
        Of the entries.

    Returns
    -------
    csr_matrix [views * detectors, n * n]
        Rows view by view.
    """
    x, y = _pixel_centres(n)
    pixel = np.arange(n * n)
    blocks = []
    for theta in np.asarray(angles, dtype=float):
        cos, sin = math.cos(theta), math.sin(theta)
        wide, narrow = max(abs(cos), abs(sin)) / spacing, min(abs(cos), abs(sin)) / spacing
        centre = (x * cos + y * sin) / spacing + detectors / 2 + offset  # in bins: bin d covers [d, d + 1]
        first = np.floor(centre - (wide + narrow) / 2).astype(int)
        rows, columns, values = [], [], []
        for later in range(math.ceil(math.sqrt(2) / spacing) + 1):  # all bins that a pixel's shadow can touch
            d = first + later
            area = _shadow_integral(d + 1 - centre, wide, narrow) - _shadow_integral(d - centre, wide, narrow)
            keep = (area > 1e-12) & (d >= 0) & (d < detectors)
            rows.append(d[keep])
            columns.append(pixel[keep])
            values.append((area[keep] / spacing).astype(dtype))
        entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        blocks.append(sp.csr_matrix(entries, shape=(detectors, n * n), dtype=dtype))
    return sp.csr_matrix(sp.vstack(blocks, format="csr"))


def line_lengths(origin: np.ndarray, end: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that a segment crosses and the length inside each (Siddon 1985, Med. Phys. 12:252).

    Parameters
    ----------
    origin, end
        Ends of the segment, ``(x, y)`` [pixels] from the image's centre.
    n
        Side of the image [pixels].

    Returns
    -------
    pixels : array
        Indices into the flattened image.
    lengths : array
        Pixels.
    """
    step = end - origin
    length = float(np.hypot(*step))
    cuts = [np.array([0.0, 1.0])]
    planes = np.arange(n + 1) - n / 2
    for axis in (0, 1):
        if abs(step[axis]) > 1e-12:
            t = (planes - origin[axis]) / step[axis]
            cuts.append(t[(t > 0) & (t < 1)])
    t = np.unique(np.concatenate(cuts))
    middle = origin + (t[:-1, None] + t[1:, None]) / 2 * step
    column = np.floor(middle[:, 0] + n / 2).astype(int)
    row = np.floor(n / 2 - middle[:, 1]).astype(int)
    inside = (column >= 0) & (column < n) & (row >= 0) & (row < n)
    return row[inside] * n + column[inside], (np.diff(t) * length)[inside]


def fan_matrix(
    n: int,
    angles: np.ndarray,
    detectors: int,
    source: float,
    detector: float,
    pitch: float,
    offset: float = 0.0,
    dtype=np.float32,
) -> sp.csr_matrix:
    """Line lengths of a flat-detector fan beam.

    At angle 0 the source stands at ``(0, -source)``; source and detector turn counter-clockwise.

    Parameters
    ----------
    n
        Side of the image [pixels].
    angles
        Radians.
    detectors
        Bins of the detector.
    source, detector
        Distances of both from the rotation centre [pixels].
    pitch
        Width of a detector bin [pixels].
    offset
        Bin that the central ray meets, less that of a centred detector [bins].
    dtype
        Of the entries.

    Returns
    -------
    csr_matrix [views * detectors, n * n]
        Rows view by view.
    """
    indptr, indices, values = [0], [], []
    centres = (np.arange(detectors) - (detectors - 1) / 2 - offset) * pitch
    for theta in np.asarray(angles, dtype=float):
        along, across = np.array([-math.sin(theta), math.cos(theta)]), np.array([math.cos(theta), math.sin(theta)])
        for u in centres:
            pixels, lengths = line_lengths(-source * along, detector * along + u * across, n)
            indices.append(pixels)
            values.append(lengths)
            indptr.append(indptr[-1] + len(pixels))
    entries = (np.concatenate(values).astype(dtype), np.concatenate(indices), np.array(indptr))
    return sp.csr_matrix(entries, shape=(len(angles) * detectors, n * n))


def checked_geometry(n: int, angles, detectors: int | None, spacing: float = 1.0) -> tuple[np.ndarray, int]:
    """Angles and number of detectors of a scan.

    Parameters
    ----------
    n
        Side of the image [pixels].
    angles
        Array-like, radians.
    detectors
        Number of bins; None covers the diagonal.
    spacing
        Width of a bin [pixels].

    Returns
    -------
    angles : array
        Radians.
    detectors : int
        Number of bins.

    Raises
    ------
    ConfigError
        No image, no angles, or angles that are not finite.
    """
    theta = np.asarray(torch.as_tensor(angles).cpu(), dtype=float).ravel()
    if n < 1 or theta.size == 0 or not np.isfinite(theta).all():
        raise ConfigError(
            f"got an image of size {n} and {theta.size} angles; expected both positive and finite angles. "
            "Try: equispaced_angles(30)."
        )
    return theta, detectors if detectors is not None else math.ceil(n * math.sqrt(2) / spacing) + 4


class Radon(SparseOperator):
    """Parallel-beam projections, exact strip areas; best up to about 128 x 128 (see `FourierRadon` beyond).

    Parameters
    ----------
    n
        Image is ``n x n``.
    angles
        Array-like, radians.
    detectors
        Number of bins; the default covers the diagonal.
    spacing
        Width of a bin [pixels]; data are line integrals averaged over a bin.
    offset
        Bin on which the rotation centre falls, less that of a centred detector [bins].

    Raises
    ------
    ConfigError
        No image, no angles, or no width.

    Examples
    --------
    >>> scanner = Radon(8, equispaced_angles(4))
    >>> scanner.data_shape
    (4, 16)
    >>> round(float(scanner(torch.ones(8, 8))[0].sum()), 3)  # every view sees the whole mass
    64.0
    """

    def __init__(self, n: int, angles, detectors: int | None = None, *, spacing: float = 1.0, offset: float = 0.0):
        if spacing <= 0:
            raise ConfigError(f"got bins of {spacing} pixels; expected a positive width. Try: 1.")
        theta, bins = checked_geometry(n, angles, detectors, spacing)
        matrix = strip_matrix(n, theta, bins, spacing=spacing, offset=offset)
        super().__init__(matrix, (n, n), (len(theta), bins))
        self.angles = theta


class FanBeam(SparseOperator):
    """Fan-beam projections on a flat detector, exact line lengths.

    Parameters
    ----------
    n
        Image is ``n x n``.
    angles
        Array-like, radians.
    detectors
        Number of bins; the default covers the diagonal.
    source, detector
        Distances of both from the rotation centre [pixels].
    pitch
        Width of a bin [pixels]; the default is a pixel's shadow.
    offset
        Bin that the central ray meets, less that of a centred detector [bins].

    Raises
    ------
    ConfigError
        The source stands inside the image.
    """

    def __init__(
        self,
        n: int,
        angles,
        detectors: int | None = None,
        *,
        source: float,
        detector: float,
        pitch: float | None = None,
        offset: float = 0.0,
    ):
        if source <= n / math.sqrt(2):
            raise ConfigError(
                f"got a source {source} pixels from the centre; expected it outside the image, "
                f"beyond {n / math.sqrt(2):.1f}. Try: twice the side."
            )
        theta, bins = checked_geometry(n, angles, detectors)
        magnified = pitch if pitch is not None else (source + detector) / source
        matrix = fan_matrix(n, theta, bins, source, detector, magnified, offset)
        super().__init__(matrix, (n, n), (len(theta), bins))
        self.angles = theta
