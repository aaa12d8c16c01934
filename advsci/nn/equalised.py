r"""Layers with an equalised learning rate: weights are drawn from N(0, 1) and scaled when used.

.. math:: y = \frac{s}{\sqrt{\mathrm{fan\_in}}}\, W x + s\, b

so that an optimizer with normalised steps, such as Adam, moves every layer at the same relative speed (Karras et al.
2018, arXiv 1710.10196, section 4.1). :math:`s` is the learning rate multiplier of StyleGAN's mapping network (arXiv
1812.04948).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

__all__ = ["EqualisedConv2d", "EqualisedLinear"]


class EqualisedLinear(nn.Module):
    """A linear layer; ``multiplier`` scales its learning rate, ``bias`` is the bias at the start."""

    def __init__(self, inputs: int, outputs: int, *, multiplier: float = 1.0, bias: float = 0.0):
        super().__init__()
        self.multiplier = multiplier
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / multiplier))

    def forward(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "n outputs"]:
        """Outputs (n outputs) of inputs ``x`` (n inputs)."""
        scale = self.multiplier * self.weight.shape[1] ** -0.5
        return linear(x, self.weight * scale, self.bias * self.multiplier)


class EqualisedConv2d(nn.Module):
    """A convolution with odd kernel that keeps the size of the image."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Outputs (n d h w) of maps ``x`` (n c h w)."""
        fan_in = self.weight[0].numel()
        return conv2d(x, self.weight * fan_in**-0.5, self.bias, padding=self.weight.shape[-1] // 2)
