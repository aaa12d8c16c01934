"""What adhesion and a tangential load do to a solved scan, as figures of its page."""

import math

import torch

from advsci.errors import ConfigError
from advsci_friction.config import Solve
from advsci_friction.contact.adhesive import AdhesiveContact, solve_adhesive
from advsci_friction.contact.area import contact_area
from advsci_friction.contact.layered import Layer
from advsci_friction.contact.solve import Contact
from advsci_friction.contact.tangential import partial_slip
from advsci_friction.data.materials import Material
from advsci_friction.data.units import si

__all__ = ["adhesion_figures", "layer_of", "slip_figures"]

Figures = dict[str, float | None]


def layer_of(config: Solve, material: Material) -> Layer | None:
    """The film that the settings describe.

    Parameters
    ----------
    config
        The command's settings.
    material
        The pair of surfaces; its modulus is that of the substrate.

    Returns
    -------
    Layer or None
        None where no film is named.

    Raises
    ------
    ConfigError
        A thickness without a modulus, or the reverse.
    """
    thickness, modulus = config.film_thickness, config.film_modulus
    if thickness is None and modulus is None:
        return None
    if thickness is None or modulus is None:
        raise ConfigError(
            "got one of film_thickness and film_modulus; expected both or neither. "
            "Try: --film-thickness 50nm --film-modulus 200GPa."
        )
    ratio = si(modulus, "Pa", "film modulus") / material.modulus
    return Layer(si(thickness, "m", "film thickness"), ratio, config.film_poisson, config.poisson)


@torch.no_grad()
def adhesion_figures(config: Solve, contact: Contact, material: Material) -> tuple[Figures, list[str]]:
    """Contact area, attraction and friction of the scan with adhesion.

    Parameters
    ----------
    config
        The command's settings, with ``adhesion``.
    contact
        The contact without adhesion.
    material
        The pair of surfaces.

    Returns
    -------
    tuple
        Figures, and a note where the pixels do not resolve the attraction at the rim.

    Raises
    ------
    ConfigError
        Free edges or a film, for which adhesion is not solved.
    """
    if config.free or config.film_thickness is not None:
        raise ConfigError(
            "got adhesion with free edges or a film; expected a periodic map without one. Try: leave them out."
        )
    found = solve_adhesive(
        contact.heights, contact.load, contact.modulus, contact.space.size,
        work=si(config.adhesion or "", "J/m^2", "adhesion"), reach=si(config.adhesion_range, "m", "adhesion range"),
        history="unloading" if config.unloading else "loading",
    )  # fmt: skip
    load, area = float(contact.load), float(contact_area(found.touching, 2))
    figures: Figures = {
        "contact area with adhesion / nominal": area,
        "coefficient of friction with adhesion": material.friction(area, load),
        "attraction / load": float(found.attraction) / load,
        "elastic length of the attraction at the rim [m]": float(found.neck),
    }
    return figures, _unresolved(found)


def _unresolved(found: AdhesiveContact) -> list[str]:
    pixel = max(s / n for s, n in zip(found.space.size, found.space.shape, strict=True))
    if float(found.neck) >= pixel:
        return []
    enough = math.sqrt(pixel * float(found.work) / float(found.modulus))
    return [
        f"The attraction at the rim acts over {float(found.neck):.2g} m and a pixel is {pixel:.2g} m wide, so that the "
        f"contact with adhesion comes out too small. Try: --adhesion-range '{1e9 * enough:.2g} nm', which keeps the "
        "work of adhesion, or finer pixels."
    ]


@torch.no_grad()
def slip_figures(config: Solve, contact: Contact) -> Figures:
    """Stick, slip and shift of the scan under a shear below sliding.

    Parameters
    ----------
    config
        The command's settings, with ``shear`` and ``coulomb``.
    contact
        The contact.

    Returns
    -------
    dict
        Share of the contact that sticks, shift of the body, and the stiffness against the first shear.

    Raises
    ------
    ConfigError
        A shear without a friction coefficient.
    """
    if config.coulomb is None:
        raise ConfigError(
            "got a shear without the friction coefficient at a point; expected both. Try: --shear 2MPa --coulomb 0.2."
        )
    shear = si(config.shear or "", "Pa", "shear")
    found = partial_slip(contact, config.coulomb, shear, config.poisson)
    first = partial_slip(contact, config.coulomb, 1e-3 * config.coulomb * float(contact.load), config.poisson)
    return {
        "sticking area / contact area": float(found.stick.double().mean() / contact.touching.double().mean()),
        "shift under the shear [m]": float(found.shift),
        "tangential stiffness per area [Pa/m]": 1e-3 * config.coulomb * float(contact.load) / float(first.shift),
    }
