r"""Band-limited periodic maps as vectors of Fourier coefficients.

.. math:: h(x, y) = \sum_{k} a_k \cos 2\pi k \cdot r + b_k \sin 2\pi k \cdot r, \qquad |k_x|, |k_y| \le K,

on the unit cell, over one half plane of integer wavevectors k. A map of the band is known everywhere: on any grid of
at least :math:`2K + 2` pixels it is sampled exactly, so a design can be judged on a finer grid than it was made on.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ShapeError

__all__ = ["Band"]


class Band:
    """All maps with wavenumbers up to ``limit`` along each axis of the cell: vectors of length ``size``.

    Examples
    --------
    >>> from advsci_friction import Band
    >>> Band().limit > 0
    True
    """

    def __init__(self, limit: int = 8):
        self.limit = limit
        axis = torch.arange(-limit, limit + 1)
        ky, kx = torch.meshgrid(axis, torch.arange(0, limit + 1), indexing="ij")
        keep = (kx > 0) | (ky > 0)
        self.wavevectors = torch.stack([ky[keep], kx[keep]], 1)  # (m, 2), one of each pair k, -k
        self._edge = (self.wavevectors[:, 1] == 0).nonzero().flatten()  # those on the axis k_x = 0

    @property
    def size(self) -> int:
        """Number of coefficients: two a wavevector, :math:`(2K+1)^2 - 1`."""
        return 2 * len(self.wavevectors)

    def _columns(self, n: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        if n < 2 * self.limit + 2:
            raise ShapeError(
                f"got a grid of {n} pixels for wavenumbers up to {self.limit}; expected at least {2 * self.limit + 2}. "
                "Try: a finer grid."
            )
        ky, kx = self.wavevectors.to(device).T
        return ky % n, kx, self._edge.to(device)

    def synthesise(self, coefficients: Float[Tensor, "b m"], n: int) -> Float[Tensor, "b n n"]:
        """Heights on n x n pixels, zero mean; differentiable.

        Parameters
        ----------
        coefficients
            Coefficients of the shapes (n k).
        """
        half = coefficients.shape[1] // 2
        row, column, edge = self._columns(n, coefficients.device)
        modes = 0.5 * n * n * torch.complex(coefficients[:, :half], -coefficients[:, half:])
        flat = coefficients.new_zeros(coefficients.shape[0], n * (n // 2 + 1)).to(modes.dtype)
        flat = flat.index_add(1, row * (n // 2 + 1) + column, modes)
        # on the axis k_x = 0 a real map needs the conjugate mode as well
        mirrored = ((-row[edge]) % n) * (n // 2 + 1)
        flat = flat.index_add(1, mirrored, modes[:, edge].conj())
        return torch.fft.irfft2(flat.reshape(-1, n, n // 2 + 1), s=(n, n))

    def analyse(self, heights: Float[Tensor, "b n n"]) -> Float[Tensor, "b m"]:
        """Coefficients of the maps' part within the band.

        Parameters
        ----------
        heights
            Heights [m] (... y x).
        """
        n = heights.shape[-1]
        row, column, _ = self._columns(n, heights.device)
        modes = torch.fft.rfft2(heights)[:, row, column] * (2.0 / (n * n))
        return torch.cat([modes.real, -modes.imag], 1)

    def rms_slope(self, coefficients: Float[Tensor, "b m"]) -> Float[Tensor, " b"]:
        r""":math:`h' = (\overline{|\nabla h|^2})^{1/2}` on a cell of length 1, exact.

        Parameters
        ----------
        coefficients
            Coefficients of the shapes (n k).
        """
        q2 = (2.0 * math.pi) ** 2 * self.wavevectors.square().sum(1).to(coefficients)
        return (0.5 * coefficients.square() * q2.repeat(2)).sum(1).sqrt()

    def unit_slope(self, coefficients: Float[Tensor, "b m"]) -> Float[Tensor, "b m"]:
        """The same shape with rms slope 1.

        Parameters
        ----------
        coefficients
            Coefficients of the shapes (n k).
        """
        slope = self.rms_slope(coefficients).clamp_min(torch.finfo(coefficients.dtype).tiny)
        return coefficients / slope[:, None]

    def shift(self, coefficients: Float[Tensor, "b m"], by: Float[Tensor, "b 2"]) -> Float[Tensor, "b m"]:
        """The maps moved by (y, x), in units of the cell: exact for any part of a pixel.

        Parameters
        ----------
        coefficients
            Coefficients of the shapes (n k).
        """
        half = coefficients.shape[1] // 2
        a, b = coefficients[:, :half], coefficients[:, half:]
        phase = 2.0 * math.pi * by @ self.wavevectors.to(by).T
        cos, sin = torch.cos(phase), torch.sin(phase)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], 1)
