r"""Style-based generator: a mapped latent vector sets the scale of every layer's features.

Karras et al. 2019, arXiv 1812.04948 (mapping network, AdaIN, style mixing, truncation) and 2020, arXiv 1912.04958
(modulated convolution). A style :math:`w` reaches each layer through a learned affine map, and acts on it by one of

.. math:: \mathrm{AdaIN}(x, w)_c = (1 + s_c) \frac{x_c - \mu_c(x)}{\sigma_c(x)} + b_c, \qquad
    W'_{oik} = \frac{s_i W_{oik}}{\sqrt{\sum_{ik} (s_i W_{oik})^2 + \epsilon}}

There is no noise input: a generator is a function of its latent vector.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu

from advsci.errors import ConfigError
from advsci.nn.condition import ConditionEmbedding
from advsci.nn.equalised import EqualisedConv2d, EqualisedLinear
from advsci.nn.norm import PixelNorm
from advsci.nn.resampling import upsample

__all__ = ["AdaIN", "MappingNetwork", "ModulatedConv2d", "StyleGenerator"]


class AdaIN(nn.Module):
    """Adaptive instance normalisation: each channel gets the mean and standard deviation that the style asks for."""

    def __init__(self, channels: int, style: int, eps: float = 1e-8):
        super().__init__()
        self.affine = EqualisedLinear(style, 2 * channels)
        self.eps = eps

    def forward(self, x: Float[Tensor, "n c h w"], w: Float[Tensor, "n style"]) -> Float[Tensor, "n c h w"]:
        """Maps ``x`` (n c h w), normalised, with the scale and shift of styles ``w`` (n style)."""
        scale, shift = self.affine(w)[:, :, None, None].chunk(2, dim=1)
        variance, mean = torch.var_mean(x, dim=(2, 3), keepdim=True, correction=0)
        return (1.0 + scale) * (x - mean) * torch.rsqrt(variance + self.eps) + shift


class ModulatedConv2d(nn.Module):
    """A convolution whose input channels the style scales, and whose outputs are brought back to unit variance.

    Parameters
    ----------
    inputs, outputs, kernel
        Channels and odd kernel size.
    style
        Length of the styles.
    demodulate
        Divide each output channel's weights by their norm; False for the last layer, to the image.
    """

    def __init__(self, inputs: int, outputs: int, style: int, kernel: int = 3, *, demodulate: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = EqualisedLinear(style, inputs, bias=1.0)
        self.demodulate = demodulate

    def forward(self, x: Float[Tensor, "n c h w"], w: Float[Tensor, "n style"]) -> Float[Tensor, "n d h w"]:
        """Convolution of maps ``x`` (n c h w) whose weights are scaled by styles ``w`` (n style)."""
        s = self.affine(w)
        weight = self.weight * self.weight[0].numel() ** -0.5
        # scaling inputs and outputs equals scaling the weights, without a separate convolution for every sample
        y = conv2d(x * s[:, :, None, None], weight, padding=weight.shape[-1] // 2)
        if self.demodulate:
            norm2 = s.square() @ weight.square().sum((2, 3)).T
            y = y * torch.rsqrt(norm2 + 1e-8)[:, :, None, None]
        return y + self.bias[:, None, None]


class MappingNetwork(nn.Module):
    """Normalised latent vectors (and a condition) to styles; its learning rate is a hundredth of the others'."""

    def __init__(self, latent: int, style: int, depth: int = 4, *, condition: int = 0):
        super().__init__()
        self.norm = PixelNorm()
        self.condition = ConditionEmbedding(condition, latent) if condition else None
        widths = [latent if self.condition is None else 2 * latent, *[style] * depth]
        self.layers = nn.ModuleList(
            EqualisedLinear(a, b, multiplier=0.01) for a, b in zip(widths, widths[1:], strict=False)
        )

    def forward(
        self, z: Float[Tensor, "n latent"], condition: Shaped[Tensor, "n *k"] | None = None
    ) -> Float[Tensor, "n style"]:
        """Styles (n style) of latent vectors ``z`` (n latent) under ``condition``, None where there is none."""
        w = self.norm(z)
        if self.condition is not None:
            w = torch.cat([w, self.norm(self.condition(condition))], dim=1)
        for layer in self.layers:
            w = leaky_relu(layer(w), 0.2) * 2.0**0.5
        return w


