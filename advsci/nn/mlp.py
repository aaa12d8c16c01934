r"""Multilayer perceptrons without normalisation, for data of low dimension.

Normalisation layers couple the samples of a batch or hide the scale of the input from the discriminator; neither is
needed with R1 and R2 penalties. What a plain perceptron does lack is resolution: it learns coarse structure long before
fine structure. `FourierFeatures` give it wavelengths to start from.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.nn.condition import ConditionEmbedding
from advsci.streams import Stream

__all__ = ["MLP", "FourierFeatures"]


class FourierFeatures(nn.Module):
    r"""The input together with random waves of it.

    .. math:: x \mapsto \left(x, a\,\cos(B x + \phi)\right), \qquad B_{ij} \sim N(0, 1) / \ell_i,
        \quad \phi_i \sim U[0, 2\pi)

    (Rahimi and Recht 2007; Tancik et al. 2020, arXiv 2006.10739, section 4). The length scales :math:`\ell_i` run
    geometrically over ``lengths``, so that coarse and fine structure both have waves of their own size.

    Parameters
    ----------
    inputs
        Length of the input vectors.
    features
        Number m of waves.
    lengths
        Smallest and largest length scale :math:`\ell`, in units of the input; a feature of width s needs waves of
        :math:`\ell` about s.
    amplitude
        Of the waves, a; None for :math:`\sqrt{2/m}`, with which inner products of features estimate a kernel. A network
        behind them learns fine structure faster with 1.
    seed
        Key of the fixed random frequencies, stored as buffers.

    Raises
    ------
    ConfigError
        The length scales are not positive, or not in order.
    """

    frequencies: Tensor
    phases: Tensor

    def __init__(
        self,
        inputs: int,
        features: int = 128,
        lengths: tuple[float, float] = (0.1, 1.0),
        *,
        amplitude: float | None = None,
        seed: int = 0,
    ):
        super().__init__()
        if not 0.0 < lengths[0] <= lengths[1]:
            raise ConfigError(f"got length scales {lengths}; expected 0 < smallest <= largest. Try: (0.1, 1.0).")
        self.amplitude = math.sqrt(2.0 / features) if amplitude is None else amplitude
        stream = Stream(seed).at("fourier features")
        scales = torch.logspace(math.log10(lengths[0]), math.log10(lengths[1]), features).unsqueeze(1)
        self.register_buffer("frequencies", stream.at("frequencies").normal((features, inputs)) / scales)
        self.register_buffer("phases", 2.0 * math.pi * stream.at("phases").uniform((features,)))

    @property
    def outputs(self) -> int:
        """Length of the feature vectors."""
        return sum(self.frequencies.shape)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n m"]:
        """Inputs ``x`` (n d), followed by their waves: (n m)."""
        waves = torch.cos(nn.functional.linear(x, self.frequencies, self.phases))
        return torch.cat([x, self.amplitude * waves], dim=1)


class MLP(nn.Module):
    r"""``inputs -> width x depth -> outputs`` with one activation after every hidden layer.

    Parameters
    ----------
    inputs, outputs
        Lengths of the vectors that go in and come out.
    width, depth
        Units of a hidden layer, and number of hidden layers.
    activation
        Makes the activation; default LeakyReLU with slope 0.2.
    condition
        Length k of a condition that joins the input: vectors (n k), or labels (n) of k classes. 0 for none.
    fourier
        Applied to the input first (not to the condition).
    residual
        Hidden layers after the first add to what they receive, :math:`h \leftarrow h + W_2 a(W_1 a(h))`, with
        :math:`W_2 = 0` at the start and :math:`W_1` scaled by depth\ :sup:`-1/2` (Zhang et al. 2019, Fixup, arXiv
        1901.09321): as deep as wanted, without normalisation.

    Raises
    ------
    ConfigError
        A size is below one.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import MLP
    >>> MLP(2, 1)(torch.zeros(5, 2)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 128,
        depth: int = 3,
        *,
        activation: Callable[[], nn.Module] | None = None,
        condition: int = 0,
        fourier: FourierFeatures | None = None,
        residual: bool = False,
    ):
        super().__init__()
        if min(inputs, outputs, width, depth) < 1:
            raise ConfigError(
                f"got an MLP of inputs={inputs}, outputs={outputs}, width={width}, depth={depth}; expected all at "
                "least 1. "
                "Try: depth=1 for a single hidden layer, or nn.Linear."
            )
        activation = activation or (lambda: nn.LeakyReLU(0.2))
        self.fourier = fourier
        self.condition = ConditionEmbedding(condition, width) if condition else None
        first = nn.Linear(inputs if fourier is None else fourier.outputs, width)
        if residual:
            hidden = [ResidualLayer(width, activation, depth - 1) for _ in range(depth - 1)]
        else:
            hidden = [nn.Sequential(activation(), nn.Linear(width, width)) for _ in range(depth - 1)]
        self.first = first
        self.rest = nn.Sequential(*hidden, activation(), nn.Linear(width, outputs))

    def forward(
        self, x: Float[Tensor, "n inputs"], condition: Shaped[Tensor, "n *k"] | None = None
    ) -> Float[Tensor, "n outputs"]:
        """Outputs (n outputs) of ``x`` (n inputs) under ``condition``, None where the network has none.

        Raises
        ------
        ConfigError
            A condition is given to a network that has none.
        """
        h = self.first(x if self.fourier is None else self.fourier(x))
        if self.condition is not None:
            h = h + self.condition(condition)
        elif condition is not None:
            raise ConfigError("got a condition for an MLP that has none; expected none. Try: MLP(..., condition=k).")
        return self.rest(h)


class ResidualLayer(nn.Module):
    """:math:`h + W_2 a(W_1 a(h) + b_1) + b_2`, the identity at the start."""

    def __init__(self, width: int, activation: Callable[[], nn.Module], branches: int):
        super().__init__()
        inner, outer = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(outer.weight)
        nn.init.zeros_(outer.bias)
        with torch.no_grad():
            inner.weight.mul_(branches**-0.5)
        self.branch = nn.Sequential(activation(), inner, activation(), outer)

    def forward(self, h: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        """``h`` (n width) plus what the branch makes of it."""
        return h + self.branch(h)
