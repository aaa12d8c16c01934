"""Enlargers of images: SRGAN, the least-squares network, and bicubic interpolation."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from advsci_images.game.players import Judge, Translator
from advsci_images.game.srgan import SRGAN, RandomFeatures
from advsci_images.game.training import Play

__all__ = ["bicubic", "blended", "enlarger", "shrunk"]


def shrunk(x: Float[Tensor, "n c h w"], factor: int) -> Float[Tensor, "n c a b"]:
    """Images ``x`` averaged over blocks of ``factor`` x ``factor`` pixels, as a coarser detector sees them."""
    return avg_pool2d(x, factor)


def bicubic(small: Float[Tensor, "n c a b"], factor: int) -> Float[Tensor, "n c h w"]:
    """Images ``small`` enlarged ``factor`` times by bicubic interpolation, within [-1, 1]."""
    return interpolate(small, scale_factor=factor, mode="bicubic").clamp(-1.0, 1.0)


def enlarger(
    x: Float[Tensor, "n c h w"],
    factor: int,
    play: Play,
    *,
    adversarial: float = 0.1,
    pixels: float = 10.0,
    perceptual: float = 1.0,
    start: "nn.Module | None" = None,
) -> Translator:
    """Train a network that enlarges images; with ``adversarial`` and ``perceptual`` 0 the least-squares network.

    Parameters
    ----------
    x
        Large images in [-1, 1], sides divisible by ``factor``.
    factor
        2 or 4.
    play
        Steps, rate, seed, device, folder.
    adversarial, pixels, perceptual
        Weights of the adversary, the squared error and the distance in random features.
    start
        A network to start from, such as the least-squares one (arXiv 1609.04802, section 3.2); None for a new one.

    Returns
    -------
    Translator
        In evaluation mode.
    """
    with play.stream("networks").seeded():
        fresh = Translator(x.shape[1], x.shape[1], factor=factor)
        judge = Judge(x.shape[1], (x.shape[2], x.shape[3]))
    network = fresh if start is None else copy.deepcopy(start).requires_grad_(True)
    features = RandomFeatures(x.shape[1])
    game = SRGAN(network, judge, features, adversarial=adversarial, pixels=pixels, perceptual=perceptual)
    return play.fit(game, {"x": x, "source": shrunk(x, factor)}).averaged("generator").eval()  # type: ignore[return-value]


def blended(first: nn.Module, second: nn.Module, share: float) -> nn.Module:
    r"""The network with parameters :math:`(1 - a)\,\theta_1 + a\,\theta_2` (ESRGAN, arXiv 1809.00219, eq. 7).

    Parameters
    ----------
    first, second
        Two networks of one architecture, the second trained from the first.
    share
        a, from 0 to 1: a walk along the trade of distortion for perception.

    Returns
    -------
    torch.nn.Module
        A new network.
    """
    made = copy.deepcopy(first)
    with torch.no_grad():
        for own, other in zip(made.parameters(), second.parameters(), strict=True):
            own.lerp_(other, share)
    return made
