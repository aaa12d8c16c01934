"""What a cell of the game on counts comes with: groups, masks and weights, and neighbours of its own batch.

All of it is found on the cells of the sketch by the classical chain. A cell of the stream gets it as a query does: it
passes the same maps, and its neighbours are the nearest cells of the sketch in its own batch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from advsci.streams import Stream
from advsci_singlecell.config import Settings
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.embedding.anchor import Anchor
from advsci_singlecell.embedding.chain import Chain
from advsci_singlecell.embedding.own import OwnNeighbours
from advsci_singlecell.game.adversary import Support, support
from advsci_singlecell.game.columns import Columns
from advsci_singlecell.game.groups import Groups
from advsci_singlecell.game.training import tensors

__all__ = ["Conditions"]

NEIGHBOURS = 10
CELLS_PER_GROUP = 60


@dataclass(frozen=True)
class Conditions:
    """The maps that were found on the sketch.

    Attributes
    ----------
    chain, even
        The classical chain, and the equally noisy cells of the sketch with their neighbours.
    anchor
        Knows the types; None without types.
    groups, membership
        What the adversary is conditioned on, and the sketch's memberships (n k).
    columns
        Of the cells of the sketch.
    """

    chain: Chain
    even: OwnNeighbours
    anchor: Anchor | None
    groups: Groups
    membership: np.ndarray
    columns: Columns

    @classmethod
    def fit(
        cls, components: np.ndarray, cells: Cells, settings: Settings, *, stream: Stream, columns: Columns
    ) -> tuple["Conditions", dict[str, Tensor]]:
        """Find groups and neighbours.

        Parameters
        ----------
        components, cells
            Principal components (n e), batches and labels of the sketch.
        settings
            Sizes of neighbourhoods and groups.
        stream
            Source of all randomness.
        columns
            What conditions the adversary, and what must not be removed.

        Returns
        -------
        conditions, data
            The maps; of the sketch's cells ``batch``, ``row``, ``neighbours`` (n k), ``membership``, ``weight`` and
            ``allowed``, with types ``posterior``.
        """
        batch, batches, types = cells.batch, len(cells.batches), len(cells.types)
        chain, even = Chain.fit(
            components, batch, batches, cells.labels, stream=stream.at("align"),
            neighbours=settings.neighbours, diffusion=settings.diffusion, diversity=settings.diversity,
        )  # fmt: skip
        aligned, anchor = chain.alignment(even.cells, batch), None
        if types > 1:
            shared, plain = chain.whitening(aligned), chain.whitening(even.cells)
            anchor = Anchor.fit(shared, plain, batch, batches, cells.labels, types)[0]
        posterior = None if anchor is None else anchor.posterior
        k = int(np.clip(len(batch) // CELLS_PER_GROUP, 8, 40))
        known = settings.replace(clusters=max(k, 2))
        groups = Groups.fit(aligned, batch, posterior, columns, known, stream=stream)
        membership = groups(aligned, posterior, columns)
        data = tensors(aligned, batch, membership, posterior, batches)
        del data["anchor"]  # the encoder of counts is held by the counts, not by anchors
        data["row"] = torch.arange(len(batch))
        data["neighbours"] = torch.from_numpy(even.others(NEIGHBOURS))
        return cls(chain, even, anchor, groups, membership, columns), data

    def of(
        self,
        components: np.ndarray,
        batch: np.ndarray,
        labels: np.ndarray,
        columns: Columns,
        number: np.ndarray,
        supports: dict[str, Support],
    ) -> dict[str, Tensor]:
        """What other cells come with.

        Parameters
        ----------
        components, batch, labels, columns
            Of the cells (m), numbered as the sketch.
        number
            Their row numbers in the sketch, -1 of those that are not in it.
        supports
            Weights and masks by column, of `supports`.

        Returns
        -------
        dict
            As `fit` gives for the sketch, with ``components`` in place of ``row``, and the further nuisances.
        """
        even = self.chain.equaliser(components, batch)
        aligned, posterior = self.chain.alignment(even, batch), None
        if self.anchor is not None:
            posterior = self.anchor.types_of(self.chain.whitening(aligned), self.chain.whitening(even), labels)
        members = torch.from_numpy(self.groups(aligned, posterior, columns))
        own = torch.from_numpy(batch.astype(np.int64))
        weight, allowed = supports["batch"](members, own)
        found = {"components": torch.from_numpy(components), "batch": own, "membership": members}
        found |= {"weight": weight, "allowed": allowed}
        found["neighbours"] = torch.from_numpy(self.even.others_of(even, batch, NEIGHBOURS, number))
        if posterior is not None:
            found["posterior"] = torch.from_numpy(posterior.astype(np.float32))
        for key in columns.categorical:
            code = torch.from_numpy(columns.codes[key].astype(np.int64))
            weight, allowed = supports[key](members, code)
            found |= {f"{key} code": code, f"{key} weight": weight, f"{key} allowed": allowed}
        for key in columns.continuous:
            found[f"{key} value"] = torch.from_numpy(columns.values[key])[:, None]
        return found

    def supports(self, batch: np.ndarray) -> dict[str, Support]:
        """Weights and masks of all cells, of which the sketch has another share of every batch.

        Parameters
        ----------
        batch
            Batch numbers of all cells (n).

        Returns
        -------
        dict
            For the batch, and for every categorical nuisance.
        """
        own, batches = self.even.batch, int(batch.max()) + 1
        stands_for = np.bincount(batch, minlength=batches) / np.maximum(np.bincount(own, minlength=batches), 1)
        weight = torch.from_numpy(stands_for[own].astype(np.float32))
        members, found = torch.from_numpy(self.membership), {}
        codes = {"batch": (own, batches)}
        codes |= {key: (self.columns.codes[key], self.columns.sizes[key]) for key in self.columns.categorical}
        for key, (code, size) in codes.items():
            number = torch.from_numpy(code.astype(np.int64))
            present = support(members, number, size)
            found[key] = Support.of(members, number, present, stands_for=weight)
        return found
