r"""Design textures for a wanted coefficient of friction with a trained generator, and refuse what no texture can do.

A request (material, :math:`\mu^*`, pressure) becomes the dimensionless task :math:`A^* = (\mu^* - \alpha) P / \tau_0`,
H/P and P/E*; the generator answers with shapes and slopes for it, in one pass and for any material. What is reachable
is read from the catalogue that the model was trained on: the area fractions of its textures that bear the pressure
elastically and can be made.

Many textures meet one task. Which of them is asked for is the *character*: family, slope and growth of the area with
the load. What a user leaves open is taken from the catalogue's own contacts for that task, the families in turn and the
slopes over their range, so that variety is asked for and not hoped for.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_friction.data.materials import Material
from advsci_friction.data.units import Quantity, si
from advsci_friction.game.players import TextureGenerator, split_sample
from advsci_friction.game.request import Character, condition_of
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.catalogue import Catalogue
from advsci_friction.surfaces.fabrication import Fabrication
from advsci_friction.surfaces.textures import FAMILIES, PARAMETERS

__all__ = ["Designer", "Designs"]


@dataclass(frozen=True)
class Designs:
    """Textures for one request.

    Attributes
    ----------
    band
        The band of the coefficients.
    coefficients
        (n m) shapes of unit rms slope on a unit cell.
    slope
        (n) rms slope.
    cell
        (n) length of the square cell [m].
    family
        (n) index in ``names`` of what each design is.
    material, friction, load
        The request: material, wanted coefficient of friction, mean pressure [Pa].
    names
        What ``family`` counts: the families, or a process.
    more
        Further requests of the same designs: (friction, mean pressure [Pa]).

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci_friction import Designs, find_material, load_designer
    >>> designs = load_designer().design(find_material("dlc"), 0.05, "50 MPa", 2, Stream(0))
    >>> isinstance(designs, Designs), designs.slope.shape
    (True, torch.Size([2]))
    """

    band: Band
    coefficients: Float[Tensor, "n m"]
    slope: Float[Tensor, " n"]
    cell: Float[Tensor, " n"]
    family: Int[Tensor, " n"]
    material: Material
    friction: float
    load: float
    names: tuple[str, ...] = tuple(FAMILIES)
    more: tuple[tuple[float, float], ...] = ()

    def heights(self, pixels: int = 128) -> Float[Tensor, "n p p"]:
        """Heights [m] on any grid, exact; zero mean.

        Parameters
        ----------
        pixels
            Pixels of a side.
        """
        return (self.cell * self.slope)[:, None, None] * self.band.synthesise(self.coefficients, pixels)


class Designer:
    """A trained generator with what it knows of the reachable range.

    ``known`` are contacts, one per row: log_reduced_load, area, peak, depth, family, growth and layout as in
    `Catalogue`, and steeper: by how much the log slope of designs exceeds what was asked (see
    `advsci_friction.design.examination`).

    Parameters
    ----------
    band
        Which waves a texture is made of.
    fabrication
        What can be made.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci_friction import find_material, load_designer
    >>> designs = load_designer().design(find_material("dlc"), 0.05, "50 MPa", 2, Stream(0))
    >>> designs.heights(32).shape
    torch.Size([2, 32, 32])
    """

    def __init__(self, generator: TextureGenerator, band: Band, fabrication: Fabrication, known: dict[str, Tensor]):
        self.generator = generator.eval().requires_grad_(False)
        self.band, self.fabrication, self.known = band, fabrication, known

    @classmethod
    def of(cls, generator: TextureGenerator, band: Band, fabrication: Fabrication, catalogue: Catalogue) -> "Designer":
        """A designer from a trained generator and its catalogue.

        Parameters
        ----------
        band
            Which waves a texture is made of.
        fabrication
            What can be made.
        """
        names = ("log_reduced_load", "area", "peak", "depth", "family", "growth", "layout")
        rows = catalogue[torch.arange(len(catalogue))]
        known = {name: rows[name].contiguous() for name in names}
        return cls(generator, band, fabrication, known | {"steeper": torch.zeros(len(catalogue))})

    def feasible(self, material: Material, load: float) -> Tensor:
        """Which known contacts bear the load elastically and can be made, (s) bool.

        Parameters
        ----------
        material
            The material pair.
        """
        slope = load / material.modulus / (self.known["log_reduced_load"] - self.known["steeper"]).exp()
        return (
            (1.05 * self.known["peak"] * load <= material.hardness)
            & (slope <= self.fabrication.slope)
            & (slope * self.known["depth"] <= self.fabrication.depth)
        )

    def reachable(self, material: Material, load: Quantity) -> tuple[float, float]:
        r"""Smallest and largest :math:`\mu` that a texture can have at a mean pressure.

        Parameters
        ----------
        material
            The material pair.
        load
            Mean pressure [Pa].

        Raises
        ------
        ConfigError
            No texture can be designed at all, with the friction that results instead.
        """
        pressure = si(load, "Pa", "pressure")
        if pressure >= material.hardness:
            raise ConfigError(
                f"got a pressure of {pressure:.3g} Pa on '{material.name}' of hardness {material.hardness:.3g} Pa; "
                f"expected less. Try: a lower pressure."
            )
        if material.shear_strength >= material.hardness / 6.0 * (1.0 - 1e-9):
            raise ConfigError(
                f"'{material.name}' is not designable: got a shear strength of {material.shear_strength:.3g} Pa; "
                f"expected less than H/6 = {material.hardness / 6:.3g} Pa. Every contact flows until it bears H: "
                f"mu = {material.floor:.2f} whatever the texture. Try: a film of lower shear strength."
            )
        areas = self.known["area"][self.feasible(material, pressure)]
        if len(areas) < 10:
            raise ConfigError(
                f"got a pressure of {pressure:.3g} Pa on '{material.name}'; expected one that some texture bears "
                f"elastically, of a slope within {self.fabrication.slope} and a depth within "
                f"{self.fabrication.depth} cells. "
                "Try: a lower pressure."
            )
        low, high = torch.quantile(areas, torch.tensor([0.01, 0.99])).tolist()
        return material.friction(low, pressure), material.friction(high, pressure)

    def characters(
        self,
        material: Material,
        load: float,
        area: float,
        count: int = 1,
        stream: Stream | None = None,
        *,
        family: int | None = None,
        slope: float | None = None,
        growth: float | None = None,
    ) -> Character:
        """Families, log loads and growths of feasible contacts for a task, as different as they come.

        Parameters
        ----------
        material
            The material pair.
        load
            Mean pressure [Pa].
        area
            Wanted area fraction of the contact.
        count
            How many.
        stream
            Where the random numbers come from.

        Raises
        ------
        ConfigError
            No known contact has the family, slope or growth that was asked for; the message says what they have.
        """
        known = self.known
        off = torch.logit(known["area"]) - torch.logit(torch.tensor(area))
        near = (off.abs() < 0.3) & self.feasible(material, load)
        # what the same shape would need for just this area
        log_reduced_load = known["log_reduced_load"] + (area / known["area"]).log() / known["growth"].clamp(0.3, 1.0)
        slopes = load / material.modulus / log_reduced_load.exp()
        steepest = slopes * known["steeper"].exp()
        near &= (steepest <= self.fabrication.slope) & (steepest * known["depth"] <= self.fabrication.depth)
        # a smaller area bears larger pressures; a fifth is kept for what phases do
        severity = 1.05 * area * known["peak"] * (known["area"] / area).clamp(min=1.0)
        near &= 1.2 * severity * load <= area * material.hardness
        if family is not None:
            able = [list(FAMILIES)[i] for i in known["family"][near].unique().tolist()]
            near = _still(near, known["family"] == family, f"family '{list(FAMILIES)[family]}'", able)
        if slope is not None:
            near = _still(near, (slopes / slope).log().abs() < 0.2, f"an rms slope of {slope:.3g}", slopes[near])
            log_reduced_load = torch.full_like(log_reduced_load, math.log(load / material.modulus / slope))
        growths = known["growth"]
        if growth is not None:
            wish = f"an area that grows with the load to the power {growth:.3g}"
            near = _still(near, (growths - growth).abs() < 0.06, wish, growths[near])
            growths = torch.full_like(growths, growth)
        rows = near.nonzero().flatten()
        labels, counts = known["family"][rows].unique(return_counts=True)
        labels = labels[counts >= 2] if bool((counts >= 2).any()) else labels
        stream = stream if stream is not None else Stream(0)
        first = int(stream.at("first").integers(len(labels), (1,)))
        chosen = torch.empty(count, dtype=torch.long)
        for i, label in enumerate(labels.roll(-first).tolist()):
            places = torch.tensor(range(i, count, len(labels)), dtype=torch.long)
            if len(places):
                mine = rows[known["family"][rows] == label]
                mine = mine[log_reduced_load[mine].argsort()]
                # one from each equal part of the range of slopes
                part = torch.arange(len(places)) + stream.at("part", label).uniform((len(places),), dtype=torch.float64)
                chosen[places] = mine[(part / len(places) * len(mine)).long()]
        numbers = (log_reduced_load[chosen], growths[chosen], severity[chosen])
        return Character(known["family"][chosen], known["layout"][chosen], *numbers)

    def design(
        self,
        material: Material,
        friction: float,
        load: Quantity,
        count: int,
        stream: Stream,
        *,
        family: str | None = None,
        slope: float | None = None,
        second: tuple[float, Quantity] | None = None,
        cell: Quantity = 1e-6,
        wavelength: Quantity | None = None,
    ) -> Designs:
        """``count`` textures for a wanted coefficient of friction.

        Parameters
        ----------
        material
            The pair of surfaces.
        friction
            :math:`\\mu^*`.
        load
            Mean pressure [Pa], a number or text.
        count
            How many designs.
        stream
            Where their differences come from.
        family
            A key of `FAMILIES`; None takes all that can do it, in turn.
        slope
            Wanted rms slope; None takes what there is, from the least to the steepest.
        second
            Wanted friction at a second mean pressure, (mu, pressure [Pa]); best at about four times the first.
        cell
            Length of the cell [m]. Friction does not depend on it: see the page on what is identifiable.
        wavelength
            Wanted mean wavelength :math:`2\\pi h_{rms}/h'_{rms}` [m], in place of the cell's length, which follows.

        Raises
        ------
        ConfigError
            The target is outside the reachable range, which the message gives, or the family cannot do it.
        """
        pressure = si(load, "Pa", "pressure")
        low, high = self.reachable(material, pressure)
        if not low <= friction <= high:
            raise ConfigError(
                f"got mu = {friction} on '{material.name}' at {pressure:.3g} Pa; expected {low:.3g} to {high:.3g}, "
                f"what its "
                "textures reach. Try: another pressure, since mu of a texture falls as the pressure grows."
            )
        area = (friction - material.pressure_coefficient) * pressure / material.shear_strength
        if family is not None and family not in FAMILIES:
            raise ConfigError(f"got family '{family}'; expected one of {list(FAMILIES)}. Try: sine.")
        label = None if family is None else list(FAMILIES).index(family)
        growth = None if second is None else self._growth(material, area, pressure, second)
        asked = self.characters(
            material, pressure, area, count, stream.at("character"), family=label, slope=slope, growth=growth
        )
        tasks = torch.full((count,), area), torch.full((count,), pressure)
        coefficients, log_reduced_load = self.answer(material, *tasks, asked, stream)
        lengths = torch.full((count,), si(cell, "m", "cell"))
        if wavelength is not None:
            height = coefficients.square().sum(1).mul(0.5).sqrt()  # rms, of unit slope on a cell of length 1
            lengths = si(wavelength, "m", "wavelength") / (2.0 * math.pi * height)
        steepness = pressure / material.modulus / log_reduced_load.exp()
        return Designs(self.band, coefficients, steepness, lengths, asked.family, material, friction, pressure)

    def _growth(self, material: Material, area: float, load: float, second: tuple[float, Quantity]) -> float:
        r""":math:`d \log A / d \log P` between two loads, from the friction at the second."""
        mu, other = second[0], si(second[1], "Pa", "second pressure")
        if not 1.5 <= max(other / load, load / other) <= 16.0:
            raise ConfigError(
                f"got a second pressure of {other:.3g} Pa; expected 1.5 to 16 times more or less. "
                "Try: four times the first."
            )
        if mu <= material.pressure_coefficient:
            raise ConfigError(
                f"got mu = {mu} at the second pressure; expected more than {material.floor:.3g}. Try: a larger one."
            )
        wanted = (mu - material.pressure_coefficient) * other / material.shear_strength
        return math.log(wanted / area) / math.log(other / load)

    @torch.no_grad()
    def answer(
        self,
        material: Material,
        area: Float[Tensor, " n"],
        load: Float[Tensor, " n"],
        asked: Character,
        stream: Stream,
    ) -> tuple[Float[Tensor, "n m"], Float[Tensor, " n"]]:
        """The generator's shapes and log loads for many tasks of one material.

        Slope and depth of a design are known without a solve: one that cannot be made is drawn again, up to eight
        times.

        Parameters
        ----------
        area
            Wanted area fraction of the contact.
        load
            Mean pressure [Pa].
        asked
            Which wishes were made (n k), bool.
        stream
            Where the random numbers come from.
        """
        strain = (load / material.modulus).float()
        condition = condition_of(area.float(), strain, asked)
        samples = torch.empty(len(area), self.band.size + 1)
        rows = torch.arange(len(area))
        for attempt in range(8):
            z = stream.at("design", attempt).normal((len(area), PARAMETERS), dtype=torch.float32)[rows]
            samples[rows] = self.generator(z, condition[rows])
            coefficients, log_reduced_load = split_sample(self.band, samples[rows])
            h = self.band.synthesise(coefficients, 4 * self.band.limit)
            slope = strain[rows] / log_reduced_load.exp()
            deep = slope * (h.amax((-2, -1)) - h.amin((-2, -1))) > self.fabrication.depth
            rows = rows[(slope > self.fabrication.slope) | deep]
            if len(rows) == 0:
                break
        return split_sample(self.band, samples)


def _still(near: Tensor, meets: Tensor, wish: str, able: Tensor | list[str]) -> Tensor:
    """Contacts that meet one more wish."""
    if not bool((near & meets).any()):
        has = able if isinstance(able, list) else f"{float(able.min()):.3g} to {float(able.max()):.3g}"
        raise ConfigError(
            f"got {wish}, which no texture known for this friction here has; expected {has}. Try: leave it open."
        )
    return near & meets
