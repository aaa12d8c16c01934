"""What the adversary is worth: the game on counts, its stages switched off one by one, and the best without learning.

Every arm is scored with and without the named averaging step. Embeddings are kept in a folder, if one is given, so that
an interrupted benchmark goes on where it stopped.
"""

from pathlib import Path

import numpy as np
from _cells import corrected, mean_interval
from _row import row
from scipy import sparse

from advsci_singlecell.baselines.peers import Prepared, harmony, installed
from advsci_singlecell.embedding.averaging import averaged
from advsci_singlecell.evaluation.biology import explained_by_neighbours, order_within_types, thinned
from advsci_singlecell.evaluation.scores import correction_scores, scib_scores

__all__ = ["ARMS", "game_rows", "held_out_rows"]

ARMS = {
    "game": {"method": "counts"},
    "adversary off": {"method": "counts", "adversary": "none"},
    "adversary marginal": {"method": "counts", "adversary": "marginal"},
    "likelihood off": {"method": "counts", "explaining": 0.0, "contrast": 0.5},
    "chain, nothing averaged": {"diffusion": 0.0},
}
"""Arm -> settings. The last is the classical chain, where the adversary's strength sets itself to almost zero."""


def embeddings(name: str, adata, seed: int, arms, keep: Path | None) -> dict[str, np.ndarray]:
    """Embeddings (n d) of every arm, of Harmony, and the components that both start from."""
    found, model = {}, None
    for arm in arms:
        file = keep / f"{name}.{seed}.{arm}.npy" if keep else None
        if file is not None and file.exists():
            found[arm] = np.load(file)
            continue
        found[arm], _, model = corrected(adata, seed, ARMS[arm])
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, found[arm])
    file = keep / f"{name}.{seed}.components.npz" if keep else None
    if file is not None and file.exists():
        return found | dict(np.load(file))
    if model is None:
        _, _, model = corrected(adata, seed, {"steps": 1})
    prepared = Prepared.of(model.cells, model.fitted()[0], adata.obs, seed=seed)
    plain = {"components": prepared.components}
    if installed("Harmony"):
        plain["Harmony"] = np.asarray(harmony(prepared), np.float32)
    if file is not None:
        np.savez(file, **plain)
    return found | plain


def game_rows(names, seeds, arms, keep=None):
    """Totals and over-correction of every arm, and what the adversary's removal costs on average."""
    from advsci_datasets import load_cells

    cost = []
    for name in names:
        adata = load_cells(name)
        number = np.unique(adata.obs["batch"].astype(str), return_inverse=True)[1]
        by_arm: dict[str, list[dict[str, float]]] = {}
        for seed in range(seeds):
            z = embeddings(name, adata, seed, arms, keep)
            components = z.pop("components")
            z |= {f"{arm}, averaged": averaged(e, number) for arm, e in z.items()}
            table = scib_scores(z, adata.obs["batch"], adata.obs["cell_type"], components)
            for arm, e in z.items():
                found = correction_scores(e, adata.obs["batch"], adata.obs["cell_type"])
                found["order"] = order_within_types(e, components, adata.obs["batch"], adata.obs["cell_type"])
                found["total"] = float(table.loc[arm, "Total"])
                by_arm.setdefault(arm, []).append(found)
        for arm, scores in by_arm.items():
            value, interval = mean_interval([s["total"] for s in scores])
            beside = {
                k: round(mean_interval([s[k] for s in scores])[0], 3)
                for k in ("phantom mixing", "mixing where due", "label transfer F1", "order")
            }
            note = ", ".join(f"{k} {v}" for k, v in beside.items())
            row(f"{name}, {arm}: scIB total", value, None, "higher", seeds=seeds, interval=interval, note=note)
        if {"game", "adversary off"} <= set(by_arm):
            cost += [a["total"] - b["total"] for a, b in zip(by_arm["game"], by_arm["adversary off"], strict=True)]
    if cost:
        value, interval = mean_interval(cost)
        row("adversary off: scIB total lost, mean over sets", value, 0.10, "higher", seeds=seeds, interval=interval)


def held_out_rows(names, arms, keep=None):
    """Held-out counts' deviance within types that neighbours explain, of the own batch and of others."""
    from advsci_datasets import load_cells

    for name in names:
        adata = load_cells(name)
        first, second = thinned(adata.X.toarray(), np.random.default_rng(0))
        kept = (first.sum(axis=1) > 0) & (second.sum(axis=1) > 0)
        half, first, second = adata[kept].copy(), first[kept], second[kept]
        half.X = sparse.csr_matrix(first.astype(np.float32))
        z = embeddings(f"{name}-half", half, 0, arms, keep)
        names_ = half.obs["batch"], half.obs["cell_type"]
        for own, words in ((True, "own batch"), (False, "other batches")):
            score = {a: explained_by_neighbours(e, first, second, *names_, own=own) for a, e in z.items()}
            for arm, value in score.items():
                target = 1.1 * score["components"] if own else score.get("Harmony")
                row(f"{name}, {arm}: held-out counts explained, {words}", value, target, "higher", seeds=1)
