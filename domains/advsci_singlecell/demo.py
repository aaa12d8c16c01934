"""The single-cell part of ``advsci demo``: a confounded experiment corrected, with maps before and after."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from advsci.cli import execute
from advsci.report import Report
from advsci_singlecell.commands.correct import run
from advsci_singlecell.config import Correct, Settings
from advsci_singlecell.data.files import read_cells
from advsci_singlecell.evaluation.pictures import umap_picture
from advsci_singlecell.evaluation.scores import correction_scores

__all__ = ["demo"]


def demo(report: Report, out: Path, quick: bool) -> Path:
    """Correct real cells of four batches where they are at hand, else simulated ones.

    Parameters
    ----------
    report
        Page of the whole demonstration; this part is added to it.
    out
        Folder of the run.
    quick
        Whether to train for a few steps only, on simulated cells.

    Returns
    -------
    Path
        The page of the correction.
    """
    from advsci_datasets.registry import prepared

    real = next((n for n in ("pbmc_4batch", "cellmix_5batch") if os.environ.get("ADVSCI_DATA") and prepared(n)), None)
    config = Correct(
        file="simulator" if quick or real is None else real,
        out=out,
        settings=Settings(steps=20 if quick else 300),
        umap=False,
        markers=False,
    )
    written = execute(run, config)
    cells: Any = read_cells(written)
    before, after = np.asarray(cells.obsm["X_advsci_pca"]), np.asarray(cells.obsm["X_advsci"])
    batch, types = cells.obs["batch"], cells.obs["cell_type"]
    scores = {name: correction_scores(z, batch, types) for name, z in (("before", before), ("after", after))}
    report.section(
        "Single cells: remove the batch, keep the biology",
        f"An encoder against a conditional adversary that reads the batch within groups of cells. Data: "
        f"{cells.uns['advsci']['source']}. No cell type was shown in training; the types only score and colour.",
    )
    for name in ("mixing where due", "phantom mixing"):
        report.card(f"cells: {name}", round(scores["after"][name], 3), note=f"before: {scores['before'][name]:.3f}")
    report.table([{"embedding": name, **values} for name, values in scores.items()], caption="Scores before and after.")
    if not quick:
        some = np.random.default_rng(0).permutation(len(before))[:800]
        columns = {"batch": batch.iloc[some], "type": types.iloc[some]}
        report.figure(
            umap_picture(before[some], after[some], columns),
            caption=f"UMAP of {len(some):,} cells before and after.",
        )
    return out / "report.html"
