"""The circuits a search has judged: each class once, its simulated models pooled over all rounds."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.dynamics.functions import is_directed
from advsci_circuits.dynamics.robustness import Robustness, robustness, wilson_interval
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.validity import is_valid

__all__ = ["Pool", "by_size"]


def by_size(
    batch: CircuitBatch, function: str, stream: Stream, sets: int, logic: str = "product", confirm: int = 0
) -> Robustness:
    """Robustness of circuits of several sizes, with the last gene of each, not of the padding, as output.

    Parameters
    ----------
    batch
        Circuits.
    function
        One of `advsci_circuits.dynamics.functions.FUNCTIONS`.
    stream
        Where the draws come from.
    sets
        Random parameter sets per circuit.
    logic
        How regulators of a promoter combine.
    confirm
        Further searches for steady states, as of `robustness`.
    """
    parts = {name: torch.zeros(len(batch), dtype=torch.float64) for name in ("share", "low", "high")}
    for n in batch.sizes.unique().tolist():
        rows = (batch.sizes == n).nonzero()[:, 0]
        one = robustness(batch.signs[rows][:, :n, :n], function, stream.at("size", n), sets, logic, confirm=confirm)
        for name, part in parts.items():
            part[rows] = getattr(one, name)
    return Robustness(parts["share"], parts["low"], parts["high"], sets)


@dataclass
class Pool:
    """What is known of every circuit that was judged for one function.

    ``allowed`` tells which circuits may be judged beyond being valid; ``models`` counts the models simulated so far.
    """

    function: str
    logic: str = "product"
    allowed: Callable[[CircuitBatch], Tensor] | None = None
    models: int = 0
    circuits: dict[bytes, tuple[Tensor, int]] = field(default_factory=dict)
    hits: dict[bytes, tuple[float, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.circuits)

    def keys(self, batch: CircuitBatch) -> list[bytes]:
        """Isomorphism classes; for functions with an input and an output the genes' places matter.

        Parameters
        ----------
        batch
            Circuits.
        """
        if is_directed(self.function):
            return [bytes([int(n)]) + s.numpy().tobytes() for s, n in zip(batch.signs, batch.sizes, strict=True)]
        return canonical_keys(batch)

    def judge(self, batch: CircuitBatch, stream: Stream, sets: int) -> None:
        """Simulate the valid circuits of classes not judged yet, each class once.

        Parameters
        ----------
        batch
            Circuits.
        stream
            Where the draws come from.
        sets
            Random parameter sets per circuit.
        """
        fine = is_valid(batch)
        if self.allowed is not None:
            fine = fine & self.allowed(batch)
        batch = batch[fine.nonzero()[:, 0]]
        first: dict[bytes, int] = {}
        for i, key in enumerate(self.keys(batch)):
            if key not in self.circuits:
                first.setdefault(key, i)
        fresh = batch[torch.tensor(list(first.values()), dtype=torch.long)]
        for key, signs, n in zip(first, fresh.signs, fresh.sizes.tolist(), strict=True):
            self.circuits[key] = (signs, n)
        self._simulate(list(first), fresh, stream, sets)

    def again(self, count: int, stream: Stream, sets: int) -> None:
        """Simulate the ``count`` best with fresh parameter sets, so that luck does not lead for long.

        Parameters
        ----------
        stream
            Where the draws come from.
        """
        best = self.best(count)
        self._simulate(self.keys(best), best, stream, sets)

    def _simulate(self, keys: list[bytes], batch: CircuitBatch, stream: Stream, sets: int) -> None:
        shares = by_size(batch, self.function, stream, sets, self.logic).share.tolist() if keys else []
        for key, share in zip(keys, shares, strict=True):
            hits, trials = self.hits.get(key, (0.0, 0))
            self.hits[key] = (hits + share * sets, trials + sets)
        self.models += len(keys) * sets

    def best(self, count: int) -> CircuitBatch:
        """The circuits whose share is surest to be high: by the lower end of a one-sigma interval.

        Parameters
        ----------
        count
            How many.

        Returns
        -------
        CircuitBatch
        """
        keys = self._ranked(list(self.circuits))[:count]
        sizes = [self.circuits[key][1] for key in keys]
        width = max(sizes)
        signs = [
            torch.nn.functional.pad(self.circuits[key][0], (0, width - len(self.circuits[key][0])) * 2) for key in keys
        ]
        return CircuitBatch(torch.stack([s[:width, :width] for s in signs]), torch.tensor(sizes))

    def best_of(self, genes: int, count: int) -> Tensor:
        """As `best`, of one size: sign matrices.

        Parameters
        ----------
        genes
            Their size.
        count
            How many at most.

        Returns
        -------
        Tensor, shape [c, genes, genes]
        """
        keys = self._ranked([key for key, (_, n) in self.circuits.items() if n == genes])[:count]
        return torch.stack([self.circuits[key][0][:genes, :genes] for key in keys])

    def examples(self, genes: int) -> tuple[Tensor, Tensor]:
        """All judged circuits of one size, and the shares found.

        Parameters
        ----------
        genes
            Their size.

        Returns
        -------
        (signs, shares) : Tensor, shape [c, genes, genes]; Tensor, shape [c]
        """
        keys = [key for key, (_, n) in self.circuits.items() if n == genes]
        if not keys:
            return torch.zeros(0, genes, genes, dtype=torch.int8), torch.zeros(0)
        signs = torch.stack([self.circuits[key][0][:genes, :genes] for key in keys])
        return signs, torch.tensor([self.hits[key][0] / self.hits[key][1] for key in keys])

    def _ranked(self, keys: list[bytes]) -> list[bytes]:
        hits, trials = (torch.tensor([self.hits[key][k] for key in keys], dtype=torch.float64) for k in (0, 1))
        low = torch.stack([wilson_interval(h, int(t), 1.0)[0] for h, t in zip(hits, trials, strict=True)])
        return [keys[i] for i in low.argsort(descending=True).tolist()]
