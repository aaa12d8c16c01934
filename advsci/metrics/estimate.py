"""A measured value and its standard error."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

__all__ = ["Estimate"]


class Estimate(NamedTuple):
    """``value`` and its standard ``error``; a `Report`'s table prints it as value ± error."""

    value: Float[Tensor, ""]
    error: Float[Tensor, ""]
