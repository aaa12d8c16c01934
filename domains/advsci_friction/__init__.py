"""Friction: contact mechanics of textures, differentiable, and a designer of textures for a wanted friction."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_friction.contact.adhesive import AdhesiveContact as AdhesiveContact
    from advsci_friction.contact.adhesive import solve_adhesive as solve_adhesive
    from advsci_friction.contact.area import contact_area as contact_area
    from advsci_friction.contact.area import real_area as real_area
    from advsci_friction.contact.area import smoothed_area as smoothed_area
    from advsci_friction.contact.halfspace import HalfSpace as HalfSpace
    from advsci_friction.contact.halfspace import contact_modulus as contact_modulus
    from advsci_friction.contact.layered import Layer as Layer
    from advsci_friction.contact.sliding import SlidingContact as SlidingContact
    from advsci_friction.contact.sliding import slide as slide
    from advsci_friction.contact.solve import Contact as Contact
    from advsci_friction.contact.solve import solve_contact as solve_contact
    from advsci_friction.contact.tangential import PartialSlip as PartialSlip
    from advsci_friction.contact.tangential import partial_slip as partial_slip
    from advsci_friction.data.materials import MATERIALS as MATERIALS
    from advsci_friction.data.materials import Material as Material
    from advsci_friction.data.materials import find_material as find_material
    from advsci_friction.data.scans import Scan as Scan
    from advsci_friction.data.scans import read_scan as read_scan
    from advsci_friction.design.by_edit import design_by_edit as design_by_edit
    from advsci_friction.design.designer import Designer as Designer
    from advsci_friction.design.designer import Designs as Designs
    from advsci_friction.design.sliding import Rubber as Rubber
    from advsci_friction.design.sliding import design_sliding as design_sliding
    from advsci_friction.evaluation.judge import likeness as likeness
    from advsci_friction.evaluation.scores import verify as verify
    from advsci_friction.game.physics import ContactPhysics as ContactPhysics
    from advsci_friction.laws.friction import BowdenTabor as BowdenTabor
    from advsci_friction.laws.friction import FrictionLaw as FrictionLaw
    from advsci_friction.laws.friction import Ploughing as Ploughing
    from advsci_friction.laws.friction import WithAdhesion as WithAdhesion
    from advsci_friction.laws.friction import law_of as law_of
    from advsci_friction.store import load_designer as load_designer
    from advsci_friction.surfaces.band import Band as Band
    from advsci_friction.surfaces.fabrication import Fabrication as Fabrication
    from advsci_friction.surfaces.pressed import press as press
    from advsci_friction.surfaces.processes import find_process as find_process
    from advsci_friction.surfaces.roughness import roughness as roughness
    from advsci_friction.surfaces.textures import FAMILIES as FAMILIES

__getattr__, __dir__, __all__ = exports(__name__)
