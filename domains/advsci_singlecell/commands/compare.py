"""``advsci-singlecell compare``: every installed peer on the same cells, scored alike."""

import time
from pathlib import Path
from typing import Any

from advsci.files import write_arrays
from advsci.output import note, tell
from advsci.report import Report, drawn
from advsci.training import Run
from advsci_singlecell.baselines.controls import CONTROLS
from advsci_singlecell.baselines.peers import PEERS, Prepared, installed
from advsci_singlecell.config import Compare
from advsci_singlecell.data.files import load_input
from advsci_singlecell.embedding.averaging import averaged
from advsci_singlecell.evaluation.curve import strength_curve
from advsci_singlecell.evaluation.page import some_rows
from advsci_singlecell.evaluation.pictures import strength_picture
from advsci_singlecell.evaluation.scores import correction_scores, require_scib, scib_scores
from advsci_singlecell.model.model import Model

__all__ = ["plan", "run"]


def run(config: Compare, folder: Run) -> Path:
    """Embed with every method, score alike, and write table, embeddings and report.

    Parameters
    ----------
    config
        What the user asked for.
    folder
        The run's folder, opened.

    Returns
    -------
    Path
        The table, as CSV.
    """
    import pandas as pd

    if config.scib:
        require_scib()
    adata: Any
    adata, source = load_input(config.file, seed=config.seed, use_raw=config.use_raw)
    Model.setup_anndata(adata, **config.keys())
    model = Model(adata, seed=config.seed, device=config.device)
    start = time.perf_counter()
    model.train(run=folder.stage("chain"))
    embeddings = {"advsci": model.get_latent_representation()}
    seconds = {"advsci": time.perf_counter() - start}
    start = time.perf_counter()
    counts = Model(adata, method="counts", seed=config.seed, device=config.device).train(run=folder.stage("counts"))
    embeddings["advsci, counts"] = counts.get_latent_representation()
    seconds["advsci, counts"] = time.perf_counter() - start
    projection, _ = model.fitted()
    prepared = Prepared.of(model.cells, projection, adata.obs, seed=config.seed)
    if model.cells.types:
        embeddings["advsci, own label hidden"] = model.get_latent_representation(labels=False)
    methods = {name: PEERS[name] for name in config.methods or [n for n in PEERS if installed(n)]}
    for name, method in {**(CONTROLS if config.controls else {}), **methods}.items():
        start = time.perf_counter()
        embeddings[name] = method(prepared)
        seconds[name] = time.perf_counter() - start
        note(f"{name}: {seconds[name]:.1f} s")
    if config.averaging:
        embeddings |= {f"{name}, averaged": averaged(z, model.cells.batch) for name, z in embeddings.items()}
    batch, types = adata.obs[config.batch_key], adata.obs[config.score_key]
    table = pd.DataFrame({name: correction_scores(z, batch, types) for name, z in embeddings.items()}).T
    if config.scib:
        table = pd.concat([scib_scores(embeddings, batch, types, prepared.components), table], axis=1)
    table["seconds"] = pd.Series(seconds)
    tell(table.T.to_string(float_format=lambda value: f"{value:.3f}"), {"scores": table.T.to_dict()})
    write_arrays(folder.path / "embeddings.npz", embeddings)
    table.to_csv(folder.path / "scores.csv")
    with drawn("report"):
        _page(config, table, source, model, folder)
    return folder.path / "scores.csv"


def _page(config: Compare, table: Any, source: str, model: Model, folder: Run) -> None:
    report = Report("Batch correction compared", f"Data: {source}. Scored by obs['{config.score_key}'].")
    report.section("Scores")
    report.table([{"score": name, **row.to_dict()} for name, row in table.T.iterrows()])
    if config.curve:
        batch, types = model.adata.obs[config.batch_key], model.adata.obs[config.score_key]
        curve = strength_curve(model, batch, types, rows=some_rows(len(batch)))
        tell(curve.to_string(float_format=lambda value: f"{value:.3f}"), {"curve": curve.to_dict("records")})
        report.section("Over-correction by strength", "The model trained again with a fixed strength of the adversary.")
        report.figure(strength_picture(curve), caption="Scores over the strength of the adversary.")
    report.write(folder.report)


def plan(config: Compare) -> dict[str, object]:
    """The cells, without looking at them.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    adata, source = load_input(config.file, use_raw=config.use_raw)
    return {"data": source, "cells": adata.n_obs, "genes": adata.n_vars}
