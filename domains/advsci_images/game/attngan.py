r"""Images from captions in two stages, the second with attention over words.

Stage one makes a coarse image from noise and the whole caption (Zhang et al. 2017, StackGAN, arXiv 1612.03242, section
3.2). Stage two repaints it at twice the resolution. At each place j of its features :math:`h_j` it reads the words
:math:`e_i` that matter there,

.. math:: c_j = \sum_i \beta_{ji}\, e_i, \qquad \beta_{ji} = \frac{\exp(h_j \cdot e_i)}{\sum_k \exp(h_j \cdot e_k)}

(Xu et al. 2018, AttnGAN, arXiv 1711.10485, eq. 2-3). A matcher that was trained on real images says how well an image
fits its caption, as AttnGAN's image-text model does (eq. 12): :math:`L_G = L_{adv} + \lambda L_{match}`. The judge
learns besides that a real image under another caption :math:`c'` is wrong (Reed et al. 2016, arXiv 1605.05396, section
4.2), here relative to the same image under its own: :math:`E\, f(D(x, c') - D(x, c))` with the softplus f.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from advsci.games import Batch, Draw
from advsci.games.adversarial import AdversarialGame, Made
from advsci.games.game import require
from advsci.objectives import weighted_mean
from advsci.penalties import Penalty
from advsci.penalties.scores import Scores
from advsci.streams import Stream

__all__ = ["CaptionGAN", "OtherCaption", "Repainter"]


class Repainter(nn.Module):
    """Stage two: coarse images and words to images of twice the side.

    Parameters
    ----------
    first
        Stage one, ``first(z, marks)``; it is held fixed.
    words
        Length of the vectors of marks.
    per_caption
        Words of one caption.
    width
        Channels inside.
    attention
        Read the words at each place; without it, the mean of them everywhere.
    """

    def __init__(self, first: nn.Module, words: int, per_caption: int = 4, width: int = 24, *, attention: bool = True):
        super().__init__()
        self.first = first.requires_grad_(False)
        self.per_caption, self.attention = per_caption, attention
        self.embedding = nn.Embedding(words, width)
        self.features = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1), nn.LeakyReLU(0.2))
        self.mix = nn.Sequential(nn.Conv2d(2 * width, width, 3, 1, 1), nn.LeakyReLU(0.2))
        self.up = nn.ConvTranspose2d(width, 3, 4, 2, 1)

    def forward(self, z: Tensor, marks: Tensor) -> Tensor:
        """Images (n c h w) from latent vectors ``z`` and captions ``marks``, painted once and then again."""
        coarse = self.first(z, marks)
        h = self.features(coarse)
        words = self.embedding(marks.topk(self.per_caption, dim=1).indices.sort(1).values)  # n words width
        if self.attention:
            beta = torch.einsum("nchw,nkc->nkhw", h, words).softmax(1)
            context = torch.einsum("nkhw,nkc->nchw", beta, words)
        else:
            context = words.mean(1)[:, :, None, None].expand_as(h)
        h = h + self.mix(torch.cat([h, context], 1))
        enlarged = nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")
        return torch.tanh(1.5 * enlarged + self.up(h))


class OtherCaption(Penalty):
    """How near the judge lets real images under their neighbour's caption in the batch come to their own."""

    name = "other_caption"
    couples_batch = True

    def __call__(self, made: Scores, progress: Tensor) -> Tensor:
        assert made.condition is not None
        wrong = made.network(made.real, made.condition.roll(1, 0))
        return weighted_mean(softplus(wrong - made.real_logits), made.real_weight)


class CaptionGAN(AdversarialGame):
    r"""A stage against a judge of images and captions, helped by a matcher.

    Parameters
    ----------
    generator
        ``generator(z, marks)``.
    judge
        ``judge(x, marks)``, one logit per image.
    latent
        Length of z.
    matcher
        ``matcher(x, marks)``, how badly images fit their captions (n), a fixed function.
    match
        :math:`\lambda`.
    penalties
        On the judge, such as `OtherCaption`.
    adversarial
        Weight of the judge; 0 leaves it out.

    Notes
    -----
    A batch holds images ``x`` and ``condition``, the marked words of their captions (n words).
    """

    one_discriminator_pass = True

    def __init__(
        self,
        generator: nn.Module,
        judge: nn.Module,
        latent: int,
        matcher: Callable[[Tensor, Tensor], Tensor],
        *,
        match: float = 1.0,
        penalties: Sequence[Penalty] = (),
        adversarial: float = 1.0,
    ):
        super().__init__(generator, judge, penalties=penalties, adversarial=adversarial)
        self.latent, self.matcher, self.match = latent, matcher, match

    @property
    def players(self) -> dict[str, nn.Module]:
        alone = {"generator": self.generator}
        return alone if self.adversarial == 0.0 else {"discriminator": self.discriminator} | alone

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """A latent vector for every image of ``batch``, from ``stream``."""
        x = require(batch, "x", type(self).__name__)
        return {"latent": stream.at("latent").normal((len(x), self.latent), device=x.device)}

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """Images by ``generator`` (None: the game's own) at ``draw`` and the captions of ``batch``."""
        return (generator if generator is not None else self.generator)(draw["latent"], batch["condition"])

    def make(self, batch: Batch, draw: Draw) -> Made:
        """What the generator makes of ``batch`` and ``draw``."""
        return Made(self.samples(batch, draw))

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of ``batch`` and ``made`` under their captions, with ``draw``, as ``player`` needs them."""
        slopes = player == "discriminator" and self.wants_gradients
        pair = batch["x"], made.samples, batch["condition"]
        return Scores(self.discriminator, *pair, together=False, gradients=slopes, draw=draw)

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """How far what was ``made`` is from the captions of ``batch``; ``draw`` is not used."""
        return {"match": self.match * self.matcher(made.samples, batch["condition"]).mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "condition", type(self).__name__)
        self.check_adversarial(batch, draw)
