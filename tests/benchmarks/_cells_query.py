"""Queries: p-values of a batch that the reference lacks, and the types that its cells get by the encoder alone.

On the simulator the held-out batch has a type that the reference lacks as well. On real cells every batch is held out
in turn; its types are compared with those of a model that was trained with the batch, whose labels nobody told.
"""

import numpy as np
from _cells import corrected, mean_interval
from _row import row
from sklearn.metrics import f1_score, roc_auc_score

from advsci_singlecell.model.model import Model

__all__ = ["mapped_rows", "query_rows"]

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


def mapped_rows(names, seeds: int, method: str = "chain") -> None:
    """On real cells: macro F1 of a batch mapped and of the same batch trained on, and the p-values of its known cells.

    Types that the reference lacks are not scored; there is no other batch whose cells could have named them.
    """
    from advsci_datasets import load_cells

    for name in names:
        adata = load_cells(name)
        found = {"F1 mapped": [], "F1 trained with it": [], "p < .05": [], "p < .5": []}
        shown = []
        for seed in range(seeds):
            for held in np.unique(adata.obs["batch"].astype(str)):
                one = _mapped(adata, held, seed, method)
                for measure, value in one.items():
                    found[measure].append(value)
                shown.append(f"{held} {one['p < .05']:.3f}")
        mapped, interval = mean_interval(found["F1 mapped"])
        trained, _ = mean_interval(found["F1 trained with it"])
        start = f"{name}, a batch held out, {method}"
        row(f"{start}: label transfer F1", mapped, trained - 0.03, "higher", seeds=seeds, interval=interval)
        value, interval = mean_interval(found["p < .05"])
        note = f"by batch {', '.join(shown)}; below .5: {np.mean(found['p < .5']):.3f}"
        row(f"{start}: known cells with p < .05", value, 0.07, "lower", seeds=seeds, interval=interval, note=note)


def _mapped(adata, held: str, seed: int, method: str) -> dict[str, float]:
    """What became of one batch, mapped by a model of the others and trained on without its labels."""
    inside = (adata.obs["batch"].astype(str) == held).to_numpy()
    types = adata.obs["cell_type"].astype(str).to_numpy()
    known = inside & np.isin(types, types[~inside])
    reference, query = adata[~inside].copy(), adata[known].copy()
    _, _, model = corrected(reference, seed, {"method": method}, labels_key="cell_type")
    mapping = model.map_query(query)
    assert mapping.types is not None
    z, names = mapping.embedding, np.asarray(model.cells.types)
    nearest_name = names[model.fitted()[1].types(z).argmax(axis=1)]
    blind = adata.copy()
    blind.obs["given"] = np.where(inside, "Unknown", types)
    _, _, whole = corrected(blind, seed, {"method": method}, labels_key="given")
    trained = np.asarray(whole.predict())[known]

    def f1(found):
        return float(f1_score(types[known], found, labels=np.unique(types[known]), average="macro", zero_division=0))

    p = mapping.p_value
    return {
        "F1 mapped": f1(nearest_name),
        "F1 trained with it": f1(trained),
        "p < .05": float((p < 0.05).mean()),
        "p < .5": float((p < 0.5).mean()),
    }
