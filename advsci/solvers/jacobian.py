r"""Products with the Jacobian :math:`J` of the game's vector field, without forming it.

:math:`J^T u` is one backward pass through the (differentiable) field, :math:`J u` one through that backward pass.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.processes import average_over_processes

__all__ = ["FieldJacobian", "flatten", "unflatten"]


def flatten(tensors: Sequence[Tensor]) -> Float[Tensor, " p"]:
    """All entries as one vector.

    Parameters
    ----------
    tensors
        The tensors.
    """
    return torch.cat([t.reshape(-1) for t in tensors])


def unflatten(vector: Float[Tensor, " p"], like: Sequence[Tensor]) -> list[Tensor]:
    """The inverse of `flatten`.

    Parameters
    ----------
    vector
        All entries in one vector.
    like
        Tensors of the shapes that are wanted.
    """
    parts = vector.split([t.numel() for t in like])
    return [part.view_as(t) for part, t in zip(parts, like, strict=True)]


class FieldJacobian:
    r"""The Jacobian :math:`J_{ij} = \partial v_i / \partial \theta_j` of a vector field at one point, batch and draw.

    Parameters
    ----------
    field
        Gradients of all players, flat in the order of ``parameters``, made with their graph.
    parameters
        Player -> parameters.
    mixed
        Leave out the players' own blocks: the product is with :math:`K`, :math:`K_{ij} = J_{ij}` for players
        :math:`i \ne j` and 0 else.
    """

    def __init__(self, field: Sequence[Tensor], parameters: Mapping[str, Sequence[nn.Parameter]], mixed: bool = False):
        self.parameters = [p for own in parameters.values() for p in own]
        self._rows: list[tuple[list[int], list[int]]] = []  # of each player: its entries, and the columns they meet
        first = 0
        for own in parameters.values():
            entries = list(range(first, first + len(own)))
            columns = [j for j in range(len(self.parameters)) if not (mixed and j in entries)]
            # an entry without a graph is constant: its row of the Jacobian is zero
            self._rows.append(([i for i in entries if field[i].requires_grad], columns))
            first += len(own)
        self.field = list(field)
        self._pullback: list[tuple[list[Tensor], list[Tensor]]] | None = None

    @property
    def value(self) -> Float[Tensor, " p"]:
        """The field itself, of the samples of all processes."""
        return _of_all_processes(flatten([t.detach() for t in self.field]))

    def _transposed(self, row: int, vectors: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
        entries, columns = self._rows[row]
        parameters = [self.parameters[j] for j in columns]
        if not entries or not parameters:
            return [torch.zeros_like(p) for p in parameters]
        pulled = torch.autograd.grad(
            [self.field[i] for i in entries],
            parameters,
            list(vectors),
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
        )
        return [torch.zeros_like(p) if t is None else t for p, t in zip(parameters, pulled, strict=True)]

    def transposed(self, u: Float[Tensor, " p"]) -> Float[Tensor, " p"]:
        """:math:`J^T u`."""
        parts = unflatten(u, self.parameters)
        total = [torch.zeros_like(p) for p in self.parameters]
        for row, (entries, columns) in enumerate(self._rows):
            for j, t in zip(columns, self._transposed(row, [parts[i] for i in entries], False), strict=True):
                total[j] = total[j] + t
        return _of_all_processes(flatten(total))

    def __call__(self, u: Float[Tensor, " p"]) -> Float[Tensor, " p"]:
        """:math:`J u`."""
        if self._pullback is None:
            # w -> J^T w is linear, so its derivative along u does not depend on the value of w
            self._pullback = []
            for row, (entries, _) in enumerate(self._rows):
                w = [torch.zeros_like(self.field[i], requires_grad=True) for i in entries]
                self._pullback.append((w, self._transposed(row, w, True)))
        parts = unflatten(u, self.parameters)
        total = [torch.zeros_like(p) for p in self.parameters]
        for (entries, columns), (w, pulled) in zip(self._rows, self._pullback, strict=True):
            live = [(t, parts[j]) for t, j in zip(pulled, columns, strict=True) if t.requires_grad]
            if not live:
                continue
            pushed = torch.autograd.grad(
                [t for t, _ in live], w, [part for _, part in live], retain_graph=True, allow_unused=True
            )
            for i, t in zip(entries, pushed, strict=True):
                if t is not None:
                    total[i] = t
        return _of_all_processes(flatten(total))


def _of_all_processes(product: Tensor) -> Tensor:
    average_over_processes([product])
    return product
