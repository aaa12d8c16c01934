r"""The physics of a texture design: friction from a real contact solve, hardness, slope and depth.

In: samples (`advsci_friction.generator`) and conditions (wanted area fraction, severity :math:`A H/P`, strain
:math:`P/E^*`). Out:

* residual ``friction``: :math:`\log(A/A^*)` over a tolerance, the relative error of :math:`\mu - \alpha`;
* limit ``hardness``: :math:`\log(p_{max}/H)` over a tolerance, with an 8-norm for the maximum in the gradient;
* limits ``slope`` and ``depth``: rms slope and peak-to-valley height over what fabrication allows.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.physics import Findings, Physics
from advsci_friction.area import real_area
from advsci_friction.band import Band
from advsci_friction.closed_forms import persson_area
from advsci_friction.contact import solve_contact
from advsci_friction.generator import split_sample
from advsci_friction.library import SEVERITY, STRAIN

__all__ = ["ContactPhysics", "Fabrication"]


@dataclass(frozen=True)
class Fabrication:
    """What can be made: largest rms slope, and largest peak-to-valley depth as a share of the cell."""

    slope: float = 0.3
    depth: float = 0.2


class ContactPhysics(Physics):
    """Contact mechanics as the law of a game.

    Parameters
    ----------
    band
        The band of the samples.
    pixels
        Grid of the solve.
    fabrication
        Limits of what can be made.
    tolerance
        Relative error of the area that counts as a residual of 1.
    surrogate
        If True the area is :math:`\\mathrm{erf}(\\sqrt\\pi\\,x)`, blind to the shape: the ablation (kappa = 2).
    """

    def __init__(
        self,
        band: Band,
        pixels: int = 64,
        fabrication: Fabrication | None = None,
        *,
        tolerance: float = 0.05,
        surrogate: bool = False,
    ):
        super().__init__()
        self.band, self.pixels, self.tolerance, self.surrogate = band, pixels, tolerance, surrogate
        self.fabrication = fabrication if fabrication is not None else Fabrication()

    @property
    def names(self) -> tuple[str, ...]:
        return ("friction", "hardness", "slope", "depth")

    def forward(self, x: Float[Tensor, "n d"], condition: Float[Tensor, "n c"] | None) -> Findings:
        assert condition is not None
        coefficients, log_load = split_sample(self.band, x)
        wanted = torch.sigmoid(condition[:, 0])
        severity = _unscale(condition[:, 1], SEVERITY)
        strain = _unscale(condition[:, 2], STRAIN)
        load = log_load.clamp(-9.0, 2.0).exp()
        h = self.band.synthesise(coefficients, self.pixels)
        if self.surrogate:
            area = persson_area(load, kappa=2.0)
            peak = load / area.clamp_min(1e-6)
        else:
            contact = solve_contact(h, load, 1.0, (1.0, 1.0), tolerance=1e-4, adjoint_tolerance=1e-2, strict=False)
            area = real_area(contact, load.detach() / wanted * 0.25)
            highest = contact.pressure.detach().amax((-2, -1))
            norm = (contact.pressure / highest[:, None, None]).pow(8).mean((-2, -1)).clamp_min(1e-12).pow(0.125)
            peak = highest * norm / norm.detach()  # the value of the maximum, the gradient of the norm
        slope = strain / load
        depth = slope * (h.amax((-2, -1)) - h.amin((-2, -1)))
        limits = {
            "hardness": (peak / load * wanted / severity).log() / 0.1,
            "slope": (slope / self.fabrication.slope).log() / 0.1,
            "depth": (depth / self.fabrication.depth).log() / 0.1,
        }
        residual = (area.clamp_min(1e-4) / wanted).log() / self.tolerance
        return Findings({"friction": residual}, limits, {"area": area, "slope": slope, "depth": depth, "peak": peak})


def _unscale(x: Tensor, limits: tuple[float, float]) -> Tensor:
    low, high = torch.tensor(limits).log()
    return (low + 0.5 * (x + 1.0) * (high - low)).exp()
