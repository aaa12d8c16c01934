r"""Adversarial regularisers: a critic that tells true images from poor reconstructions becomes the penalty.

For when no generator is good enough. The critic :math:`R` is trained on two unpaired sets, true images and poor
reconstructions of others, by

.. math:: \min_R\ \mathbb E\,R(x) - \mathbb E\,R(\tilde x)
          + \mu\,\mathbb E\big(|\nabla R(\hat x)| - 1\big)_+^2 ,

:math:`\hat x` between the two (Lunz, Öktem and Schönlieb 2018, arXiv 1805.11572): the distance between the sets, whose
gradient leads from the poor images to the true ones. A reconstruction then minimises

.. math:: \tfrac12\|Ax-y\|^2 + \lambda R(x), \qquad \lambda = \mathbb E\,|A^\top\eta| ,

the weight at which a true image is stationary when the gradient of R has unit length there: nothing is tuned.

`ConvexRegulariser` is convex in the image by construction (input-convex network plus :math:`\rho|x|^2/2`, Mukherjee et
al. 2020, arXiv 2008.02839), so that the minimiser is unique and depends continuously on the data.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d, softplus

from advsci.errors import ConfigError, ShapeError
from advsci.games import Game
from advsci.games.game import Batch, Draw, require
from advsci.objectives import Wasserstein
from advsci.penalties.gradient import interpolate, norm_penalty
from advsci.streams import Stream
from advsci_inverse.baselines.krylov import cgls
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.search.quasi_newton import lbfgs

__all__ = [
    "ConvexRegulariser",
    "FreeRegulariser",
    "RegulariserGame",
    "build_regulariser",
    "poor_reconstruction",
    "regularised",
    "weight_of_noise",
]


class FreeRegulariser(nn.Module):
    r"""Images to one number each, by smooth strided convolutions; divided by the root of the number of pixels."""

    def __init__(self, widths: Sequence[int] = (16, 32, 32)):
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in zip((1, *widths[:-1]), widths, strict=True):
            layers += [nn.Conv2d(a, b, 5, stride=2 if layers else 1, padding=2), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))

    def forward(self, x: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
        return self.body(x[:, None]).flatten(1).sum(1) / (x.shape[1] * x.shape[2]) ** 0.5


class ConvexRegulariser(nn.Module):
    r"""Convex in the image: :math:`h_{k+1} = a(W_k h_k + C_k x)` with :math:`W_k\ge0` and a convex, rising :math:`a`.

    Parameters
    ----------
    widths
        Channels of the layers.
    strength
        :math:`\rho` of the added :math:`\rho|x|^2/2`, which makes the penalty strongly convex.
    """

    def __init__(self, widths: Sequence[int] = (16, 16, 16), strength: float = 1e-2):
        super().__init__()
        self.strength = strength
        self.skips = nn.ModuleList(nn.Conv2d(1, w, 5, padding=2) for w in widths)
        shapes = [(b, a, 5, 5) for a, b in zip(widths[:-1], widths[1:], strict=True)] + [(1, widths[-1], 1, 1)]
        # softplus(raw) averages the layer before over its inputs at the start
        self.raw = nn.ParameterList(
            torch.randn(shape) * 0.3 - float(torch.tensor(shape[1:]).prod().log()) for shape in shapes
        )

    def forward(self, x: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
        image = x[:, None]
        h = softplus(4.0 * self.skips[0](image)) / 4.0
        for raw, skip in zip(self.raw[:-1], self.skips[1:], strict=True):
            h = softplus(4.0 * (conv2d(h, softplus(raw), padding=2) + skip(image))) / 4.0
        energy = conv2d(h, softplus(self.raw[-1])).flatten(1).sum(1) / (x.shape[1] * x.shape[2]) ** 0.5
        return energy + 0.5 * self.strength * x.flatten(1).square().sum(1)


def build_regulariser(kind: Literal["free", "convex"] | str, widths: Sequence[int]) -> nn.Module:
    """A regulariser by name."""
    kinds = {"free": FreeRegulariser, "convex": ConvexRegulariser}
    if kind not in kinds:
        raise ConfigError(f"got a regulariser '{kind}'; expected one of {', '.join(kinds)}")
    return kinds[kind](tuple(widths))


class RegulariserGame(Game):
    """One player, the regulariser, on a batch of true images ``"x"`` and unpaired poor reconstructions ``"poor"``."""

    def __init__(self, regulariser: nn.Module, penalty: float = 10.0):
        super().__init__()
        self.regulariser, self.penalty, self.objective = regulariser, penalty, Wasserstein()

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"regulariser": self.regulariser}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        x = require(batch, "x", "RegulariserGame")
        n = (len(x),)
        return {
            "between": stream.at("between").uniform(n, device=x.device, dtype=x.dtype),
            "pairing": stream.at("pairing").permutation(len(x)).to(x.device),
        }

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        x, poor = batch["x"], require(batch, "poor", "RegulariserGame")[draw["pairing"]]
        both = self.regulariser(torch.cat([x, poor]))
        real, fake = both[: len(x)], both[len(x) :]
        points = interpolate(x, poor, draw["between"])
        return {
            "distance": self.objective.discriminator(-real, -fake),  # a critic is high where the penalty is low
            "gradient": self.penalty * norm_penalty(self.regulariser, points, one_sided=True),
        }

    def check(self, batch: Batch, draw: Draw) -> None:
        x = require(batch, "x", "RegulariserGame")
        if self.regulariser(x).shape != (len(x),):
            raise ShapeError(f"the regulariser got {tuple(x.shape)}; expected one number an image from it")
        self.terms("regulariser", batch, draw)


def weight_of_noise(operator: LinearOperator, sigma: float, *, probes: int = 16, seed: int = 0) -> float:
    r""":math:`\mathbb E\,|A^\top\eta|` for white noise of standard deviation ``sigma``."""
    noise = Stream(seed).at("probes").normal((probes, *operator.data_shape))
    return sigma * float(operator.adjoint(noise).flatten(1).norm(dim=1).mean())


def poor_reconstruction(operator: LinearOperator, y: Tensor) -> Float[Tensor, "n h w"]:
    """Ten steps of CGLS: what a regulariser learns to tell from true images, and where its minimisation starts."""
    return cgls(operator, y, 10)


def regularised(
    regulariser: Callable[[Tensor], Tensor],
    operator: LinearOperator,
    y: Tensor,
    sigma: float,
    *,
    weight: float | None = None,
    start: Float[Tensor, "n h w"] | None = None,
    steps: int = 150,
) -> Float[Tensor, "n h w"]:
    r"""Minimisers of :math:`\tfrac12\|Ax-y\|^2+\lambda R(x)` by L-BFGS from ``start`` (zero if None).

    ``weight`` is :math:`\lambda`; None takes :math:`\mathbb E|A^\top\eta|`. Without convexity the start matters: the
    `poor_reconstruction` that the regulariser was trained against is best.
    """
    shape = operator.image_shape
    weight = weight_of_noise(operator, sigma) if weight is None else weight
    x = start if start is not None else y.new_zeros(len(y), *shape)

    def value_and_gradient(flat: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            image = flat.detach().reshape(-1, *shape).requires_grad_()
            misfit = 0.5 * (operator(image) - y).flatten(1).square().sum(1)
            value = misfit + weight * regulariser(image)
            (slope,) = torch.autograd.grad(value.sum(), image)
        return value.detach(), slope.flatten(1)

    return lbfgs(value_and_gradient, x.flatten(1), steps=steps)[0].reshape(-1, *shape)
