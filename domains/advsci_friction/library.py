r"""A library of textures under load: the real samples that the game learns from.

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
from advsci_friction.area import contact_area
from advsci_friction.band import Band
from advsci_friction.contact import solve_contact
from advsci_friction.textures import FAMILIES, LAYOUT, draw_shapes

__all__ = [
    "AREA_RANGE",
    "CONDITION",
    "SEVERITY",
    "STRAIN",
    "Character",
    "Library",
    "Request",
    "build_library",
    "condition_of",
]

AREA_RANGE = (0.03, 0.6)
"""Area fractions that designs are made for."""
SEVERITY = (1.0, 300.0)
"""Range of :math:`A H / P`, hardness over mean contact pressure: below 1 nothing carries the load."""
STRAIN = (1e-5, 1e-2)
"""Range of :math:`P / E^*`."""
CONDITION = 5 + len(FAMILIES) + LAYOUT
"""Length of a condition."""


@dataclass(frozen=True)
class Character:
    """Which of the many textures that meet a task.

    Attributes
    ----------
    family
        (n) index in `FAMILIES`.
    layout
        (n l) its counts of waves or pillars, as numbers in [0, 1].
    log_load
        (n) :math:`\\log P/(E^* h')`, and with it the rms slope.
    growth
        (n) :math:`\\log_4 A(4P)/A(P)`, and with it friction at a second load.
    severity
        (n) :math:`A H / P`: the hardness that its pressures stay below, over the mean contact pressure.
    """

    family: Int[Tensor, " n"]
    layout: Float[Tensor, "n l"]
    log_load: Float[Tensor, " n"]
    growth: Float[Tensor, " n"]
    severity: Float[Tensor, " n"]


def condition_of(area: Float[Tensor, " n"], strain: Float[Tensor, " n"], asked: Character) -> Float[Tensor, "n c"]:
    r"""What a design is conditioned on, as numbers of order 1.

    Area fraction A, severity :math:`A H / P`, strain :math:`P / E^*`, log load, growth, family (one-hot), layout.
    `Request.of` takes a condition apart again.
    """
    low, high = (torch.tensor(SEVERITY).log(), torch.tensor(STRAIN).log())
    numbers = [
        torch.logit(area, eps=1e-4),
        2.0 * (asked.severity.clamp(*SEVERITY).log() - low[0]) / (low[1] - low[0]) - 1.0,
        2.0 * (strain.clamp(*STRAIN).log() - high[0]) / (high[1] - high[0]) - 1.0,
        asked.log_load - persson_log_load(area) + 0.5,
        4.0 * (asked.growth - 0.65),
    ]
    one_hot = math.sqrt(len(FAMILIES)) * torch.nn.functional.one_hot(asked.family, len(FAMILIES))
    return torch.cat([torch.stack(numbers, 1), one_hot.to(area.dtype), 2.0 * asked.layout - 1.0], 1)


def persson_log_load(area: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    r""":math:`\log x` for an area fraction by Persson's law :math:`A = \mathrm{erf}(\sqrt2 x)`."""
    return (torch.erfinv(area) / math.sqrt(2.0)).log()


@dataclass(frozen=True)
class Request:
    """A condition taken apart, as tensors: what `condition_of` was given, the family as shares (one-hot)."""

    area: Float[Tensor, " n"]
    severity: Float[Tensor, " n"]
    strain: Float[Tensor, " n"]
    log_load: Float[Tensor, " n"]
    growth: Float[Tensor, " n"]
    share: Float[Tensor, "n f"]
    layout: Float[Tensor, "n l"]

    @classmethod
    def of(cls, condition: Float[Tensor, "n c"]) -> "Request":
        """The request that a condition states."""
        numbers, share, layout = condition.split([5, len(FAMILIES), LAYOUT], 1)
        area = torch.sigmoid(numbers[:, 0])

        def unscale(x: Tensor, limits: tuple[float, float]) -> Tensor:
            low, high = torch.tensor(limits).log()
            return (low + 0.5 * (x + 1.0) * (high - low)).exp()

        return cls(
            area,
            unscale(numbers[:, 1], SEVERITY),
            unscale(numbers[:, 2], STRAIN),
            numbers[:, 3] + persson_log_load(area) - 0.5,
            0.25 * numbers[:, 4] + 0.65,
            share / math.sqrt(len(FAMILIES)),
            0.5 * (layout + 1.0),
        )


