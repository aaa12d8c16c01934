"""Many circuits in one dense tensor, and as PyTorch Geometric data with typed edges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int8
from torch import Tensor

from advsci.errors import DataError, ShapeError, needs
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["CircuitBatch"]


@dataclass(frozen=True)
class CircuitBatch:
    """Circuits of any sizes, padded with empty genes.

    Parameters
    ----------
    signs : Int8[Tensor, "b n n"]
        ``signs[:, i, j]`` is the effect of gene j on gene i; rows and columns beyond a circuit's size are zero.
    sizes : Int[Tensor, "b"]
        Number of genes of each.

    Raises
    ------
    ShapeError
        The signs are not (circuits, genes, genes), or there is not one size per circuit.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci_circuits import Circuit, CircuitBatch
    >>> ring = Circuit.from_edges([("LacI", "TetR", -1), ("TetR", "cI", -1), ("cI", "LacI", -1)])
    >>> CircuitBatch.of([ring]).signs.shape
    torch.Size([1, 3, 3])
    """

    signs: Int8[Tensor, "b n n"]
    sizes: Int[Tensor, " b"]

    def __post_init__(self):
        if self.signs.ndim != 3 or self.signs.shape[1] != self.signs.shape[2]:
            raise ShapeError(
                f"got signs of shape {tuple(self.signs.shape)}; expected [circuits, genes, genes]. Try: "
                "CircuitBatch.of(circuits)."
            )
        if self.sizes.shape != self.signs.shape[:1]:
            raise ShapeError(
                f"got {tuple(self.sizes.shape)} sizes for {self.signs.shape[0]} circuits; expected one each. Try: "
                "CircuitBatch.of(circuits)."
            )

    def __len__(self) -> int:
        return self.signs.shape[0]

    def __getitem__(self, index) -> "CircuitBatch":
        """The circuits of a slice, mask or list of indices."""
        return CircuitBatch(self.signs[index], self.sizes[index])

    @property
    def mask(self) -> Bool[Tensor, "b n"]:
        """Which rows are genes, and which are padding."""
        return torch.arange(self.signs.shape[1], device=self.signs.device) < self.sizes[:, None]

    @classmethod
    def of(cls, circuits: Sequence[Circuit | np.ndarray], width: int | None = None) -> "CircuitBatch":
        """Pad circuits (or sign matrices) to one width, by default that of the largest.

        Returns
        -------
        CircuitBatch
            All circuits, padded with genes that are none.

        Raises
        ------
        ShapeError
            A circuit has more genes than the width.
        """
        matrices = [c.signs if isinstance(c, Circuit) else np.asarray(c) for c in circuits]
        sizes = [len(matrix) for matrix in matrices]
        width = max(sizes) if width is None else width
        if max(sizes) > width:
            raise ShapeError(
                f"got a circuit of {max(sizes)} genes; expected at most the width {width}. Try: leave width out."
            )
        signs = np.zeros((len(matrices), width, width), dtype=np.int8)
        for row, matrix in zip(signs, matrices, strict=True):
            row[: len(matrix), : len(matrix)] = matrix
        return cls(torch.from_numpy(signs), torch.tensor(sizes))

    def matrices(self) -> list[np.ndarray]:
        """The sign matrices without padding (one host copy)."""
        signs, sizes = self.signs.cpu().numpy(), self.sizes.cpu().numpy()
        return [matrix[:n, :n] for matrix, n in zip(signs, sizes, strict=True)]

    def circuits(self) -> list[Circuit]:
        """One `Circuit` each; raises `DataError` where one has no edge."""
        return [Circuit(matrix) for matrix in self.matrices()]

    def one_hot(self, dtype: torch.dtype | None = None) -> Float[Tensor, "b n n 3"]:
        """Edge classes (none, activation, repression); padding is all zeros.

        Parameters
        ----------
        dtype
            Floating-point type.
        """
        dtype = dtype or torch.get_default_dtype()
        classes = torch.stack([self.signs == 0, self.signs > 0, self.signs < 0], -1).to(dtype)
        pair = (self.mask[:, :, None] & self.mask[:, None, :])[..., None]
        return classes * pair

    def to(self, device) -> "CircuitBatch":
        """The same circuits on another device."""
        return CircuitBatch(self.signs.to(device), self.sizes.to(device))

    def to_pyg(self) -> list:
        """PyTorch Geometric ``Data``: ``edge_index`` (source, target), ``edge_type`` 0 activation, 1 repression."""
        with needs("torch-geometric", "circuits"):
            from torch_geometric.data import Data
        items = []
        for matrix in self.matrices():
            source, target = np.nonzero(matrix.T)
            items.append(
                Data(
                    edge_index=torch.from_numpy(np.stack([source, target]).astype(np.int64)),
                    edge_type=torch.from_numpy((matrix[target, source] < 0).astype(np.int64)),
                    num_nodes=len(matrix),
                )
            )
        return items

    @classmethod
    def from_pyg(cls, items: Sequence) -> "CircuitBatch":
        """Circuits of PyTorch Geometric data as `to_pyg` writes them.

        Parameters
        ----------
        items
            One ``Data`` per circuit.

        Raises
        ------
        DataError
            One has no ``edge_index``, or no ``edge_type`` of 0 and 1 for each of its edges.
        """
        matrices = []
        for i, item in enumerate(items):
            edges, kinds = getattr(item, "edge_index", None), getattr(item, "edge_type", None)
            signed = edges is not None and kinds is not None and kinds.shape == edges.shape[1:]
            if not signed or bool(((kinds != 0) & (kinds != 1)).any()):
                raise DataError(
                    f"got graph {i} whose edges have no signs; expected edge_index [2, e] and edge_type [e], "
                    "0 activation, 1 repression. Try: data.edge_type = (data.edge_attr[:, 0] < 0).long()."
                )
            matrix = np.zeros((item.num_nodes, item.num_nodes), dtype=np.int8)
            source, target = item.edge_index.cpu().numpy()
            matrix[target, source] = 1 - 2 * item.edge_type.cpu().numpy()
            matrices.append(matrix)
        return cls.of(matrices)
