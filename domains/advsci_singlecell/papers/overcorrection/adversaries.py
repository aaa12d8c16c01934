"""Does an adversary remove biology? Cell types that some batches lack, before and after training.

The claim is true of the marginal adversary, which makes all batches alike as a whole and so has to map a type that a
batch lacks onto another one: here behind an autoencoder, with several moves against a normalised code, so that it wins.
The package's corrector has a conditional adversary, which compares batches within clusters only.
"""

from functools import partial

import numpy as np
import torch
from torch import nn

from advsci.games import Adversary, DomainAdversarial, Task
from advsci.nn import MLP
from advsci.papers import step
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_singlecell import Settings, correct, correction_scores
from advsci_singlecell.data.files import load_input
from advsci_singlecell.data.matrix import log_normalise


class Code(Task):
    """An autoencoder whose code has mean 0 and deviation 1 in every entry."""

    def __init__(self, d: int, code: int = 16):
        super().__init__()
        self.encoder = nn.Sequential(MLP(d, code, width=128, depth=2), nn.BatchNorm1d(code, affine=False))
        self.decoder = MLP(code, d, width=128, depth=2)

    def draw(self, batch, stream):
        """No random numbers: an evaluation on ``batch`` needs none of ``stream``."""
        return {}

    def forward(self, batch, draw):
        """Embedding of ``batch`` and the squared error of its reconstruction; ``draw`` is empty."""
        z = self.encoder(batch["x"])
        return z, {"reconstruction": (self.decoder(z) - batch["x"]).square().mean()}


class Reader(Adversary):
    """Reads the batch from the code alone."""

    def __init__(self, batches: int, code: int = 16):
        super().__init__()
        self.network = MLP(code, batches, width=128, depth=2)

    def forward(self, features, batch):
        """Cross entropy of reading the batch numbers of ``batch`` from ``features``."""
        return nn.functional.cross_entropy(self.network(features), batch["batch"])


def marginal(x: np.ndarray, batch: np.ndarray, seed: int, steps: int) -> np.ndarray:
    """The code of an autoencoder against a marginal adversary that moves five times as often.

    Parameters
    ----------
    x
        Components (n d).
    batch
        Batch of each cell.
    seed
        Root of all random numbers.
    steps
        Training steps of the encoder.

    Returns
    -------
    array
        Codes (n 16).
    """
    features = torch.from_numpy((x / x.std()).astype(np.float32))
    names, number = np.unique(batch, return_inverse=True)
    with Stream(seed).at("networks").seeded():
        task, reader = Code(x.shape[1]), Reader(len(names))
    solver = Alternating(partial(torch.optim.Adam, lr=1e-3), moves={"adversary": 5})
    trainer = Trainer(steps, 128, seed=seed, device="cpu", log_every=steps, quiet=True)
    trainer.fit(DomainAdversarial(task, reader, 0.3), {"x": features, "batch": torch.from_numpy(number)}, solver)
    with torch.no_grad():
        return task.eval().encoder(features).numpy()


def components(cells) -> np.ndarray:
    """50 principal components of the log-expression.

    Parameters
    ----------
    cells
        AnnData with counts.

    Returns
    -------
    array
        (n 50).
    """
    from scipy import sparse
    from sklearn.decomposition import PCA

    x = log_normalise(sparse.csr_matrix(cells.X)).toarray()
    return PCA(50, random_state=0, svd_solver="randomized").fit_transform(x)


def measure(data: str, seed: int, effort: str) -> dict[str, float]:
    """Purity of the types that some batch lacks, phantom mixing, and mixing where it is due, for each adversary.

    Parameters
    ----------
    data
        ``simulator`` or a registered data set.
    seed
        Root of all random numbers.
    effort
        "quick" or "full".

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    cells, _ = load_input(data, seed=seed, cells=900 if effort == "quick" else 1800)
    batch, types = cells.obs["batch"], cells.obs["cell_type"]
    steps, length = (250, 600) if effort == "quick" else (600, 1800)
    done = correct(cells, batch_key="batch", settings=Settings(steps=steps), seed=seed, copy=True)
    embeddings = {"none": components(cells), "conditional": done.obsm["X_advsci"]}  # type: ignore[union-attr]
    embeddings["marginal"] = marginal(embeddings["none"], batch.astype(str).to_numpy(), seed, length)
    embeddings["shuffled"] = np.random.default_rng(seed).permutation(embeddings["none"])
    found = {}
    for name, z in embeddings.items():
        scores = correction_scores(z, batch, types)
        for score in ("purity of missing types", "phantom mixing", "mixing where due"):
            found[f"{data}/{name}/{score}"] = scores[score]
    before = found[f"{data}/none/purity of missing types"]
    for name in ("marginal", "conditional"):
        found[f"{data}/{name}/purity lost"] = before - found[f"{data}/{name}/purity of missing types"]
    return found


if __name__ == "__main__":
    step(measure)
