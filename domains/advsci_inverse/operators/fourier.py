r"""Undersampled Fourier (magnetic resonance) measurements with coil sensitivities.

:math:`y_c = M F (S_c x)`: the image times each coil's sensitivity, orthonormal FFT, sampling mask. The image is real,
or complex with a trailing dimension of 2; k-space always has a trailing dimension of 2 (real, imaginary). A film of
frames, each with a mask of its own, is `DynamicSampling`.
"""

import torch
from torch import Tensor

from advsci.errors import ConfigError, ShapeError
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["DynamicSampling", "FourierSampling", "cartesian_mask"]


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

    Raises
    ------
    ShapeError
        The coil maps have another shape than the mask.
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
        return self.unmasked(x) * self.mask.to(x.dtype)[..., None]

    def unmasked(self, x: Tensor) -> Tensor:
        """The whole k-space of every coil.

        Parameters
        ----------
        x
            Images ``[b, h, w]`` or ``[b, h, w, 2]``.

        Returns
        -------
        tensor [b, c, h, w, 2]
            Before the mask.
        """
        image = torch.view_as_complex(x.contiguous()) if self.complex_image else x
        return torch.view_as_real(torch.fft.fft2(image[:, None] * self.coils.to(_complex(x.dtype)), norm="ortho"))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """``A^T y`` for k-space ``y`` ``[b, c, h, w, 2]``."""
        return self.combined(y * self.mask.to(y.dtype)[..., None])

    def combined(self, y: Tensor) -> Tensor:
        """The adjoint of `unmasked`: inverse FFT, every coil by its conjugate sensitivity, sum.

        Parameters
        ----------
        y
            k-space ``[b, c, h, w, 2]``.

        Returns
        -------
        tensor [b, h, w] or [b, h, w, 2]
            Images.
        """
        seen = torch.fft.ifft2(torch.view_as_complex(y.contiguous()), norm="ortho")
        image = (seen * self.coils.to(_complex(y.dtype)).conj()).sum(1)
        return torch.view_as_real(image) if self.complex_image else image.real


class DynamicSampling(LinearOperator):
    """A film, each frame of which is sampled by a mask of its own: dynamic (k-t) magnetic resonance.

    Parameters
    ----------
    masks : tensor [t, h, w]
        0/1, zero frequency first.
    coils : complex tensor [c, h, w], optional
        Sensitivities, the same in every frame; one uniform coil if omitted.
    complex_image : bool
        The film is ``[t, h, w, 2]`` instead of real ``[t, h, w]``.

    Raises
    ------
    ShapeError
        Masks without a frame axis, or coil maps of another size.

    Examples
    --------
    >>> masks = torch.stack([cartesian_mask((8, 8), 2.0, seed=k) for k in range(3)])
    >>> DynamicSampling(masks)(torch.ones(3, 8, 8)).shape  # frames, coils, k-space, real and imaginary
    torch.Size([3, 1, 8, 8, 2])
    """

    masks: Tensor

    def __init__(self, masks: Tensor, coils: Tensor | None = None, *, complex_image: bool = False):
        if masks.dim() != 3:
            raise ShapeError(
                f"got masks of shape {tuple(masks.shape)}; expected one per frame, [t, h, w]. Try: torch.stack(masks)."
            )
        frames = [FourierSampling(mask, coils, complex_image=complex_image) for mask in masks]
        super().__init__((len(frames), *frames[0].image_shape), (len(frames), *frames[0].data_shape))
        self.frame = frames[0]
        self.register_buffer("masks", masks)

    def _masked(self, y: Tensor) -> Tensor:
        return y * self.masks.to(y.dtype)[None, :, None, :, :, None]

    def apply_forward(self, x: Tensor) -> Tensor:
        """k-space ``[b, t, c, h, w, 2]`` of films ``x`` ``[b, t, h, w]``."""
        whole = self.frame.unmasked(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self._masked(whole)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Films of k-space ``y`` ``[b, t, c, h, w, 2]``."""
        return self.frame.combined(self._masked(y).flatten(0, 1)).unflatten(0, y.shape[:2])


def _complex(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype == torch.float64 else torch.complex64
