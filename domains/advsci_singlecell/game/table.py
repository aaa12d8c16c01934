"""Counts of all cells on the device, sparse, and the dense rows of a batch of them.

A batch of a training names cells by number; what is made dense is that batch alone.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from torch import Tensor

__all__ = ["CountTable"]


class CountTable:
    """A sparse matrix whose rows are made dense where they are asked for; it moves to the device of its first question.

    No module: it has nothing to train, and averages and checkpoints must not copy it.

    Parameters
    ----------
    matrix
        Counts, or log-expression (n g).
    """

    def __init__(self, matrix: sparse.csr_matrix):
        matrix = sparse.csr_matrix(matrix, dtype=np.float32)
        shape: Any = matrix.shape
        self.shape: tuple[int, int] = shape
        self.matrix = matrix
        self.start = torch.from_numpy(matrix.indptr.astype(np.int64))
        self.column = torch.from_numpy(matrix.indices.astype(np.int64))
        self.value = torch.from_numpy(matrix.data)

    def __deepcopy__(self, memo: Any) -> "CountTable":
        return self

    def __getitem__(self, rows: Int[Tensor, " n"]) -> Float[Tensor, "n g"]:
        """Dense rows of these numbers."""
        if rows.device.type == "cpu":  # scipy's rows cost a seventh of what is done below
            return torch.from_numpy(self.matrix[rows.numpy()].toarray())
        if self.start.device != rows.device:
            self.start, self.column, self.value = (t.to(rows.device) for t in (self.start, self.column, self.value))
        first = self.start[rows]
        length = self.start[rows + 1] - first
        line = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), length)
        before = length.cumsum(0) - length
        position = torch.arange(len(line), device=rows.device) + (first - before)[line]
        out = self.value.new_zeros(len(rows), self.shape[1])
        out[line, self.column[position]] = self.value[position]
        return out
