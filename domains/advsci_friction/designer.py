r"""Design textures for a wanted coefficient of friction with a trained generator, and refuse what no texture can do.

A request (material, :math:`\mu^*`, pressure) becomes the dimensionless task :math:`A^* = (\mu^* - \alpha) P / \tau_0`,
H/P and P/E*; the generator answers with shapes and slopes for it, in one pass and for any material. What is reachable
is read from the library that the model was trained on: the area fractions of its textures that bear the pressure
elastically and can be made.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from advsci.errors import CheckpointError, ConfigError
from advsci.streams import Stream
from advsci_friction.band import Band
from advsci_friction.generator import TextureGenerator, split_sample
from advsci_friction.library import Library, condition_of
from advsci_friction.materials import Material
from advsci_friction.physics import Fabrication
from advsci_friction.textures import FAMILIES
from advsci_friction.training import LATENT
from advsci_friction.units import Quantity, si

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
        Length of the square cell [m].
    family
        (n) index in `FAMILIES` of what was asked of the generator.
    material, friction, load
        The request: material, wanted coefficient of friction, mean pressure [Pa].
    """

    band: Band
    coefficients: Float[Tensor, "n m"]
    slope: Float[Tensor, " n"]
    cell: float
    family: Int[Tensor, " n"]
    material: Material
    friction: float
    load: float

    def heights(self, pixels: int = 128) -> Float[Tensor, "n p p"]:
        """Heights [m] on any grid, exact; zero mean."""
        return self.cell * self.slope[:, None, None] * self.band.synthesise(self.coefficients, pixels)


