r"""Surfaces of abrasive processes: craters of blasting, grooves of honing, and summits that polishing took off.

Blasting: craters of spherical caps at random places, each takes the place of what was there. Honing: two families of
crossed straight grooves of random depth. Polishing: of either, what lies above a level is pressed together.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_friction.surfaces.process import Process, fourier_resample

__all__ = ["Worn"]


@dataclass(frozen=True)
class Worn(Process):
    """Blasted or honed surfaces, polished or not.

    Attributes
    ----------
    tool
        ``"blasting"`` or ``"honing"``.
    polish
        Share of the heights that polishing has taken off, 0 for none.
    angle
        Half of the angle between the honing grooves [degrees].
    """

    cell: float = 200e-6
    depth: float = 2e-6
    band: int = 12
    tool: Literal["blasting", "honing"] = "blasting"
    polish: float = 0.0
    angle: float = 30.0

    @property
    def name(self) -> str:
        return "polishing" if self.polish > 0.0 else self.tool

    @property
    def source(self) -> str:
        return (
            "own model: overlapping spherical craters, crossed grooves, truncated summits (plateau honing, ISO 13565)"
        )

    def simulate(self, count: int, stream: Stream, pixels: int = 64) -> Float[Tensor, "b n n"]:
        """``count`` maps of ``pixels`` x ``pixels``, drawn from the ``stream``: heights [m] of zero mean."""
        rng = stream.at(self.name).numpy()
        fine = 2 * pixels
        draw = self._craters if self.tool == "blasting" else self._grooves
        maps = np.stack([draw(rng, fine) for _ in range(count)])
        maps = (maps - maps.mean((1, 2), keepdims=True)) / maps.std((1, 2), keepdims=True)
        if self.polish > 0.0:
            level = np.quantile(maps, 1.0 - self.polish, axis=(1, 2), keepdims=True)
            maps = level - np.logaddexp(0.0, 12.0 * (level - maps)) / 12.0 + 0.05 * (maps - level)
        heights = fourier_resample(torch.as_tensor(maps), pixels)
        return (self.depth / 4.0 * (heights - heights.mean((1, 2), keepdim=True))).float()

    def _craters(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Some hundred craters of a tenth of the cell; a later one keeps a part of the height that it finds."""
        axis = np.arange(n) / n
        h = np.zeros((n, n))
        for _ in range(260):
            radius = 0.06 * rng.lognormal(0.0, 0.35)
            y, x = ((axis - c + 0.5) % 1.0 - 0.5 for c in rng.uniform(size=2))
            r = np.hypot(y[:, None], x[None, :]) / radius
            rim = 0.25 * np.exp(-(((r - 1.1) / 0.2) ** 2))
            h = np.where(r < 1.0, 0.4 * h - radius * (1.0 - r**2), h) + radius * rim
        return h

    def _grooves(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Crossed grooves, periodic by rounding the slope of each to whole waves."""
        axis = np.arange(n) / n
        h = np.zeros((n, n))
        for sign in (-1.0, 1.0):
            for _ in range(14):
                ky = max(1, round(3.0 / np.tan(np.radians(self.angle)) * rng.uniform(0.8, 1.2) / 2.0))
                kx = max(1, round(3.0 * rng.uniform(0.8, 1.2) / 2.0))
                phase = (ky * axis[:, None] + sign * kx * axis[None, :] + rng.uniform()) % 1.0 - 0.5
                width = 0.03 * rng.lognormal(0.0, 0.5)
                h -= rng.lognormal(0.0, 0.6) * np.exp(-((phase / width) ** 2))
        k = np.fft.fftfreq(n, 1.0 / n)
        smooth = np.exp(-((np.hypot(k[:, None], k[None, :]) / (n / 5.0)) ** 2))
        rough = np.fft.ifft2(np.fft.fft2(rng.standard_normal((n, n))) * smooth).real
        return h + 0.15 * h.std() * rough / rough.std()
