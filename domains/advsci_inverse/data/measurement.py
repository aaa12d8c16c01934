"""Simulated measurements of images, by the settings of a command."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError, ShapeError
from advsci.streams import Stream
from advsci_inverse.data.noise import Gaussian
from advsci_inverse.operators.linear import LinearOperator

if TYPE_CHECKING:
    from advsci_inverse.config import OperatorSpec

__all__ = ["checked_size", "measure"]


def measure(
    operator: LinearOperator, images: Float[Tensor, "n h w"], share: float, stream: Stream
) -> tuple[Tensor, float]:
    """Data with white noise.

    Parameters
    ----------
    operator
        The measurement.
    images
        Images in [0, 1].
    share
        Standard deviation of the noise over the root mean square datum of all images.
    stream
        Draws the noise.

    Returns
    -------
    y : tensor [n, *data_shape]
        Noisy data.
    sigma : float
        Standard deviation of the noise.

    Raises
    ------
    DataError
        All data are zero.
    """
    clean = operator(images)
    sigma = share * float(clean.square().mean().sqrt())
    if sigma <= 0:
        raise DataError("got images whose data are all zero; expected a signal. Try: another operator or other images.")
    return Gaussian(sigma).sample(clean, stream), sigma


def checked_size(spec: "OperatorSpec", shape: tuple[int, ...], what: str) -> "OperatorSpec":
    """The settings of an operator, with the size of the images where it was left open.

    Parameters
    ----------
    spec
        Settings of the operator.
    shape
        Height and width of the images.
    what
        What has this shape, for the error.

    Returns
    -------
    OperatorSpec
        With its size set.

    Raises
    ------
    ShapeError
        The operator was asked for another size, or the images are not square.
    """
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(f"got {what} of {shape} pixels; expected square ones. Try: crop or pad them.")
    if "size" in spec.model_fields_set and spec.size != shape[0]:
        raise ShapeError(
            f"got an operator on {spec.size} x {spec.size} images and {what} of {shape[0]} x {shape[1]}; expected one "
            f"size. Try: --operator.size {shape[0]}."
        )
    return spec.replace(size=shape[0])


def held_out(images: Float[Tensor, "n h w"], wanted: int, skip: int = 0) -> Float[Tensor, "m h w"]:
    """Images spread evenly over a held-out set.

    Parameters
    ----------
    images
        The held-out set.
    wanted
        Most images that are taken.
    skip
        0 takes from every second image, 1 from the others, which are left for tuning.

    Returns
    -------
    tensor [m, h, w]
        The images.
    """
    pool = images[skip::2]
    index = torch.linspace(0, len(pool) - 1, min(wanted, len(pool))).long()
    return pool[index]
