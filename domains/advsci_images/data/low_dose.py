r"""CT slices at low dose: few photons per ray, then filtered back-projection.

With line integrals :math:`p = R x` of the attenuation, a detector counts :math:`N \sim \mathrm{Poisson}(N_0 e^{-p})`
photons and the scanner reconstructs from :math:`-\log(N / N_0)` (Buzug 2008, Computed Tomography, chapter 2). Filtered
back-projection is linear, so only the noise is reconstructed and added to the slice:
:math:`x + R^+ (\hat p - p)`.
"""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ShapeError
from advsci.streams import Stream

__all__ = ["low_dose", "operators"]


def low_dose(
    x: Float[Tensor, "n 1 s s"], stream: Stream, *, photons: float = 1e3, views: int = 60, thickness: float = 4.0
) -> Float[Tensor, "n 1 s s"]:
    """Full-dose slices as they would look at low dose.

    Parameters
    ----------
    x
        Square slices in [-1, 1]; -1 attenuates nothing.
    stream
        Source of the noise.
    photons
        Photons per ray without an object.
    views
        Angles over 180 degrees.
    thickness
        Line integral of a slice that is 1 everywhere, along its side.

    Returns
    -------
    Tensor
        Noisy slices, within [-1, 1].

    Raises
    ------
    ShapeError
        The slices are not square or not grey.
    """
    n, channels, height, width = x.shape
    if channels != 1 or height != width:
        raise ShapeError(f"got slices of shape {tuple(x.shape[1:])}; expected (1, side, side). Try: crop to a square.")
    radon, inverse = operators(height, views)
    scale = thickness / (2.0 * height)
    p = scale * ((x.flatten(1) + 1.0) @ radon.T)
    mean = photons * torch.exp(-p)
    counts = (mean + mean.sqrt() * stream.normal(tuple(p.shape))).clamp_min(1.0)  # Poisson of many photons
    noise = (-torch.log(counts / photons) - p) / scale
    return (x + (noise @ inverse.T).reshape(x.shape)).clamp(-1.0, 1.0)


@cache
def operators(side: int, views: int) -> tuple[Tensor, Tensor]:
    """Parallel-beam projection by linear interpolation on the detector (views * side, side**2), and ramp-filtered
    back-projection (side**2, views * side).
    """
    centre = (side - 1) / 2.0
    row, column = np.mgrid[:side, :side].reshape(2, -1) - centre
    matrix = np.zeros((views, side, side * side), dtype=np.float32)
    pixels = np.arange(side * side)
    for view, angle in enumerate(np.pi * np.arange(views) / views):
        position = column * np.cos(angle) + row * np.sin(angle) + centre
        low = np.floor(position).astype(int)
        for place, weight in ((low, low + 1 - position), (low + 1, position - low)):
            inside = (place >= 0) & (place < side)
            np.add.at(matrix[view], (place[inside], pixels[inside]), weight[inside])
    offsets = np.arange(side)[:, None] - np.arange(side)[None, :]
    ramp = np.where(offsets % 2 == 1, -1.0 / (np.pi * np.where(offsets == 0, 1, offsets)) ** 2, 0.0)
    ramp[offsets == 0] = 0.25
    filtered = np.einsum("st,vtp->vsp", ramp.astype(np.float32), matrix)
    inverse = np.pi / views * filtered.reshape(views * side, -1).T
    return torch.from_numpy(matrix.reshape(views * side, -1)), torch.from_numpy(inverse)