class Designer:
    """A trained generator with what it knows of the reachable range."""

    def __init__(self, generator: TextureGenerator, band: Band, fabrication: Fabrication, known: dict[str, Tensor]):
        self.generator = generator.eval().requires_grad_(False)
        self.band, self.fabrication, self.known = band, fabrication, known

    @classmethod
    def of(cls, generator: TextureGenerator, band: Band, fabrication: Fabrication, library: Library) -> "Designer":
        """A designer from a trained generator and its library."""
        names = ("log_load", "area", "peak", "depth", "family")
        rows = library[torch.arange(len(library))]
        return cls(generator, band, fabrication, {name: rows[name].contiguous() for name in names})

    def save(self, path: str | Path) -> None:
        """Write the model as safetensors."""
        tensors = {f"generator.{k}": v.contiguous() for k, v in self.generator.state_dict().items()}
        tensors |= {f"known.{k}": v for k, v in self.known.items()}
        settings = {
            "limit": self.band.limit,
            "fabrication": asdict(self.fabrication),
            "families": list(FAMILIES),
            "width": self.generator.shape.first.out_features,
        }
        save_file(tensors, str(path), {"advsci_friction": json.dumps(settings)})

    @classmethod
    def load(cls, path: str | Path) -> "Designer":
        """Read a model that `save` wrote.

        Raises
        ------
        CheckpointError
            No such file, or not a model of this package.
        """
        try:
            with safe_open(str(path), "pt") as file:
                settings = json.loads((file.metadata() or {})["advsci_friction"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise CheckpointError(
                f"got {path}, which is no texture model ({error}). Try: 'advsci-friction train --out FOLDER' makes one."
            ) from error
        if settings["families"] != list(FAMILIES):
            raise CheckpointError(f"{path} knows the families {settings['families']}; expected {list(FAMILIES)}.")
        band = Band(settings["limit"])
        generator = TextureGenerator(band, LATENT, 3 + len(FAMILIES), settings["width"])
        parts = {
            start: {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
            for start in ("generator.", "known.")
        }
        generator.load_state_dict(parts["generator."])
        return cls(generator, band, Fabrication(**settings["fabrication"]), parts["known."])

    def feasible(self, material: Material, load: float) -> Tensor:
        """Which known contacts bear the load elastically and can be made, (s) bool."""
        slope = load / material.modulus / self.known["log_load"].exp()
        return (
            (1.05 * self.known["peak"] * load <= material.hardness)
            & (slope <= self.fabrication.slope)
            & (slope * self.known["depth"] <= self.fabrication.depth)
        )

    def reachable(self, material: Material, load: Quantity) -> tuple[float, float]:
        r"""Smallest and largest :math:`\mu` that a texture can have at a mean pressure.

        Raises
        ------
        ConfigError
            No texture can be designed at all, with the friction that results instead.
        """
        pressure = si(load, "Pa", "pressure")
        if pressure >= material.hardness:
            raise ConfigError(
                f"got a pressure of {pressure:.3g} Pa on '{material.name}' of hardness {material.hardness:.3g} Pa; "
                f"expected less."
            )
        if material.shear_strength >= material.hardness / 6.0 * (1.0 - 1e-9):
            raise ConfigError(
                f"'{material.name}' is not designable: mu = {material.floor:.2f} whatever the texture. Its junctions "
                f"are as strong "
                f"in shear (tau0 = {material.shear_strength:.3g} Pa) as the body below (H/6), so every contact flows "
                f"until it "
                "bears H. Try: a film of lower shear strength."
            )
        areas = self.known["area"][self.feasible(material, pressure)]
        if len(areas) < 10:
            raise ConfigError(
                f"no texture within a slope of {self.fabrication.slope} and a depth of {self.fabrication.depth} cells "
                f"bears "
                f"{pressure:.3g} Pa on '{material.name}' elastically. Try: a lower pressure."
            )
        low, high = torch.quantile(areas, torch.tensor([0.01, 0.99])).tolist()
        return material.friction(low, pressure), material.friction(high, pressure)

    def choices(self, material: Material, load: float, area: float) -> list[int]:
        """Families with a feasible known contact of about this area fraction."""
        near = (torch.logit(self.known["area"]) - torch.logit(torch.tensor(area))).abs() < 0.25
        found, counts = self.known["family"][near & self.feasible(material, load)].unique(return_counts=True)
        return found[counts >= 2].tolist() or found.tolist()

    def design(
        self,
        material: Material,
        friction: float,
        load: Quantity,
        count: int,
        stream: Stream,
        *,
        family: str | None = None,
        cell: Quantity = 1e-6,
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
            A key of `FAMILIES`; None chooses among all that can do it.
        cell
            Length of the cell [m]. Friction does not depend on it: see the page on what is identifiable.

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
        possible = self.choices(material, pressure, area)
        if family is not None:
            if family not in FAMILIES:
                raise ConfigError(f"got family '{family}'; expected one of {list(FAMILIES)}.")
            if list(FAMILIES).index(family) not in possible:
                able = [list(FAMILIES)[i] for i in possible]
                raise ConfigError(f"family '{family}' cannot reach mu = {friction} here. Try: one of {able}.")
            possible = [list(FAMILIES).index(family)]
        labels = torch.tensor(possible)[torch.arange(count) % len(possible)]
        tasks = torch.full((count,), area), torch.full((count,), pressure)
        coefficients, log_load = self.answer(material, *tasks, labels, stream)
        slope = pressure / material.modulus / log_load.exp()
        return Designs(self.band, coefficients, slope, si(cell, "m", "cell"), labels, material, friction, pressure)

    @torch.no_grad()
    def answer(
        self,
        material: Material,
        area: Float[Tensor, " n"],
        load: Float[Tensor, " n"],
        family: Int[Tensor, " n"],
        stream: Stream,
    ) -> tuple[Float[Tensor, "n m"], Float[Tensor, " n"]]:
        """The generator's shapes and log loads for many tasks of one material, in one pass."""
        severity = area * torch.tensor(material.hardness).clamp(max=1e30) / load
        condition = condition_of(area.float(), severity.float(), (load / material.modulus).float(), family)
        z = stream.at("design").normal((len(area), LATENT), dtype=torch.float32)
        return split_sample(self.band, self.generator(z, condition))
