"""Our operators as those of other packages: SciPy's, which PyLops takes, and deepinv's physics.

`advsci_inverse.operators.adapters` goes the other way. Vectors are flattened images and data in the order of rows;
complex data stay real, with their trailing dimension of 2.
"""

from typing import Any

import numpy as np
import scipy.sparse.linalg
import torch
from torch import Tensor

from advsci.errors import MissingDependencyError
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["to_deepinv", "to_scipy"]


def to_scipy(operator: LinearOperator, dtype: torch.dtype = torch.float64) -> scipy.sparse.linalg.LinearOperator:
    """An operator as SciPy's, for its solvers; ``pylops.aslinearoperator`` of it is one of PyLops.

    Parameters
    ----------
    operator
        Maps images of ``n`` pixels to ``m`` numbers.
    dtype
        Precision in which it is applied.

    Returns
    -------
    scipy.sparse.linalg.LinearOperator
        Of shape ``(m, n)``, on the CPU.

    Examples
    --------
    >>> from advsci_inverse.operators import DenseOperator
    >>> theirs = to_scipy(DenseOperator(torch.eye(4)[:3].double(), (2, 2)))
    >>> theirs.shape, theirs.matvec(np.arange(4.0)).tolist()
    ((3, 4), [0.0, 1.0, 2.0])
    """

    def rows(function: Any, shape: tuple[int, ...]) -> Any:
        """``function``, of arguments of one ``shape``, on flat vectors (n) or the columns of a matrix (n k)."""

        def mapped(v: np.ndarray) -> np.ndarray:
            """What the function makes of ``v``, flat again."""
            batch = torch.as_tensor(np.ascontiguousarray(v.T), dtype=dtype).reshape(-1, *shape)
            with torch.no_grad():
                out = function(batch).flatten(1).numpy()
            return out[0] if v.ndim == 1 else out.T

        return mapped

    forward, adjoint = rows(operator, operator.image_shape), rows(operator.adjoint, operator.data_shape)
    kind: Any = scipy.sparse.linalg.LinearOperator
    return kind(
        shape=(operator.data_size, operator.image_size),
        dtype=torch.empty(0, dtype=dtype).numpy().dtype,
        matvec=forward,
        rmatvec=adjoint,
        matmat=forward,
        rmatmat=adjoint,
    )


def to_deepinv(operator: LinearOperator, **settings: Any) -> Any:
    """An operator as a ``deepinv.physics.LinearPhysics``, differentiable and on whichever device its input lies.

    Parameters
    ----------
    operator
        On images ``(h, w)``; deepinv's have a channel, ``[b, 1, h, w]``. Images ``(h, w, 2)`` become two channels.
    settings
        Further arguments of ``LinearPhysics``, as ``noise_model``.

    Returns
    -------
    deepinv.physics.LinearPhysics
        With ``A``, ``A_adjoint`` and all that deepinv derives from them; its data are ours, ``[b, *data_shape]``.

    Raises
    ------
    MissingDependencyError
        deepinv is not installed.
    """
    try:
        from deepinv.physics import LinearPhysics  # pyright: ignore[reportMissingImports]
    except ImportError as error:  # no extra of ours brings it
        raise MissingDependencyError("got no package 'deepinv'; expected it. Try: pip install deepinv.") from error
    paired = len(operator.image_shape) == 3 and operator.image_shape[-1] == 2

    def forward(x: Tensor, **_: Any) -> Tensor:
        """Data of images ``x`` with channels."""
        return operator(x.movedim(1, -1) if paired else x[:, 0])

    def adjoint(y: Tensor, **_: Any) -> Tensor:
        """Images with channels of data ``y``."""
        image = operator.adjoint(y)
        return image.movedim(-1, 1) if paired else image[:, None]

    return LinearPhysics(A=forward, A_adjoint=adjoint, **settings)
