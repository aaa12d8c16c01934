r"""A map that ends at its edges: nothing beyond carries load, and nothing repeats.

The pressure on a pixel of sides :math:`2a \times 2b` displaces the surface of the half-space at (x, y) from its centre
by

.. math:: u = \frac{p}{\pi E^*} \sum_{s, t = \pm 1} s\,t \left[ X \ln(Y + R) + Y \ln(X + R) \right],
          \quad X = x + s a,\; Y = y + t b,\; R = \sqrt{X^2 + Y^2}

(Love 1929, doi 10.1098/rsta.1929.0009; Johnson 1985, eq. 3.25). The sum over pixels is a convolution; on a grid that
zeros double along each axis, the Fourier transform computes it without a neighbour (Hockney 1970; Liu, Wang and Liu
2000, doi 10.1016/S0043-1648(00)00427-0).
"""

import math
from collections.abc import Sequence
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ShapeError
from advsci_friction.contact.halfspace import HalfSpace

__all__ = ["FreeHalfSpace", "love_displacement"]


def love_displacement(x: Float[Tensor, "..."], y: Float[Tensor, "..."], a: float, b: float) -> Float[Tensor, "..."]:
    """Displacement under unit pressure on a rectangle, for a unit contact modulus.

    Parameters
    ----------
    x, y
        Place from the rectangle's centre [m].
    a, b
        Half of its sides along x and y [m].

    Returns
    -------
    Tensor
        Of the shape of x + y [m].

    Examples
    --------
    >>> far = love_displacement(torch.tensor(1.0, dtype=torch.float64), torch.tensor(0.0), 0.001, 0.001)
    >>> round(float(far / (4e-6 / math.pi)), 4)  # a point force F displaces by F / (pi E* r)
    1.0
    """
    total = torch.zeros(torch.broadcast_shapes(x.shape, y.shape), dtype=x.dtype, device=x.device)
    for s in (1.0, -1.0):
        for t in (1.0, -1.0):
            u, v = x + s * a, y + t * b
            # ln(v + R) = asinh(v / |u|) + ln |u|: the logarithms of |u| cancel over t, those of |v| over s
            total = total + s * t * (u * torch.asinh(v / u.abs()) + v * torch.asinh(u / v.abs()))
    return total / math.pi


class FreeHalfSpace(HalfSpace):
    """The displacement operator of a map that is pressed alone, for a unit contact modulus.

    Displacements are those against the undisturbed half-space far away, not of zero mean.

    Parameters
    ----------
    shape, size, device, dtype
        As in `advsci_friction.HalfSpace`, of maps.

    Raises
    ------
    ShapeError
        A profile: the displacement of a line load has no far away to be measured from.

    Examples
    --------
    >>> space = FreeHalfSpace((16, 16), (1e-6, 1e-6))
    >>> u = space.displace(torch.ones(16, 16, dtype=torch.float64))
    >>> bool(u[8, 8] > u[0, 0] > 0.0)  # a punch of even pressure sinks in most at its middle
    True
    """

    def __init__(
        self,
        shape: Sequence[int],
        size: Sequence[float],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__(shape, size, device=device, dtype=dtype)
        if len(self.shape) != 2:
            raise ShapeError(f"got {len(self.shape)} axis; expected a map for a free edge. Try: a periodic profile.")

    @cached_property
    def kernel(self) -> Tensor:
        """Half spectrum of Love's displacements on the doubled grid [m], real: the kernel is even."""
        steps = [length / n for n, length in zip(self.shape, self.size, strict=True)]
        far = [torch.fft.fftfreq(2 * n, 1.0 / (2 * n), dtype=torch.float64) for n in self.shape]
        y, x = (d * k for d, k in zip(steps, far, strict=True))
        u = love_displacement(x[None, :], y[:, None], 0.5 * steps[1], 0.5 * steps[0])
        return torch.fft.rfft2(u).real.to(self.device, self.dtype)

    @property
    def extremes(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest eigenvalue [m], bounded by those of the doubled periodic grid."""
        return self.kernel.amin().clamp_min(1e-3 * self.kernel.abs().median()), self.kernel.amax()

    def displace(self, p: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        r"""Displacement [m] of the surface under the pressures ``p`` for :math:`E^* = 1`: divide by :math:`E^*`."""
        ny, nx = self.shape
        grid = [2 * ny, 2 * nx]
        u = torch.fft.irfft2(torch.fft.rfft2(p, s=grid) * self.kernel, s=grid)
        return u[..., :ny, :nx]
