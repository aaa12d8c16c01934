"""Simulated measurements of images, by the settings of a command."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError, ShapeError
from advsci.streams import Stream
from advsci_inverse.noise import Gaussian
from advsci_inverse.operators.linear import LinearOperator

if TYPE_CHECKING:
    from advsci_inverse.config import OperatorSpec

__all__ = ["checked_size", "measure"]


def measure(
    operator: LinearOperator, images: Float[Tensor, "n h w"], share: float, stream: Stream
) -> tuple[Tensor, float]:
    """Data with white noise of ``share`` times the root mean square datum of all images, and that sigma."""
    clean = operator(images)
    sigma = share * float(clean.square().mean().sqrt())
    if sigma <= 0:
        raise DataError("got images whose data are all zero; expected a signal. Try: another operator or other images")
    return Gaussian(sigma).sample(clean, stream), sigma


def checked_size(spec: "OperatorSpec", shape: tuple[int, ...], what: str) -> "OperatorSpec":
    """The settings, with the size of the images where it was left open.

    Raises
    ------
    ShapeError
        The operator was asked for another size, or the images are not square.
    """
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(f"got {what} of {shape} pixels; expected square ones. Try: crop or pad them")
    if "size" in spec.model_fields_set and spec.size != shape[0]:
        raise ShapeError(
            f"got an operator on {spec.size} x {spec.size} images and {what} of {shape[0]} x {shape[1]}; expected one "
            f"size. Try: --operator.size {shape[0]}"
        )
    return spec.replace(size=shape[0])


def held_out(images: Float[Tensor, "n h w"], wanted: int, skip: int = 0) -> Float[Tensor, "m h w"]:
    """``wanted`` images spread evenly over a held-out set (every second one is left for tuning with ``skip=1``)."""
    pool = images[skip::2]
    index = torch.linspace(0, len(pool) - 1, min(wanted, len(pool))).long()
    return pool[index]
