r"""A library: maps of one process, and the contact area of each at many loads.

Without adhesion the area of a map depends on :math:`P/E^*` alone, so that one library serves every material. The loads
are a geometric series; between them :math:`\log A` is interpolated in :math:`\log P/E^*`. Areas counted on a coarse
grid are too large where the contact has fine parts: some maps are pressed on a finer grid too, and what they have less
of is taken off all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci_friction.contact.area import contact_area
from advsci_friction.contact.solve import solve_contact
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.process import fourier_resample
from advsci_friction.surfaces.roughness import roughness

__all__ = ["Pressed", "log_areas", "press"]


@dataclass(frozen=True)
class Pressed:
    """Maps and their contacts.

    Attributes
    ----------
    maps
        (m n n) heights over the cell's length, zero mean: rms slopes are those of the surface.
    cell
        Length of the cell [m].
    log_strain
        (l) increasing :math:`\\log P/E^*`.
    log_area
        (m l) log of the area fraction, edge-corrected.
    peak
        (m l) largest pressure over the mean pressure.
    correction
        (l) what the finer grid adds to the log areas of this one, already in ``log_area``; None for nothing.
    """

    maps: Float[Tensor, "m n n"]
    cell: float
    log_strain: Float[Tensor, " l"]
    log_area: Float[Tensor, "m l"]
    peak: Float[Tensor, "m l"]
    correction: Float[Tensor, " l"] | None = None

    def areas(self, strain: Float[Tensor, " j"]) -> Float[Tensor, "m j"]:
        """Log area fraction of every map at some strains, interpolated.

        Parameters
        ----------
        strain
            (j) :math:`P/E^*` within the library's range.

        Returns
        -------
        Tensor
            (m j).
        """
        return self._between(self.log_area, strain)

    def peaks(self, strain: Float[Tensor, " j"]) -> Float[Tensor, "m j"]:
        """Largest over mean pressure of every map at some strains, interpolated.

        Parameters
        ----------
        strain
            (j) :math:`P/E^*` within the library's range.

        Returns
        -------
        Tensor
            (m j).
        """
        return self._between(self.peak.log(), strain).exp()

    def corrections(self, strain: Float[Tensor, " j"]) -> Float[Tensor, " j"]:
        """What to add to log areas that are solved on the maps' own grid.

        Parameters
        ----------
        strain
            (j) :math:`P/E^*` within the library's range.

        Returns
        -------
        Tensor
            (j).
        """
        if self.correction is None:
            return torch.zeros_like(strain)
        return self._between(self.correction[None], strain)[0]

    def deeper(self, factor: float) -> "Pressed":
        r"""The library at another depth: areas at :math:`P` are those at :math:`P/s` before, no solve is needed.

        Parameters
        ----------
        factor
            s, new over old depth.

        Returns
        -------
        Pressed
            The same shapes, deeper.
        """
        log_strain = self.log_strain + math.log(factor)
        return Pressed(factor * self.maps, self.cell, log_strain, self.log_area, self.peak, self.correction)

    def _between(self, values: Tensor, strain: Tensor) -> Tensor:
        x = strain.log().to(self.log_strain)
        i = (torch.searchsorted(self.log_strain, x) - 1).clamp(0, len(self.log_strain) - 2)
        share = (x - self.log_strain[i]) / (self.log_strain[i + 1] - self.log_strain[i])
        return torch.lerp(values[:, i], values[:, i + 1], share.clamp(0.0, 1.0))


@torch.no_grad()
def press(
    maps: Float[Tensor, "m n n"],
    cell: float,
    *,
    strains: Sequence[float] | None = None,
    batch: int = 32,
    finer: int = 2,
) -> Pressed:
    """Press every map with a series of loads.

    Parameters
    ----------
    maps
        (m n n) heights [m].
    cell
        Length of the cell [m].
    strains
        Increasing :math:`P/E^*`; by default twelve, each twice the last, up to half of the median rms slope.
    batch
        Maps that are solved together.
    finer
        How many times finer the grid is that the areas are corrected to, by the mean over eight maps; 1 for none.

    Returns
    -------
    Pressed
        The library.

    Examples
    --------
    >>> from advsci.streams import Stream
    >>> from advsci_friction import find_process
    >>> process = find_process("laser-ripples")
    >>> library = press(process.simulate(4, Stream(0), 32), process.cell)
    >>> library.areas(library.log_strain[[3]].exp()).shape
    torch.Size([4, 1])
    """
    band = Band(maps.shape[-1] // 2 - 1)
    shapes = band.synthesise(band.analyse(maps), maps.shape[-1]) / cell  # without the mode that has no gradient
    if strains is None:
        slope = float(roughness(shapes, (1.0, 1.0)).slope.median())
        strains = [0.5 * slope * 2.0 ** (i - 11) for i in range(12)]
    log_strain = torch.tensor([math.log(s) for s in strains])
    log_area, peak = _solved(shapes, strains, batch)
    correction = torch.zeros(len(strains))
    if finer > 1:
        few = shapes[:: max(1, len(shapes) // 8)][:8]
        fine, _ = _solved(fourier_resample(few, finer * shapes.shape[-1]), strains, max(1, batch // finer**2))
        correction = (fine - _solved(few, strains, batch)[0]).mean(0)
    return Pressed(shapes, cell, log_strain, log_area + correction, peak, correction)


def _solved(shapes: Tensor, strains: Sequence[float], batch: int) -> tuple[Tensor, Tensor]:
    """Log area fraction and peak over mean pressure (m l) of shapes at each strain."""
    log_area, peak = torch.zeros(len(shapes), len(strains)), torch.zeros(len(shapes), len(strains))
    for start in range(0, len(shapes), batch):
        rows, pressure = slice(start, start + batch), None
        for j in reversed(range(len(strains))):  # from the largest load down: each solution starts the next
            x = strains[j]
            contact = solve_contact(shapes[rows], x, 1.0, (1.0, 1.0), tolerance=1e-4, start=pressure, strict=False)
            pressure = contact.pressure * (strains[j - 1] / x if j else 1.0)
            log_area[rows, j] = contact_area(contact.touching, 2).clamp_min(1e-4).log().float()
            peak[rows, j] = contact.peak.float() / x
    return log_area, peak


@torch.no_grad()
def log_areas(maps: Float[Tensor, "n p p"], strain: Float[Tensor, " j"], tolerance: float = 1e-6) -> Tensor:
    """Log area fraction of maps at several loads.

    Parameters
    ----------
    maps
        (n p p) heights over the cell's length.
    strain
        (j) :math:`P/E^*`.
    tolerance
        Of the solver.

    Returns
    -------
    Tensor
        (n j).
    """
    n, j = len(maps), len(strain)
    h = maps.repeat_interleave(j, 0)
    contact = solve_contact(h, strain.to(h).repeat(n), 1.0, (1.0, 1.0), tolerance=tolerance, strict=False)
    return contact_area(contact.touching, 2).clamp_min(1e-4).log().reshape(n, j).to(maps)
