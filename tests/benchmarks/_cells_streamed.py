"""A training that streams all cells beside one that stays with the sketch: what it costs, and what it brings."""

import numpy as np
from _cells import corrected, mean_interval
from _cells_whole import run_whole
from _row import row

from advsci_singlecell.evaluation.scores import correction_scores, scib_scores

__all__ = ["streamed_cost_rows", "streamed_rows"]

FEW, GENES, SCORED = 10_000, 1000, 3000
PASS = ("--settings.passes", "1")
STEPS = 300
MEASURES = {"Total": "higher", "mixing where due": "higher", "purity": "higher", "label transfer F1": "higher"}


def streamed_cost_rows(cells, formats):
    """Memory, cells a CPU second in training and the price of a cell, of the command itself with one pass."""
    for suffix in formats:
        found = {n: run_whole(n, suffix, "counts", PASS) for n in (FEW, cells)}
        words = f"one pass over {cells} cells, {suffix}"
        few, all_ = found[FEW], found[cells]
        row(f"{words}: peak memory", all_["memory"] / 1e9, 2.0, "lower", unit="GB",
            note=f"{few['memory'] / 1e9:.2f} GB with {FEW} cells")  # fmt: skip
        row(f"{words}: cells trained on in a CPU second", cells / all_["training"], None, "higher")
        ratio = all_["training"] / cells / (few["training"] / FEW)
        row(f"{words}: CPU time of the training per cell / that of {FEW}", ratio, 1.15, "lower",
            note=f"{few['training']:.1f} and {all_['training']:.1f} s")  # fmt: skip


def streamed_rows(seeds, cells, sketch):
    """scIB's total and ours on a sample of simulated cells, more than the sketch has; as many steps in each arm."""
    from advsci_datasets.cells import simulate_cells

    passes = max(1, round(STEPS * 128 / cells))
    arms = {"sketch only": {"steps": -(-passes * cells // 128)}, "streamed": {"passes": passes}}
    arms["streamed, adversary off"] = {"passes": passes, "adversary": "none"}
    found: dict[str, list[dict[str, float]]] = {arm: [] for arm in arms}
    for seed in range(seeds):
        adata = simulate_cells(cells, rng=np.random.default_rng(seed), n_genes=GENES)
        rows = np.sort(np.random.default_rng(seed).permutation(cells)[:SCORED])
        about = adata.obs["batch"].iloc[rows], adata.obs["cell_type"].iloc[rows]
        for arm, settings in arms.items():
            given = {"method": "counts", "sketch": sketch, **settings}
            z, seconds, model = corrected(adata, seed, given)
            projection, _ = model.fitted()
            table = scib_scores({arm: z[rows]}, *about, projection(model.cells.matrix, rows))
            score = {**table.loc[arm].to_dict(), **correction_scores(z[rows], *about), "seconds": seconds}
            found[arm].append(score)
    for measure, better in MEASURES.items():
        for arm, scores in found.items():
            value, interval = mean_interval([s[measure] for s in scores])
            note = f"{scores[0]['seconds']:.0f} CPU s; by seed {', '.join(f'{s[measure]:.3f}' for s in scores)}"
            name = "scIB total" if measure == "Total" else measure
            words = f"{cells} cells, sketch of {sketch}, {passes} pass(es), {arm}: {name}"
            row(words, value, None, better, seeds=seeds, interval=interval, note=note)
