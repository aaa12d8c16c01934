r"""A judge that also reads labels: classes or domains, learned from real images only (Odena et al. 2017, AC-GAN, arXiv
1610.09585, section 4; Choi et al. 2018, StarGAN, arXiv 1711.09020, eq. 2).

.. math:: L_D = -L_{adv} + E\, \ell(R(x), c)

with the cross-entropy :math:`\ell`: a penalty on the judge, weighted as its images are.
"""

from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from advsci.objectives import weighted_mean
from advsci.penalties import Penalty
from advsci.penalties.scores import Scores

__all__ = ["ReadingJudge", "ReadsLabel"]


class ReadingJudge(nn.Module):
    """The judge of images together with the reader of their labels.

    Parameters
    ----------
    judge
        ``judge(x)``, or ``judge(x, condition)`` where the game has conditions: one logit per image.
    reader
        ``reader(x)``, logits of the labels.
    """

    def __init__(self, judge: nn.Module, reader: nn.Module):
        super().__init__()
        self.judge, self.reader = judge, reader

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        """Logits (n) of images ``x`` (n c h w), under their ``condition`` (n) where the judge takes it."""
        return self.judge(x, *condition)

    def misread(
        self, x: Float[Tensor, "n ..."], label: Tensor, weight: Float[Tensor, " n"] | None = None
    ) -> Float[Tensor, ""]:
        """Cross-entropy of the labels that are read in images.

        Parameters
        ----------
        x
            Images (n c h w).
        label
            What should be read (n).
        weight
            Non-negative weights of the images (n); None: equal ones.
        """
        return weighted_mean(cross_entropy(self.reader(x), label, reduction="none"), weight)


@dataclass(frozen=True)
class ReadsLabel(Penalty):
    """How badly the judge reads the labels of real images: their conditions, or ``key`` of the draw."""

    name: str = "reading"
    key: str | None = None

    def __call__(self, made: Scores, progress: Tensor) -> Tensor:
        label = made.condition if self.key is None else made.draw[self.key]
        return cast(ReadingJudge, made.network).misread(made.real, cast(Tensor, label), made.real_weight)
