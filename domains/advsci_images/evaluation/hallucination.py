r"""Where a translation invents: structure without a counterpart in the truth, and colours that are swapped.

With :math:`s(x)` the local strength of edges of an image, averaged over 3 x 3 pixels,

.. math:: \mathrm{invented} = \frac{E\, |(s(\hat y) - s(y))_+|^2}{E\, |(s(\hat y) - s(y'))_+|^2}, \qquad
          \mathrm{missed} = \frac{E\, |(s(y) - s(\hat y))_+|^2}{E\, |(s(y') - s(\hat y))_+|^2}

where :math:`y'` is the truth of another image: 0 is none, 1 is as much as in an unrelated image.

A cycle-consistent translator may exchange colours or invert the brightness, and no loss of its game sees it (Zhu et al.
2017, arXiv 1703.10593, section 6; Cohen et al. 2018, arXiv 1805.08841). A few pairs show it: the best affine map of the
colours, :math:`y \approx A \hat y + b`, then mends the translation.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d

from advsci.errors import DataError
from advsci_images.evaluation.scores import psnr, structure

__all__ = ["FLIP_ERROR", "FLIP_GAIN", "INVENTION", "Examination", "examine", "recolour"]

INVENTION = 0.3
"""Share of an unrelated image's structure from which a translation is said to invent."""

FLIP_GAIN = 4.0
"""Gain in PSNR by a map of the colours from which they are said to be swapped [dB]."""

FLIP_ERROR = 0.1
"""Squared error, as a share of the truth's variance, up to which colours are not called swapped."""


@dataclass(frozen=True)
class Examination:
    """What pairs say of a translation.

    Attributes
    ----------
    psnr, psnr_recoloured
        Mean over the pairs, as translated and after the best affine map of the colours [dB].
    invented, missed
        See the formulas.
    unlike
        Mean squared error as a share of the truth's variance.
    colours
        The matrix A (channels channels); the identity where colours are right.
    """

    psnr: float
    psnr_recoloured: float
    invented: float
    missed: float
    unlike: float
    colours: Tensor

    @property
    def flipped(self) -> bool:
        """Whether a map of the colours mends the translation."""
        return self.psnr_recoloured - self.psnr > FLIP_GAIN and self.unlike > FLIP_ERROR

    def warnings(self) -> list[str]:
        """Sentences on what is wrong; none for a faithful translation."""
        found = []
        if self.flipped:
            found.append(
                f"Colours are swapped: a map of the colours raises PSNR from {self.psnr:.1f} to "
                f"{self.psnr_recoloured:.1f} dB. {self._how()} The cycle is consistent all the same. "
                "Try: the identity term (--identity 5), or a few pairs."
            )
        if self.invented > INVENTION:
            found.append(
                f"The translation invents: {self.invented:.0%} of an unrelated image's edges stand where the truth "
                "has none. Try: pairs, a smaller weight of the adversary, or no measurement on these images."
            )
        if self.missed > INVENTION:
            found.append(f"The translation loses {self.missed:.0%} of the edges that an unrelated image would lose.")
        return found

    def _how(self) -> str:
        strongest = self.colours.abs().argmax(1).tolist()
        signs = [float(self.colours[i, j]) for i, j in enumerate(strongest)]
        said = [
            f"channel {i} of the truth is {'the negative of ' if sign < 0 else ''}channel {j}"
            for i, (j, sign) in enumerate(zip(strongest, signs, strict=True))
            if i != j or sign < 0
        ]
        return f"In the translation {', '.join(said)}." if said else "Contrast or offset differ."


def recolour(made: Float[Tensor, "n c h w"], truth: Float[Tensor, "n c h w"]) -> tuple[Tensor, Tensor]:
    """The translations under the affine map of the colours that brings them nearest to the truth.

    Parameters
    ----------
    made
        Translations.
    truth
        What they should be.

    Returns
    -------
    Tensor, Tensor
        The recoloured images (n c h w) and the matrix A (c c).
    """
    channels = made.shape[1]
    columns = made.movedim(1, -1).reshape(-1, channels).double()
    columns = torch.cat([columns, torch.ones(len(columns), 1, dtype=torch.float64)], 1)
    wanted = truth.movedim(1, -1).reshape(-1, channels).double()
    ridge = 1e-6 * len(columns) * torch.eye(channels + 1, dtype=torch.float64)
    solution = torch.linalg.solve(columns.T @ columns + ridge, columns.T @ wanted)
    mended = (columns @ solution).float().reshape(len(made), *made.shape[2:], channels).movedim(-1, 1)
    return mended, solution[:channels].T.float()


def examine(made: Float[Tensor, "n c h w"], truth: Float[Tensor, "n c h w"]) -> Examination:
    """Compare translations with the truth of held-out pairs.

    Parameters
    ----------
    made
        Translations in [-1, 1].
    truth
        The true targets, in the same order.

    Returns
    -------
    Examination
        Its `Examination.warnings` say what is wrong.

    Raises
    ------
    DataError
        Fewer than two pairs.

    Examples
    --------
    >>> x = torch.rand(8, 1, 12, 12) * 2 - 1
    >>> examine(-x, x).flipped, examine(x, x).flipped
    (True, False)
    """
    if len(made) < 2 or made.shape != truth.shape:
        raise DataError(
            f"got translations of {tuple(made.shape)} and truths of {tuple(truth.shape)}; expected at least 2 pairs of "
            "one shape. Try: more held-out pairs."
        )
    mended, colours = recolour(made, truth)
    s, t = (avg_pool2d(structure(part)[:, None], 3, 1, 1) for part in (made, truth))
    other = t.roll(1, 0)
    invented = (s - t).relu().square().sum() / (s - other).relu().square().sum().clamp_min(1e-12)
    missed = (t - s).relu().square().sum() / (other - s).relu().square().sum().clamp_min(1e-12)
    unlike = float((made - truth).square().mean() / truth.var().clamp_min(1e-12))
    values = float(psnr(made, truth).mean()), float(psnr(mended, truth).mean()), float(invented), float(missed)
    return Examination(*values, unlike, colours)
