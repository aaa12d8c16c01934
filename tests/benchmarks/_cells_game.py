"""What the adversary is worth: the game on counts, its stages switched off one by one, and the best without learning.

Every arm is scored with and without the named averaging step. Embeddings are kept in a folder, if one is given, so that
an interrupted benchmark goes on where it stopped.
"""

import json
from pathlib import Path

import numpy as np
from _cells import corrected, mean_interval
from _row import row
from scipy import sparse

from advsci_singlecell.baselines.peers import PEERS, Prepared, installed
from advsci_singlecell.embedding.averaging import averaged
from advsci_singlecell.evaluation.biology import explained_by_neighbours, order_within_types, thinned
from advsci_singlecell.evaluation.scores import correction_scores, scib_scores

__all__ = ["ARMS", "game_rows", "held_out_rows"]

ARMS = {
    "game": {"method": "counts"},
    "adversary off": {"method": "counts", "adversary": "none"},
    "adversary marginal": {"method": "counts", "adversary": "marginal"},
    "likelihood off": {"method": "counts", "explaining": 0.0, "contrast": 0.5},
    "remainder off": {"method": "counts", "remainder": 0.0},
    "all directions alike": {"method": "counts", "weighing": 0.0},
    "twice the steps": {"method": "counts", "steps": 600},
    "chain": {"method": "chain"},
    "chain, nothing averaged": {"method": "chain", "diffusion": 0.0},
}
"""Arm -> settings. The last two are the classical chain, where the adversary's strength sets itself to almost zero."""
WIDTH = 74  # the encoder's part and the remainder


def sysvi(data: Prepared) -> np.ndarray:
    """SysVI of the same log-expression, with its own defaults: VampPrior, cycle weight, 15 latent dimensions."""
    import anndata
    import scvi
    from scvi.external import SysVI

    scvi.settings.seed = data.seed
    adata = anndata.AnnData(data.expression.copy(), obs=data.batch.to_frame())
    SysVI.setup_anndata(adata, batch_key="batch")
    model = SysVI(adata)
    model.train(enable_progress_bar=False, accelerator="cpu", logger=False)
    return np.asarray(model.get_latent_representation())


LEARNED = {"scVI": PEERS["scVI"], "SysVI": sysvi}
"""Peers that are trained, as their authors set them, for the held-out counts."""


