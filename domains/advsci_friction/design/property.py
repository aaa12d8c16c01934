r"""What a map is asked for: a few positive numbers, their logs on the grid that judges, and their gradients.

An edit (`advsci_friction.design.edit`) knows a map by nothing else, so that areas under several loads and frictions in
several directions are designed by the same steps.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from advsci_friction.contact.area import contact_area, real_area
from advsci_friction.contact.solve import solve_contact
from advsci_friction.surfaces.pressed import log_areas
from advsci_friction.surfaces.process import fourier_resample

__all__ = ["Areas", "Property"]


class Property(ABC):
    """The numbers that maps are asked for.

    Examples
    --------
    >>> issubclass(Areas, Property)
    True
    """

    @property
    @abstractmethod
    def count(self) -> int:
        """How many numbers j."""

    @abstractmethod
    def logs(self, maps: Float[Tensor, "n p p"]) -> Float[Tensor, "n j"]:
        """Their logs, as a judge finds them.

        Parameters
        ----------
        maps
            (n p p) heights over the cell's length, on the grid to solve on.

        Returns
        -------
        Tensor
            (n j).
        """

    @abstractmethod
    def gradients(self, maps: Float[Tensor, "n p p"], pixels: int) -> tuple[Tensor, Tensor]:
        """Their logs, perhaps smoothed, and the gradients in the heights.

        Parameters
        ----------
        maps
            (n p p) heights over the cell's length.
        pixels
            Pixels along the grid to solve on, at least p.

        Returns
        -------
        tuple
            (n j) logs and (n j p p) gradients.
        """


class Areas(Property):
    r"""Log area fractions at some loads: the friction of shear.

    Parameters
    ----------
    strain
        (j) :math:`P/E^*`.

    Examples
    --------
    >>> from advsci.streams import Stream
    >>> from advsci_friction import find_process
    >>> process = find_process("e-beam")
    >>> maps = process.simulate(2, Stream(0), 32) / process.cell
    >>> Areas(torch.tensor([1e-3, 2e-3])).logs(maps).shape
    torch.Size([2, 2])
    """

    def __init__(self, strain: Float[Tensor, " j"]):
        self.strain = strain

    @property
    def count(self) -> int:
        """How many loads."""
        return len(self.strain)

    def logs(self, maps: Float[Tensor, "n p p"]) -> Float[Tensor, "n j"]:
        """Log of the counted, edge-corrected area fraction of ``maps`` at each load."""
        return log_areas(maps, self.strain)

    def gradients(self, maps: Float[Tensor, "n p p"], pixels: int) -> tuple[Tensor, Tensor]:
        """Log areas of ``maps`` on a grid of ``pixels``, smoothed, and gradients: one batch of solves, one of
        adjoints."""
        n, j = len(maps), self.count
        waves = maps.detach().repeat_interleave(j, 0).requires_grad_()
        h = waves if pixels == maps.shape[-1] else fourier_resample(waves, pixels)
        load = self.strain.to(h).repeat(n)
        settings = {"tolerance": 1e-4, "adjoint_tolerance": 1e-2, "strict": False}
        contact = solve_contact(h, load, 1.0, (1.0, 1.0), **settings)  # type: ignore[arg-type]
        # smoothed at a quarter of the mean contact pressure
        smooth = 0.25 * load / contact_area(contact.touching, 2).clamp_min(1e-3).to(h)
        area = real_area(contact, smooth).clamp_min(1e-4).log()
        (gradient,) = torch.autograd.grad(area.sum(), waves)
        return area.detach().reshape(n, j), gradient.reshape(n, j, *maps.shape[1:])
