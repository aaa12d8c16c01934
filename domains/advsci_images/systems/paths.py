r"""Attributes changed one at a time, along curved paths in the styles of a style-based generator.

One straight direction for all images (`advsci_images.systems.directions`) crosses other attributes' borders wherever
these are curved. A path follows the reader's scores s(w) of the image at hand instead: each step is the one of least
Mahalanobis length, with the styles' covariance C, that takes the attribute's score towards its goal and the other
scores back to where they began (:math:`J = \partial s / \partial w`, r what is missing):

.. math:: w \leftarrow w + C J^\top (J C J^\top + \epsilon I)^{-1} r

That is a Gauss-Newton step; a step longer than `LONGEST` deviations is cut to that. A path that begins with a straight
move ends well inside the attribute's side, where other readers see it too.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.nn import StyleGenerator
from advsci.streams import Stream
from advsci_images.systems.directions import styled_images

__all__ = ["changed"]

_BATCH = 250

LONGEST = 1.0
"""Longest step, in standard deviations of the styles."""

RIDGE = 1e-3
""":math:`\\epsilon`, as a share of the mean diagonal of :math:`J C J^\\top`."""


def changed(
    generator: StyleGenerator,
    z: Float[Tensor, "n latent"],
    reader: Callable[[Tensor], Tensor],
    attribute: int,
    stream: Stream,
    *,
    start: "Float[Tensor, ' style'] | None" = None,
    score: float = 4.0,
    steps: int = 12,
) -> Float[Tensor, "n c h w"]:
    r"""Images of latent vectors, changed until they have an attribute; the other attributes stay.

    Parameters
    ----------
    generator
        A trained style-based generator.
    z
        Latent vectors, of which the first ``generator.latent`` columns count.
    reader
        ``reader(images)``, a differentiable score (n attributes) per image and attribute, positive where the image has
        it; judge the result by another one.
    attribute
        The one that is wanted.
    stream
        Source of the latent vectors from which the styles' covariance is taken.
    start
        A straight move of the images without the attribute, with which the path begins, such as three times a row of
        `advsci_images.systems.directions.Directions`; None for none.
    score
        Goal of the attribute's score [log odds]; images that are there already stay as they are.
    steps
        Of the path.

    Returns
    -------
    Tensor
        Images in [-1, 1].

    Examples
    --------
    >>> halves = lambda x: torch.stack([x[:, :, :4].mean((1, 2, 3)), x[:, :, 4:].mean((1, 2, 3))], 1)
    >>> changed(StyleGenerator(4, 1, 4, (8, 8)), Stream(1).normal((2, 4)), halves, 0, Stream(2), score=0.1).shape
    torch.Size([2, 1, 8, 8])
    """

    with torch.no_grad():
        others = stream.at("styles").normal((2000, generator.latent), device=z.device)
        covariance = torch.cov(generator.mapping(others).T)
        styles = generator.mapping(z[:, : generator.latent])
    parts = []
    for w in styles.split(_BATCH):
        with torch.no_grad():
            goal = reader(styled_images(generator, w))
        if start is not None:
            w = w + start * (goal[:, attribute, None] <= 0)
        goal[:, attribute] = goal[:, attribute].clamp_min(score)
        for left in range(steps, 0, -1):
            w = w + _step(w, lambda v: reader(styled_images(generator, v)), goal, attribute, covariance, left)
        with torch.no_grad():
            parts.append(styled_images(generator, w))
    return torch.cat(parts)


def _step(
    w: Tensor, scores: Callable[[Tensor], Tensor], goal: Tensor, attribute: int, covariance: Tensor, left: int
) -> Tensor:
    """The next step (n style) from styles ``w``, of which ``left`` remain to reach the attribute's goal."""
    w = w.detach().requires_grad_()
    s = scores(w)
    j = torch.stack([torch.autograd.grad(one.sum(), w, retain_graph=True)[0] for one in s.unbind(1)], 1)  # n a style
    missing = goal - s.detach()
    missing[:, attribute] /= left
    cj = j @ covariance
    gram = cj @ j.transpose(1, 2)
    ridge = RIDGE * gram.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-12)
    weight = torch.linalg.solve(gram + ridge[:, None, None] * torch.eye(gram.shape[1]).to(gram), missing[:, :, None])
    step = (weight.transpose(1, 2) @ cj)[:, 0]
    length = (weight.transpose(1, 2) @ gram @ weight)[:, 0, 0].clamp_min(1e-12).sqrt()  # deviations: sqrt(d C^-1 d)
    return step * (LONGEST / length).clamp_max(1.0)[:, None]
