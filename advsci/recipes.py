r"""Recipes: a game, its solver and its averaging for a kind of data, ready for the Trainer.

.. code-block:: python

    recipe = low_dimensional(x)                        # x (n d), standardised
    trainer = Trainer(steps=4000, batch_size=recipe.batch_size, ema=recipe.ema)
    training = trainer.fit(recipe.game, x, recipe.solver)
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError, DataError
from advsci.games.gan import GAN
from advsci.latents import Gaussian
from advsci.nn.mlp import MLP, FourierFeatures
from advsci.nn.norm import group_norm
from advsci.nn.pieces import Pieces
from advsci.nn.strided import StridedDiscriminator, StridedGenerator
from advsci.penalties import R1, R2
from advsci.schedules import Cosine, Geometric
from advsci.solvers import Simultaneous, Solver, adam
from advsci.streams import Stream
from advsci.training.ema import EMA

__all__ = ["Recipe", "images", "local_scale", "low_dimensional"]


@dataclass(frozen=True)
class Recipe:
    """What a Trainer needs beside the data."""

    game: GAN
    solver: Solver
    ema: EMA
    batch_size: int


def local_scale(x: Float[Tensor, "n d"], k: int = 10, *, points: int = 4000, seed: int = 0) -> float:
    """The size of the finest structure that the samples can show: median distance to the k-th neighbour among
    ``points``.

    Parameters
    ----------
    x
        Samples (n ...).
    seed
        Root of all random numbers.

    Raises
    ------
    DataError
        There are no more samples than the neighbour that is asked for.
    """
    chosen = x[Stream(seed).at("local scale").permutation(len(x))[:points].to(x.device)]
    if len(chosen) <= k:
        raise DataError(f"got {len(x)} samples; expected more than {k}. Try: give `finest`.")
    return float(torch.cdist(chosen, chosen).kthvalue(k + 1, dim=1).values.median())


def low_dimensional(
    x: Float[Tensor, "n d"],
    *,
    finest: float | None = None,
    pieces: int = 2048,
    width: int = 128,
    depth: int = 3,
    waves: int = 128,
    rate: float = 1e-3,
    batch_size: int = 256,
    seed: int = 0,
) -> Recipe:
    r"""For standardised vectors of few dimensions with structure on many scales, islands included.

    The relativistic game with R1 and R2 of R3GAN (arXiv 2501.05441) on perceptrons without norms, and four things that
    fine structure needs:

    * A discriminator with Fourier features (arXiv 2006.10739), from twice the finest length to 1, so that it can tell
      neighbouring modes apart from the first steps on.
    * A generator in pieces (`advsci.nn.Pieces`). A perceptron on one Gaussian has to tear it apart, which it learns
      slowly and never quite; here a perceptron bends pieces that are apart from the start. Their number is a
      resolution, not a number of modes, and their weights are learned: mass need not cross the gaps.
    * A penalty weight that follows the length scale: :math:`\gamma` falls geometrically from 0.02, at which coarse
      structure is balanced, to :math:`\ell^2` with the finest length :math:`\ell`, at which a logit may change within
      :math:`\ell`; and a learning rate that falls with it, since a step should end well below :math:`\ell`.
    * A generator that moves by the size of its gradient, not by its sign alone: Adam's epsilon is that of a piece on
      which the discriminator has a slope of about one. Without it pieces crowd in the middle of a mode.

    Parameters
    ----------
    x
        The data, standardised; only their dimension and `local_scale` are used.
    finest
        Finest length scale, in units of x; None for `local_scale`.
    pieces
        Of the generator.
    width, depth, waves
        Of both perceptrons; only the discriminator's has waves.
    rate
        Adam's learning rate, which falls to a fiftieth on a cosine.
    batch_size
        Samples a step.
    seed
        Key of the initial weights, the pieces and the waves.

    Raises
    ------
    ConfigError
        The data are not standardised.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.recipes import low_dimensional
    >>> recipe = low_dimensional(Stream(0).normal((500, 2)))
    >>> sorted(recipe.game.players)
    ['discriminator', 'generator']
    """
    d = x.shape[1]
    scale = float(x.std(0).median())
    if not 0.5 < scale < 2.0:
        raise ConfigError(
            f"got data with standard deviation {scale:.3g}; expected about 1. Try: (x - x.mean(0)) / x.std(0)."
        )
    finest = local_scale(x) if finest is None else finest
    finest = min(max(finest, 1e-3), 0.5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        bend = MLP(d, d, width, depth, activation=nn.ReLU)
        generator = Pieces(d, bend, pieces=pieces, size=finest, seed=seed)
        fourier = FourierFeatures(d, waves, (min(2.0 * finest, 1.0), 1.0), amplitude=1.0, seed=seed)
        discriminator = MLP(d, 1, width, depth, fourier=fourier)
    gamma = Geometric(0.02, min(finest**2, 0.02))
    game = GAN(generator, discriminator, Gaussian(generator.latent), penalties=(R1(gamma), R2(gamma)))
    # one sample's gradient is 1 / batch_size of the batch's: where the discriminator is nearly flat, pieces slow down
    optimizers = {"discriminator": adam(rate), "generator": adam(rate, eps=0.125 / batch_size)}
    return Recipe(game, Simultaneous(optimizers, Cosine(1.0, 0.02)), EMA(0.999), batch_size)


def images(
    x: Float[Tensor, "n c h w"],
    *,
    latent: int = 64,
    width: int = 32,
    groups: int = 1,
    rate: float = 1e-3,
    batch_size: int = 64,
    seed: int = 0,
) -> Recipe:
    r"""For small square images in [-1, 1] at the budget of a CPU: R3GAN's game on the cheapest convolutional pair.

    Relativistic pairing, R1 and R2 with :math:`\gamma` from 2 to 0.5 (arXiv 2501.05441), networks of
    `advsci.nn.StridedGenerator`. Unlike R3GAN's, the generator has group norm, with which it learns somewhat faster; it
    treats every sample on its own. The discriminator has no norm.

    Parameters
    ----------
    x
        A few of the images; only their shape and range are used.
    latent
        Length of the latent vectors.
    width
        Channels of the generator's finest layer in each group; divisible by 8.
    groups
        Groups of the convolutions: as many as channels where each channel is an image of its own (stacked digits,
        stains of one cell). They share the latent vector and the discriminator's hidden units.
    rate
        Adam's learning rate, which falls to a quarter on a cosine.
    batch_size
        Samples a step.
    seed
        Key of the initial weights.

    Raises
    ------
    ConfigError
        The images are not square, or leave [-1, 1].

    Examples
    --------
    >>> import torch
    >>> from advsci.recipes import images
    >>> recipe = images(torch.zeros(4, 1, 8, 8), latent=4, width=8)
    >>> sorted(recipe.game.players)
    ['discriminator', 'generator']
    """
    channels, size = x.shape[1:3]
    if x.shape[2] != x.shape[3] or float(x.abs().max()) > 1.0:
        raise ConfigError(
            f"got images of shape {tuple(x.shape[1:])} within {float(x.min()):.3g}..{float(x.max()):.3g}; expected "
            "square ones in [-1, 1]. Try: 2 * x - 1 for images in [0, 1], or crop."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        each, norm = groups * width, group_norm(8 * groups)
        generator = StridedGenerator(latent, channels, size, (2 * each, each), norm=norm, groups=groups)
        discriminator = StridedDiscriminator(channels, size, (each // 2, 2 * each), 8 * width, groups=groups)
    gamma = Geometric(2.0, 0.5)
    game = GAN(generator, discriminator, Gaussian(latent), penalties=(R1(gamma), R2(gamma)))
    return Recipe(game, Simultaneous(adam(rate), Cosine(1.0, 0.25)), EMA(0.998), batch_size)
