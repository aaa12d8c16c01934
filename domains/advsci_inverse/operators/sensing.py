r"""Compressed sensing: random Gaussian rows, and random rows of the orthonormal DCT and Walsh-Hadamard transforms.

The last two keep no matrix: one fast transform, a random sign flip of the pixels (which makes the rows incoherent with
images), and a random choice of ``m`` of the ``n`` coefficients, scaled by :math:`\sqrt{n/m}` so that
:math:`\mathbb E\|Ax\|^2=\|x\|^2` as for Gaussian rows of variance :math:`1/m`.
"""

import math

import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.operators.matrices import DenseOperator

__all__ = ["SubsampledDCT", "SubsampledHadamard", "dct", "gaussian_sensing", "hadamard_transform", "idct"]


def gaussian_sensing(
    measurements: int, image_shape: tuple[int, ...], *, seed: int = 0, dtype: torch.dtype = torch.float32
) -> DenseOperator:
    """Rows of independent normal entries with variance ``1 / measurements`` (Bora et al. 2017, arXiv 1703.03208).

    Parameters
    ----------
    measurements
        Rows.
    image_shape
        Shape of the images.
    seed
        Of the entries.
    dtype
        Of the matrix.

    Returns
    -------
    DenseOperator
        The operator.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(measurements, math.prod(image_shape), generator=generator, dtype=torch.float64)
    return DenseOperator((rows / math.sqrt(measurements)).to(dtype), image_shape)


def _dct_matrix(n: int, like: Tensor) -> Tensor:
    k = torch.arange(n, dtype=torch.float64, device=like.device)
    basis = torch.cos(math.pi * (k[None] + 0.5) * k[:, None] / n) * math.sqrt(2.0 / n)
    basis[0] /= math.sqrt(2.0)
    return basis.to(like.dtype)


def dct(x: Tensor) -> Tensor:
    """Orthonormal two-dimensional DCT-II.

    Parameters
    ----------
    x
        Images ``[..., h, w]``.

    Returns
    -------
    tensor [..., h, w]
        Coefficients.
    """
    return _dct_matrix(x.shape[-2], x) @ x @ _dct_matrix(x.shape[-1], x).T


def idct(c: Tensor) -> Tensor:
    """Inverse (and adjoint) of `dct`.

    Parameters
    ----------
    c
        Coefficients ``[..., h, w]``.

    Returns
    -------
    tensor [..., h, w]
        Images.
    """
    return _dct_matrix(c.shape[-2], c).T @ c @ _dct_matrix(c.shape[-1], c)


def hadamard_transform(x: Tensor) -> Tensor:
    """Orthonormal Walsh-Hadamard transform; its own inverse.

    Parameters
    ----------
    x
        ``[..., n]`` with n a power of two.

    Returns
    -------
    tensor [..., n]
        Coefficients.

    Raises
    ------
    ConfigError
        Another length.
    """
    n = x.shape[-1]
    if n & (n - 1):
        raise ConfigError(f"got length {n}; expected a power of two for the Hadamard transform. Try: pad the image.")
    lead, half = x.shape[:-1], 1
    while half < n:
        pair = x.reshape(*lead, n // (2 * half), 2, half)
        x = torch.stack([pair[..., 0, :] + pair[..., 1, :], pair[..., 0, :] - pair[..., 1, :]], -2).reshape(*lead, n)
        half *= 2
    return x / math.sqrt(n)


class _Subsampled(LinearOperator):
    signs: Tensor
    chosen: Tensor

    def __init__(self, measurements: int, image_shape: tuple[int, int], length: int, seed: int):
        super().__init__(image_shape, (measurements,))
        if not 1 <= measurements <= length:
            raise ConfigError(f"got {measurements} measurements; expected between 1 and {length}. Try: half of that.")
        generator = torch.Generator().manual_seed(seed)
        signs = torch.randint(2, (self.image_size,), generator=generator) * 2.0 - 1.0
        self.register_buffer("signs", signs.reshape(self.image_shape))
        self.register_buffer("chosen", torch.randperm(length, generator=generator)[:measurements].sort().values)
        self.length, self.gain = length, math.sqrt(length / measurements)

    def _spread(self, y: Tensor) -> Tensor:
        full = y.new_zeros(y.shape[0], self.length)
        return full.index_copy(1, self.chosen, y * self.gain)


class SubsampledDCT(_Subsampled):
    """``m`` random coefficients of the DCT of the sign-flipped image.

    Parameters
    ----------
    measurements
        :math:`m`.
    image_shape
        Height and width.
    seed
        Of signs and choice.

    Raises
    ------
    ConfigError
        More measurements than coefficients.
    """

    def __init__(self, measurements: int, image_shape: tuple[int, int], *, seed: int = 0):
        super().__init__(measurements, image_shape, math.prod(image_shape), seed)

    def apply_forward(self, x: Tensor) -> Tensor:
        """Coefficients ``[b, m]`` of ``x``."""
        return dct(x * self.signs.to(x.dtype)).flatten(1)[:, self.chosen] * self.gain

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Images ``[b, h, w]`` of coefficients ``y``."""
        return idct(self._spread(y).reshape(-1, *self.image_shape)) * self.signs.to(y.dtype)


class SubsampledHadamard(_Subsampled):
    """``m`` random Walsh-Hadamard coefficients of the sign-flipped, zero-padded image (single-pixel camera).

    Parameters
    ----------
    measurements
        :math:`m`.
    image_shape
        Height and width.
    seed
        Of signs and choice.

    Raises
    ------
    ConfigError
        More measurements than coefficients.
    """

    def __init__(self, measurements: int, image_shape: tuple[int, int], *, seed: int = 0):
        super().__init__(measurements, image_shape, 1 << (math.prod(image_shape) - 1).bit_length(), seed)

    def apply_forward(self, x: Tensor) -> Tensor:
        """Coefficients ``[b, m]`` of ``x``."""
        flat = torch.nn.functional.pad((x * self.signs.to(x.dtype)).flatten(1), (0, self.length - self.image_size))
        return hadamard_transform(flat)[:, self.chosen] * self.gain

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Images ``[b, h, w]`` of coefficients ``y``."""
        flat = hadamard_transform(self._spread(y))[:, : self.image_size]
        return flat.reshape(-1, *self.image_shape) * self.signs.to(y.dtype)
