"""Operators given by a matrix: dense, or sparse with the transpose stored beside it."""

import warnings

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ShapeError
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["DenseOperator", "SparseOperator", "csr_tensor"]


class DenseOperator(LinearOperator):
    """``y = M x`` with a dense matrix over the flattened image.

    Parameters
    ----------
    matrix
        One row per datum.
    image_shape
        Shape of the images.

    Raises
    ------
    ShapeError
        Not one column per pixel.
    """

    weight: Tensor

    def __init__(self, matrix: Float[Tensor, "m n"], image_shape: tuple[int, ...]):
        super().__init__(image_shape, (matrix.shape[0],))
        if matrix.shape[1] != self.image_size:
            raise ShapeError(
                f"got a matrix of {matrix.shape[1]} columns; expected {self.image_size}, one per pixel. "
                "Try: its transpose."
            )
        self.register_buffer("weight", matrix)

    def apply_forward(self, x: Tensor) -> Tensor:
        """``M x`` for ``x`` ``[b, *image_shape]``."""
        return x.flatten(1) @ self.weight.to(x.dtype).T

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """``M^T y`` for ``y`` ``[b, m]``."""
        return (y @ self.weight.to(y.dtype)).reshape(-1, *self.image_shape)


def csr_tensor(matrix) -> Tensor:
    """A SciPy sparse matrix as a torch CSR tensor.

    Parameters
    ----------
    matrix
        Any SciPy sparse matrix.

    Returns
    -------
    tensor
        Of the same shape, with sorted indices.
    """
    matrix = matrix.tocsr()
    matrix.sort_indices()
    with warnings.catch_warnings():  # torch announces that its CSR support is in beta
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(np.ascontiguousarray(matrix.data)),
            size=matrix.shape,
            check_invariants=False,
        )


class SparseOperator(LinearOperator):
    """``y = M x`` with a SciPy sparse matrix over the flattened image; both ``M`` and its transpose are kept as CSR.

    Parameters
    ----------
    matrix : scipy sparse matrix, shape [m, n]
    image_shape, data_shape : tuple of int
        ``m = prod(data_shape)``, ``n = prod(image_shape)``.

    Raises
    ------
    ShapeError
        The matrix does not map images of this shape to data of that.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, matrix, image_shape: tuple[int, ...], data_shape: tuple[int, ...] | None = None):
        super().__init__(image_shape, data_shape or (matrix.shape[0],))
        if matrix.shape != (self.data_size, self.image_size):
            raise ShapeError(
                f"got a matrix of shape {matrix.shape}; expected {(self.data_size, self.image_size)}. "
                "Try: its transpose."
            )
        self.register_buffer("rows", csr_tensor(matrix))
        self.register_buffer("columns", csr_tensor(matrix.T))

    def apply_forward(self, x: Tensor) -> Tensor:
        """``M x`` for ``x`` ``[b, *image_shape]``."""
        y = (self.rows.to(x.dtype) @ x.flatten(1).T).T
        return y.reshape(-1, *self.data_shape)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """``M^T y`` for ``y`` ``[b, *data_shape]``."""
        x = (self.columns.to(y.dtype) @ y.flatten(1).T).T
        return x.reshape(-1, *self.image_shape)
