r"""Progressive growing: coarse images first, and nothing is computed at a resolution that is not trained yet.

Karras et al. 2018, arXiv 1710.10196, section 2. `advsci.nn.ProgressiveGenerator` computes all its stages at any time;
here each resolution is a training of its own, with the stages up to it. Its networks begin as those of the resolution
below, and in the first half the new stage is faded in,

.. math:: y_s = (1 - a)\, \mathrm{up}(y_{s-1}) + a\, \mathrm{rgb}_s(h_s), \qquad a = \mathrm{clip}(2 t, 0, 1)

so at t = 0 the game goes on exactly where it was. The finest resolution has half of all steps.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import ProgressiveDiscriminator, ProgressiveGenerator
from advsci.penalties import R1, R2
from advsci.schedules import Geometric
from advsci_images.game.generators import Cropped, doubled_side, framed, progressive_widths
from advsci_images.game.training import Play

__all__ = ["LastFades", "grown_generator", "grow", "stage_names"]


class LastFades(nn.Module):
    """Weights of the stages where only the last one is new.

    Parameters
    ----------
    stages
        Their number.
    """

    progress: Tensor

    def __init__(self, stages: int):
        super().__init__()
        self.stages = stages
        self.register_buffer("progress", torch.zeros(()))

    def forward(self) -> Float[Tensor, " stages"]:
        """1 for all stages but the last, which comes in over the first half of the training."""
        index = torch.arange(self.stages, device=self.progress.device)
        known = (index < self.stages - 1) | (index == 0)
        return torch.where(known, 1.0, (2.0 * self.progress).clamp(0.0, 1.0))


def stage_names(size: int) -> list[str]:
    """Names of the trainings for images of side ``size``: one per resolution, coarse to fine."""
    return [f"side-{4 * 2**s}" for s in range(len(progressive_widths(doubled_side(size), 8)))]


def grow(pair: "tuple[nn.Module, nn.Module] | None", latent: int, channels: int, widths: tuple[int, ...]):
    """Generator and discriminator with one stage more.

    Parameters
    ----------
    pair
        Those of the resolution below, or None to begin.
    latent, channels
        Of the generator.
    widths
        Channels of the stages, coarse to fine, the new one last.

    Returns
    -------
    tuple
        A new `ProgressiveGenerator` and `ProgressiveDiscriminator` that give, with the last stage faded out, what
        ``pair`` gives at half the resolution.
    """
    generator = ProgressiveGenerator(latent, channels, widths)
    discriminator = ProgressiveDiscriminator(channels, widths[::-1])
    for network in (generator, discriminator):
        network.growth = LastFades(len(widths))  # type: ignore[assignment]
    if pair is not None:
        below = [{k: v for k, v in net.state_dict().items() if not k.startswith("growth")} for net in pair]
        generator.load_state_dict(below[0], strict=False)
        discriminator.load_state_dict({_finer(k): v for k, v in below[1].items()}, strict=False)
    return generator, discriminator


def grown_generator(x: Float[Tensor, "n c s s"], play: Play, *, latent: int = 64, width: int = 32) -> nn.Module:
    """Train a generator by progressive growing.

    Parameters
    ----------
    x
        Square images in [-1, 1]; their edge is repeated outwards up to a side of 8, 16, 32...
    play
        Steps over all resolutions, rate, seed, device, folder (one subfolder per resolution).
    latent
        Length of the latent vectors.
    width
        Channels of the layer before the finest.

    Returns
    -------
    torch.nn.Module
        The averaged generator, in evaluation mode.
    """
    side = doubled_side(x.shape[2])
    widths = progressive_widths(side, width)
    whole, pair, network = framed(x, side), None, None
    gamma = Geometric(2.0, 0.5)
    for s, name in enumerate(stage_names(x.shape[2])):
        last = s == len(widths) - 1
        with play.stream("networks").at(name).seeded():
            pair = grow(pair, latent, x.shape[1], widths[: s + 1])
        game = GAN(*pair, Gaussian(latent), penalties=(R1(gamma), R2(gamma)))
        stage = play.stage(name, share=0.5 if last else 0.5 / (len(widths) - 1))
        training = stage.fit(game, avg_pool2d(whole, side // (4 * 2**s)))
        pair, network = (game.generator, game.discriminator), training.averaged("generator")
    assert network is not None
    return Cropped(network, x.shape[2]).eval()


def _finer(key: str) -> str:
    """The name of a discriminator's tensor after one finer stage has been put in front."""
    room, _, rest = key.partition(".")
    if room not in ("from_image", "blocks"):
        return key
    index, _, name = rest.partition(".")
    return f"{room}.{int(index) + 1}.{name}"
