"""Designs by edit for a request in the user's terms: material, friction at one or several loads, a library of maps."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.errors import ConfigError
from advsci_friction.data.materials import Material
from advsci_friction.design.designer import Designs
from advsci_friction.design.edit import Edited, edit, nearest
from advsci_friction.design.property import Areas
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.pressed import Pressed

__all__ = ["as_designs", "best_depth", "design_by_edit", "reachable_by_edit", "wanted_areas"]


def wanted_areas(material: Material, request: Sequence[tuple[float, float]]) -> tuple[Tensor, Tensor]:
    r"""Log area fractions and strains of a request, :math:`A = (\mu - \alpha) P / \tau_0` and :math:`P/E^*`.

    Parameters
    ----------
    material
        The pair of surfaces.
    request
        (mu, mean pressure [Pa]) at each load.

    Returns
    -------
    tuple
        (j) and (j).

    Raises
    ------
    ConfigError
        A friction that no contact of this pair has.
    """
    areas = []
    for mu, load in request:
        area = (mu - material.pressure_coefficient) * load / material.shear_strength
        if not load / material.hardness < area < 1.0:
            low, high = material.floor, material.friction(1.0, load)
            raise ConfigError(
                f"got mu = {mu:g} at {load:.3g} Pa on '{material.name}'; expected {low:.3g} to {high:.3g}, from "
                "contact at the hardness to full contact. Try: another pressure or material."
            )
        areas.append(math.log(area))
    return torch.tensor(areas), torch.tensor([load / material.modulus for _, load in request])


def reachable_by_edit(library: Pressed, material: Material, load: float) -> tuple[float, float]:
    """Smallest and largest friction among the maps of a library, their first and last percent left out.

    Parameters
    ----------
    library
        Maps and their contacts.
    material
        The pair of surfaces.
    load
        Mean pressure [Pa].

    Returns
    -------
    tuple
        The range within which retrieval starts near; edits reach somewhat beyond.
    """
    areas = library.areas(torch.tensor([load / material.modulus])).exp().flatten()
    low, high = torch.quantile(areas, torch.tensor([0.01, 0.99])).tolist()
    return material.friction(low, load), material.friction(high, load)


def best_depth(
    library: Pressed, material: Material, request: Sequence[tuple[float, float]], count: int, span: tuple[float, float]
) -> float:
    """The depth at which a library's maps come nearest to a request.

    Parameters
    ----------
    library
        Maps and their contacts.
    material
        The pair of surfaces.
    request
        (mu, mean pressure [Pa]) at each load.
    count
        How many maps should be near.
    span
        Smallest and largest depth, over that of the library.

    Returns
    -------
    float
        The factor on the depth for which the ``count``-th nearest map is nearest.
    """
    wanted, strain = wanted_areas(material, request)
    factors = torch.logspace(math.log10(span[0]), math.log10(span[1]), 81).tolist()
    rank = min(count, len(library.maps)) - 1
    away = [float((library.deeper(s).areas(strain) - wanted).abs().amax(1).sort().values[rank]) for s in factors]
    return factors[away.index(min(away))]


def design_by_edit(
    library: Pressed,
    band: int,
    material: Material,
    request: Sequence[tuple[float, float]],
    count: int,
    *,
    fixed: Bool[Tensor, "p p"] | None = None,
    softest: bool = False,
    reach: float = 0.2,
) -> Edited:
    """Retrieve the nearest maps and edit them.

    Parameters
    ----------
    library
        Maps of the process.
    band
        Largest wavenumber that the process can set.
    material
        The pair of surfaces.
    request
        (mu, mean pressure [Pa]) at each load.
    count
        How many designs, each from another map while there are any.
    fixed
        (p p) pixels that keep their height.
    softest
        Edit four times as many and keep those of the lowest peak pressure.
    reach
        Largest relative distance, in log area, between a map and the request that an edit is tried over.

    Returns
    -------
    Edited
        ``count`` designs, the nearest start first.

    Raises
    ------
    ConfigError
        The request lies beyond what the library's maps and an edit of them reach.

    Examples
    --------
    >>> from advsci.streams import Stream
    >>> from advsci_friction import find_material, find_process, press
    >>> dlc, process = find_material("dlc"), find_process("laser-ripples")
    >>> library = press(process.simulate(8, Stream(0), 32), process.cell)
    >>> request = [(dlc.friction(float(library.areas(torch.tensor([1e-3])).exp().median()), 138e6), 138e6)]
    >>> design_by_edit(library, process.band, dlc, request, 1).maps.shape
    torch.Size([1, 32, 32])
    """
    wanted, strain = wanted_areas(material, request)
    rows = nearest(library, wanted, strain, 4 * count if softest else count, material.hardness / material.modulus)
    away = float((library.areas(strain)[rows[0]] - wanted).abs().amax())
    if away > reach:
        spans = "; ".join(
            f"{low:.3g} to {high:.3g} at {load:.3g} Pa"
            for load, (low, high) in ((p, reachable_by_edit(library, material, p)) for _, p in request)
        )
        asked = ", ".join(f"mu = {mu:g} at {load:.3g} Pa" for mu, load in request)
        raise ConfigError(
            f"got {asked} on '{material.name}', {math.exp(away) - 1.0:.0%} from the nearest map; expected within "
            f"{spans} (singly). Try: another process, --depth, or another pressure."
        )
    found = edit(library.maps, wanted.expand(len(rows), -1), Areas(strain), rows, band, fixed=fixed)
    if not softest:
        return found
    peak = library.peaks(strain)[rows].amax(1)
    kept = (peak + 1e6 * (found.error > 0.03)).argsort()[:count]
    return Edited(*(getattr(found, name)[kept] for name in ("maps", "start", "source", "logs", "error")))


def as_designs(
    maps: Float[Tensor, "n p p"],
    cell: float,
    material: Material,
    request: Sequence[tuple[float, float]],
    name: str,
) -> Designs:
    """Maps as `Designs`, exact on any grid by their Fourier series.

    Parameters
    ----------
    maps
        (n p p) heights over the cell's length, without the highest (Nyquist) mode.
    cell
        Length of the cell [m].
    material
        The pair of surfaces.
    request
        (mu, mean pressure [Pa]) at each load; the first is the request of the designs.
    name
        What they are called: their process.

    Returns
    -------
    Designs
        To be verified, written and shown like all others.
    """
    band = Band(maps.shape[-1] // 2 - 1)
    coefficients = band.analyse(maps.double())
    slope = band.rms_slope(coefficients)
    return Designs(
        band,
        band.unit_slope(coefficients).float(),
        slope.float(),
        torch.full((len(maps),), cell),
        torch.zeros(len(maps), dtype=torch.long),
        material,
        *request[0],
        names=(name,),
        more=tuple(request[1:]),
    )
