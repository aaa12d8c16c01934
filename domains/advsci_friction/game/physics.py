r"""The physics of a texture design: friction from a real contact solve, hardness, slope and depth.

In: samples (`advsci_friction.game.players`) and conditions (wanted area fraction, severity :math:`A H/P`, strain
:math:`P/E^*`, slope and growth asked for). Out:

* residual ``friction``: :math:`\log(A/A^*)` over a tolerance, the relative error of :math:`\mu - \alpha`;
* residuals ``asked_slope`` and ``asked_growth``: log of the rms slope over the one asked for, over 0.2, and the growth
  :math:`\log_4 A(4P)/A(P)` of a second solve less the one asked for, over 0.1;
* limit ``hardness``: :math:`\log(p_{max}/H)` over a tolerance, with an 8-norm for the maximum in the gradient;
* limits ``slope`` and ``depth``: rms slope and peak-to-valley height over what fabrication allows.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import DivergenceError
from advsci.physics import Findings, Physics
from advsci_friction.contact.area import real_area
from advsci_friction.contact.closed_forms import persson_area
from advsci_friction.contact.solve import Contact, solve_contact
from advsci_friction.game.players import split_sample
from advsci_friction.game.request import Request
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.fabrication import Fabrication

__all__ = ["ContactPhysics"]


class ContactPhysics(Physics):
    """Contact mechanics as the law of a game.

    Parameters
    ----------
    band
        The band of the samples.
    pixels
        Grid of the solve: at 64 the areas of ridges and rims are off by some per cent, at 96 by one.
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
        pixels: int = 96,
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
        return ("friction", "asked_slope", "asked_growth", "hardness", "slope", "depth")

    def forward(self, x: Float[Tensor, "n d"], condition: Float[Tensor, "n c"] | None) -> Findings:
        """Friction, slope, growth, hardness and depth of the samples ``x`` under their ``condition``.

        Raises
        ------
        DivergenceError
            The generator's heights are not finite.
        """
        assert condition is not None
        coefficients, log_reduced_load = split_sample(self.band, x)
        asked = Request.of(condition)
        load = log_reduced_load.clamp(-9.0, 2.0).exp()
        h = self.band.synthesise(coefficients, self.pixels)
        if not h.is_meta and not bool(torch.isfinite(h).all()):
            raise DivergenceError(
                "got textures that are not finite from the generator; expected heights. The game has diverged. "
                "Try: more --shapes and --catalogue-pixels, another --seed, or fewer --first-steps."
            )
        if self.surrogate:
            area, more = (persson_area(factor * load, kappa=2.0) for factor in (1.0, 4.0))
            peak = load / area.clamp_min(1e-6)
        else:
            contact = self._solve(h, load)
            # growth need not be as sharp as friction: a coarser grid is three times quicker
            harder = self._solve(self.band.synthesise(coefficients, 2 * self.pixels // 3), 4.0 * load)
            smooth = load.detach() / asked.area * 0.25
            area, more = real_area(contact, smooth), real_area(harder, smooth)
            highest = contact.pressure.detach().amax((-2, -1))
            norm = (contact.pressure / highest[:, None, None]).pow(8).mean((-2, -1)).clamp_min(1e-12).pow(0.125)
            peak = highest * norm / norm.detach()  # the value of the maximum, the gradient of the norm
        slope = asked.strain / load
        depth = slope * (h.amax((-2, -1)) - h.amin((-2, -1)))
        log_area = area.clamp_min(1e-4).log()
        growth = (more.clamp_min(1e-4).log() - log_area) / math.log(4.0)
        residuals = {
            "friction": _bounded((log_area - asked.area.log()) / self.tolerance, 8.0),
            "asked_slope": _bounded((log_reduced_load - asked.log_reduced_load) / 0.2, 3.0),
            "asked_growth": _bounded((growth - asked.growth) / 0.1, 3.0),
        }
        limits = {
            "hardness": (peak / load * asked.area / asked.severity).log() / 0.1,
            "slope": (slope / self.fabrication.slope).log() / 0.1,
            "depth": (depth / self.fabrication.depth).log() / 0.1,
        }
        found = {"area": area, "growth": growth, "slope": slope, "depth": depth, "peak": peak}
        return Findings(residuals, limits, found)

    def _solve(self, h: Tensor, load: Tensor) -> Contact:
        return solve_contact(h, load, 1.0, (1.0, 1.0), tolerance=1e-4, adjoint_tolerance=1e-2, strict=False)


def _bounded(r: Tensor, limit: float) -> Tensor:
    """r where it is small, never beyond the limit: one hopeless sample must not outweigh a batch."""
    return r / (1.0 + (r / limit).square()).sqrt()
