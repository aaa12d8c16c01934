r"""A GAN whose generator is also held to the data by an encoder (VAE-GAN, Larsen et al. 2016, arXiv 1512.09300).

A plain GAN may leave out parts of the data without penalty, which shows as a large representation error and ruins
inversion. Here generator and encoder form one player that minimises

.. math:: \underbrace{\tfrac{n}{2}\log\tfrac1n\|x-G(z)\|^2}_{\text{reconstruction}}
          + \underbrace{\mathrm{KL}(q(z|x)\,\|\,N(0, I))}_{\text{prior}}
          + w\,\underbrace{L_G}_{\text{adversary}}, \qquad z\sim q(z|x),

per pixel (the logarithm is the Gaussian likelihood at its best variance, Rybkin et al. 2021, arXiv 2006.13202), against
the discriminator of the relativistic game with R1 and R2 (arXiv 2501.05441). ``adversary = 0`` is a VAE, no encoder a
GAN. With a ``mask`` in the batch both players see only the measured pixels (AmbientGAN, Bora et al. 2018): the
likelihood counts measured pixels, the KL weighs less in proportion (else fewer latent dimensions would be used than
complete images use), and generated images pass through a fresh mask before they are judged.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from advsci.games import AdversarialGame, Made
from advsci.games.game import Batch, Draw, require
from advsci.objectives import Objective
from advsci.penalties import Penalty
from advsci.penalties.scores import Scores
from advsci.streams import Stream
from advsci_inverse.priors.networks import Synthesis

__all__ = ["HybridGAN"]


class HybridGAN(AdversarialGame):
    """Discriminator against generator-with-encoder on images ``[n, 1, h, w]``.

    Parameters
    ----------
    synthesis, discriminator
        The two players; images in the units of the data.
    adversary
        Weight of the adversarial term in the generator's loss; 0 leaves the discriminator idle.
    prior_weight
        Weight of the KL term.
    objective
        What both players are scored with; default: relativistic pairing.
    penalties
        Penalties of the discriminator.

    Notes
    -----
    Batch: ``"x"``, optionally ``"mask"`` (1 where a pixel was measured; ``x`` is 0 elsewhere) and ``"condition"``
    (labels or vectors, for networks that take them; the encoder reads the image alone).
    """

    generator: Synthesis

    def __init__(
        self,
        synthesis: Synthesis,
        discriminator: nn.Module,
        *,
        adversary: float = 0.05,
        prior_weight: float = 1.0,
        objective: Objective | None = None,
        penalties: Sequence[Penalty] | None = None,
    ):
        super().__init__(
            synthesis,
            discriminator,
            objective=objective,
            penalties=penalties,
            gamma=5.0,
            adversarial=adversary,
        )
        self.prior_weight = prior_weight

    @property
    def players(self) -> dict[str, nn.Module]:
        """The synthesis, and the discriminator where it has a say."""
        both: dict[str, nn.Module] = {"discriminator": self.discriminator, "generator": self.generator}
        return both if self.adversarial else {"generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Latents, encoder noise, masks and the penalties' draws for a ``batch``, from the ``stream``."""
        x = require(batch, "x", "HybridGAN")
        shape, kind = (len(x), self.generator.latent), {"device": x.device, "dtype": x.dtype}
        draw = {"latent": stream.at("latent").normal(shape, **kind), "posterior": stream.at("q").normal(shape, **kind)}
        if "mask" in batch:
            draw["mask"] = batch["mask"][stream.at("mask").permutation(len(x)).to(x.device)]
        return draw | self.penalty_draws(x, draw["latent"], stream)

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """Images for a ``batch`` and ``draw``, by another ``generator`` if given; masked where the data are."""
        fake = _decode(generator or self.generator, draw["latent"], batch)
        return fake * draw["mask"] if "mask" in draw else fake

    def make(self, batch: Batch, draw: Draw) -> Made:
        """Generated images for a ``batch`` and ``draw``; without a graph where the adversary has no say."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.adversarial != 0.0):
            return Made(self.samples(batch, draw), batch.get("weight"))

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """The discriminator at a ``batch`` and what was ``made`` by ``draw``; gradients for its own ``player``."""
        return Scores(
            self.discriminator,
            batch["x"],
            made.samples,
            batch.get("condition"),
            real_weight=batch.get("weight"),
            fake_weight=made.weight,
            gradients=player == "discriminator" and self.wants_gradients,
            draw=draw,
        )

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """The encoder's likelihood and prior terms on a ``batch`` and ``draw``, whatever was ``made``."""
        if self.generator.encoder is None:
            return {}
        x, mask = batch["x"], batch.get("mask")
        mean, log_deviation = self.generator.encode(x)
        rebuilt = _decode(self.generator, mean + log_deviation.exp() * draw["posterior"], batch)
        error = (x - rebuilt).square()
        seen = error.numel() if mask is None else mask.sum()
        error = (error if mask is None else error * mask).sum() / seen
        share = seen / x.numel()  # of both terms: the trade between them stays that of complete images
        divergence = 0.5 * (mean.square() + (2 * log_deviation).exp() - 1 - 2 * log_deviation).sum(1).mean()
        return {
            "reconstruction": 0.5 * share * (error + 1e-6).log(),
            "prior": self.prior_weight * share * divergence / x[0].numel(),
        }

    def check(self, batch: Batch, draw: Draw) -> None:
        """Whether ``batch``, ``draw`` and networks fit."""
        self.check_adversarial(batch, draw)
        if self.generator.encoder is not None:
            self.generator.encode(batch["x"])


def _decode(synthesis: nn.Module, z: Tensor, batch: Batch) -> Tensor:
    return synthesis.generator(z, *([batch["condition"]] if "condition" in batch else []))  # type: ignore[operator]
