"""Operators of other packages, and plain callables, as advsci operators; each is dot-tested on entry.

No package is imported here: SciPy and PyLops operators are met by ``matvec``/``rmatvec``, ASTRA's by its ``OpTomo``
(which is a SciPy operator), deepinv's physics by ``A``/``A_adjoint``. Complex data become real with a trailing
dimension of 2, as everywhere here; deepinv's two channels of a complex image become a trailing dimension.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci_inverse.operators.linear import LinearOperator, dot_test
from advsci_inverse.operators.matrices import DenseOperator, SparseOperator

__all__ = ["CallableOperator", "as_operator", "from_callables", "from_deepinv", "from_scipy"]


class CallableOperator(LinearOperator):
    """An operator made of two functions on batches ``[b, *shape]``.

    Parameters
    ----------
    forward_map, adjoint_map
        The map and its transpose.
    image_shape, data_shape
        Shapes without batch dimensions.
    """

    def __init__(self, forward_map: Callable, adjoint_map: Callable, image_shape, data_shape):
        super().__init__(image_shape, data_shape)
        self.forward_map, self.adjoint_map = forward_map, adjoint_map

    def apply_forward(self, x: Tensor) -> Tensor:
        """``A x`` for ``x`` ``[b, *image_shape]``."""
        return self.forward_map(x).reshape(-1, *self.data_shape)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """``A^T y`` for ``y`` ``[b, *data_shape]``."""
        return self.adjoint_map(y).reshape(-1, *self.image_shape)


def from_callables(
    forward: Callable[[Tensor], Tensor],
    adjoint: Callable[[Tensor], Tensor],
    image_shape: tuple[int, ...],
    data_shape: tuple[int, ...],
    *,
    tolerance: float = 1e-4,
    dtype: torch.dtype = torch.float32,
) -> CallableOperator:
    """An operator from a batched forward map and its adjoint.

    Parameters
    ----------
    forward, adjoint
        Functions on batches ``[b, *image_shape]`` and ``[b, *data_shape]``.
    image_shape, data_shape
        Shapes without batch dimensions.
    tolerance
        Largest relative mismatch of the dot test.
    dtype
        Precision of the dot test.

    Returns
    -------
    CallableOperator
        The operator.

    Raises
    ------
    DataError
        The pair fails the dot test.

    Examples
    --------
    >>> mirror = from_callables(lambda x: x.flip(-1), lambda y: y.flip(-1), (4, 4), (4, 4))
    >>> mirror(torch.ones(2, 4, 4)).shape
    torch.Size([2, 4, 4])
    """
    operator = CallableOperator(forward, adjoint, image_shape, data_shape)
    dot_test(operator, dtype=dtype, tolerance=tolerance)
    return operator


def from_scipy(operator, image_shape: tuple[int, ...], data_shape: tuple[int, ...], *, tolerance: float = 1e-4):
    """An operator from anything with ``matvec`` and ``rmatvec`` (SciPy, PyLops, ASTRA's ``OpTomo``).

    It works on the CPU, one vector at a time, as those packages do. Of an operator whose ``dtype`` is complex (PyLops'
    FFTs) the images are real, and the data have a trailing dimension of 2.

    Parameters
    ----------
    operator
        The other package's operator.
    image_shape, data_shape
        Shapes without batch dimensions.
    tolerance
        Largest relative mismatch of the dot test.

    Returns
    -------
    CallableOperator
        The operator.

    Raises
    ------
    DataError
        The pair fails the dot test.
    """

    if np.issubdtype(np.dtype(getattr(operator, "dtype", None) or float), np.complexfloating):
        return _from_complex(operator, image_shape, data_shape, tolerance)

    def rows(function):
        """``function`` of one vector, applied to every element of a batch."""

        def mapped(batch: Tensor) -> Tensor:
            """Results for every element of ``batch``, stacked."""
            flat = batch.detach().cpu().flatten(1).numpy()
            out = np.stack([np.asarray(function(v)).reshape(-1) for v in flat])
            return torch.from_numpy(out).to(device=batch.device, dtype=batch.dtype)

        return mapped

    return from_callables(rows(operator.matvec), rows(operator.rmatvec), image_shape, data_shape, tolerance=tolerance)


def _from_complex(operator, image_shape: tuple[int, ...], data_shape: tuple[int, ...], tolerance: float):
    """Complex data of real images: real and imaginary part in a trailing dimension; the adjoint is the real part."""

    def forward(x: Tensor) -> Tensor:
        """Data ``[b, *data_shape, 2]`` of the images ``x``."""
        flat = x.detach().cpu().flatten(1).numpy()
        out = np.stack([np.asarray(operator.matvec(v.astype(operator.dtype))).reshape(data_shape) for v in flat])
        return torch.view_as_real(torch.from_numpy(out.astype(np.complex128))).to(device=x.device, dtype=x.dtype)

    def adjoint(y: Tensor) -> Tensor:
        """Images ``[b, *image_shape]`` of the data ``y``."""
        flat = torch.view_as_complex(y.detach().cpu().double().contiguous()).flatten(1).numpy()
        out = np.stack([np.real(operator.rmatvec(v.astype(operator.dtype))).reshape(image_shape) for v in flat])
        return torch.from_numpy(out.astype(np.float64)).to(device=y.device, dtype=y.dtype)

    return from_callables(forward, adjoint, image_shape, (*data_shape, 2), tolerance=tolerance)


def from_deepinv(physics, image_shape: tuple[int, ...], *, tolerance: float = 1e-4) -> CallableOperator:
    """An operator from a deepinv linear physics.

    Parameters
    ----------
    physics
        Has ``A`` and ``A_adjoint`` on ``[b, 1, h, w]``; on ``[b, 2, h, w]`` where the image is complex, as of its MRI.
    image_shape
        Height and width; ``(h, w, 2)`` of a complex image.
    tolerance
        Largest relative mismatch of the dot test.

    Returns
    -------
    CallableOperator
        The operator.

    Raises
    ------
    DataError
        The pair fails the dot test.
    """
    paired = len(image_shape) == 3 and image_shape[-1] == 2
    channels = (lambda x: x.movedim(-1, 1)) if paired else (lambda x: x[:, None])
    image = (lambda x: x.movedim(1, -1)) if paired else (lambda x: x[:, 0])
    data_shape = tuple(physics.A(channels(torch.zeros(1, *image_shape))).shape[1:])
    return from_callables(
        lambda x: physics.A(channels(x)),
        lambda y: image(physics.A_adjoint(y)),
        image_shape,
        data_shape,
        tolerance=tolerance,
    )


def as_operator(source, image_shape: tuple[int, ...], data_shape: tuple[int, ...] | None = None) -> LinearOperator:
    """An operator from whatever the user has.

    Parameters
    ----------
    source
        One of ours, a matrix (dense, or sparse of SciPy), a SciPy-like operator, or a deepinv physics.
    image_shape
        Shape of the images.
    data_shape
        Shape of the data; one dimension if omitted.

    Returns
    -------
    LinearOperator
        The operator.

    Raises
    ------
    ConfigError
        None of these.
    DataError
        The adjoint fails the dot test.

    Examples
    --------
    >>> rows = np.eye(16)[:5]
    >>> as_operator(rows, (4, 4)).data_shape
    (5,)
    """
    if isinstance(source, LinearOperator):
        return source
    if sp.issparse(source):
        return SparseOperator(source, image_shape, data_shape)
    if isinstance(source, np.ndarray | Tensor):
        return DenseOperator(torch.as_tensor(source), image_shape)
    if hasattr(source, "A") and hasattr(source, "A_adjoint"):
        return from_deepinv(source, image_shape)
    if hasattr(source, "matvec") and hasattr(source, "rmatvec"):
        return from_scipy(source, image_shape, data_shape or (source.shape[0],))
    raise ConfigError(
        f"got {type(source).__name__} as an operator; expected a LinearOperator, a matrix, or an object with "
        "matvec/rmatvec or A/A_adjoint. Try: from_callables(forward, adjoint, image_shape, data_shape)."
    )
