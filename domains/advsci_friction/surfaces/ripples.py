r"""Ripples: of a femtosecond laser (about its wavelength apart), and of an ion beam; parallel waves that split and end.

A narrow band of wavevectors round one direction, with random phases, is a field of parallel ridges whose spacing and
direction wander; a monotone transform makes crests and valleys unlike.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_friction.surfaces.process import Process

__all__ = ["Ripples"]


@dataclass(frozen=True)
class Ripples(Process):
    """Self-organised ripples.

    Attributes
    ----------
    beam
        ``"laser"`` or ``"ion"``.
    period
        Mean distance of the ridges [m].
    disorder
        Relative width of the band: .1 gives long straight ridges, .4 short wavy ones.
    """

    cell: float = 8e-6
    depth: float = 120e-9
    band: int = 16
    beam: Literal["laser", "ion"] = "laser"
    period: float = 0.8e-6
    disorder: float = 0.15

    @property
    def name(self) -> str:
        return f"{self.beam}-ripples"

    @property
    def source(self) -> str:
        if self.beam == "laser":
            return "ripples near the laser's wavelength: Sipe et al. 1983, Phys. Rev. B 27:1141"
        return "ripples of ion erosion: Bradley and Harper 1988, J. Vac. Sci. Technol. A 6:2390"

    def simulate(self, count: int, stream: Stream, pixels: int = 64) -> Float[Tensor, "b n n"]:
        """``count`` maps of ``pixels`` x ``pixels``, drawn from the ``stream``: heights [m] of zero mean."""
        rng = stream.at(self.name).numpy()
        k = np.fft.fftfreq(pixels, 1.0 / pixels)
        ky, kx = k[:, None], k[None, :]
        k0 = self.cell / self.period
        maps = []
        for _ in range(count):
            width = self.disorder * rng.uniform(0.7, 1.4)
            along = (np.abs(kx) - k0) / (width * k0)
            across = ky / ((1.5 if self.beam == "ion" else 0.8) * width * k0)
            band = np.exp(-0.5 * (along**2 + across**2)) * (np.hypot(kx, ky) < pixels / 2)
            wave = np.fft.ifft2(np.fft.fft2(rng.standard_normal((pixels, pixels))) * band).real
            wave /= wave.std()
            # a laser digs narrow grooves between broad ridges; an ion beam leaves sawtooth-like crests
            shaped = np.tanh(1.2 * (wave + 0.4)) if self.beam == "laser" else wave + 0.25 * wave**2
            fine = np.fft.ifft2(np.fft.fft2(rng.standard_normal((pixels, pixels))) * (1.0 + np.hypot(kx, ky)) ** -1.8)
            maps.append(shaped + 0.08 * fine.real / fine.real.std() * shaped.std())
        heights = torch.as_tensor(np.stack(maps))
        heights = heights - heights.mean((1, 2), keepdim=True)
        return (self.depth * heights / heights.std((1, 2), keepdim=True) / 3.0).float()
