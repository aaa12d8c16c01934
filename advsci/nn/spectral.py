r"""The largest singular value of a linear layer, and layers divided by it.

The norm of a convolution is that of the *operator* on images, not of its kernel flattened into a matrix. On a torus
the discrete Fourier transform makes an :math:`n_1 \times n_2` convolution block diagonal, with one out x in matrix a
frequency (Sedghi et al. 2019, arXiv 1805.10408, theorem 6):

.. math:: \sigma = \max_\omega \sigma_{max}\big(\hat K(\omega)\big), \qquad
          \hat K_{oi}(\omega) = \sum_t K_{oi}(t)\, e^{-2 \pi i\, \omega \cdot t}

With stride s the s\ :sup:`2` frequencies that alias stand side by side, divided by s. A convolution with zero padding
is a compression of one on a torus that is larger by the kernel: its norm is at most that of the torus.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, normalize
from torch.nn.utils import parametrize

from advsci.errors import ConfigError, ShapeError

__all__ = ["SpectralNorm", "convolution_norm", "matrix_norm", "spectral_norm"]


def matrix_norm(weight: Float[Tensor, "out in_"]) -> Float[Tensor, ""]:
    """Largest singular value, exactly.

    Parameters
    ----------
    weight
        A matrix (out in).

    Returns
    -------
    Tensor
        A number.
    """
    return torch.linalg.matrix_norm(weight, ord=2)


def convolution_norm(
    kernel: Float[Tensor, "out in_ k1 k2"],
    size: Sequence[int],
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    circular: bool = False,
) -> Float[Tensor, ""]:
    """Spectral norm of a two-dimensional convolution on images of ``size`` (height, width), by FFT.

    Parameters
    ----------
    dilation
        Pixels between neighbouring entries of the kernel.
    groups
        Groups of channels that do not see each other.
    circular
        Exact for circular padding (sides divisible by the stride, at least as long as the dilated kernel). Otherwise
        the images are padded with zeros and the value is an upper bound, the norm on a torus larger by the kernel; it
        is nearly attained on images much larger than the kernel.

    Raises
    ------
    ShapeError
        On a torus the sides are shorter than the kernel, or not divisible by the stride.
    """
    reach = [dilation * (k - 1) + 1 for k in kernel.shape[2:]]
    sides = list(size) if circular else [-(-(n + r - 1) // stride) * stride for n, r in zip(size, reach, strict=True)]
    if any(n < r or n % stride for n, r in zip(sides, reach, strict=True)):
        raise ShapeError(
            f"got images of {tuple(size)} for a kernel that reaches over {tuple(reach)} with stride {stride}; expected "
            "sides no shorter and divisible by the stride. Try: larger images, or circular=False."
        )
    spread = kernel.new_zeros(*kernel.shape[:2], *reach)
    spread[:, :, ::dilation, ::dilation] = kernel
    n1, n2 = sides
    out, within = kernel.shape[0] // groups, kernel.shape[1]
    symbols = torch.fft.fft2(spread, s=(n1, n2)).reshape(
        groups, out, within, stride, n1 // stride, stride, n2 // stride
    )  # the frequencies k + j n/s (j = 0 ... s-1) of an axis alias to k
    symbols = symbols.permute(0, 4, 6, 1, 2, 3, 5).reshape(-1, out, within * stride * stride)
    return torch.linalg.matrix_norm(symbols, ord=2).max() / stride


class SpectralNorm(nn.Module):
    r"""Parametrization :math:`W \mapsto c\, W / \sigma(W)`.

    Parameters
    ----------
    layer
        The layer whose weight it is.
    bound
        :math:`c`, the Lipschitz constant that the layer gets.
    size
        Height and width of the images that a convolution meets.
    exact
        Compute :math:`\sigma` by a singular value decomposition (of the symbols, for a convolution) in every pass.
        Otherwise by ``iterations`` of power iteration a training pass, with its vector in a buffer (Miyato et al. 2018,
        arXiv 1802.05957, appendix A), on the operator itself: convolution and its transpose.

    Raises
    ------
    ConfigError
        The size of a convolution's images is missing, or its padding, stride or dilation is of a kind whose
        norm is not known.
    """

    vector: Tensor

    def __init__(
        self,
        layer: nn.Linear | nn.Conv2d,
        bound: float = 1.0,
        size: Sequence[int] | None = None,
        exact: bool = False,
        iterations: int = 1,
    ):
        super().__init__()
        self.bound = bound
        self.exact = exact
        self.iterations = iterations
        self.convolution: dict | None = None
        shape: tuple[int, ...] = (layer.weight.shape[1],)
        if isinstance(layer, nn.Conv2d):
            uneven = any(len(set(pair)) > 1 for pair in (layer.stride, layer.dilation, layer.padding))
            if size is None or isinstance(layer.padding, str) or uneven:
                raise ConfigError(
                    f"got {layer} with size={size}; expected the images' height and width, numeric padding, and "
                    "the same stride, dilation and padding on both axes. Try: spectral_norm(layer, size=(32, 32))."
                )
            if layer.padding_mode not in ("zeros", "circular"):
                raise ConfigError(
                    f"got padding_mode='{layer.padding_mode}'; expected 'zeros' or 'circular'. Try: 'zeros'."
                )
            self.convolution = {"stride": layer.stride[0], "dilation": layer.dilation[0], "groups": layer.groups}
            self.circular = layer.padding_mode == "circular"
            self.padding = layer.padding[0]
            self.size = tuple(size)
            shape = (1, layer.in_channels, *self.size)
            if self.circular and not exact:
                raise ConfigError(f"got {layer} with circular padding; expected exact=True for it. Try: exact=True.")
        generator = torch.Generator().manual_seed(0)
        start = normalize(torch.randn(shape, generator=generator).flatten(), dim=0).reshape(shape)
        self.register_buffer("vector", start.to(layer.weight.device, layer.weight.dtype))
        if not exact:
            for _ in range(15):
                self._iterate(layer.weight.detach())

    def _product(self, weight: Tensor, x: Tensor) -> Tensor:
        if self.convolution is None:
            return weight @ x
        return conv2d(x, weight, padding=self.padding, **self.convolution)

    def _adjoint(self, weight: Tensor, y: Tensor) -> Tensor:
        if self.convolution is None:
            return weight.T @ y
        reach = [self.convolution["dilation"] * (k - 1) + 1 for k in weight.shape[2:]]
        lost = [(n + 2 * self.padding - r) % self.convolution["stride"] for n, r in zip(self.size, reach, strict=True)]
        return conv_transpose2d(y, weight, padding=self.padding, output_padding=lost, **self.convolution)

    @torch.no_grad()
    def _iterate(self, weight: Tensor) -> None:
        v = self._adjoint(weight, self._product(weight, self.vector))
        self.vector.copy_(normalize(v.flatten(), dim=0).view_as(v))

    def norm(self, weight: Tensor) -> Float[Tensor, ""]:
        r""":math:`\sigma(W)`, differentiable in ``weight``."""
        if self.exact:
            if self.convolution is None:
                return matrix_norm(weight)
            return convolution_norm(weight, self.size, circular=self.circular, **self.convolution)
        return self._product(weight, self.vector.clone()).norm()

    def forward(self, weight: Tensor) -> Tensor:
        """``weight``, scaled to the bound on its spectral norm."""
        if self.training and not self.exact:
            for _ in range(self.iterations):
                self._iterate(weight)
        return weight * (self.bound / self.norm(weight))

    def right_inverse(self, weight: Tensor) -> Tensor:
        """``weight`` itself, as initial value of the parameter."""
        return weight


def spectral_norm(
    layer: nn.Module,
    bound: float = 1.0,
    *,
    size: Sequence[int] | None = None,
    exact: bool = False,
    iterations: int = 1,
) -> nn.Module:
    """``layer`` with its weight divided by its spectral norm; the parameters are those of `SpectralNorm`.

    Bounding the layers bounds a chain of them; at sums and branches the bounds add up
    (`advsci.diagnostics.lipschitz_bound`).

    Parameters
    ----------
    layer
        A linear layer or a two-dimensional convolution; it is changed in place.
    bound
        Lipschitz constant that the layer gets.
    size
        Height and width of the images that a convolution meets.
    exact
        Compute the norm exactly in every pass, and not by power iteration.
    iterations
        Steps of power iteration per training pass.

    Returns
    -------
    nn.Module
        The same layer.

    Raises
    ------
    ConfigError
        The layer is neither linear nor a convolution of images.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import spectral_norm
    >>> layer = spectral_norm(torch.nn.Linear(4, 3), exact=True)
    >>> round(torch.linalg.matrix_norm(layer.weight, ord=2).item(), 4)
    1.0
    """
    if not isinstance(layer, nn.Linear | nn.Conv2d):
        raise ConfigError(f"got a {type(layer).__name__}; expected Linear or Conv2d. Try: each such layer inside it.")
    return parametrize.register_parametrization(layer, "weight", SpectralNorm(layer, bound, size, exact, iterations))
