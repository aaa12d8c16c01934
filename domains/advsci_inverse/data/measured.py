r"""Measured data from a file, in the units of whoever measured them, made ready for reconstruction.

What a file may hold: data of one image or of several; real or complex; NaN or a constant zero where a detector is dead;
the noise level as one number, one per image or one per datum; transmissions instead of line integrals. `ready` turns
that into data of unit-scale images with white noise,

.. math:: y' = \frac{y - l\,A\mathbf 1}{h - l}, \qquad \sigma' = \frac{\sigma}{h - l},

:math:`l` and :math:`h` what 0 and 1 of the images are in the user's units, and drops or weighs single data where their
noise differs. Of counts, the noise of every datum follows from the datum itself (`advsci_inverse.data.noise.Poisson`):
weighing by it is the second-order form of the Poisson likelihood about the data (Bouman and Sauer 1996, IEEE Trans.
Image Process. 5:480), so that every method minimises that.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.errors import DataError
from advsci.files import read_arrays
from advsci_inverse.data.geometry import check_geometry
from advsci_inverse.data.images import Scale
from advsci_inverse.data.noise import Poisson, estimate_sigma
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.operators.selected import Selected

__all__ = ["Measured", "Ready", "check_scale", "read_measured", "ready"]


@dataclass(frozen=True)
class Measured:
    """What a file holds.

    Attributes
    ----------
    y
        Data of ``n`` images, zero where they are dead.
    sigma
        Standard deviation of the noise: empty shape, ``[n]``, or the shape of the data; None if unknown.
    alive
        Which data were measured, common to all images.
    notes
        What was done on reading, in words.
    logarithm
        Whether ``y`` is the negative logarithm of what was counted.
    """

    y: Float[Tensor, "n *data"]
    sigma: Tensor | None
    alive: Bool[Tensor, "*data"]
    notes: list[str] = field(default_factory=list)
    logarithm: bool = False


@dataclass(frozen=True)
class Ready:
    """Data of unit-scale images with white noise, for one group of images.

    Attributes
    ----------
    index
        Which images of the file.
    operator, y, sigma
        What a `advsci_inverse.problem.Problem` takes.
    """

    index: Tensor
    operator: LinearOperator
    y: Tensor
    sigma: float


def read_measured(path: Path, operator: LinearOperator, *, transmission: bool = False, limit: int = 64) -> Measured:
    """Data of an npz file.

    Parameters
    ----------
    path
        Holds ``y`` and perhaps ``sigma``; an only other array is taken for ``y``.
    operator
        Says which shape is expected.
    transmission
        The data are transmissions :math:`I/I_0`; their negative logarithm is taken.
    limit
        Most images that are taken.

    Returns
    -------
    Measured
        In the file's units.

    Raises
    ------
    DataError
        Unreadable, of another shape, or noise of another shape; complex data where the operator has none; transmissions
        where line integrals are expected.
    """
    if not Path(path).is_file():
        raise DataError(f"{path}: got no such file; expected an npz with y (n, ...). Try: check the path.")
    arrays = read_arrays(path, expected="an npz with y (n, ...)", try_="--simulate if the file holds images")
    notes: list[str] = []
    array = _data_of(path, arrays, notes)
    y, alive = _shaped(path, array, operator, notes)
    y = y[:limit]
    sigma = None if "sigma" not in arrays else _sigma_of(path, arrays["sigma"], y, limit)
    if transmission:
        y, sigma, alive = _line_integrals(path, y, sigma, alive)
    dead = _constant_zero(y, sigma, alive, operator)
    if bool(dead.any()):
        notes.append(f"{int(dead.sum())} data are zero in every image and were left out as dead")
    y, alive = torch.where(alive, y, 0.0), alive & ~dead
    return Measured(y, sigma, alive, notes + check_geometry(y, alive, operator), transmission)


def _data_of(path: Path, arrays: dict[str, np.ndarray], notes: list[str]) -> np.ndarray:
    if "y" in arrays:
        return arrays["y"]
    others = [key for key in arrays if key != "sigma" and arrays[key].dtype.kind in "fiuc" and arrays[key].ndim]
    if len(others) != 1:
        raise DataError(
            f"{path}: got arrays {sorted(arrays)}; expected the data as y. Try: rename the array, or --simulate if the "
            "file holds images."
        )
    notes.append(f"the array '{others[0]}' was taken for the data")
    return arrays[others[0]]


def _shaped(path: Path, array: np.ndarray, operator: LinearOperator, notes: list[str]) -> tuple[Tensor, Tensor]:
    """Data ``[n, *data]`` and which of them are numbers."""
    expected = operator.data_shape
    if np.iscomplexobj(array):
        if expected[-1] != 2:
            raise DataError(
                f"{path}: got complex data for a real operator; expected real ones. Try: --operator.kind fourier, or "
                "the real part."
            )
        array = np.stack([np.real(array), np.imag(array)], -1)
        if array.ndim == len(expected) and expected[0] == 1:  # one coil, no axis for it
            array = array[:, None]
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path}: got data of kind {array.dtype}; expected numbers. Try: save them as float32.")
    if array.shape == expected:
        array = array[None]
        notes.append("the data of one image")
    if array.ndim == 3 and array.shape[1:] != expected and array.shape[1] * array.shape[2] == int(np.prod(expected)):
        raise DataError(
            f"{path}: got data of {array.shape[1:]}; expected {expected}, of the same number. Try: transpose them."
        )
    if array.shape[1:] != expected:
        advice = "--operator"
        if len(expected) == 2 and array.ndim == 3 and array.shape[1] == expected[0]:
            advice = f"--operator.detectors {array.shape[2]}"
        elif len(expected) == 2 and array.ndim == 3:
            advice = f"--operator.views {array.shape[1]} --operator.detectors {array.shape[2]}"
        raise DataError(f"{path}: got data of {array.shape[1:]} per image; expected {expected}. Try: {advice}.")
    y = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    finite = torch.isfinite(y)
    alive = finite.all(0)
    if not bool(finite.all()):
        if not bool(alive.any()) or float(finite[:, ~alive].float().mean()) > 0.5:
            raise DataError(
                f"{path}: got {int((~finite).sum())} NaN or infinite data at different places in each image; expected "
                "dead detectors, the same for all. Try: one file per image."
            )
        notes.append(f"{int((~alive).sum())} data are not finite and were left out as dead")
    return torch.where(finite, y, 0.0), alive


def _sigma_of(path: Path, array: np.ndarray, y: Tensor, limit: int) -> Tensor:
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path}: got a sigma of {array.dtype}; expected numbers. Try: save it as float32.")
    sigma = torch.from_numpy(np.array(array, dtype=np.float32))
    if sigma.shape == y.shape[1:] or sigma.dim() == 0:
        pass
    elif sigma.shape[:1] == y.shape[:1] or len(sigma) > limit:
        sigma = sigma[:limit]
        if sigma.dim() == y.dim() and bool((sigma == sigma[:1]).all()):
            sigma = sigma[0]
    if sigma.shape not in (torch.Size([]), y.shape[:1], y.shape[1:]):
        raise DataError(
            f"{path}: got sigma of shape {tuple(array.shape)}; expected one number, one per image ({len(y)},), or one "
            f"per datum {tuple(y.shape[1:])}. Try: the largest of them."
        )
    if not bool(torch.isfinite(sigma).all()) or float(sigma.min()) < 0:
        raise DataError(
            f"{path}: got a sigma that is negative or not finite; expected a noise level. Try: leave it out."
        )
    return sigma


def _line_integrals(path: Path, y: Tensor, sigma: Tensor | None, alive: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
    """:math:`-\\log t` of transmissions; its standard deviation is :math:`\\sigma/t`, at the mean transmission."""
    counted = y[:, alive]
    if float(counted.max()) > 1.5 or float(counted.min()) < -0.5:
        raise DataError(
            f"{path}: got transmissions from {float(counted.min()):.3g} to {float(counted.max()):.3g}; expected I / I0 "
            "between 0 and 1. Try: divide by the open beam, or leave --transmission out."
        )
    t = y.clamp(min=1e-3)
    if sigma is not None:
        if sigma.dim() == 1 and y.dim() != 2:
            sigma = sigma.max()
        sigma = sigma / t.mean(0)
    return -t.log(), sigma, alive


def _constant_zero(y: Tensor, sigma: Tensor | None, alive: Tensor, operator: LinearOperator) -> Tensor:
    """Data that are exactly zero in every image although the operator sees something there and there is noise."""
    zero = (y == 0).all(0) & alive
    if not bool(zero.any()) or (sigma is not None and float(sigma.max()) == 0):
        return torch.zeros_like(alive)
    sees = operator(torch.ones(1, *operator.image_shape))[0].abs() > 1e-9
    return zero & sees


def ready(
    measured: Measured,
    operator: LinearOperator,
    scale: Scale,
    *,
    noise: float | None = None,
    counts: float | None = None,
) -> tuple[list[Ready], list[str]]:
    """Data of unit-scale images with white noise, in groups of equal noise.

    Parameters
    ----------
    measured
        What a file held.
    operator
        The measurement.
    scale
        What 0 and 1 of the images are in the user's units.
    noise
        Standard deviation over the root mean square datum, where the file has no ``sigma``; None estimates it from
        what no image explains.
    counts
        Counts of a datum of 1 (of the open beam, where a logarithm was taken): the noise is Poisson's, and the
        measured ``sigma``, if there is one, the electronics'.

    Returns
    -------
    groups : list of Ready
        One, or one per noise level; one per image of counts.
    notes : list of str
        What was assumed, in words.

    Raises
    ------
    DataError
        The noise is not stated and cannot be estimated.
    """
    notes = list(measured.notes)
    span = scale.high - scale.low
    offset = scale.low * operator(torch.ones(1, *operator.image_shape)) if scale.low else 0.0
    y = (measured.y - offset) / span
    sigma = None if measured.sigma is None else measured.sigma / span
    whole = bool(measured.alive.all())
    if counts is not None:
        weights = span / _counted(measured, counts)
        notes.append(f"noise is that of counts, {counts:g} per datum of 1")
        chosen = [Selected(operator, measured.alive, w) for w in weights]
        each = [Ready(torch.tensor([k]), c, c.pick(y[k : k + 1]), 1.0) for k, c in enumerate(chosen)]
        return each, notes
    if sigma is not None and sigma.dim() == y.dim() - 1 and sigma.shape == y.shape[1:]:
        if bool((sigma == sigma.flatten()[0]).all()):
            sigma = sigma.flatten()[0]
        else:
            chosen = Selected(operator, measured.alive, 1 / sigma.clamp(min=1e-6 * float(sigma.max())))
            notes.append("data were weighed by their noise")
            return [Ready(torch.arange(len(y)), chosen, chosen.pick(y), 1.0)], notes
    used: LinearOperator = operator
    if not whole:
        used = Selected(operator, measured.alive)
        y = used.pick(y)
    if sigma is None:
        sigma = _unstated(used, y, noise, notes)
    floor = 1e-4 * float(y.square().mean().sqrt())
    if float(sigma.max()) < floor:
        notes.append(f"noise of {float(sigma.max()) * span:.3g} was taken for {floor * span:.3g}, rounding of the data")
    sigma = sigma.clamp(min=floor)
    each = sigma.expand(len(y))
    groups = [(level, (each == level).nonzero().flatten()) for level in each.unique().tolist()]
    return [Ready(index, used, y[index], float(level)) for level, index in groups], notes


def _counted(measured: Measured, counts: float) -> Tensor:
    r"""Standard deviation of every datum of counts, :math:`\mathrm{sd}(t)/t` of a logarithm; electronics are added."""
    y, model = measured.y, Poisson(counts)
    t = (-y).exp()
    deviation = model.deviation(t) / t if measured.logarithm else model.deviation(y)
    if measured.sigma is None:
        return deviation
    own = measured.sigma
    if own.dim() == 1 and own.shape == y.shape[:1]:
        own = own.reshape(-1, *(1,) * (y.dim() - 1))
    return (deviation.square() + own.square()).sqrt()


def _unstated(operator: LinearOperator, y: Tensor, noise: float | None, notes: list[str]) -> Tensor:
    rms = float(y.square().mean().sqrt())
    if noise is not None:
        notes.append(f"noise of {noise:.3g} of the root mean square datum, as set")
        return torch.tensor(noise * rms)
    try:
        sigma = estimate_sigma(operator, y).mean()
    except DataError as error:
        why = str(error).removeprefix("got ").partition(" Try:")[0].rstrip(".")
        raise DataError(
            f"got data without sigma, and {why}; expected a noise level. Try: sigma in the file, or --noise."
        ) from None
    notes.append(
        f"noise of {float(sigma) / rms:.3g} of the root mean square datum, estimated from what no image explains"
    )
    return sigma


def check_scale(groups: list[Ready], operator: LinearOperator, images: Float[Tensor, "n h w"] | None) -> None:
    """Whether data can come from images between 0 and 1, before anything runs.

    Parameters
    ----------
    groups
        What `ready` gave.
    operator
        The whole measurement.
    images
        Images of the kind, in [0, 1]; None compares with an image of ones.

    Raises
    ------
    DataError
        The data are several times larger or smaller than those of such images.
    """
    for got, wanted, known in _sizes(groups, images):
        too_small = known and got < wanted / 5
        if got > (5 if known else 1.5) * wanted or too_small:
            what = "the data of such images" if known else "the data of an image of ones"
            raise DataError(
                f"got data of root mean square {got:.3g} in units of the images; expected about {wanted:.3g}, "
                f"{what}. Try: --units LOW HIGH, what 0 and 1 of the images are in the units of the data, as "
                f"--units 0 {got / wanted:.3g}."
            )


def _sizes(groups: list[Ready], images: Tensor | None) -> Iterator[tuple[float, float, bool]]:
    for group in groups:
        shown = images if images is not None else torch.ones(1, *group.operator.image_shape)
        wanted = float(group.operator(shown[:256]).square().mean().sqrt())
        yield float(group.y.square().mean().sqrt()), wanted, images is not None
