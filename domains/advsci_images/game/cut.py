r"""CUT: images to images without pairs and without a way back; what is kept is a patch's place among the others.

With features :math:`v_l(x)_s` of the translator's own layers l at places s, mapped to unit length by heads :math:`H_l`,
a patch of the translation must be nearer to the patch of the original at its place than to those at other places:

.. math:: L_{NCE}(x) = E_{l, s}\left[ -\log \frac{\exp(\hat v_l(G(x))_s \cdot v_l(x)_s / \tau)}
    {\sum_{s'} \exp(\hat v_l(G(x))_s \cdot v_l(x)_{s'} / \tau)} \right], \qquad
    \min_{G, H} \max_D\; L_{adv}(y, G(x)) + \lambda \left( L_{NCE}(x) + L_{NCE}(y) \right)

(Park et al. 2020, arXiv 2007.15651, eq. 2-5; :math:`v(x)` is held constant, as in the authors' program). One translator
and one judge: half of CycleGAN's networks.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from advsci.games import Batch, Draw
from advsci.games.adversarial import AdversarialGame, Made
from advsci.games.game import require
from advsci.penalties.scores import Scores
from advsci.streams import Stream
from advsci_images.game.players import Translator

__all__ = ["CUT", "PatchHeads", "patch_nce"]


def patch_nce(made: Float[Tensor, "n s d"], original: Float[Tensor, "n s d"], tau: float = 0.07) -> Float[Tensor, ""]:
    r"""The contrastive loss above for one layer.

    Parameters
    ----------
    made, original
        Features of unit length at s places of each image.
    tau
        :math:`\tau`.

    Returns
    -------
    Tensor
        Mean over images and places [nats]; :math:`\log s` where all patches look alike.

    Examples
    --------
    >>> round(float(patch_nce(torch.ones(1, 8, 1), torch.ones(1, 8, 1)) / torch.tensor(8.0).log()), 4)
    1.0
    """
    similar = torch.einsum("nsd,ntd->nst", made, original) / tau
    own = torch.arange(similar.shape[1], device=similar.device).expand(len(similar), -1)
    return cross_entropy(similar.flatten(0, 1), own.flatten())


class PatchHeads(nn.Module):
    """Two layers on top of each layer of features, to vectors of unit length.

    Parameters
    ----------
    widths
        Channels of the layers.
    length
        Of the vectors.
    """

    def __init__(self, widths: list[int], length: int = 32):
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(w, length), nn.ReLU(), nn.Linear(length, length)) for w in widths
        )

    def forward(self, layers: list[Tensor], places: Tensor) -> list[Tensor]:
        """Vectors (n s d) of each of the ``layers`` (n c h w) at ``places`` (s), counted row by row."""
        picked = [h.flatten(2)[:, :, places].transpose(1, 2) for h in layers]
        return [normalize(head(h), dim=2) for head, h in zip(self.heads, picked, strict=True)]


class CUT(AdversarialGame):
    r"""Translator and heads against a judge of images.

    Parameters
    ----------
    translator, heads
        G and H.
    judge
        D.
    lam
        :math:`\lambda`; 0 leaves nothing that ties a translation to its original.
    adversarial
        Weight of the judge; 0 leaves it out.
    places
        s, patches per image.

    Notes
    -----
    A batch holds ``x``, images of the target, and ``source``, images of as many channels and of the same size.
    """

    one_discriminator_pass = True

    def __init__(
        self,
        translator: Translator,
        heads: PatchHeads,
        judge: nn.Module,
        *,
        lam: float = 1.0,
        adversarial: float = 1.0,
        places: int = 64,
    ):
        generator = nn.ModuleDict({"translator": translator, "heads": heads})
        super().__init__(generator, judge, penalties=(), adversarial=adversarial)
        self.lam, self.places = lam, places

    @property
    def players(self) -> dict[str, nn.Module]:
        alone = {"generator": self.generator}
        return alone if self.adversarial == 0.0 else {"discriminator": self.discriminator} | alone

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """The places of patches at half the resolution of ``batch``, different ones, from ``stream``."""
        height, width = (-(-side // 2) for side in require(batch, "x", "CUT").shape[2:])
        return {"places": stream.at("places").permutation(height * width)[: self.places].to(batch["x"].device)}

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """The sources of ``batch``, translated by ``generator`` (None: the game's own); ``draw`` is not used."""
        return (generator if generator is not None else self.generator)["translator"](batch["source"])  # type: ignore[index]

    def make(self, batch: Batch, draw: Draw) -> Made:
        """What the generator makes of ``batch`` and ``draw``."""
        return Made(self.samples(batch, draw))

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of ``batch`` and ``made``, with ``draw``; for every ``player`` alike."""
        return Scores(self.discriminator, batch["x"], made.samples, together=False, draw=draw)

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """The contrast of ``made`` with the sources of ``batch``, and of its repainted targets with themselves, at the
        places of ``draw``.
        """
        again = self.generator["translator"](batch["x"])  # type: ignore[index, operator]
        pairs = {"contrast": (made.samples, batch["source"]), "identity": (again, batch["x"])}
        return {name: self.lam * self._contrast(a, b, draw["places"]) for name, (a, b) in pairs.items()}

    def _contrast(self, made: Tensor, original: Tensor, places: Tensor) -> Tensor:
        networks: Any = self.generator
        translator, heads = networks["translator"], networks["heads"]
        with torch.no_grad():
            fixed = heads(translator.features(original), places)
        moving = heads(translator.features(made), places)
        return torch.stack([patch_nce(a, b) for a, b in zip(moving, fixed, strict=True)]).mean()

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "source", type(self).__name__)
        self.check_adversarial(batch, draw)
