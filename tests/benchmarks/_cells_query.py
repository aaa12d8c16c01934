"""Queries on the simulator: p-values of a batch that the reference lacks, with a type that it lacks as well."""

import numpy as np
from _cells import mean_interval
from _row import row
from sklearn.metrics import roc_auc_score

from advsci_singlecell.model.model import Model

__all__ = ["query_rows"]

SHARE_OF_NEW = 0.15


def query_rows(seeds: int, cells: int, method: str = "chain") -> None:
    """Shares of p-values below .05 among known and new types of a held-out batch, and how well they are told apart."""
    from advsci_datasets.cells import simulate_cells

    known, new, told = [], [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        composition = rng.dirichlet(np.full(7, 4.0), 5)
        composition[:, 6] = np.arange(5) == 4
        composition[4] *= np.where(np.arange(7) == 6, SHARE_OF_NEW, (1 - SHARE_OF_NEW) / composition[4, :6].sum())
        adata = simulate_cells(cells, rng=rng, n_genes=800, composition=composition, similar=None)
        reference, query = (adata[(adata.obs.batch == "batch4") == held].copy() for held in (False, True))
        Model.setup_anndata(reference, batch_key="batch")
        p = Model(reference, method=method, seed=seed, device="cpu").train().map_query(query).p_value
        lacking = (query.obs.cell_type == "type6").to_numpy()
        known.append((p[~lacking] < 0.05).mean())
        new.append((p[lacking] < 0.05).mean())
        told.append(roc_auc_score(lacking, -p))
    for name, values, target, better in (
        ("cells of known types with p < .05", known, 0.07, "lower"),
        ("cells of a new type with p < .05", new, None, "higher"),
        ("AUROC of the new type", told, 0.9, "higher"),
    ):
        value, interval = mean_interval(values)
        row(f"query of a held-out batch, {method}: {name}", value, target, better, seeds=seeds, interval=interval)
