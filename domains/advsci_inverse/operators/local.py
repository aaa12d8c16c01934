"""Operators that act near each pixel: blur, inpainting, downsampling."""

import torch
from torch import Tensor

from advsci.errors import ConfigError, ShapeError
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["Blur", "Downsampling", "Inpainting", "gaussian_kernel"]


def gaussian_kernel(sigma: float, radius: int | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
    """Normalised Gaussian.

    Parameters
    ----------
    sigma
        Standard deviation [pixels].
    radius
        Pixels beside the centre; three standard deviations if omitted.
    dtype
        Of the kernel.

    Returns
    -------
    tensor [2 radius + 1, 2 radius + 1]
        The kernel.

    Raises
    ------
    ConfigError
        A width that is not positive.
    """
    if sigma <= 0:
        raise ConfigError(f"got sigma {sigma}; expected a positive width in pixels. Try: 1.5.")
    reach = radius if radius is not None else max(1, round(3 * sigma))
    t = torch.arange(-reach, reach + 1, dtype=torch.float64)
    line = torch.exp(-0.5 * (t / sigma) ** 2)
    kernel = torch.outer(line, line)
    return (kernel / kernel.sum()).to(dtype)


class Blur(LinearOperator):
    """Convolution with a kernel of odd size, by FFT; periodic, or zero outside the image (the default).

    Parameters
    ----------
    kernel
        Two odd sizes.
    image_shape
        Height and width.
    periodic
        Whether the image goes on at its other side.

    Raises
    ------
    ShapeError
        An even size, or a kernel larger than a periodic image.
    """

    kernel: Tensor

    def __init__(self, kernel: Tensor, image_shape: tuple[int, int], *, periodic: bool = False):
        super().__init__(image_shape, image_shape)
        if kernel.dim() != 2 or kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
            raise ShapeError(
                f"got a kernel of shape {tuple(kernel.shape)}; expected two odd sizes. Try: pad it with zeros."
            )
        if periodic and any(k > n for k, n in zip(kernel.shape, image_shape, strict=True)):
            raise ShapeError(
                f"got a kernel of shape {tuple(kernel.shape)} for a periodic image of {image_shape}; expected less "
                "than the image. Try: periodic=False."
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
        """Blurred images ``[b, h, w]`` of ``x``."""
        return self._filtered(x, self._transfer(x.dtype))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Correlation of ``y`` ``[b, h, w]`` with the kernel."""
        return self._filtered(y, self._transfer(y.dtype).conj())


class Inpainting(LinearOperator):
    """Pixels where ``mask`` is non-zero are seen; the data are the image with the rest set to zero.

    Parameters
    ----------
    mask
        ``[h, w]``.
    """

    mask: Tensor

    def __init__(self, mask: Tensor):
        super().__init__(tuple(mask.shape), tuple(mask.shape))
        self.register_buffer("mask", (mask != 0).float())

    def apply_forward(self, x: Tensor) -> Tensor:
        """Images ``x`` ``[b, h, w]`` with zeros where nothing is seen."""
        return x * self.mask.to(x.dtype)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """The same map of ``y`` ``[b, h, w]``."""
        return y * self.mask.to(y.dtype)


class Downsampling(LinearOperator):
    """Mean over ``factor x factor`` blocks.

    Parameters
    ----------
    factor
        Side of a block [pixels].
    image_shape
        Height and width, both divisible by it.

    Raises
    ------
    ConfigError
        A side is not.
    """

    def __init__(self, factor: int, image_shape: tuple[int, int]):
        if factor < 1 or any(n % factor for n in image_shape):
            raise ConfigError(
                f"got factor {factor} for images of {image_shape}; expected a divisor of both sizes. Try: 2."
            )
        super().__init__(image_shape, (image_shape[0] // factor, image_shape[1] // factor))
        self.factor = factor

    def apply_forward(self, x: Tensor) -> Tensor:
        """Block means of ``x`` ``[b, h, w]``."""
        (h, w), f = self.data_shape, self.factor
        return x.reshape(-1, h, f, w, f).mean((2, 4))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Blocks of ``y`` over their number of pixels, ``[b, h, w]``."""
        f = self.factor
        return y.repeat_interleave(f, -2).repeat_interleave(f, -1) / f**2
