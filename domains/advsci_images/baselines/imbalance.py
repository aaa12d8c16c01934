r"""What is usually done about rare classes: weights, repetition, SMOTE.

SMOTE makes a new sample :math:`x + u\,(x' - x)`, :math:`u \sim U(0, 1)`, between a rare sample and one of its nearest
neighbours of the same class (Chawla et al. 2002, doi 10.1613/jair.953, section 4.2).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.errors import DataError
from advsci.streams import Stream

__all__ = ["class_weights", "oversampled", "smote"]


def class_weights(label: Int[Tensor, " n"]) -> Float[Tensor, " classes"]:
    r""":math:`N / (C N_c)` for every class of ``label`` (n): all classes count alike in the loss.

    Raises
    ------
    DataError
        A class has no image.

    Examples
    --------
    >>> class_weights(torch.tensor([0, 0, 0, 1])).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = torch.bincount(label).float()
    if bool((counts == 0).any()):
        raise DataError(
            f"got no image of class {int((counts == 0).nonzero()[0])}; expected some of each. Try: leave the class out."
        )
    return len(label) / (len(counts) * counts)


def oversampled(label: Int[Tensor, " n"], stream: Stream) -> Int[Tensor, " m"]:
    """Rows in which every class comes as often as the most frequent one, by repetition.

    Parameters
    ----------
    label
        Class of each row (n).
    stream
        Source of the choice.

    Returns
    -------
    Tensor
        Row numbers (m): every row once, rows of rarer classes again.
    """
    counts = torch.bincount(label)
    parts = [torch.arange(len(label))]
    for c, count in enumerate(counts.tolist()):
        rows = (label == c).nonzero().flatten()
        missing = int(counts.max()) - count
        if count and missing:
            parts.append(rows[stream.at("class", c).integers(count, (missing,))])
    return torch.cat(parts)


def smote(x: Float[Tensor, "n ..."], count: int, stream: Stream, *, neighbours: int = 5) -> Float[Tensor, "m ..."]:
    """New samples of one class between its own.

    Parameters
    ----------
    x
        All samples of the class.
    count
        How many new ones.
    stream
        Source of all randomness.
    neighbours
        How many nearest neighbours of a sample may be its partner.

    Returns
    -------
    Tensor
        The new samples (count ...).

    Raises
    ------
    DataError
        The class has fewer than two samples.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(x) < 2:
        raise DataError(f"got {len(x)} sample of a class; expected at least 2 for SMOTE. Try: oversampling.")
    k = min(neighbours, len(x) - 1)
    flat = x.flatten(1).numpy()
    partners = NearestNeighbors(n_neighbors=k + 1).fit(flat).kneighbors(flat, return_distance=False)[:, 1:]
    own = stream.at("own").integers(len(x), (count,))
    other = torch.from_numpy(partners)[own, stream.at("other").integers(k, (count,))]
    share = stream.at("share").uniform((count, *[1] * (x.dim() - 1)))
    return x[own] + share * (x[other] - x[own])
