r"""Roughness statistics of periodic maps, differentiable, from their Fourier coefficients.

Spectral moments :math:`m_n` are averages over directions; for an isotropic surface :math:`\overline{|\nabla h|^2} = 2
m_2`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci_friction.contact.halfspace import HalfSpace

__all__ = ["Roughness", "bearing_area", "power_spectrum", "roughness"]


@dataclass(frozen=True)
class Roughness:
    """Statistics of each map.

    Attributes
    ----------
    height, slope, curvature
        Root mean square of the height [m], of the slope's length, and of the Laplacian [1/m].
    nayak
        :math:`m_0 m_4 / m_2^2`, at least 1.5 for an isotropic Gaussian surface.
    depth
        Peak to valley [m].
    """

    height: Float[Tensor, "..."]
    slope: Float[Tensor, "..."]
    curvature: Float[Tensor, "..."]
    nayak: Float[Tensor, "..."]
    depth: Float[Tensor, "..."]


def _power(heights: Tensor, space: HalfSpace) -> Tensor:
    """Contribution of each mode of the half spectrum to the variance."""
    pixels = heights[(0,) * (heights.dim() - len(space.dims))].numel()
    power = torch.fft.rfftn(heights, dim=space.dims).abs().square() / pixels**2
    twice = torch.full((space.shape[-1] // 2 + 1,), 2.0, dtype=heights.dtype, device=heights.device)
    twice[0] = 1.0
    if space.shape[-1] % 2 == 0:
        twice[-1] = 1.0
    return power * twice


def roughness(heights: Float[Tensor, "..."], size: tuple[float, ...]) -> Roughness:
    """Statistics of profiles (\\*batch, n) or maps (\\*batch, ny, nx) with periods ``size`` [m].

    Examples
    --------
    >>> import torch
    >>> x = torch.arange(32, dtype=torch.float64) / 32
    >>> heights = 1e-9 * torch.cos(2 * torch.pi * x)[:, None] * torch.cos(2 * torch.pi * x)[None, :]
    >>> from advsci_friction import roughness
    >>> round(float(roughness(heights, (1e-6, 1e-6)).height) * 1e9, 3)
    0.5
    """
    space = HalfSpace(heights.shape[-len(size) :], size, device=heights.device, dtype=heights.dtype)
    power = _power(heights, space)
    q2 = space.wavenumber.square()
    m0 = (power * (q2 > 0.0)).sum(space.dims)
    m2, m4 = (power * q2).sum(space.dims), (power * q2.square()).sum(space.dims)
    # directional averages of an isotropic surface: m_2 = |grad h|^2 / 2, m_4 = 3/8 of the Laplacian's variance
    factor = 1.5 if len(size) == 2 else 1.0
    depth = heights.amax(space.dims) - heights.amin(space.dims)
    return Roughness(m0.sqrt(), m2.sqrt(), m4.sqrt(), factor * m0 * m4 / m2.square(), depth)


def bearing_area(heights: Float[Tensor, "..."], levels: Float[Tensor, " l"], axes: int = 2) -> Float[Tensor, "..."]:
    """Share of the surface above each level (..., l): the Abbott curve, the contact of a solid that only cuts.

    Parameters
    ----------
    heights
        Heights [m] (... y x).
    levels
        Heights [m] (k).
    axes
        1 for profiles, 2 for maps.
    """
    flat = heights.flatten(-axes) if axes > 1 else heights
    return (flat[..., None, :] > levels[:, None]).to(heights.dtype).mean(-1)


def power_spectrum(
    heights: Float[Tensor, "n n"], size: float, bins: int = 24
) -> tuple[Float[Tensor, " bins"], Float[Tensor, " bins"]]:
    r"""Isotropic power spectrum C(q) [m^4] on logarithmic bins of q [rad/m]; NaN in empty bins.

    Normalised so that :math:`\overline{h^2} = 2\pi \int q\,C(q)\,dq`.

    Parameters
    ----------
    heights
        Heights [m] (... y x).
    size
        Length of each side of the map [m].
    """
    space = HalfSpace(heights.shape, (size, size), device=heights.device, dtype=heights.dtype)
    q, power = space.wavenumber.flatten(), _power(heights, space).flatten()
    keep = q > 0.0
    q, power = q[keep], power[keep]
    edges = torch.logspace(
        float(q.min().log10()) - 1e-6, float(q.max().log10()) + 1e-6, bins + 1, dtype=q.dtype, device=q.device
    )
    which = torch.bucketize(q, edges) - 1
    total = torch.zeros(bins, dtype=q.dtype, device=q.device).index_add(0, which, power)
    area = torch.pi * (edges[1:].square() - edges[:-1].square())
    found = torch.zeros_like(total).index_add(0, which, torch.ones_like(power))
    spectrum = torch.where(found > 0.0, total / area, torch.full_like(total, torch.nan))
    return (edges[1:] * edges[:-1]).sqrt(), spectrum