@dataclass(frozen=True)
class Library:
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
    log_load, area, peak, growth
        (s) :math:`\\log x`, area fraction (edge-corrected), largest over mean pressure, :math:`\\log_4 A(4x)/A(x)`.
    """

    coefficients: Float[Tensor, "b m"]
    family: Int[Tensor, " b"]
    layout: Float[Tensor, "b l"]
    depth: Float[Tensor, " b"]
    shape: Int[Tensor, " s"]
    log_load: Float[Tensor, " s"]
    area: Float[Tensor, " s"]
    peak: Float[Tensor, " s"]
    growth: Float[Tensor, " s"]

    def __len__(self) -> int:
        return len(self.shape)

    def usable(self) -> "Library":
        """The contacts whose area fraction designs are made for."""
        keep = (self.area > AREA_RANGE[0]) & (self.area < AREA_RANGE[1])
        contacts = (self.shape, self.log_load, self.area, self.peak, self.growth)
        return Library(self.coefficients, self.family, self.layout, self.depth, *(x[keep] for x in contacts))

    def __getitem__(self, indices: Tensor) -> Batch:
        shape = self.shape[indices]
        return {
            "coefficients": self.coefficients[shape],
            "log_load": self.log_load[indices],
            "area": self.area[indices],
            "peak": self.peak[indices],
            "growth": self.growth[indices],
            "depth": self.depth[shape],
            "family": self.family[shape],
            "layout": self.layout[shape],
        }


def build_library(
    count: int,
    stream: Stream,
    band: Band,
    *,
    pixels: int = 128,
    loads: int = 12,
    smallest: float = 0.0005,
    batch: int = 16,
    families: tuple[str, ...] = tuple(FAMILIES),
) -> Library:
    """Draw ``count`` shapes and press each with ``loads`` loads, each twice the last, from about ``smallest`` on.

    The first load is random within its octave, and each map is moved by a random part of a pixel, so that the errors
    of counting pixels average out over the library. The last two loads serve the growth of the others only.
    """
    coefficients, family, layout = draw_shapes(count, stream.at("shapes"), band, families)
    coefficients = coefficients.float()
    moved = band.shift(coefficients, stream.at("shift").uniform((count, 2), dtype=torch.float32) / pixels)
    octave = torch.arange(loads) + stream.at("loads").uniform((count, 1), dtype=torch.float32)
    log_load = math.log(smallest) + math.log(2.0) * octave
    areas, peaks, depth = torch.zeros(count, loads), torch.zeros(count, loads), []
    for start in range(0, count, batch):
        rows = slice(start, start + batch)
        h = band.synthesise(moved[rows], pixels)
        depth.append(h.amax((-2, -1)) - h.amin((-2, -1)))
        pressure = None
        for j in reversed(range(loads)):  # from the largest load down: each solution starts the next
            x = log_load[rows, j].exp()
            contact = solve_contact(h, x, 1.0, (1.0, 1.0), tolerance=1e-4, start=pressure, strict=False)
            pressure = 0.5 * contact.pressure
            areas[rows, j] = contact_area(contact.touching, 2).float()
            peaks[rows, j] = contact.peak / x
    growth = (areas[:, 2:] / areas[:, :-2]).log() / math.log(4.0)
    shape = torch.arange(count)[:, None].expand(count, loads - 2)
    flat = (x[:, : loads - 2].reshape(-1) for x in (shape, log_load, areas, peaks, growth))
    return Library(coefficients, family, layout.float(), torch.cat(depth), *flat)
