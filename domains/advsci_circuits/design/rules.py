"""What every design must obey: hard limits of the search's support, never penalties.

At most so many regulators per promoter, one sign per regulator (a protein is an activator or a repressor) unless dual
ones are allowed, the user's own part as it is, and parts at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Int8
from torch import Tensor

from advsci_circuits.game.feasibility import buildable
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.graphs.validity import is_valid

__all__ = ["Rules", "is_dual"]


def is_dual(signs: Int8[Tensor, "c n n"]) -> Bool[Tensor, "c n"]:
    """Which genes activate some and repress others.

    Parameters
    ----------
    signs
        Sign matrices.
    """
    return (signs > 0).any(1) & (signs < 0).any(1)


@dataclass(frozen=True)
class Rules:
    """Which circuits may be designed.

    Parameters
    ----------
    most_regulators
        Most regulators of a gene, its own included.
    dual
        Whether a gene may activate some and repress others.
    keep
        A circuit whose genes come first in every design, with no edge among them added or removed. What its own genes
        do already is allowed to them.
    gates
        Repressors at hand, as `advsci_datasets.circuits.load_gates` returns them; None: no limit.

    Examples
    --------
    >>> import torch
    >>> Rules().allow(torch.tensor([[[0, -1], [1, 0]], [[1, -1], [-1, 0]]], dtype=torch.int8))
    tensor([ True, False])
    """

    most_regulators: int = 3
    dual: bool = False
    keep: Circuit | None = None
    gates: Sequence[dict[str, Any]] | None = None
    kept: Int8[Tensor, "k k"] | None = field(init=False, default=None)

    def __post_init__(self):
        if self.keep is not None:
            object.__setattr__(self, "kept", torch.from_numpy(self.keep.signs.copy()))

    @property
    def fixed(self) -> int:
        """Genes of the kept part."""
        return 0 if self.kept is None else len(self.kept)

    def allow(self, signs: Int8[Tensor, "c n n"]) -> Bool[Tensor, " c"]:
        """Which circuits of one size obey all rules.

        Parameters
        ----------
        signs
            Sign matrices.
        """
        batch = CircuitBatch(signs, torch.full((len(signs),), signs.shape[1]))
        most = self.most_regulators
        fine = torch.ones(len(signs), dtype=torch.bool)
        if self.kept is not None:
            k = self.fixed
            fine &= (signs[:, :k, :k] == self.kept).flatten(1).all(1)
            most = max(most, int((self.kept != 0).sum(1).max()))
        fine &= is_valid(batch, most)
        if not self.dual:
            dual = is_dual(signs)
            if self.kept is not None:
                dual[:, : self.fixed] &= ~is_dual(self.kept[None])
            fine &= ~dual.any(1)
        if self.gates is not None:
            fine &= buildable(batch, self.gates)
        return fine

    def start(self, signs: Int8[Tensor, "c n n"]) -> Int8[Tensor, "c n n"]:
        """Circuits with the kept part put in and excess edges of the others left out; not all need obey the rules.

        Parameters
        ----------
        signs
            Sign matrices of circuits of any kind.
        """
        out = signs.clone()
        if self.gates is not None:
            out = -out.abs()
        if not self.dual:  # each gene takes the sign of most of its targets
            way = torch.where(out.sum(1) >= 0, 1, -1).to(out.dtype)
            out = out.abs() * way[:, None, :]
        if self.kept is not None:
            k = self.fixed
            if not self.dual:  # and where it has a sign in the kept part, that
                own = self.kept.sum(0).sign()
                out[:, :, :k] = torch.where(own != 0, out[:, :, :k].abs() * own, out[:, :, :k])
            out[:, :k, :k] = self.kept
        return out
