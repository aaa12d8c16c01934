r"""Tangential load below sliding: partial slip by superposition of two normal contacts.

Under a normal pressure P and a mean shear Q < f P, with Coulomb's friction coefficient f at each point, the shear is

.. math:: q = f\,(p_P - p_{P^*}), \qquad P^* = P - Q/f,

the pressures at the load and at the reduced load :math:`P^*`: what touches at :math:`P^*` sticks, the rest of the
contact slips (Cattaneo 1938, Mindlin 1949 for spheres; any shape: Ciavarella 1998, doi 10.1016/S0020-7683(97)00154-6,
and Jager 1998). The body moves by

.. math:: \delta_x = f \frac{E^*}{G^*} (\delta_P - \delta_{P^*}), \qquad
          \frac{1}{E^*} = \sum_i \frac{1 - \nu_i}{2 G_i},\quad \frac{1}{G^*} = \sum_i \frac{2 - \nu_i}{4 G_i},

with the normal approach :math:`\delta`. Exact in the plane; in three dimensions it neglects the shear across the load's
direction, which is zero for :math:`\nu = 0` and small otherwise. The loading is monotonic and elastic, P is held.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.errors import ConfigError
from advsci_friction.contact.solve import Contact

__all__ = ["PartialSlip", "partial_slip"]


@dataclass(frozen=True)
class PartialSlip:
    """A contact under normal and tangential load.

    Attributes
    ----------
    shear
        (\\*batch, \\*pixels) shear stress along the load [Pa], differentiable.
    stick, slip
        Pixels of the contact that stick, and that slip.
    shift
        (\\*batch) elastic displacement of the body against the other [m]; differentiable.
    stuck
        The contact at the reduced load.

    Examples
    --------
    >>> import torch
    >>> from advsci_friction import PartialSlip, partial_slip, solve_contact
    >>> h = torch.cos(2 * torch.pi * torch.arange(64, dtype=torch.float64) / 64)
    >>> found = partial_slip(solve_contact(1e-9 * h, 5e7, 9e10, (1e-6,)), 0.3, 5e6)
    >>> isinstance(found, PartialSlip) and bool(found.stick.any() and found.slip.any())
    True
    """

    shear: Float[Tensor, "..."]
    stick: Bool[Tensor, "..."]
    slip: Bool[Tensor, "..."]
    shift: Float[Tensor, "..."]
    stuck: Contact


def partial_slip(
    contact: Contact, coulomb: float, shear: Float[Tensor, "..."] | float, poisson: float = 0.3
) -> PartialSlip:
    """Load a solved contact tangentially.

    Parameters
    ----------
    contact
        The contact at its normal load, elastic.
    coulomb
        f, friction coefficient at each point of the contact.
    shear
        Q [Pa], mean shear over the nominal area, a number or one per surface, below f times the mean pressure.
    poisson
        Poisson's ratio of the elastic body, or of both where they are alike; the other is rigid.

    Returns
    -------
    PartialSlip
        Shear stress, stick and slip, and how far the body has moved.

    Raises
    ------
    ConfigError
        A shear that is not between 0 and f P, where the contact slides; or a contact with plastic pixels.

    Examples
    --------
    >>> import torch
    >>> from advsci_friction import partial_slip, solve_contact
    >>> h = torch.cos(2 * torch.pi * torch.arange(64, dtype=torch.float64) / 64)
    >>> contact = solve_contact(1e-9 * h, 5e7, 9e10, (1e-6,))
    >>> round(float(partial_slip(contact, 0.3, 5e6).shear.mean()))
    5000000
    """
    asked = torch.as_tensor(shear, dtype=contact.pressure.dtype, device=contact.pressure.device)
    asked = asked.expand(contact.load.shape)
    if not (coulomb > 0.0 and bool((asked > 0.0).all()) and bool((asked < coulomb * contact.load).all())):
        largest = float((coulomb * contact.load).min())
        raise ConfigError(
            f"got a shear of {float(asked.max()):.4g} Pa; expected more than 0 and less than {largest:.4g} Pa, from "
            "where on the contact slides as a whole. Try: a smaller shear, or a larger friction coefficient."
        )
    if bool(contact.plastic.any()):
        raise ConfigError(
            f"got a contact with {int(contact.plastic.sum())} plastic pixels; expected an elastic one: the loads of a "
            "plastic contact cannot be superposed. Try: a lower pressure, or --elastic."
        )
    stuck = contact.at(contact.load - asked / coulomb)
    stress = coulomb * (contact.pressure - stuck.pressure)
    stick = stuck.touching
    moved = contact.approach - stuck.approach
    # E*/G* of one elastic body
    shift = coulomb * (2.0 - poisson) / (2.0 * (1.0 - poisson)) * moved
    return PartialSlip(stress, stick, contact.touching & ~stick, shift, stuck)
