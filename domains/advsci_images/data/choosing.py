"""Which images of a set are used, and which are held out: of every class its share, in whatever order they come.

A folder is read class by class, so its first rows are one class and its last rows another. Row i of a class of n images
has the place i / n in its class; the rows of the smallest places are a share of every class.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci_images.data.stack import Stack

__all__ = ["at_most", "chosen_rows", "places", "split", "split_rows"]


def places(labels: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The place of every row in its class, from 0 (its first) to below 1 (its last).

    Parameters
    ----------
    labels
        Class of each row (n).

    Returns
    -------
    Tensor
        Places (n).

    Examples
    --------
    >>> places(torch.tensor([0, 0, 0, 0, 1, 1])).tolist()
    [0.0, 0.25, 0.5, 0.75, 0.0, 0.5]
    """
    found = torch.zeros(len(labels), dtype=torch.float64)
    for c in labels.unique():
        rows = (labels == c).nonzero().flatten()
        found[rows] = torch.arange(len(rows), dtype=torch.float64) / len(rows)
    return found


def chosen_rows(stack: Stack, limit: int) -> Int[Tensor, " m"]:
    """At most ``limit`` rows of a set in their order: of every class its share and at least one, if the limit allows.

    Parameters
    ----------
    stack
        Images.
    limit
        Most rows.

    Returns
    -------
    Tensor
        Row numbers; the first ones of a set without labels.
    """
    if stack.labels is None or len(stack) <= limit:
        return torch.arange(min(limit, len(stack)))
    return places(stack.labels).argsort(stable=True)[:limit].sort().values


def at_most(stack: Stack, limit: int) -> Stack:
    """The images that `chosen_rows` names.

    Parameters
    ----------
    stack
        Images.
    limit
        Most images.

    Returns
    -------
    Stack
        Of every class its share.

    Examples
    --------
    >>> from advsci_images.data.stack import read_images
    >>> at_most(read_images("digits"), 100).labels.unique().tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    return stack.rows(chosen_rows(stack, limit))


def split_rows(stack: Stack, share: float, least: int) -> tuple[Int[Tensor, " n"], Int[Tensor, " m"]]:
    """Rows to learn from, and held-out ones: the last, of every class where there are labels.

    Parameters
    ----------
    stack
        Images.
    share
        Of the images that is held out.
    least
        How many are held out at least.

    Returns
    -------
    Tensor, Tensor
        Row numbers, each in the old order. A class of one image stays to be learnt from; of the others at least one
        image is held out, if that many are.
    """
    cut = len(stack) - max(least, int(share * len(stack)))
    order = torch.arange(len(stack))
    if stack.labels is not None:
        last = 1.0 - places(stack.labels.flip(0)).flip(0)  # 1 for the last row of a class
        alone = torch.bincount(stack.labels)[stack.labels] == 1
        order = torch.where(alone, 0.0, last).argsort(stable=True)
    return order[:cut].sort().values, order[cut:].sort().values


def split(stack: Stack, share: float, least: int) -> tuple[Stack, Stack]:
    """The images that `split_rows` names.

    Parameters
    ----------
    stack, share, least
        As in `split_rows`.

    Returns
    -------
    Stack, Stack
        To learn from, and held out.

    Examples
    --------
    >>> from advsci_images.data.stack import read_images
    >>> learn, held = split(read_images("digits"), 0.125, 16)
    >>> len(learn), len(held)
    (7875, 1125)
    """
    learn, held = split_rows(stack, share, least)
    return stack.rows(learn), stack.rows(held)
