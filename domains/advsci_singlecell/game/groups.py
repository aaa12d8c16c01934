"""What the adversary is conditioned on: a given column, else types, else soft clusters; for any cells."""

from dataclasses import dataclass

import numpy as np

from advsci.streams import Stream
from advsci_singlecell.config import Settings
from advsci_singlecell.embedding.alignment import Alignment
from advsci_singlecell.game.columns import Columns

__all__ = ["Groups"]

CELLS_PER_CLUSTER = 30


@dataclass(frozen=True)
class Groups:
    """How cells get their memberships.

    Attributes
    ----------
    clusters
        Soft clusters of the anchors; None where a column or types take their place.

    Examples
    --------
    >>> x, batch = np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32), np.arange(90) % 2
    >>> found = Groups.fit(x, batch, None, Columns(), Settings(clusters=2), stream=Stream(0))
    >>> found(x[:5], None, Columns()).shape
    (5, 2)
    """

    clusters: Alignment | None

    @classmethod
    def fit(
        cls,
        target: np.ndarray,
        batch: np.ndarray,
        posterior: np.ndarray | None,
        columns: Columns,
        settings: Settings,
        *,
        stream: Stream,
    ) -> "Groups":
        """Find clusters, where nothing else is given.

        Parameters
        ----------
        target, batch
            Anchors (n d) and batch numbers (n).
        posterior
            Probabilities of the types (n c); None without types.
        columns
            Further columns of the cells.
        settings
            How many clusters.
        stream
            Source of the random numbers.

        Returns
        -------
        Groups
            To be called with cells.
        """
        if columns.given is not None or posterior is not None:
            return cls(None)
        clusters = min(settings.clusters, max(2, len(target) // CELLS_PER_CLUSTER))
        given = {"diversity": 0.0, "clusters": clusters, "rounds": 1}
        return cls(Alignment.fit(target, batch, stream=stream.at("groups"), **given))

    def __call__(self, target: np.ndarray, posterior: np.ndarray | None, columns: Columns) -> np.ndarray:
        """Memberships of cells; a protected column divides every group.

        Parameters
        ----------
        target, posterior, columns
            As for `fit`, of any cells.

        Returns
        -------
        numpy.ndarray
            (m k).
        """
        if columns.given is not None:
            membership = columns.onehot(columns.given)
        elif self.clusters is not None:
            membership = self.clusters.membership(target)
        else:
            assert posterior is not None
            membership = posterior
        if columns.protected is not None:
            protected = columns.onehot(columns.protected)
            membership = (membership[:, :, None] * protected[:, None, :]).reshape(len(membership), -1)
        return membership.astype(np.float32)
