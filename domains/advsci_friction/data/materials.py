r"""Materials: what a contact and a friction law need to know of a pair of surfaces, with sources.

A pair slides with the shear strength :math:`\tau = \tau_0 + \alpha p` in the real contact, on bodies of contact
modulus E* whose softer one bears at most the hardness H. Values marked uncertain are of the right size but have not
been traced to a measurement: replace them by your own with `Material.with_`, which takes text with units.
"""

from dataclasses import dataclass, replace

from advsci.errors import ConfigError
from advsci_friction.config import Pair
from advsci_friction.data.units import Quantity, si

__all__ = ["MATERIALS", "Material", "find_material", "material_of"]


@dataclass(frozen=True)
class Material:
    """A pair of surfaces.

    Attributes
    ----------
    name
        Key of the table.
    modulus
        Contact modulus E* [Pa].
    hardness
        H [Pa]; infinite for an elastomer.
    shear_strength
        :math:`\\tau_0` [Pa].
    pressure_coefficient
        :math:`\\alpha`.
    source
        Where the values are from.
    uncertain
        Names of values without a traced source.
    """

    name: str
    modulus: float
    hardness: float
    shear_strength: float
    pressure_coefficient: float = 0.0
    source: str = ""
    uncertain: tuple[str, ...] = ()

    def __post_init__(self):
        for name in ("modulus", "hardness", "shear_strength"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(
                    f"got {name}={getattr(self, name)} for '{self.name}'; expected a positive number in Pa."
                )
        if not self.pressure_coefficient >= 0.0:
            raise ConfigError(f"got pressure_coefficient={self.pressure_coefficient}; expected at least 0.")

    def with_(self, **values: Quantity) -> "Material":
        """The same pair with other values, as text with units or numbers in SI."""
        units = {"modulus": "Pa", "hardness": "Pa", "shear_strength": "Pa", "pressure_coefficient": ""}
        if unknown := sorted(set(values) - set(units)):
            raise ConfigError(f"got values for {unknown}; expected some of {list(units)}.")
        return replace(self, **{name: si(value, units[name], name) for name, value in values.items()})

    def friction(self, area: float, load: Quantity) -> float:
        r""":math:`\mu = \alpha + \tau_0 A/(A_0 P)` at an area fraction and a mean pressure."""
        return self.pressure_coefficient + self.shear_strength * area / si(load, "Pa", "load")

    @property
    def floor(self) -> float:
        r""":math:`\alpha + \tau_0/H`: no texture slides more easily, since no contact bears more than H."""
        return self.pressure_coefficient + self.shear_strength / self.hardness


MATERIALS = {
    m.name: m
    for m in (
        Material(
            "dlc",
            138e9,
            27e9,
            31e6,
            0.0,
            "a-C:H on itself: E = 259 GPa (nu = 0.25), H = 27 GPa, Nat. Commun. s41467-021-24766-6, table 1; tau0 = "
            "31(3) MPa, "
            "diamond on DLC nanocomposite, Wahl et al., WTC2005-829",
        ),
        Material(
            "silicon",
            90e9,
            12e9,
            0.4e9,
            0.05,
            "silicon tip on silicon oxide; shear strengths of 0.2 to 0.6 GPa are usual in atomic force microscopy",
            ("modulus", "hardness", "shear_strength", "pressure_coefficient"),
        ),
        Material(
            "kcl-steel",
            115e9,
            4e9,
            65e6,
            0.14,
            "KCl boundary film on iron: tau0 = 65(5) MPa, alpha = 0.14(2), Garvey, Weinert and Tysoe 2011, Tribol. "
            "Lett. 44:67",
            ("hardness",),
        ),
        Material(
            "pdms-glass",
            3e6,
            float("inf"),
            0.35e6,
            0.0,
            "smooth contact: shear stress independent of pressure, arXiv 1701.08013 and 1701.08001",
            ("modulus", "shear_strength"),
        ),
        Material(
            "steel-dry",
            115e9,
            4e9,
            4e9 / 6.0,
            0.0,
            "unlubricated steel: tau0 = H/6, the negative control: whatever carries the load, mu is at least 0.17",
            ("hardness", "shear_strength"),
        ),
    )
}


def find_material(name: str) -> Material:
    """A material of the table by its name."""
    if name not in MATERIALS:
        raise ConfigError(
            f"got material '{name}'; expected one of {sorted(MATERIALS)}. Try: find_material('dlc').with_(...) for "
            f"your own."
        )
    return MATERIALS[name]


def material_of(pair: Pair) -> Material:
    """The material that the settings of a command name, with the values that they replace.

    Parameters
    ----------
    pair
        Name of the table and replaced values.

    Returns
    -------
    Material
        The pair of surfaces.
    """
    given = {name: getattr(pair, name) for name in ("modulus", "hardness", "shear_strength", "pressure_coefficient")}
    return find_material(pair.material).with_(**{name: value for name, value in given.items() if value is not None})
