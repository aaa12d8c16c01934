r"""Lithography with a smallest feature and proximity blur: a written mask, blurred, at one depth.

The mask is drawn at random and then opened and closed by the smallest feature, so that no ridge and no groove is
thinner. Scattered electrons (or the voxel of a focused laser) blur it by a Gaussian, and the resist adds a fine
self-affine roughness.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from advsci.streams import Stream
from advsci_friction.surfaces.process import Process, disc, fourier_resample

__all__ = ["Lithography"]


@dataclass(frozen=True)
class Lithography(Process):
    """Electron-beam or two-photon lithography.

    Attributes
    ----------
    shapes
        ``"rectangles"``: masks of axis-parallel rectangles, as an e-beam writes them; ``"round"``: masks of blobs, as
        a scanned laser focus writes them.
    blur
        Standard deviation of the proximity blur, as a share of the smallest feature.
    roughness
        Rms height of the resist's roughness, as a share of the depth.
    """

    feature: float = 1e-6
    shapes: Literal["rectangles", "round"] = "rectangles"
    blur: float = 0.22
    roughness: float = 0.05

    @property
    def name(self) -> str:
        return "e-beam" if self.shapes == "rectangles" else "two-photon"

    @property
    def source(self) -> str:
        return "Gaussian proximity blur: Chang 1975, J. Vac. Sci. Technol. 12:1271; mask rule by opening and closing"

    def simulate(self, count: int, stream: Stream, pixels: int = 64) -> Float[Tensor, "b n n"]:
        """``count`` maps of ``pixels`` x ``pixels``, drawn from the ``stream``: heights [m] of zero mean."""
        fine = 2 * pixels
        width = self.feature / self.cell * fine
        rng = stream.at(self.name).numpy()
        k = np.fft.fftfreq(fine, 1.0 / fine)
        q = np.hypot(k[:, None], k[None, :])
        resist = np.where((q >= 1.0) & (q <= pixels / 6.0), np.maximum(q, 4.0) ** -1.3, 0.0)
        maps = []
        while len(maps) < count:
            mask = self._rectangles(rng, fine, width) if self.shapes == "rectangles" else self._blobs(rng, q, width)
            mask = self._ruled(mask, width)
            if not 0.15 < mask.mean() < 0.85:
                continue
            rough = np.fft.ifft2(np.fft.fft2(rng.standard_normal((fine, fine))) * resist).real
            written = ndimage.gaussian_filter(mask.astype(float), self.blur * width, mode="wrap")
            maps.append(written + self.roughness * rough / rough.std())
        heights = fourier_resample(torch.as_tensor(np.stack(maps)), pixels)
        return (self.depth * (heights - heights.mean((1, 2), keepdim=True))).float()

    def _rectangles(self, rng: np.random.Generator, n: int, width: float) -> np.ndarray:
        """Rectangles of one to three features until a random share of the cell is covered."""
        mask, share = np.zeros((n, n), bool), rng.uniform(0.25, 0.65)
        while mask.mean() < share:
            height, length = (max(1, int(width * rng.uniform(1.0, 3.2))) for _ in range(2))
            one = np.zeros_like(mask)
            one[:height, :length] = True
            mask |= np.roll(one, tuple(rng.integers(0, n, 2)), (0, 1))
        return mask

    def _blobs(self, rng: np.random.Generator, q: np.ndarray, width: float) -> np.ndarray:
        """Where a smooth random field lies above a random level."""
        n = len(q)
        waves = n / (4.0 * width)
        field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((n, n))) * np.exp(-((q / waves) ** 2))).real
        return field > np.quantile(field, rng.uniform(0.35, 0.75))

    def _ruled(self, mask: np.ndarray, width: float) -> np.ndarray:
        """The mask without ridges and grooves thinner than the smallest feature."""
        n = len(mask)
        shape = np.ones((round(width),) * 2, bool) if self.shapes == "rectangles" else disc(width)
        margin = 2 * len(shape)
        tiled = np.pad(mask, margin, mode="wrap")
        for _ in range(2):
            tiled = ndimage.binary_opening(ndimage.binary_closing(tiled, shape), shape)
        return tiled[margin : margin + n, margin : margin + n]
