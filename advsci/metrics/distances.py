"""Squared Euclidean distances, a block of rows at a time: memory stays flat in the number of samples."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Num
from torch import Tensor

from advsci.errors import DataError, ShapeError

__all__ = ["blocks", "check_finite", "check_samples", "least", "real_numbers", "squared_distances"]

BLOCK_ELEMENTS = 1_000_000
"""Entries of a block of distances: 8 MB in float64 stay in a processor's cache from one pass to the next."""


def check_samples(x: Tensor, y: Tensor, at_least: int = 1) -> None:
    """Refuse sets that cannot be compared.

    Parameters
    ----------
    x
        Samples (n d).
    y
        Samples (m d), to compare with.
    at_least
        Fewest samples that each set may have.

    Raises
    ------
    ShapeError
        If they are not two matrices of samples by features with as many features.
    DataError
        If they are no tensors, hold a number that is complex or not finite, or one has fewer than ``at_least`` samples.
    """
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
        raise DataError(
            f"got samples as {type(x).__name__} and {type(y).__name__}; expected tensors. Try: torch.as_tensor(x)."
        )
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ShapeError(
            f"got samples of shapes {tuple(x.shape)} and {tuple(y.shape)}; expected (n, d) and (m, d). "
            "Try: x.flatten(1), or a feature net."
        )
    if min(len(x), len(y)) < at_least:
        raise DataError(f"got {len(x)} and {len(y)} samples; expected at least {at_least} of each. Try: draw more.")
    check_finite(x, "samples of the first set")
    check_finite(y, "samples of the second set")


def check_finite(x: Tensor, what: str = "samples") -> None:
    """Refuse numbers on which a metric would answer with a number that means nothing.

    Parameters
    ----------
    x
        Samples along the first axis.
    what
        What they are, for the message.

    Raises
    ------
    DataError
        Complex numbers, NaN or infinity.
    """
    if x.is_complex():
        raise DataError(f"got complex {what}; expected real numbers. Try: torch.view_as_real(x).flatten(1).")
    if not x.is_meta and not bool(torch.isfinite(x).all()):
        bad = int((~torch.isfinite(x.reshape(len(x), -1)).all(1)).sum())
        raise DataError(
            f"got NaN or infinity in {bad} of {len(x)} {what}; expected finite numbers. "
            "Try: look for a training that diverged, or drop those samples."
        )


def real_numbers(x: Tensor) -> Tensor:
    """Samples in a precision that a metric can compute in: integers, truth values and 16 bits become float64.

    Parameters
    ----------
    x
        Samples.

    Returns
    -------
    Tensor
        Those of 32 and 64 bits as they are.
    """
    return x if x.dtype in (torch.float32, torch.float64) else x.double()


def blocks(n: int, m: int) -> Iterator[slice]:
    """Slices of ``n`` rows such that a slice against ``m`` columns has about `BLOCK_ELEMENTS` entries."""
    rows = max(1, min(n, BLOCK_ELEMENTS // max(m, 1)))
    for begin in range(0, n, rows):
        yield slice(begin, min(begin + rows, n))


def squared_distances(
    x: Num[Tensor, "n d"], y: Num[Tensor, "m d"], out: Float[Tensor, "n m"] | None = None
) -> Float[Tensor, "n m"]:
    r""":math:`|x_i|^2 - 2 x_i \cdot y_j + |y_j|^2`, not below zero. Centre far-off data first: the terms cancel.

    Parameters
    ----------
    x
        Samples (n d).
    y
        Samples (m d), to compare with.
    out
        Where to write the result (n m); None makes a new tensor.

    Returns
    -------
    Tensor
        Squared distances (n m).
    """
    inner = torch.addmm(y.square().sum(1), x, y.T, alpha=-2.0, out=out)
    return inner.add_(x.square().sum(1, keepdim=True)).clamp_(min=0.0)


def least(values: Float[Tensor, "n m"], k: int, group: int = 32) -> Float[Tensor, "n k"]:
    """The ``k`` smallest entries of each row, ascending.

    They lie in the ``k`` groups of columns whose minima are smallest, so one pass of minima leaves little to sort.

    Parameters
    ----------
    values
        Numbers (n m).
    k
        How many per row.
    group
        Columns that are compared at a time; it changes the speed only.

    Returns
    -------
    Tensor
        The smallest (n k).
    """
    n, m = values.shape
    groups = m // group
    if groups <= 2 * k:
        return torch.topk(values, k, dim=1, largest=False).values
    body = values[:, : groups * group].unflatten(1, (groups, group))
    chosen = torch.topk(body.amin(2), k, dim=1, largest=False).indices
    few = torch.gather(body, 1, chosen.unsqueeze(2).expand(n, k, group)).flatten(1)
    return torch.topk(torch.cat([few, values[:, groups * group :]], 1), k, dim=1, largest=False).values