def embeddings(
    name: str, adata, seed: int, arms, keep: Path | None, learned: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Embeddings (n d) of every arm, of Harmony and the ``learned`` peers, and the components that all start from."""
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
    file = keep / f"{name}.components.npz" if keep else None
    kept = {peer: keep / f"{name}.{seed}.{peer}.npy" if keep else None for peer in learned}
    plain = dict(np.load(file)) if file is not None and file.exists() else {}
    found |= {peer: np.load(place) for peer, place in kept.items() if place is not None and place.exists()}
    missing = [peer for peer in learned if peer not in found]
    if plain and not missing:
        return found | plain
    if model is None:
        _, _, model = corrected(adata, seed, {"steps": 1})
    prepared = Prepared.of(model.cells, model.fitted()[0], adata.obs, seed=seed)
    if not plain:
        plain = {"components": prepared.components}
        if installed("Harmony"):
            plain["Harmony"] = np.asarray(PEERS["Harmony"](prepared), np.float32)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, **plain)
    for peer in missing:
        found[peer] = np.asarray(LEARNED[peer](prepared), np.float32)
        place = kept[peer]
        if place is not None:
            np.save(place, found[peer])
    return found | plain


def filled(z: np.ndarray) -> np.ndarray:
    """An embedding of `WIDTH` dimensions, the new ones too short to matter: scib-metrics compiles for every width."""
    short = np.random.default_rng(0).normal(size=(len(z), max(WIDTH - z.shape[1], 0))) * 1e-5 * z.std()
    return np.concatenate([z, short], axis=1).astype(np.float32)


MEASURES = {
    "scIB total": "higher",
    "phantom mixing": "lower",
    "mixing where due": "higher",
    "label transfer F1": "higher",
    "purity": "higher",
    "order within types": "higher",
}


def scored(
    z: dict[str, np.ndarray], components: np.ndarray, about: tuple, keep: Path | None, scib: bool
) -> dict[str, dict[str, float]]:
    """Every measure of every embedding; those that an earlier run kept are read again (``keep``: start of the path)."""
    found: dict[str, dict[str, float]] = {}
    for arm, e in z.items():
        file = Path(f"{keep}{arm}.json") if keep else None
        found[arm] = json.loads(file.read_text()) if file is not None and file.exists() else {}
        if not found[arm]:
            found[arm] = correction_scores(e, *about)
            found[arm]["order within types"] = order_within_types(e, components, *about)
    new = [arm for arm in z if scib and "scIB total" not in found[arm]]
    if new:
        table = scib_scores({arm: filled(z[arm]) for arm in new}, *about, components)
        for arm in new:
            found[arm]["scIB total"] = float(table.loc[arm, "Total"])
    for arm, scores in found.items():
        if keep:
            Path(f"{keep}{arm}.json").write_text(json.dumps(scores))
    return found


def game_rows(names, seeds, arms, keep=None, average=True, scib=True):
    """Every measure of every arm, and what the adversary's removal costs on average.

    ``average`` also scores averaged embeddings; ``scib=False`` leaves the totals out, which take most of the time.
    """
    from advsci_datasets import load_cells

    cost: dict[str, list[float]] = {}
    if keep is not None:  # trainings that follow scIB's scores in one process take many times as long
        for name in names:
            adata = load_cells(name)
            for seed in range(seeds):
                embeddings(name, adata, seed, arms, keep)
    for name in names:
        adata = load_cells(name)
        about = adata.obs["batch"], adata.obs["cell_type"]
        number = np.unique(adata.obs["batch"].astype(str), return_inverse=True)[1]
        by_arm: dict[str, list[dict[str, float]]] = {}
        for seed in range(seeds):
            z = embeddings(name, adata, seed, arms, keep)
            components = z.pop("components")
            if seed:
                z.pop("Harmony", None)  # neither it nor the components depend on the seed
            if average:
                z |= {f"{arm}, averaged": averaged(e, number) for arm, e in z.items()}
            for arm, found in scored(z, components, about, keep and keep / f"{name}.{seed}.", scib).items():
                by_arm.setdefault(arm, []).append(found)
        for arm, scores in by_arm.items():
            for measure, better in MEASURES.items():
                values = [s[measure] for s in scores if np.isfinite(s.get(measure, np.nan))]
                if values:
                    value, interval = mean_interval(values)
                    row(f"{name}, {arm}: {measure}", value, None, better, seeds=len(values), interval=interval)
        if {"game", "adversary off"} <= set(by_arm):
            for measure in ("scIB total", "mixing where due", "label transfer F1"):
                pairs = zip(by_arm["game"], by_arm["adversary off"], strict=True)
                cost.setdefault(measure, []).extend(a[measure] - b[measure] for a, b in pairs if measure in a)
    for measure, lost in cost.items():
        if lost:
            value, interval = mean_interval(lost)
            target = 0.10 if measure == "scIB total" else None
            row(
                f"adversary off: {measure} lost, mean over sets",
                value,
                target,
                "higher",
                seeds=seeds,
                interval=interval,
            )


def held_out_rows(names, arms, keep=None, peers=()):
    """Held-out counts' deviance within types that neighbours explain, of the own batch and of others."""
    from advsci_datasets import load_cells

    for name in names:
        adata = load_cells(name)
        first, second = thinned(adata.X.toarray(), np.random.default_rng(0))
        kept = (first.sum(axis=1) > 0) & (second.sum(axis=1) > 0)
        half, first, second = adata[kept].copy(), first[kept], second[kept]
        half.X = sparse.csr_matrix(first.astype(np.float32))
        learned = tuple(peer for peer in LEARNED if peer in peers and installed("scVI"))
        z = embeddings(f"{name}-half", half, 0, arms, keep, learned)
        names_ = half.obs["batch"], half.obs["cell_type"]
        for own, words in ((True, "own batch"), (False, "other batches")):
            score = {a: explained_by_neighbours(e, first, second, *names_, own=own) for a, e in z.items()}
            for arm, value in score.items():
                target = 1.1 * score["components"] if own else score.get("Harmony")
                row(f"{name}, {arm}: held-out counts explained, {words}", value, target, "higher", seeds=1)
