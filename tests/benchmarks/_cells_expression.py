"""Corrected expression against the simulator's mean: ours, its decoder alone, a mean of neighbours, scVI.

Every form is log-expression of counts per 10,000; scored are the correlation over the cells (median of the genes),
the same within types for the hundred genes that vary most there, and the error, of all cells and of the rarest type.
"""

import numpy as np
import torch
from _cells import corrected, mean_interval
from _row import row

from advsci_singlecell.baselines.peers import installed
from advsci_singlecell.data.matrix import LIBRARY, log_normalise
from advsci_singlecell.embedding.neighbours import nearest

__all__ = ["expression_rows"]

VARYING = 100
MEASURES = {
    "correlation of a gene": (0.33, "higher"),
    "correlation within types": (None, "higher"),
    "error": (None, "lower"),
    "error, rarest type": (None, "lower"),
}


def expression_rows(seeds: int, cells: int, peers) -> None:
    """Rows of every form and measure."""
    from advsci_datasets.cells import simulate_cells

    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(seeds):
        adata = simulate_cells(cells, rng=np.random.default_rng(seed))
        z, _, model = corrected(adata, seed)
        truth, types = np.log1p(adata.layers["mu_true"]), adata.obs["cell_type"].astype(str).to_numpy()
        counts = log_normalise(adata.X.tocsr()).toarray()
        forms = {
            "advsci": np.log1p(model.get_corrected_expression(genes=list(adata.var_names)).to_numpy()),
            "decoder alone": _decoded(model, z),
            "mean of 15 neighbours": counts[nearest(z, z, 15)].mean(axis=1),
            "log counts": counts,
        }
        if "scVI" in peers and installed("scVI"):
            forms["scVI"] = _scvi(adata, seed)
        for form, value in forms.items():
            found.setdefault(form, []).append(_scores(value, truth, types))
    for measure, (target, better) in MEASURES.items():
        for form, scores in found.items():
            value, interval = mean_interval([s[measure] for s in scores])
            wanted = target if form == "advsci" else None
            row(f"corrected expression, {form}: {measure}", value, wanted, better, seeds=seeds, interval=interval)


def _scores(value: np.ndarray, truth: np.ndarray, types: np.ndarray) -> dict[str, float]:
    names, size = np.unique(types, return_counts=True)
    inside = [
        x - np.stack([x[types == t].mean(axis=0) for t in names])[np.searchsorted(names, types)] for x in (value, truth)
    ]
    varying = np.argsort(-inside[1].var(axis=0))[:VARYING]
    rare = types == names[size.argmin()]
    return {
        "correlation of a gene": _correlation(value, truth),
        "correlation within types": _correlation(inside[0][:, varying], inside[1][:, varying]),
        "error": float(np.sqrt(((value - truth) ** 2).mean())),
        "error, rarest type": float(np.sqrt(((value - truth)[rare] ** 2).mean())),
    }


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Median over the columns of the correlation over the rows."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return float(np.median((a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0) + 1e-12)))


def _decoded(model, z: np.ndarray) -> np.ndarray:
    """What the decoder expects, the mean over the batches; all genes are selected here."""
    decoder, batches = model.explained().decoder, len(model.cells.batches)
    out = np.zeros((len(z), len(model.cells.var_names)), np.float32)
    with torch.no_grad():
        for code in torch.eye(batches):
            expected, _ = decoder.expected(torch.from_numpy(z), code.expand(len(z), -1), torch.full((len(z),), LIBRARY))
            out += expected.numpy() / batches
    return np.log1p(out)


def _scvi(adata, seed: int) -> np.ndarray:
    """scVI's normalised expression at its default epochs, the mean over the batches."""
    import scvi

    scvi.settings.seed = seed
    data = adata.copy()
    scvi.model.SCVI.setup_anndata(data, batch_key="batch")
    model = scvi.model.SCVI(data, n_layers=2, n_latent=30, gene_likelihood="nb")
    model.train(accelerator="cpu", enable_progress_bar=False, logger=False)
    names = list(np.unique(data.obs["batch"].astype(str)))
    return np.log1p(
        model.get_normalized_expression(transform_batch=names, library_size=LIBRARY, n_samples=5).to_numpy()
    )
