r"""A way of making surfaces: what it makes, on what scale, and which edits of a map it can still make.

A process is a black box that draws periodic maps. What design needs to know of it beside samples is the size of the
cell, the smallest feature, and the band of wavenumbers that it can set; everything else is learned from the samples.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from advsci.streams import Stream

__all__ = ["Process", "disc", "fourier_resample", "rule_broken"]


@dataclass(frozen=True)
class Process(ABC):
    """A process of manufacture.

    Attributes
    ----------
    cell
        Length of the square periodic cell [m].
    depth
        Nominal depth of the texture [m].
    feature
        Smallest width of a ridge or groove [m]; 0 where the process has no such rule.
    band
        Largest number of waves along the cell that the process can set on purpose.
    depths
        Smallest and largest depth that the process can make, over the nominal one.
    """

    cell: float = 10e-6
    depth: float = 100e-9
    feature: float = 0.0
    band: int = 8
    depths: tuple[float, float] = (0.1, 10.0)

    @property
    @abstractmethod
    def name(self) -> str:
        """Key of the process on the command line."""

    @property
    @abstractmethod
    def source(self) -> str:
        """Where its model is from."""

    @abstractmethod
    def simulate(self, count: int, stream: Stream, pixels: int = 64) -> Float[Tensor, "b n n"]:
        """Draw maps.

        Parameters
        ----------
        count
            How many.
        stream
            Where their differences come from.
        pixels
            Pixels along the cell.

        Returns
        -------
        Tensor
            (count, pixels, pixels) heights [m] of zero mean, float32.
        """

    def broken(self, heights: Float[Tensor, "b n n"]) -> Float[Tensor, " b"]:
        """Share of each map's area that breaks the rule of the smallest feature; 0 where there is no rule.

        Parameters
        ----------
        heights
            (b n n) heights in any unit.

        Returns
        -------
        Tensor
            (b) shares.
        """
        if self.feature == 0.0:
            return heights.new_zeros(len(heights))
        width = self.feature / self.cell * heights.shape[-1]
        shares = [rule_broken(h, width) for h in heights.detach().cpu().double().numpy()]
        return torch.tensor(shares, dtype=heights.dtype)


def disc(width: float) -> np.ndarray:
    """A disc of pixels.

    Parameters
    ----------
    width
        Diameter in pixels.

    Returns
    -------
    ndarray
        A square array of truth values, odd in size.
    """
    r = int(np.floor(width / 2.0))
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    return x * x + y * y <= (width / 2.0) ** 2


def rule_broken(heights: Float[np.ndarray, "n n"], width: float) -> float:
    """Share of the area that opening or closing by a disc changes: ridges and grooves that are too thin.

    Parameters
    ----------
    heights
        (n n) one periodic map; it is cut at half its height.
    width
        Smallest width in pixels; the disc is one pixel smaller, since a cut lies between pixels.

    Returns
    -------
    float
        The share.
    """
    n = heights.shape[-1]
    high = heights > 0.5 * (np.quantile(heights, 0.05) + np.quantile(heights, 0.95))
    tiled, shape = np.tile(high, (3, 3)), disc(max(width - 1.0, 1.0))
    changed = (ndimage.binary_opening(tiled, shape) ^ tiled) | (ndimage.binary_closing(tiled, shape) ^ tiled)
    return float(changed[n : 2 * n, n : 2 * n].mean())


def fourier_resample(heights: Float[Tensor, "b n n"], pixels: int) -> Float[Tensor, "b m m"]:
    """Periodic maps on another grid, by their Fourier series: exact upwards, band-limited downwards.

    Parameters
    ----------
    heights
        (b n n) maps.
    pixels
        m, pixels along the cell.

    Returns
    -------
    Tensor
        (b m m) maps.

    Examples
    --------
    >>> h = torch.cos(2 * torch.pi * torch.arange(8) / 8).expand(1, 8, 8)
    >>> bool(torch.allclose(fourier_resample(h, 16)[:, ::2, ::2], h, atol=1e-6))
    True
    """
    n = heights.shape[-1]
    keep = min(n, pixels)
    modes = torch.fft.fftshift(torch.fft.fft2(heights), dim=(-2, -1))
    if pixels >= n:
        low = pixels // 2 - n // 2
        modes = torch.nn.functional.pad(modes, (low, pixels - n - low, low, pixels - n - low))
    else:
        low = n // 2 - pixels // 2
        modes = modes[:, low : low + keep, low : low + keep]
    return torch.fft.ifft2(torch.fft.ifftshift(modes, dim=(-2, -1))).real * (pixels / n) ** 2
