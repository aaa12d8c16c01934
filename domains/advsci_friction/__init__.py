"""Friction: contact mechanics of textures, differentiable, and a designer of textures for a wanted friction."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_friction.area import contact_area as contact_area
    from advsci_friction.area import real_area as real_area
    from advsci_friction.area import smoothed_area as smoothed_area
    from advsci_friction.band import Band as Band
    from advsci_friction.contact import Contact as Contact
    from advsci_friction.contact import solve_contact as solve_contact
    from advsci_friction.designer import Designer as Designer
    from advsci_friction.designer import Designs as Designs
    from advsci_friction.halfspace import HalfSpace as HalfSpace
    from advsci_friction.halfspace import contact_modulus as contact_modulus
    from advsci_friction.judge import judge as judge
    from advsci_friction.laws import BowdenTabor as BowdenTabor
    from advsci_friction.laws import FrictionLaw as FrictionLaw
    from advsci_friction.laws import Ploughing as Ploughing
    from advsci_friction.laws import WithAdhesion as WithAdhesion
    from advsci_friction.laws import law_of as law_of
    from advsci_friction.materials import MATERIALS as MATERIALS
    from advsci_friction.materials import Material as Material
    from advsci_friction.materials import find_material as find_material
    from advsci_friction.model_file import load_designer as load_designer
    from advsci_friction.physics import ContactPhysics as ContactPhysics
    from advsci_friction.physics import Fabrication as Fabrication
    from advsci_friction.scans import Scan as Scan
    from advsci_friction.scans import read_scan as read_scan
    from advsci_friction.statistics import roughness as roughness
    from advsci_friction.textures import FAMILIES as FAMILIES

__getattr__, __dir__, __all__ = exports(__name__)
