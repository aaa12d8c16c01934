r"""Elastic half-space under a periodic surface pressure: one multiplication a Fourier mode.

A pressure :math:`p_q` of wavevector :math:`q` displaces the surface by

.. math:: u_q = \frac{2\,p_q}{E^* |q|}, \qquad q \ne 0,

with the contact modulus :math:`1/E^* = (1 - \nu_1^2)/E_1 + (1 - \nu_2^2)/E_2`. The mean displacement of a periodic
half-space is undefined and set to 0. (Johnson, Contact Mechanics, 1985, section 13.2; Stanley and Kato 1997, doi
10.1115/1.2833523.)
"""

import math
from collections.abc import Sequence
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ShapeError

__all__ = ["HalfSpace", "contact_modulus"]


def contact_modulus(young: float, poisson: float, young2: float = math.inf, poisson2: float = 0.0) -> float:
    r""":math:`E^* = \left[(1 - \nu_1^2)/E_1 + (1 - \nu_2^2)/E_2\right]^{-1}` [Pa]; the second body is rigid by
    default.

    Parameters
    ----------
    young
        Young's modulus of one body [Pa].
    poisson
        Its Poisson's ratio.
    young2
        Young's modulus of the other body [Pa]; infinite: rigid.
    poisson2
        Its Poisson's ratio.

    Examples
    --------
    >>> from advsci_friction import contact_modulus
    >>> round(contact_modulus(100e9, 0.3) / 1e9, 2)
    109.89
    """
    return 1.0 / ((1.0 - poisson**2) / young + (1.0 - poisson2**2) / young2)


class HalfSpace:
    """The displacement operator of a periodic cell, for a unit contact modulus.

    Parameters
    ----------
    shape
        Pixels along the axes: (n,) for a profile, (ny, nx) for a map; odd and unequal numbers allowed.
    size
        Period along the same axes [m].
    device
        Torch device; None takes an accelerator if there is one.

    Raises
    ------
    ShapeError
        There is not one positive length per axis, there are more than two axes, or fewer than 4 pixels along
        one.

    Examples
    --------
    >>> import torch
    >>> from advsci_friction import HalfSpace
    >>> space = HalfSpace((16, 16), (1e-6, 1e-6))
    >>> space.displace(torch.zeros(16, 16, dtype=torch.float64)).shape
    torch.Size([16, 16])
    """

    def __init__(
        self,
        shape: Sequence[int],
        size: Sequence[float],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
    ):
        if len(shape) != len(size) or len(size) not in (1, 2):
            raise ShapeError(
                f"got pixels {tuple(shape)} for a cell of size {tuple(size)}; expected one length per axis, 1 or 2 "
                f"axes. "
                "Try: size=(L,) for profiles, size=(Ly, Lx) for maps."
            )
        if min(shape) < 4 or not all(0.0 < length < math.inf for length in size):
            raise ShapeError(
                f"got pixels {tuple(shape)} and size {tuple(size)}; expected at least 4 pixels and a positive length "
                f"per axis. Try: size=(Ly, Lx) in metres."
            )
        self.shape, self.size = tuple(shape), tuple(float(length) for length in size)
        self.device, self.dtype = torch.device(device), dtype
        self.dims = tuple(range(-len(self.shape), 0))

    @cached_property
    def wavevectors(self) -> tuple[Tensor, ...]:
        """Angular wavevector components [rad/m] of the half spectrum, broadcastable along their axes."""
        vectors = []
        for axis, (n, length) in enumerate(zip(self.shape, self.size, strict=True)):
            last = axis == len(self.shape) - 1
            frequencies = (torch.fft.rfftfreq if last else torch.fft.fftfreq)(n, 1.0 / n, dtype=torch.float64)
            view = [1] * len(self.shape)
            view[axis] = -1
            vectors.append((2.0 * math.pi / length * frequencies).reshape(view).to(self.device))
        return tuple(vectors)

    @cached_property
    def wavenumber(self) -> Tensor:
        """:math:`|q|` [rad/m] of the half spectrum."""
        return (
            torch.stack(torch.broadcast_tensors(*[q.square() for q in self.wavevectors])).sum(0).sqrt().to(self.dtype)
        )

    @cached_property
    def compliance(self) -> Tensor:
        r""":math:`2/|q|` [m], 0 at :math:`q = 0`."""
        q = self.wavenumber
        return torch.where(q > 0.0, 2.0 / q.clamp_min(torch.finfo(q.dtype).tiny), torch.zeros_like(q))

    @property
    def extremes(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest eigenvalue of `displace` [m] on maps of zero mean."""
        compliance = self.compliance
        return torch.where(compliance > 0.0, compliance, torch.full_like(compliance, torch.inf)).min(), compliance.max()

    @cached_property
    def stiffness(self) -> Tensor:
        """:math:`|q|/2` [1/m], the inverse of `compliance` on the modes that have one."""
        return 0.5 * self.wavenumber

    def filter(self, x: Float[Tensor, "..."], factor: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The maps ``x``, every mode multiplied by ``factor`` (half spectrum)."""
        return torch.fft.irfftn(torch.fft.rfftn(x, dim=self.dims).mul_(factor), s=self.shape, dim=self.dims)

    def displace(self, p: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        r"""Displacement [m] of the surface under the pressures ``p`` for :math:`E^* = 1`: divide by :math:`E^*`."""
        return self.filter(p, self.compliance)

    def flatten(self, h: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        r"""Pressure that flattens the heights ``h`` in full contact for :math:`E^* = 1`: zero mean, to be added to the
        load.

        Its variance is :math:`(E^* h')^2 / 4` with the rms slope :math:`h'` (Persson 2001, cond-mat/0103362).
        """
        return self.filter(h, self.stiffness)
