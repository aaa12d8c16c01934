"""Filtered back-projection for parallel beams (Kak and Slaney 1988, section 3.3)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["filtered_back_projection"]


def filtered_back_projection(
    operator: LinearOperator, y: Float[Tensor, "n views bins"], *, window: str = "ramp"
) -> Float[Tensor, "n h w"]:
    """Ramp-filtered projections, smeared back by the exact adjoint.

    Parameters
    ----------
    operator
        Parallel-beam operator with views equispaced over half a turn and unit-width bins.
    y
        Projections.
    window
        ``"ramp"``, or ``"hann"`` that damps high frequencies.

    Returns
    -------
    tensor [n, h, w]
        Reconstructions, not clipped.

    Raises
    ------
    ConfigError
        Another window.

    Examples
    --------
    >>> from advsci_inverse.operators import Radon, equispaced_angles
    >>> scanner = Radon(16, equispaced_angles(24))
    >>> disc = torch.zeros(1, 16, 16)
    >>> disc[:, 5:11, 5:11] = 1.0
    >>> found = filtered_back_projection(scanner, scanner(disc))
    >>> bool((found - disc).abs().mean() < 0.1)
    True
    """
    if window not in ("ramp", "hann"):
        raise ConfigError(f"got window '{window}'; expected 'ramp' or 'hann'. Try: ramp.")
    views, bins = y.shape[-2:]
    length = 2 ** math.ceil(math.log2(2 * bins))
    k = torch.fft.fftfreq(length, 1 / length, device=y.device, dtype=torch.float64)
    kernel = torch.where(k % 2 == 1, -1.0 / (math.pi * k).square().clamp(min=1.0), torch.zeros_like(k))
    kernel[0] = 0.25
    response = torch.fft.fft(kernel).real
    if window == "hann":
        response = response * (0.5 + 0.5 * torch.cos(2 * math.pi * k / length))
    filtered = torch.fft.ifft(torch.fft.fft(y, n=length) * response.to(y.dtype)).real[..., :bins]
    return operator.adjoint(filtered.contiguous()) * (math.pi / views)
