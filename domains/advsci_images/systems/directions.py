r"""Directions of attributes in the styles of a style-based generator.

A reader of images says which generated images have an attribute; the normal :math:`n_a` of the hyperplane that
separates their styles w is the attribute's direction (Shen et al. 2020, InterFaceGAN, arXiv 1907.10786, section 3.1).
What it shares with the other attributes' normals is projected out, so that they stay (eq. 4 for several attributes),

.. math:: d_a = n_a - N (N^\top N)^{-1} N^\top n_a, \qquad w' = w + t\, \sigma_a\, d_a / |d_a|

with N the other normals, and :math:`\sigma_a` the standard deviation of the styles along d: t counts deviations.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError
from advsci.nn import StyleGenerator
from advsci.streams import Stream

__all__ = ["Directions", "attribute_directions", "changes", "moved", "styled_images"]

_BATCH = 500


class Directions(NamedTuple):
    """Directions (attributes style) one deviation long, and how well the hyperplanes part the styles (attributes).

    The second says what a direction can be trusted for: .5 is no better than chance.
    """

    along: Float[Tensor, "a style"]
    accuracy: Float[Tensor, " a"]


@torch.no_grad()
def attribute_directions(
    generator: StyleGenerator, reader: Callable[[Tensor], Tensor], stream: Stream, *, samples: int = 2000
) -> Directions:
    """Find a direction for each attribute.

    Parameters
    ----------
    generator
        A trained style-based generator.
    reader
        ``reader(images)``, a score (n attributes) per image and attribute, positive where the image has it.
    stream
        Source of the latent vectors.
    samples
        How many images are read.

    Returns
    -------
    Directions
        One per attribute.

    Raises
    ------
    DataError
        All or no images have an attribute.

    Examples
    --------
    >>> from advsci_images import attribute_directions
    >>> with Stream(0).seeded():
    ...     generator = StyleGenerator(4, 1, 4, (8, 8))
    >>> bright = lambda x: x.mean((1, 2, 3))[:, None] - x.mean()
    >>> attribute_directions(generator, bright, Stream(1), samples=400).along.shape
    torch.Size([1, 64])
    """
    from sklearn.linear_model import LogisticRegression

    z = stream.at("directions").normal((samples, generator.latent))
    w = torch.cat([generator.mapping(part) for part in z.split(_BATCH)])
    images = [generator.synthesise([part] * len(generator.layers)) for part in w.split(_BATCH)]
    has = torch.cat([reader(part) for part in images]) > 0
    normals, accuracy = [], []
    cut = samples * 3 // 4
    for a in range(has.shape[1]):
        if len(has[:cut, a].unique()) < 2:
            raise DataError(
                f"got attribute {a} in {int(has[:, a].sum())} of {samples} images; expected some with and some "
                "without it. Try: a generator that was trained longer, or another attribute."
            )
        plane = LogisticRegression(max_iter=1000).fit(w[:cut].numpy(), has[:cut, a].numpy())
        accuracy.append(float(plane.score(w[cut:].numpy(), has[cut:, a].numpy())))
        normals.append(torch.from_numpy(plane.coef_[0]).float())
    n = torch.nn.functional.normalize(torch.stack(normals), dim=1)
    along = []
    for a in range(len(n)):
        others = n[[b for b in range(len(n)) if b != a]]
        d = n[a] - torch.linalg.pinv(others) @ (others @ n[a]) if len(others) else n[a]
        d = d / d.norm().clamp_min(1e-12)
        along.append(d * (w @ d).std())
    return Directions(torch.stack(along), torch.tensor(accuracy))


@torch.no_grad()
def moved(
    generator: StyleGenerator, z: Float[Tensor, "n latent"], direction: Float[Tensor, " style"], amount: float
) -> Float[Tensor, "n c h w"]:
    """Images of latent vectors, moved along a direction.

    Parameters
    ----------
    generator
        A style-based generator.
    z
        Latent vectors, of which the first ``generator.latent`` columns count.
    direction
        A row of `Directions`.
    amount
        t, in deviations; 0 gives the images as they are.

    Returns
    -------
    Tensor
        Images in [-1, 1].

    Examples
    --------
    >>> moved(StyleGenerator(4, 1, 4, (8, 8)), torch.zeros(2, 4), torch.zeros(64), 1.0).shape
    torch.Size([2, 1, 8, 8])
    """
    parts = []
    for part in z.split(_BATCH):
        parts.append(styled_images(generator, generator.mapping(part[:, : generator.latent]) + amount * direction))
    return torch.cat(parts)


def styled_images(generator: StyleGenerator, w: Float[Tensor, "n style"]) -> Float[Tensor, "n c h w"]:
    """Images in [-1, 1] of styles that are the same in all layers.

    Parameters
    ----------
    generator
        A style-based generator.
    w
        Styles.
    """
    return generator.synthesise([w] * len(generator.layers)).clamp(-1.0, 1.0)


def changes(
    before: Float[Tensor, "n a"], after: Float[Tensor, "n a"], attribute: int
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """What a move towards an attribute did, by the scores of an independent reader.

    Parameters
    ----------
    before, after
        Scores of every attribute, positive where an image has it.
    attribute
        The one that was moved towards.

    Returns
    -------
    Tensor, Tensor
        Share of the images without the attribute that got it, and share of the other attributes' readings, of these
        images, that changed.

    Examples
    --------
    >>> before, after = torch.tensor([[-1.0, 1.0], [-1.0, -1.0]]), torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    >>> [float(share) for share in changes(before, after, 0)]
    [1.0, 0.5]
    """
    rows = before[:, attribute] <= 0
    others = [b for b in range(before.shape[1]) if b != attribute]
    flipped = (before[rows][:, others] > 0) != (after[rows][:, others] > 0)
    return (after[rows, attribute] > 0).float().mean(), flipped.float().mean()
