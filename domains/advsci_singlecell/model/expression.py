r"""Corrected expression: what a cell would have in another batch.

For the selected genes a decoder :math:`p(x | z, b)` of the model's likelihood is fitted to the counts; for every
other gene a ridge readout of log-expression on :math:`(z, b)`, solved in closed form from sums over chunks of cells.
Setting :math:`b` for all cells alike removes its effect.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from advsci.games import Batch, DomainAdversarial, Draw, Task
from advsci.schedules import Linear
from advsci.solvers import Alternating
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_singlecell.config import Settings
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.matrix import LIBRARY, chunks, log_normalise
from advsci_singlecell.game.networks import Decoder

__all__ = ["Expression"]

STEPS = 800
RIDGE = 1.0


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
    """A decoder of the selected genes and a readout of all.

    Attributes
    ----------
    decoder, selected
        The decoder and the columns that it explains.
    readout
        Coefficients (d + 1 + batches, genes) of log-expression.
    batches
        Number of batches.
    """

    decoder: Decoder
    selected: np.ndarray
    readout: np.ndarray
    batches: int

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
        """Fit both on the cells ``rows`` with embeddings ``z``.

        Parameters
        ----------
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
        from scipy import sparse

        batches = len(cells.batches)
        onehot = np.eye(batches, dtype=np.float32)[cells.batch[rows]]
        features = np.concatenate([z, np.ones((len(z), 1), np.float32), onehot], axis=1)
        gram = features.T.astype(np.float64) @ features + RIDGE * np.diag([1.0] * z.shape[1] + [1e-6] + [1.0] * batches)
        moment = np.zeros((features.shape[1], len(cells.var_names)))
        parts, library, done = [], [], 0
        for part, block in chunks(cells.matrix, rows):
            totals = np.asarray(block.sum(axis=1), dtype=np.float32).ravel()
            y = log_normalise(block) if cells.counts else block
            moment += (y.T @ features[done : done + len(part)]).T
            parts.append(block[:, selected].astype(np.float32))
            library.append(totals)
            done += len(part)
        readout = np.linalg.solve(gram, moment).astype(np.float32)
        counts = sparse.csr_matrix(sparse.vstack(parts))
        size = (
            np.asarray(counts.sum(axis=1), dtype=np.float32).ravel() if cells.counts else np.ones(len(rows), np.float32)
        )
        mean = np.asarray(counts.mean(axis=0), dtype=np.float32).ravel()
        with stream.at("decoder").seeded():
            decoder = Decoder(z.shape[1], batches, len(selected), likelihood=settings.likelihood, width=settings.width)
        decoder.start_at(torch.from_numpy(mean / mean.sum() if cells.counts else mean))
        game = DomainAdversarial(Explanation(decoder), {})
        Trainer(
            steps=STEPS,
            batch_size=min(128, len(rows)),
            seed=stream.at("expression").key() % 2**31,
            device=device,
            log_every=STEPS,
            quiet=True,
        ).fit(game, Expressed(counts, z, onehot, size), Alternating(adam(2e-3, (0.9, 0.99)), Linear(1.0, 0.1)))
        decoder.eval()
        share = np.concatenate(library).sum() if cells.counts else 1.0
        decoder.cpu().share = float(size.sum() / share) if cells.counts else 1.0
        return cls(decoder, selected, readout, batches)

    def corrected(self, z: np.ndarray, batches: list[int], columns: list[int]) -> np.ndarray:
        """Mean expression (n c) of the genes ``columns`` over the given batches.

        Parameters
        ----------
        z
            Embedding (n d).
        """
        position = {int(g): i for i, g in enumerate(self.selected)}
        inside = [i for i, c in enumerate(columns) if c in position]
        out = np.zeros((len(z), len(columns)), np.float32)
        for b in batches:
            code = np.zeros((len(z), self.batches), np.float32)
            code[:, b] = 1.0
            features = np.concatenate([z, np.ones((len(z), 1), np.float32), code], axis=1)
            value = features @ self.readout[:, columns]
            if self.decoder.likelihood != "gaussian":
                value = np.expm1(np.maximum(value, 0.0))
            if inside:
                with torch.no_grad():
                    library = torch.full((len(z),), LIBRARY * self.decoder.share)
                    mean, _ = self.decoder.expected(torch.from_numpy(z), torch.from_numpy(code), library)
                value[:, inside] = mean.numpy()[:, [position[columns[i]] for i in inside]]
            out += value / len(batches)
        return out
