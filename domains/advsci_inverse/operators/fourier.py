r"""Undersampled Fourier (magnetic resonance) measurements with coil sensitivities.

:math:`y_c = M F (S_c x)`: the image times each coil's sensitivity, orthonormal FFT, sampling mask. The image is real,
or complex with a trailing dimension of 2; k-space always has a trailing dimension of 2 (real, imaginary).
"""

import torch
from torch import Tensor

from advsci.errors import ConfigError, ShapeError
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["FourierSampling", "cartesian_mask"]


def cartesian_mask(shape: tuple[int, int], acceleration: float, *, centre: float = 0.08, seed: int = 0) -> Tensor:
    """Random columns of k-space.

    Parameters
    ----------
    shape
        Height and width.
    acceleration
        One column in so many is measured.
    centre
        Share of the columns, those of lowest frequency, that are always included.
    seed
        Of the choice.

    Returns
    -------
    tensor [h, w]
        0 or 1, zero frequency first.

    Raises
    ------
    ConfigError
        An acceleration below 1, or a share outside [0, 1].
    """
    if acceleration < 1 or not 0 <= centre <= 1:
        raise ConfigError(
            f"got acceleration {acceleration}, centre {centre}; expected >= 1 and in [0, 1]. Try: 4 and 0.08."
        )
    width = shape[1]
    frequency = torch.fft.fftfreq(width).abs()
    kept = frequency <= centre / 2
    wanted = max(round(width / acceleration), int(kept.sum()))
    order = torch.rand(width, generator=torch.Generator().manual_seed(seed)) + 2.0 * (~kept)
    chosen = torch.zeros(width)
    chosen[order.argsort()[:wanted]] = 1.0
    return chosen.expand(shape).clone()


class FourierSampling(LinearOperator):
    """Masked orthonormal FFT of the image seen by each coil.

    Parameters
    ----------
    mask : tensor [h, w]
        0/1 in the FFT's own order (zero frequency first).
    coils : complex tensor [c, h, w], optional
        Sensitivities; one uniform coil if omitted.
    complex_image : bool
        The image is ``[h, w, 2]`` instead of real ``[h, w]``.
    """

    mask: Tensor
    coils: Tensor

    def __init__(self, mask: Tensor, coils: Tensor | None = None, *, complex_image: bool = False):
        shape = tuple(mask.shape)
        if coils is None:
            coils = torch.ones(1, *shape, dtype=torch.complex64)
        if coils.shape[1:] != mask.shape:
            raise ShapeError(
                f"got coil maps of shape {tuple(coils.shape)} ; expected [c, {shape[0]}, {shape[1]}] as the mask's. "
                "Try: resample the maps."
            )
        super().__init__((*shape, 2) if complex_image else shape, (coils.shape[0], *shape, 2))
        self.complex_image = complex_image
        self.register_buffer("mask", mask)
        self.register_buffer("coils", coils)

    def apply_forward(self, x: Tensor) -> Tensor:
        """``A x`` for images ``x`` ``[b, h, w]`` or ``[b, h, w, 2]``."""
        image = torch.view_as_complex(x.contiguous()) if self.complex_image else x
        spectrum = torch.fft.fft2(image[:, None] * self.coils.to(_complex(x.dtype)), norm="ortho")
        return torch.view_as_real(spectrum * self.mask.to(x.dtype))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """``A^T y`` for k-space ``y`` ``[b, c, h, w, 2]``."""
        spectrum = torch.view_as_complex(y.contiguous()) * self.mask.to(y.dtype)
        seen = torch.fft.ifft2(spectrum, norm="ortho")
        image = (seen * self.coils.to(_complex(y.dtype)).conj()).sum(1)
        return torch.view_as_real(image) if self.complex_image else image.real


def _complex(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype == torch.float64 else torch.complex64
