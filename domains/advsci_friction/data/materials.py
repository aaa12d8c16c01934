r"""Materials: what a contact and a friction law need to know of a pair of surfaces, with sources and uncertainty.

A pair slides with the shear strength :math:`\tau = \tau_0 + \alpha p` in the real contact, on bodies of contact
modulus E* whose softer one bears at most the hardness H. Values marked uncertain are of the right size but have not
been traced to a measurement: replace them by your own with `Material.with_`, or state your own pair in a TOML file.
"""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from advsci.errors import ConfigError
from advsci.files import parse_toml, read_text, reading
from advsci_friction.config import Pair
from advsci_friction.data.units import Quantity, si

__all__ = ["MATERIALS", "Material", "find_material", "material_of", "read_material"]

UNITS = {"modulus": "Pa", "hardness": "Pa", "shear_strength": "Pa", "pressure_coefficient": ""}


@dataclass(frozen=True)
class Material:
    """A pair of surfaces.

    Attributes
    ----------
    name
        Key of the table, or the user's own.
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
    deviation
        Standard deviations by name of the value, in its unit; a value that is missing here has none stated.

    Raises
    ------
    ConfigError
        A pressure is not positive, or the coefficient negative or not finite.

    Examples
    --------
    >>> mine = MATERIALS["dlc"].with_(hardness="20 GPa")
    >>> mine.name, mine.hardness
    ('dlc, with own hardness', 20000000000.0)
    """

    name: str
    modulus: float
    hardness: float
    shear_strength: float
    pressure_coefficient: float = 0.0
    source: str = ""
    uncertain: tuple[str, ...] = ()
    deviation: dict[str, float] = field(default_factory=dict)

    def __post_init__(self):
        for name in ("modulus", "hardness", "shear_strength"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(
                    f"got {name}={getattr(self, name)} for '{self.name}'; expected a positive number in Pa. "
                    f"Try: {name}='5 GPa'."
                )
        if not 0.0 <= self.pressure_coefficient < math.inf:
            raise ConfigError(
                f"got pressure_coefficient={self.pressure_coefficient}; expected a number of at least 0. Try: 0.1."
            )

    def with_(self, **values: Quantity) -> "Material":
        """The same pair with other values; name, source and uncertainty say so.

        Parameters
        ----------
        values
            modulus, hardness, shear_strength or pressure_coefficient, as text with units or as numbers in SI.

        Returns
        -------
        Material
            A new pair; itself where nothing is replaced.

        Raises
        ------
        ConfigError
            A material has no value of that name.
        """
        if unknown := sorted(set(values) - set(UNITS)):
            raise ConfigError(f"got values for {unknown}; expected some of {list(UNITS)}. Try: hardness='20 GPa'.")
        if not values:
            return self
        own = ", ".join(name.replace("_", " ") for name in values)
        return replace(
            self,
            name=f"{self.name}, with own {own}",
            source=f"{own}: given by the user; the rest: {self.source}",
            uncertain=tuple(name for name in self.uncertain if name not in values),
            deviation={name: value for name, value in self.deviation.items() if name not in values},
            **{name: si(value, UNITS[name], name) for name, value in values.items()},
        )

    def friction(self, area: float, load: Quantity) -> float:
        r""":math:`\mu = \alpha + \tau_0 A/(A_0 P)`.

        Parameters
        ----------
        area
            Area fraction :math:`A/A_0`.
        load
            Mean pressure P [Pa], or text with a unit.

        Returns
        -------
        float
            The coefficient of friction.
        """
        return self.pressure_coefficient + self.shear_strength * area / si(load, "Pa", "load")

    def friction_deviation(self, area: float, load: Quantity) -> float | None:
        r"""Standard deviation of :math:`\mu` from those of :math:`\tau_0` and :math:`\alpha`, independent, at a given
        area.

        Parameters
        ----------
        area
            Area fraction :math:`A/A_0`.
        load
            Mean pressure P [Pa], or text with a unit.

        Returns
        -------
        float or None
            None where no deviation of either is stated.
        """
        known = [self.deviation.get(name) for name in ("shear_strength", "pressure_coefficient")]
        if known == [None, None]:
            return None
        return math.hypot((known[0] or 0.0) * area / si(load, "Pa", "load"), known[1] or 0.0)

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
            "31(3) MPa, diamond on DLC nanocomposite, Wahl et al., WTC2005-829",
            deviation={"shear_strength": 3e6},
        ),
        Material(
            "silicon",
            90e9,
            12e9,
            0.4e9,
            0.05,
            "silicon tip on silicon oxide; shear strengths of 0.2 to 0.6 GPa are usual in atomic force microscopy",
            ("modulus", "hardness", "shear_strength", "pressure_coefficient"),
            deviation={"shear_strength": 0.1e9},
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
            deviation={"shear_strength": 5e6, "pressure_coefficient": 0.02},
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
    """A material of the table, or of the user's own file.

    Parameters
    ----------
    name
        A key of `MATERIALS`, or the path of a TOML file (see `read_material`).

    Returns
    -------
    Material
        The pair of surfaces.

    Raises
    ------
    ConfigError
        There is no such material or file.

    Examples
    --------
    >>> find_material("dlc").floor < 0.002
    True
    """
    if name in MATERIALS:
        return MATERIALS[name]
    if name.endswith(".toml"):
        return read_material(name)
    raise ConfigError(
        f"got material '{name}'; expected one of {sorted(MATERIALS)}, or a TOML file. "
        "Try: --material mine.toml, or find_material('dlc').with_(...)."
    )


def read_material(path: str | Path) -> Material:
    """A pair of surfaces from a TOML file.

    The file states ``name``, ``modulus``, ``shear_strength`` and ``source``; where it applies ``hardness`` (default:
    none), ``pressure_coefficient`` (default 0), ``uncertain`` (a list of names), and a table ``[deviation]`` with
    standard deviations, as quantities or as shares ("10 %")::

        name = "nitride on steel"
        modulus = "160 GPa"
        hardness = "6 GPa"
        shear_strength = "80 MPa"
        source = "own nanoindentation, 12 indents; own friction force microscopy"
        [deviation]
        shear_strength = "8 MPa"
        modulus = "5 %"

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Material
        The pair of surfaces.

    Raises
    ------
    ConfigError
        No such file, no TOML, an unknown or missing key.
    """
    path = Path(path)
    expected = "a TOML file of name, modulus, shear_strength and source"
    table = parse_toml(read_text(path, expected=expected, error=ConfigError), str(path), error=ConfigError)
    known = {"name", "source", "uncertain", "deviation", *UNITS}
    if unknown := sorted(set(table) - known):
        raise ConfigError(f"{path}: got {unknown}; expected some of {sorted(known)}. Try: mend the spelling.")
    if missing := sorted({"name", "modulus", "shear_strength", "source"} - set(table)):
        raise ConfigError(f"{path}: got no {', '.join(missing)}; expected it. Try: modulus = '100 GPa'.")
    with reading(path, expected, "mend the value", ConfigError):
        return _material(path, table)


def _material(path: Path, table: dict[str, Any]) -> Material:
    values = {key: si(table[key], unit, key) for key, unit in UNITS.items() if key in table}
    deviation = {}
    for key, text in table.get("deviation", {}).items():
        if key not in values:
            raise ConfigError(
                f"{path}: got a deviation of '{key}'; expected some of {sorted(values)}. Try: one of them."
            )
        share = isinstance(text, str) and text.strip().endswith("%")
        deviation[key] = values[key] * si(text.strip()[:-1], "", key) / 100.0 if share else si(text, UNITS[key], key)
    rest = {"source": str(table["source"]), "uncertain": tuple(table.get("uncertain", ())), "deviation": deviation}
    return Material(str(table["name"]), **{"hardness": math.inf, **values}, **rest)


def material_of(pair: Pair) -> Material:
    """The material that the settings of a command name, with the values that they replace.

    Parameters
    ----------
    pair
        Name or file, and replaced values.

    Returns
    -------
    Material
        The pair of surfaces.
    """
    given = {name: getattr(pair, name) for name in UNITS}
    return find_material(pair.material).with_(**{name: value for name, value in given.items() if value is not None})