class StyleGenerator(nn.Module):
    r"""Latent vectors to images of side ``base * 2**(len(widths) - 1)``.

    Parameters
    ----------
    latent
        Length of one latent vector. With style mixing the generator takes two of them and one more normal number:
        `inputs`.
    channels, base, widths
        Channels of the images, side of the coarsest stage, channels of the stages, coarse to fine.
    style, depth
        Length of the styles, and layers of the mapping network.
    modulation
        ``"weight"`` (modulated convolution) or ``"adain"``.
    mixing
        Share of samples whose finer layers follow a second style from a random layer on. The last input u decides by
        :math:`\Phi(u)`, so that the image is a function of the input, and only while training.
    condition
        Length of a condition vector, or number of classes; 0 for none.

    Attributes
    ----------
    inputs
        Length of the vectors that `forward` takes, for the latent prior: ``Gaussian(generator.inputs)``.

    Raises
    ------
    ConfigError
        The modulation is unknown.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import StyleGenerator
    >>> StyleGenerator(8, channels=1, widths=(8, 8))(torch.zeros(2, 8)).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self,
        latent: int,
        channels: int = 1,
        base: int = 4,
        widths: Sequence[int] = (64, 32, 16, 16),
        *,
        style: int = 64,
        depth: int = 4,
        modulation: Literal["weight", "adain"] = "weight",
        mixing: float = 0.0,
        condition: int = 0,
    ):
        super().__init__()
        if modulation not in ("weight", "adain"):
            raise ConfigError(f"got modulation '{modulation}'; expected 'weight' or 'adain'. Try: 'weight'.")
        self.latent = latent
        self.mixing = mixing
        self.inputs = 2 * latent + 1 if mixing > 0.0 else latent
        self.mapping = MappingNetwork(latent, style, depth, condition=condition)
        self.constant = nn.Parameter(torch.randn(widths[0], base, base))
        before = [widths[0], *widths[:-1]]
        layer = ModulatedConv2d if modulation == "weight" else _AdaINConv2d
        self.layers = nn.ModuleList(
            layer(a, b, style) for w0, w1 in zip(before, widths, strict=True) for a, b in ((w0, w1), (w1, w1))
        )
        self.to_image = nn.ModuleList(
            ModulatedConv2d(w, channels, style, 1, demodulate=False)
            if modulation == "weight"
            else _StylelessConv2d(w, channels)
            for w in widths
        )

    def forward(
        self, z: Float[Tensor, "n inputs"], condition: Shaped[Tensor, "n *k"] | None = None
    ) -> Float[Tensor, "n c h w"]:
        """Images (n c h w) from ``z`` (n inputs: latent vectors, mixing) under ``condition``, None for none."""
        w = self.mapping(z[:, : self.latent], condition)
        if not (self.mixing > 0.0 and self.training):
            return self.synthesise([w] * len(self.layers))
        second = self.mapping(z[:, self.latent : -1], condition)
        # Phi(u) < mixing: mix, from the layer that the rest of Phi(u) names
        place = torch.special.ndtr(z[:, -1:]) / self.mixing
        count = len(self.layers)
        crossover = torch.where(place < 1.0, 1.0 + (place * (count - 1)).floor(), float(count))
        return self.synthesise([torch.where(crossover > i, w, second) for i in range(count)])

    def synthesise(self, styles: Sequence[Tensor]) -> Float[Tensor, "n c h w"]:
        """Images from one style a layer, each (n style).

        Parameters
        ----------
        styles
            One style per layer, each (n style).

        Returns
        -------
        Tensor
            Images (n c h w).
        """
        h = self.constant.expand(styles[0].shape[0], -1, -1, -1)
        image = None
        for i, layer in enumerate(self.layers):
            if i % 2 == 0 and i > 0:
                h = upsample(h)
            h = leaky_relu(layer(h, styles[i]), 0.2) * 2.0**0.5
            if i % 2 == 1:
                part = self.to_image[i // 2](h, styles[i])
                image = part if image is None else upsample(image) + part
        assert image is not None
        return image

    def truncated(
        self,
        z: Float[Tensor, "n inputs"],
        mean: Float[Tensor, "n style"],
        psi: float = 0.7,
        condition: Shaped[Tensor, "n *k"] | None = None,
    ) -> Float[Tensor, "n c h w"]:
        r"""Images at styles drawn towards the mean style, :math:`\bar w + \psi (w - \bar w)`: less varied, more
        typical.

        ``mean`` is ``generator.mapping(many latent vectors).mean(0)``, one row a sample or broadcast with ``expand``.

        Parameters
        ----------
        z
            Latent vectors (n latent).
        mean
            The mean style (style).
        psi
            :math:`\psi`: 1 leaves the styles as they are, 0 gives the mean image.
        condition
            Conditions (n k), for a conditional generator.

        Returns
        -------
        Tensor
            Images (n c h w).
        """
        w = self.mapping(z[:, : self.latent], condition)
        return self.synthesise([mean + psi * (w - mean)] * len(self.layers))


class _AdaINConv2d(nn.Module):
    """A convolution followed by `AdaIN`."""

    def __init__(self, inputs: int, outputs: int, style: int):
        super().__init__()
        self.convolution = EqualisedConv2d(inputs, outputs)
        self.adain = AdaIN(outputs, style)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Convolution of maps ``x``, then the scale and shift of styles ``w``."""
        return self.adain(self.convolution(x), w)


class _StylelessConv2d(nn.Module):
    """A 1 x 1 convolution to the image, which AdaIN's generator does not modulate."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.convolution = EqualisedConv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Convolution of maps ``x``; the styles ``w`` do nothing."""
        return self.convolution(x)
