r"""A library of textures under load: the real samples that the game learns from.

By scale invariance a shape of unit rms slope is pressed by the dimensionless load :math:`x = P / (E^* h')` alone. One
solved (shape, x) -> (area fraction A, largest pressure) therefore serves every material, pressure and wanted friction
for which

.. math:: A = \frac{(\mu - \alpha) P}{\tau_0}, \qquad h' = \frac{P}{E^* x}.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.games.game import Batch
from advsci.streams import Stream
from advsci_friction.area import contact_area
from advsci_friction.band import Band
from advsci_friction.contact import solve_contact
from advsci_friction.textures import FAMILIES, draw_shapes

__all__ = ["AREA_RANGE", "SEVERITY", "STRAIN", "Library", "build_library", "condition_of"]

AREA_RANGE = (0.03, 0.6)
"""Area fractions that designs are made for."""
SEVERITY = (1.0, 300.0)
"""Range of :math:`A H / P`, hardness over mean contact pressure: below 1 nothing carries the load."""
STRAIN = (1e-5, 1e-2)
"""Range of :math:`P / E^*`."""


def condition_of(area: Tensor, severity: Tensor, strain: Tensor, family: Tensor) -> Float[Tensor, "n c"]:
    """What a design is conditioned on, as numbers of order 1: wanted area, severity, strain and family (one-hot)."""
    low, high = (torch.tensor(SEVERITY).log(), torch.tensor(STRAIN).log())
    numbers = [
        torch.logit(area, eps=1e-4),
        2.0 * (severity.clamp(*SEVERITY).log() - low[0]) / (low[1] - low[0]) - 1.0,
        2.0 * (strain.clamp(*STRAIN).log() - high[0]) / (high[1] - high[0]) - 1.0,
    ]
    one_hot = torch.nn.functional.one_hot(family, len(FAMILIES))
    return torch.cat([torch.stack(numbers, 1), one_hot.to(area.dtype)], 1)


@dataclass(frozen=True)
class Library:
    """Shapes, and their contacts at several loads.

    Attributes
    ----------
    coefficients
        (b m) shapes of unit rms slope in the band.
    family
        (b) index of each shape's family in `FAMILIES`.
    depth
        (b) peak-to-valley height for unit slope on a unit cell.
    shape
        (s) which shape was pressed.
    log_load, area, peak
        (s) :math:`\\log x`, area fraction (edge-corrected), largest over mean pressure.
    """

    coefficients: Float[Tensor, "b m"]
    family: Int[Tensor, " b"]
    depth: Float[Tensor, " b"]
    shape: Int[Tensor, " s"]
    log_load: Float[Tensor, " s"]
    area: Float[Tensor, " s"]
    peak: Float[Tensor, " s"]

    def __len__(self) -> int:
        return len(self.shape)

    def usable(self) -> "Library":
        """The contacts whose area fraction designs are made for."""
        keep = (self.area > AREA_RANGE[0]) & (self.area < AREA_RANGE[1])
        return Library(
            self.coefficients,
            self.family,
            self.depth,
            *(x[keep] for x in (self.shape, self.log_load, self.area, self.peak)),
        )

    def __getitem__(self, indices: Tensor) -> Batch:
        shape = self.shape[indices]
        return {
            "coefficients": self.coefficients[shape],
            "log_load": self.log_load[indices],
            "area": self.area[indices],
            "peak": self.peak[indices],
            "depth": self.depth[shape],
            "family": self.family[shape],
        }


def build_library(
    count: int,
    stream: Stream,
    band: Band,
    *,
    pixels: int = 128,
    loads: int = 8,
    load_range: tuple[float, float] = (0.001, 0.4),
    batch: int = 16,
    families: tuple[str, ...] = tuple(FAMILIES),
) -> Library:
    """Draw ``count`` shapes and press each with ``loads`` loads, stratified over the range on a log scale.

    Each map is moved by a random part of a pixel, so that the errors of counting pixels average out over the library.
    """
    coefficients, family = draw_shapes(count, stream.at("shapes"), band, families)
    coefficients = coefficients.float()
    moved = band.shift(coefficients, stream.at("shift").uniform((count, 2), dtype=torch.float32) / pixels)
    position = (torch.arange(loads) + stream.at("loads").uniform((count, loads), dtype=torch.float32)) / loads
    low, high = torch.tensor(load_range).log()
    log_load = low + (high - low) * position
    areas, peaks, depth = torch.zeros(count, loads), torch.zeros(count, loads), []
    for start in range(0, count, batch):
        rows = slice(start, start + batch)
        h = band.synthesise(moved[rows], pixels)
        depth.append(h.amax((-2, -1)) - h.amin((-2, -1)))
        pressure = None
        for j in reversed(range(loads)):  # from the largest load down: each solution starts the next
            x = log_load[rows, j].exp()
            contact = solve_contact(h, x, 1.0, (1.0, 1.0), tolerance=1e-4, start=pressure, strict=False)
            pressure = contact.pressure / x[:, None, None]
            areas[rows, j] = contact_area(contact.touching, 2).float()
            peaks[rows, j] = contact.peak / x
            pressure = pressure * (log_load[rows, j - 1].exp()[:, None, None] if j else 1.0)
    shape = torch.arange(count)[:, None].expand(count, loads)
    flat = (shape.reshape(-1), log_load.reshape(-1), areas.reshape(-1), peaks.reshape(-1))
    return Library(coefficients, family, torch.cat(depth), *flat)
