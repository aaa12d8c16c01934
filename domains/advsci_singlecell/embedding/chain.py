r"""The classical chain: components made equally noisy, moved upon each other, and measured where noise is equal.

`Equaliser`, `Alignment` (common shift, clusters, mutual neighbours) and `Whitening`, one after another; nothing in it
is a network. Clusters and shifts are found on cells without most of their noise, where types are told apart best.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from advsci.streams import Stream
from advsci_singlecell.embedding.alignment import Alignment
from advsci_singlecell.embedding.equaliser import Equaliser
from advsci_singlecell.embedding.own import OwnNeighbours
from advsci_singlecell.embedding.whitening import Whitening

__all__ = ["Chain"]


@dataclass(frozen=True)
class Chain:
    """The fitted maps, in the order in which a cell passes them.

    Attributes
    ----------
    equaliser, alignment, whitening
        From components to equally noisy ones, to aligned ones, to the metric of neighbours.
    """

    equaliser: Equaliser
    alignment: Alignment
    whitening: Whitening

    @classmethod
    def fit(
        cls,
        components: np.ndarray,
        batch: np.ndarray,
        batches: int,
        labels: np.ndarray,
        *,
        stream: Stream,
        neighbours: int = 30,
        diffusion: float = 0.8,
        diversity: float = 1.0,
    ) -> tuple["Chain", OwnNeighbours]:
        """Fit on the reference.

        Parameters
        ----------
        components
            Principal components (n d).
        batch, batches
            Batch numbers (n), and how many batches there are.
        labels
            Type numbers, -1 unknown (n): cells of two known types are no pair.
        stream
            Source of the random starts.
        neighbours
            Largest size of a neighbourhood in a batch.
        diffusion
            Share of the noise that is taken off before clusters are sought.
        diversity
            Penalty on clusters made of one batch.

        Returns
        -------
        chain, even
            The three maps, and the equally noisy reference with its neighbours.
        """
        own = OwnNeighbours.fit(components, batch, neighbours)
        equaliser = Equaliser.fit(own, batches)
        even = OwnNeighbours.fit(equaliser.even(own), batch, neighbours)
        clear = equaliser.cleared(own, even, diffusion, labels)
        whitening = Whitening.fit(even)
        pairing: dict[str, Any] = {"stream": stream, "labels": labels, "metric": whitening}
        common = Alignment.common(clear, batch, **pairing)
        alignment = Alignment.fit(clear, batch, stream=stream, diversity=diversity, start=common)
        return cls(equaliser, alignment.refined(clear, batch, **pairing), whitening), even

    def __call__(self, components: np.ndarray, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pass cells of known batches.

        Parameters
        ----------
        components, batch
            Principal components (m d) and batch numbers (m).

        Returns
        -------
        aligned, even
            Components (m d) with and without the alignment, both in the metric.
        """
        return self.moved(self.equaliser(components, batch), batch)

    def moved(self, even: np.ndarray, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pass cells that are equally noisy already.

        Parameters
        ----------
        even, batch
            Equally noisy components (m d) and batch numbers (m).

        Returns
        -------
        aligned, even
            Components (m d) with and without the alignment, both in the metric.
        """
        return self.whitening(self.alignment(even, batch)), self.whitening(even)
