"""What the single-cell benchmarks share: ours trained and timed, partial and wrong labels, peers, all scores."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from _row import interval as t_interval

from advsci_singlecell.baselines.peers import PACKAGES, PEERS, Prepared
from advsci_singlecell.evaluation.scores import correction_scores, own_neighbours, scib_scores
from advsci_singlecell.model.model import Model

__all__ = [
    "PeerScores",
    "corrected",
    "flipped_labels",
    "mean_interval",
    "mixing_over_cells",
    "partial_labels",
    "run_peer",
    "scaled_components",
    "scores",
]

Scores = dict[str, float]


def mean_interval(values) -> tuple[float, tuple[float, float] | None]:
    """Mean over seeds and its 95 % interval (None for one seed)."""
    values = [float(v) for v in values if np.isfinite(v)]
    if len(values) < 2:
        return (values[0] if values else float("nan")), None
    return float(np.mean(values)), t_interval(values)


def corrected(adata, seed: int, design: dict[str, Any] | None = None, **keys) -> tuple[np.ndarray, float, Model]:
    """(embedding, CPU seconds to it, model) of ours."""
    data = adata.copy()
    Model.setup_anndata(data, batch_key="batch", **keys)
    start = time.process_time()
    model = Model(data, seed=seed, device="cpu", **(design or {})).train()
    z = model.get_latent_representation()
    return z, time.process_time() - start, model


def partial_labels(adata, share: float, seed: int) -> np.ndarray:
    """Labels of a share of the cells of every type, at least three; Unknown elsewhere."""
    rng = np.random.default_rng(seed)
    labels = adata.obs["cell_type"].astype(str).to_numpy()
    out = np.full(len(labels), "Unknown", dtype=object)
    for t in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == t))
        out[rows[: max(3, round(share * len(rows)))]] = t
    return out.astype(str)


def flipped_labels(adata, share: float, seed: int) -> np.ndarray:
    """Labels of which a share is replaced by another type at random."""
    rng = np.random.default_rng(seed)
    labels = adata.obs["cell_type"].astype(str).to_numpy()
    names = np.unique(labels)
    others = np.array([rng.choice(names[names != label]) for label in labels])
    return np.where(rng.random(len(labels)) < share, others, labels)


def scaled_components(expression, dimensions: int = 50) -> np.ndarray:
    """Principal components (n d) of genes scaled to unit variance and clipped at 10."""
    x = np.asarray(expression.todense(), np.float64)
    x = np.clip((x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6), -10.0, 10.0)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return (u[:, :dimensions] * s[:dimensions]).astype(np.float32)


def mixing_over_cells(z: np.ndarray, batch, cell_type, k: int = 15) -> float:
    """Neighbours of other batches over those that a type's composition explains: a mean over a type's cells, then over
    types in two batches or more. A batch that is mixed on one side only hardly lowers it."""
    b, y, near = np.asarray(batch).astype(str), np.asarray(cell_type).astype(str), own_neighbours(z, k)
    found = []
    for t in np.unique(y):
        share = np.unique(b[y == t], return_counts=True)[1] / (y == t).sum()
        if len(share) > 1 and (y == t).sum() >= 2 * k:
            own = (b[near[y == t]] == b[y == t][:, None]).mean()
            found.append(min(1.0, (1.0 - own) / (1.0 - (share**2).sum())))
    return float(np.mean(found))


def run_peer(name: str, prepared: Prepared) -> tuple[np.ndarray, float]:
    """(embedding, CPU seconds without the import of the package)."""
    import_module(PACKAGES[name])
    start = time.process_time()
    z = np.asarray(PEERS[name](prepared))
    return z, time.process_time() - start


def scores(embeddings: dict[str, np.ndarray], adata, components: np.ndarray, rows=slice(None)) -> dict[str, Scores]:
    """scIB's and our scores of every embedding, on some rows."""
    batch, types = adata.obs["batch"][rows], adata.obs["cell_type"][rows]
    if not embeddings:
        return {}
    table = scib_scores({m: z[rows] for m, z in embeddings.items()}, batch, types, components[rows])
    return {m: {**table.loc[m].to_dict(), **correction_scores(z[rows], batch, types)} for m, z in embeddings.items()}


class PeerScores:
    """Scores of peers, each trained once; with a folder, kept there for the next run of the benchmark.

    A peer that fails leaves its error in ``errors``: it is a note in a row, not the end of the benchmark.
    """

    def __init__(self, folder: Path | None):
        self.folder, self.errors = folder, {}
        self.reused = False

    def of(self, key: str, peer: str, prepared: Prepared, labels, score: Callable[[np.ndarray], Scores]) -> Scores:
        """Scores and seconds of one peer, or nothing where it failed."""
        file = self.folder / f"{key.replace(' ', '_').replace('%', 'percent')}.json" if self.folder else None
        if file is not None and file.exists():
            self.reused = True
            return json.loads(file.read_text())
        try:
            z, seconds = run_peer(peer, replace(prepared, labels=labels))
        except Exception as error:
            self.errors[key] = f"{type(error).__name__}: {error}"
            return {}
        found = {**score(z), "seconds": seconds}
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(found))
        return found
