r"""Friction laws: what a solved contact says about the coefficient of friction, term by term.

A law maps a `Contact` to a contribution to :math:`\mu = F/F_N` of every surface; laws add: ``BowdenTabor(...) +
Ploughing()``. All are differentiable in the contact and in their own parameters. Parameters are numbers in SI or text
with units.
"""

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci_friction.contact.area import real_area
from advsci_friction.contact.solve import Contact
from advsci_friction.data.materials import Material
from advsci_friction.data.units import Quantity, si

__all__ = ["BowdenTabor", "FrictionLaw", "Ploughing", "Sum", "WithAdhesion", "law_of"]


class FrictionLaw(nn.Module, ABC):
    """A contribution to the coefficient of friction.

    Examples
    --------
    >>> from advsci_friction import FrictionLaw, find_material, law_of
    >>> issubclass(type(law_of(find_material("dlc"))), FrictionLaw)
    True
    """

    @abstractmethod
    def forward(self, contact: Contact) -> Float[Tensor, "..."]:
        """The contribution of each surface of the ``contact``, dimensionless."""

    def __add__(self, other: "FrictionLaw") -> "Sum":
        return Sum(self, other)


class Sum(FrictionLaw):
    """The sum of several contributions."""

    def __init__(self, *laws: FrictionLaw):
        super().__init__()
        self.laws = nn.ModuleList(laws)

    def forward(self, contact: Contact) -> Float[Tensor, "..."]:
        """The contribution of each surface of the ``contact``, dimensionless."""
        return torch.stack([law(contact) for law in self.laws]).sum(0)


class BowdenTabor(FrictionLaw):
    r"""Shear of the real contact with the strength :math:`\tau_0 + \alpha p`:

    .. math:: \mu = \alpha + \tau_0 \frac{A}{A_0 P}

    (Bowden and Tabor 1950; pressure dependence: Briscoe and Tabor 1978.)

    Parameters
    ----------
    shear_strength
        :math:`\tau_0` [Pa].
    pressure_coefficient
        :math:`\alpha`.
    smoothing
        Smoothing pressure of the area's gradient (`advsci_friction.contact.area.smoothed_area`) as a multiple of P;
        the value is always the counted, corrected area. 0 gives no gradient.

    Examples
    --------
    >>> from advsci_friction import BowdenTabor, find_material, law_of
    >>> isinstance(law_of(find_material("dlc")), BowdenTabor)
    True
    """

    def __init__(self, shear_strength: Quantity, pressure_coefficient: float = 0.0, *, smoothing: float = 1.0):
        super().__init__()
        self.shear_strength = nn.Parameter(
            torch.tensor(si(shear_strength, "Pa", "shear strength"), dtype=torch.float64)
        )
        self.pressure_coefficient = nn.Parameter(torch.tensor(float(pressure_coefficient), dtype=torch.float64))
        self.smoothing = smoothing

    def forward(self, contact: Contact) -> Float[Tensor, "..."]:
        """The contribution of each surface of the ``contact``, dimensionless."""
        area = real_area(contact, self.smoothing * contact.load.detach() if self.smoothing else None)
        tau, alpha = self.shear_strength.to(area.dtype), self.pressure_coefficient.to(area.dtype)
        return alpha + tau * area / contact.load


class Ploughing(FrictionLaw):
    r"""Resistance of plastic contact: an asperity of slope :math:`\theta` ploughs with :math:`(2/\pi)\tan\theta`.

    .. math:: \mu = \frac{2}{\pi} \frac{\overline{p\,|\nabla h|}_{p = H}}{P}

    (Bowden and Tabor 1950, the cone: :math:`(2/\pi) \cot` of its half angle.) Zero while no pixel reaches the hardness.

    Examples
    --------
    >>> import torch
    >>> x = torch.arange(32, dtype=torch.float64) / 32
    >>> heights = 1e-9 * torch.cos(2 * torch.pi * x)[:, None] * torch.cos(2 * torch.pi * x)[None, :]
    >>> from advsci_friction import Ploughing, solve_contact
    >>> float(Ploughing()(solve_contact(heights, 1e6, 1e11, (1e-6, 1e-6)))) >= 0
    True
    """

    def forward(self, contact: Contact) -> Float[Tensor, "..."]:
        """The contribution of each surface of the ``contact``, dimensionless."""
        space = contact.space
        spectrum = torch.fft.rfftn(contact.heights, dim=space.dims)
        slopes = [
            torch.fft.irfftn(1j * q * spectrum, s=space.shape, dim=space.dims).square() for q in space.wavevectors
        ]
        tiny = torch.finfo(contact.heights.dtype).tiny
        steepness = torch.stack(slopes).sum(0).clamp_min(tiny).sqrt()
        carried = contact.pressure * contact.plastic.to(contact.pressure.dtype)
        return 2.0 / math.pi * (carried * steepness).mean(space.dims) / contact.load


class WithAdhesion(FrictionLaw):
    r"""A law under an adhesive load that acts beside the applied one (Derjaguin, Muller and Toporov).

    The contact is solved at :math:`P + P_{ad}`; friction is divided by the applied P alone:

    .. math:: \mu = \mu_{law}(P + P_{ad})\, \frac{P + P_{ad}}{P}

    Parameters
    ----------
    law
        The law of the contact.
    adhesion
        :math:`P_{ad}` [Pa], the adhesive force per nominal area.
    """

    def __init__(self, law: FrictionLaw, adhesion: Quantity):
        super().__init__()
        self.law = law
        self.adhesion = nn.Parameter(torch.tensor(si(adhesion, "Pa", "adhesion"), dtype=torch.float64))

    def forward(self, contact: Contact) -> Float[Tensor, "..."]:
        """The contribution of each surface of the ``contact``, dimensionless."""
        return self.law(contact) * contact.load / (contact.load - self.adhesion.to(contact.load.dtype))


def law_of(material: Material) -> FrictionLaw:
    """The Bowden-Tabor law of a material of the table.

    Examples
    --------
    >>> import torch
    >>> x = torch.arange(32, dtype=torch.float64) / 32
    >>> heights = 1e-9 * torch.cos(2 * torch.pi * x)[:, None] * torch.cos(2 * torch.pi * x)[None, :]
    >>> from advsci_friction import find_material, law_of, solve_contact
    >>> dlc = find_material("dlc")
    >>> contact = solve_contact(heights, 50e6, dlc.modulus, (1e-6, 1e-6), dlc.hardness)
    >>> bool(float(law_of(dlc)(contact)) > 0)
    True
    """
    return BowdenTabor(material.shear_strength, material.pressure_coefficient)
