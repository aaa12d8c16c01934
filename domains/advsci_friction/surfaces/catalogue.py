r"""A catalogue of textures under load: the real samples that the game learns from.

By scale invariance a shape of unit rms slope is pressed by the dimensionless load :math:`x = P / (E^* h')` alone. One
solved (shape, x) -> (area fraction A, largest pressure) therefore serves every material, pressure and wanted friction
for which

.. math:: A = \frac{(\mu - \alpha) P}{\tau_0}, \qquad h' = \frac{P}{E^* x}.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.games.game import Batch
from advsci.streams import Stream
from advsci_friction.contact.area import contact_area
from advsci_friction.contact.solve import solve_contact
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.textures import FAMILIES, draw_shapes

__all__ = ["AREA_RANGE", "Catalogue", "build_catalogue"]

AREA_RANGE = (0.03, 0.6)
"""Area fractions that designs are made for."""


@dataclass(frozen=True)
class Catalogue:
    """Shapes, and their contacts at several loads.

    Attributes
    ----------
    coefficients
        (b m) shapes of unit rms slope in the band.
    family
        (b) index of each shape's family in `FAMILIES`.
    layout
        (b l) its counts of waves or pillars.
    depth
        (b) peak-to-valley height for unit slope on a unit cell.
    shape
        (s) which shape was pressed.
    log_reduced_load, area, peak, growth
        (s) :math:`\\log x`, area fraction (edge-corrected), largest over mean pressure, :math:`\\log_4 A(4x)/A(x)`.
    """

    coefficients: Float[Tensor, "b m"]
    family: Int[Tensor, " b"]
    layout: Float[Tensor, "b l"]
    depth: Float[Tensor, " b"]
    shape: Int[Tensor, " s"]
    log_reduced_load: Float[Tensor, " s"]
    area: Float[Tensor, " s"]
    peak: Float[Tensor, " s"]
    growth: Float[Tensor, " s"]

    def __len__(self) -> int:
        return len(self.shape)

    def usable(self) -> "Catalogue":
        """The contacts whose area fraction designs are made for."""
        keep = (self.area > AREA_RANGE[0]) & (self.area < AREA_RANGE[1])
        contacts = (self.shape, self.log_reduced_load, self.area, self.peak, self.growth)
        return Catalogue(self.coefficients, self.family, self.layout, self.depth, *(x[keep] for x in contacts))

    def __getitem__(self, indices: Tensor) -> Batch:
        shape = self.shape[indices]
        return {
            "coefficients": self.coefficients[shape],
            "log_reduced_load": self.log_reduced_load[indices],
            "area": self.area[indices],
            "peak": self.peak[indices],
            "growth": self.growth[indices],
            "depth": self.depth[shape],
            "family": self.family[shape],
            "layout": self.layout[shape],
        }


def build_catalogue(
    count: int,
    stream: Stream,
    band: Band,
    *,
    pixels: int = 128,
    loads: int = 12,
    smallest: float = 0.0005,
    batch: int = 16,
    families: tuple[str, ...] = tuple(FAMILIES),
) -> Catalogue:
    """Draw ``count`` shapes and press each with ``loads`` loads, each twice the last, from about ``smallest`` on.

    The first load is random within its octave, and each map is moved by a random part of a pixel, so that the errors
    of counting pixels average out over the catalogue. The last two loads serve the growth of the others only.

    Parameters
    ----------
    stream
        Where the random numbers come from.
    band
        Which waves a texture is made of.
    batch
        Maps per solve.
    families
        Names of the families; None: all.

    Returns
    -------
    Catalogue
        Shapes, loads, and what the contact solver found of each.
    """
    coefficients, family, layout = draw_shapes(count, stream.at("shapes"), band, families)
    coefficients = coefficients.float()
    moved = band.shift(coefficients, stream.at("shift").uniform((count, 2), dtype=torch.float32) / pixels)
    octave = torch.arange(loads) + stream.at("loads").uniform((count, 1), dtype=torch.float32)
    log_reduced_load = math.log(smallest) + math.log(2.0) * octave
    areas, peaks, depth = torch.zeros(count, loads), torch.zeros(count, loads), []
    for start in range(0, count, batch):
        rows = slice(start, start + batch)
        h = band.synthesise(moved[rows], pixels)
        depth.append(h.amax((-2, -1)) - h.amin((-2, -1)))
        pressure = None
        for j in reversed(range(loads)):  # from the largest load down: each solution starts the next
            x = log_reduced_load[rows, j].exp()
            contact = solve_contact(h, x, 1.0, (1.0, 1.0), tolerance=1e-4, start=pressure, strict=False)
            pressure = 0.5 * contact.pressure
            areas[rows, j] = contact_area(contact.touching, 2).float()
            peaks[rows, j] = contact.peak / x
    growth = (areas[:, 2:] / areas[:, :-2]).log() / math.log(4.0)
    shape = torch.arange(count)[:, None].expand(count, loads - 2)
    flat = (x[:, : loads - 2].reshape(-1) for x in (shape, log_reduced_load, areas, peaks, growth))
    return Catalogue(coefficients, family, layout.float(), torch.cat(depth), *flat)
