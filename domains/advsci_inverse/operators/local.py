"""Operators that act near each pixel: blur, inpainting, downsampling."""

import torch
from torch import Tensor

from advsci.errors import ConfigError, ShapeError
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["Blur", "Downsampling", "Inpainting", "gaussian_kernel"]


def gaussian_kernel(sigma: float, radius: int | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
    """Normalised Gaussian of standard deviation ``sigma`` pixels, ``[2 radius + 1, 2 radius + 1]``."""
    if sigma <= 0:
        raise ConfigError(f"got sigma {sigma}; expected a positive width in pixels")
    reach = radius if radius is not None else max(1, round(3 * sigma))
    t = torch.arange(-reach, reach + 1, dtype=torch.float64)
    line = torch.exp(-0.5 * (t / sigma) ** 2)
    kernel = torch.outer(line, line)
    return (kernel / kernel.sum()).to(dtype)


class Blur(LinearOperator):
    """Convolution with a kernel of odd size, by FFT; periodic, or zero outside the image (the default)."""

    kernel: Tensor

    def __init__(self, kernel: Tensor, image_shape: tuple[int, int], *, periodic: bool = False):
        super().__init__(image_shape, image_shape)
        if kernel.dim() != 2 or kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
            raise ShapeError(f"got a kernel of shape {tuple(kernel.shape)}; expected two odd sizes")
        if periodic and any(k > n for k, n in zip(kernel.shape, image_shape, strict=True)):
            raise ShapeError(
                f"got a kernel of shape {tuple(kernel.shape)} larger than the periodic image {image_shape}"
            )
        pad = (0, 0) if periodic else (kernel.shape[0] - 1, kernel.shape[1] - 1)
        self.grid = (image_shape[0] + pad[0], image_shape[1] + pad[1])
        self.register_buffer("kernel", kernel)

    def _transfer(self, dtype: torch.dtype) -> Tensor:
        spread = self.kernel.new_zeros(self.grid).to(dtype)
        spread[: self.kernel.shape[0], : self.kernel.shape[1]] = self.kernel.to(dtype)
        centred = spread.roll((-(self.kernel.shape[0] // 2), -(self.kernel.shape[1] // 2)), (0, 1))
        return torch.fft.rfft2(centred)

    def _filtered(self, x: Tensor, transfer: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(x, s=self.grid) * transfer
        return torch.fft.irfft2(spectrum, s=self.grid)[..., : self.image_shape[0], : self.image_shape[1]]

    def apply_forward(self, x: Tensor) -> Tensor:
        return self._filtered(x, self._transfer(x.dtype))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self._filtered(y, self._transfer(y.dtype).conj())


class Inpainting(LinearOperator):
    """Pixels where ``mask`` is non-zero are seen; the data are the image with the rest set to zero."""

    mask: Tensor

    def __init__(self, mask: Tensor):
        super().__init__(tuple(mask.shape), tuple(mask.shape))
        self.register_buffer("mask", (mask != 0).float())

    def apply_forward(self, x: Tensor) -> Tensor:
        return x * self.mask.to(x.dtype)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return y * self.mask.to(y.dtype)


class Downsampling(LinearOperator):
    """Mean over ``factor x factor`` blocks."""

    def __init__(self, factor: int, image_shape: tuple[int, int]):
        if factor < 1 or any(n % factor for n in image_shape):
            raise ConfigError(f"got factor {factor} for images of {image_shape}; expected a divisor of both sizes")
        super().__init__(image_shape, (image_shape[0] // factor, image_shape[1] // factor))
        self.factor = factor

    def apply_forward(self, x: Tensor) -> Tensor:
        (h, w), f = self.data_shape, self.factor
        return x.reshape(-1, h, f, w, f).mean((2, 4))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        f = self.factor
        return y.repeat_interleave(f, -2).repeat_interleave(f, -1) / f**2
