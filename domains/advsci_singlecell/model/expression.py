r"""Corrected expression: what a cell would have in another batch.

The mean of a cell's neighbours in the embedding, each carried into the batch :math:`t` by the ratio of what is
expected there and in its own,

.. math:: \hat c_{ig} = \sum_j w_{ij} \, c_{jg} \, \frac{E(c_g | z_j, t)}{E(c_g | z_j, b_j)}, \qquad
          w_{ij} \propto e^{-d_{ij}^2 / 2 h_i^2}

with counts :math:`c` per 10,000 and the distance :math:`h` to the 15th neighbour. For the selected genes the
expectation is that of a decoder :math:`p(x | z, b)` of the model's likelihood, fitted to the counts; for every other
gene a ridge readout of log-expression on :math:`(z, b)`, solved in closed form from sums over chunks of cells.
Log-expression is carried by a difference instead. The decoder is trained for a short time: trained for long, it learns
the noise of its cells; and of two of its means the errors that do not depend on the batch cancel in the ratio.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from advsci.games import Batch, DomainAdversarial, Draw, Task
from advsci.schedules import Linear
from advsci.solvers import Alternating
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_singlecell.config import Settings
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.matrix import chunks, log_normalise
from advsci_singlecell.embedding.neighbours import nearest_distances
from advsci_singlecell.game.networks import Decoder

__all__ = ["Expression"]

STEPS = 300
RIDGE = 1.0
NEIGHBOURS, NEAR = 100, 15  # that are averaged; the distance to the latter is the width of their weights
MOST_RATIO = 20.0  # between batches; beyond it the decoder extrapolates
AVERAGED = 32  # batches of which the mean over all is taken, at most
CHUNK = 2048


class Explanation(Task):
    """A decoder that explains the expression of cells whose embedding is given."""

    def __init__(self, decoder: Decoder):
        super().__init__()
        self.decoder = decoder

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: an evaluation on ``batch`` needs none of ``stream``."""
        return {}

    def forward(self, batch: Batch, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        """The embedding of ``batch``, and the expression's negative log-likelihood; ``draw`` is empty."""
        likelihood = self.decoder(batch["z"], batch["covariates"], batch["library"], batch["expression"])
        return batch["z"], {"expression": -likelihood.mean()}


class Expressed:
    """The cells as a source of batches: only a batch's counts are made dense."""

    def __init__(self, expression, z: np.ndarray, covariates: np.ndarray, library: np.ndarray):
        self.expression, self.z = expression, torch.from_numpy(z)
        self.covariates, self.library = torch.from_numpy(covariates), torch.from_numpy(library)

    def __len__(self) -> int:
        return len(self.z)

    def __getitem__(self, indices: Tensor) -> Batch:
        dense = torch.from_numpy(self.expression[indices.cpu().numpy()].toarray())
        return {
            "z": self.z[indices],
            "covariates": self.covariates[indices],
            "library": self.library[indices],
            "expression": dense,
        }


@dataclass
class Expression:
    """The cells whose expression is averaged, a decoder of the selected genes, and a readout of all.

    Attributes
    ----------
    cells, rows
        The cells, and the row numbers of those that are averaged.
    z
        Their embedding (m d).
    decoder, selected
        The decoder and the columns that it explains.
    readout
        Coefficients (d + 1 + batches, genes) of log-expression.
    """

    cells: Cells
    rows: np.ndarray
    z: np.ndarray
    decoder: Decoder
    selected: np.ndarray
    readout: np.ndarray

    @classmethod
    def fit(
        cls,
        cells: Cells,
        rows: np.ndarray,
        z: np.ndarray,
        selected: np.ndarray,
        settings: Settings,
        stream: Stream,
        device: str | torch.device | None = None,
    ) -> "Expression":
        """Fit decoder and readout on the cells ``rows`` with embeddings ``z``.

        Parameters
        ----------
        cells
            The cells; their expression may lie on the disk.
        rows
            Row numbers, increasing.
        z
            Embedding of these rows (m d).
        selected
            Columns that the decoder explains.
        settings
            How the embedding is made.
        stream
            Source of the random numbers.
        device
            Torch device; None: an accelerator if there is one.

        Returns
        -------
        Expression
            The decoder and the readout.
        """
        batches = len(cells.batches)
        onehot = np.eye(batches, dtype=np.float32)[cells.batch[rows]]
        features = np.concatenate([z, np.ones((len(z), 1), np.float32), onehot], axis=1)
        gram = features.T.astype(np.float64) @ features + RIDGE * np.diag([1.0] * z.shape[1] + [1e-6] + [1.0] * batches)
        moment = np.zeros((features.shape[1], len(cells.var_names)))
        parts, done = [], 0
        for part, block in chunks(cells.matrix, rows):
            y = log_normalise(block) if cells.counts else block
            moment += (y.T @ features[done : done + len(part)]).T
            parts.append(block[:, selected].astype(np.float32))
            done += len(part)
        readout = np.linalg.solve(gram, moment).astype(np.float32)
        counts = sparse.csr_matrix(sparse.vstack(parts))
        decoder = _decoder(cells, counts, z, onehot, settings, stream, device)
        return cls(cells, rows, z, decoder, selected, readout)

    def corrected(self, z: np.ndarray, batches: list[int], columns: list[int]) -> np.ndarray:
        """Mean expression (n c) of the genes ``columns`` over the given batches.

        Parameters
        ----------
        z
            Embedding (n d).
        batches
            Numbers of the batches; of more than 32, as many of them, evenly spread, stand for all.
        columns
            Column numbers of the genes.

        Returns
        -------
        numpy.ndarray
            Counts per 10,000, or log-expression where the data are that.
        """
        if len(batches) > AVERAGED:
            batches = [batches[i] for i in np.linspace(0, len(batches) - 1, AVERAGED).round().astype(int)]
        weight = _weights(self.z, z)
        out, done = np.zeros((len(z), len(columns)), np.float32), 0
        for part, block in chunks(self.cells.matrix, self.rows, size=CHUNK):
            here = slice(done, done + len(part))
            y = log_normalise(block) if self.cells.counts else block
            value = np.asarray(y[:, columns].todense(), np.float32)
            value = self._carried(value, self.z[here], self.cells.batch[part], batches, columns)
            out += weight[:, here] @ value
            done += len(part)
        return out

    def _carried(self, value, z, batch, batches, columns) -> np.ndarray:
        """Log-expression (m c) of cells as counts per 10,000 (Gaussian: as it is) in the mean of other batches."""
        own, out = self._expected(z, batch, columns), np.zeros_like(value)
        for b in batches:
            change = self._expected(z, np.full(len(z), b), columns) - own
            if self.decoder.likelihood == "gaussian":
                out += value + change
            else:
                out += np.expm1(value) * np.exp(np.clip(change, -np.log(MOST_RATIO), np.log(MOST_RATIO)))
        return out / len(batches)

    def _expected(self, z, batch, columns) -> np.ndarray:
        """Expected log-expression (m c), up to a number per gene, of cells in a batch each."""
        code = np.eye(len(self.cells.batches), dtype=np.float32)[batch]
        value = np.concatenate([z, np.ones((len(z), 1), np.float32), code], axis=1) @ self.readout[:, columns]
        position = {int(g): i for i, g in enumerate(self.selected)}
        inside = [i for i, c in enumerate(columns) if c in position]
        if inside:
            with torch.no_grad():
                library = torch.ones(len(z))
                mean, _ = self.decoder.expected(torch.from_numpy(z), torch.from_numpy(code), library)
            if self.decoder.likelihood != "gaussian":
                mean = torch.log(mean + 1e-9)
            value[:, inside] = mean.numpy()[:, [position[columns[i]] for i in inside]]
        return value


def _decoder(
    cells: Cells,
    counts: sparse.csr_matrix,
    z: np.ndarray,
    onehot: np.ndarray,
    settings: Settings,
    stream: Stream,
    device: str | torch.device | None,
) -> Decoder:
    """A decoder that explains the counts (m g) of cells with these embeddings and batches (m b)."""
    _, genes = cast(tuple[int, int], counts.shape)
    size = np.asarray(counts.sum(axis=1), np.float32).ravel() if cells.counts else np.ones(len(z), np.float32)
    mean = np.asarray(counts.mean(axis=0), dtype=np.float32).ravel()
    with stream.at("decoder").seeded():
        decoder = Decoder(z.shape[1], onehot.shape[1], genes, likelihood=settings.likelihood, width=settings.width)
    decoder.start_at(torch.from_numpy(mean / mean.sum() if cells.counts else mean))
    game = DomainAdversarial(Explanation(decoder), {})
    Trainer(
        steps=STEPS,
        batch_size=min(128, len(z)),
        seed=stream.at("expression").key() % 2**31,
        device=device,
        log_every=STEPS,
        quiet=True,
    ).fit(game, Expressed(counts, z, onehot, size), Alternating(adam(2e-3, (0.9, 0.99)), Linear(1.0, 0.1)))
    return decoder.cpu().eval()


def _weights(reference: np.ndarray, z: np.ndarray) -> sparse.csr_matrix:
    """Row-stochastic weights (n m) of the nearest reference cells: Gaussian, as wide as the 15th of them is far."""
    parts = []
    for start in range(0, len(z), CHUNK):
        distance, found = nearest_distances(reference, z[start : start + CHUNK], NEIGHBOURS)
        width = distance[:, min(NEAR, distance.shape[1]) - 1, None]
        weight = np.exp(-0.5 * (distance / np.maximum(width, 1e-12)) ** 2)
        weight /= weight.sum(axis=1, keepdims=True)
        pointer = np.arange(len(found) + 1) * found.shape[1]
        shape = len(found), len(reference)
        parts.append(sparse.csr_matrix((weight.ravel().astype(np.float32), found.ravel(), pointer), shape))
    return sparse.csr_matrix(sparse.vstack(parts))
