"""The report of a correction: what was mixed, what was kept, and where correcting would be unsafe."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from advsci.report import Report, verdict_section
from advsci_singlecell.data.cells import known_labels
from advsci_singlecell.evaluation.confounding import check_confounding
from advsci_singlecell.evaluation.pictures import (
    mixing_by_type,
    strength_picture,
    training_picture,
    type_mixing_picture,
    umap_picture,
)
from advsci_singlecell.evaluation.scores import correction_scores, fair_embedding

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

__all__ = ["correction_page", "drawn_cells", "some_rows"]

MEANING = {
    "purity": "share of a cell's neighbours that are of its type",
    "purity of missing types": "the same for types that some batch lacks: low means over-corrected",
    "phantom mixing": "neighbours of a missing type from batches where it does not exist: 0 is right",
    "mixing where due": "how far batches are mixed within types, as their composition allows: 1 is perfect",
    "label transfer F1": "types carried from the other batches to each batch",
    "batch probe, linear": "a fresh linear probe reads the batch within a type: 0 is chance",
    "batch probe, neighbours": "the same by nearest neighbours, which piecewise corrections do not fool",
    "iLISI": "batches among neighbours, 0 to 1",
    "cLISI": "one type among neighbours, 0 to 1",
}
WRITTEN = ("X_advsci", "X_advsci_hidden", "X_advsci_pca")
LOWER = ("phantom mixing", "batch probe, linear", "batch probe, neighbours")


def correction_page(
    adata: "AnnData",
    *,
    batch_key: str,
    labels_key: str | None,
    source: str,
    history: "list[dict[str, float | int]] | None" = None,
    seconds: float | None = None,
    umap: bool = True,
    settings: dict[str, Any] | None = None,
    markers: list[dict[str, object]] | None = None,
    curve: "pd.DataFrame | None" = None,
    unlabeled_category: str = "Unknown",
    size: tuple[int, int] | None = None,
) -> Report:
    """A page on the corrected embedding beside ``obsm["X_advsci_pca"]``.

    Parameters
    ----------
    adata
        Corrected cells, as `Model.annotate` leaves them.
    batch_key, labels_key, unlabeled_category
        Columns of obs with batches and types, and the type that means "not known"; its cells are drawn, not scored.
    source
        What the data are, in words.
    history
        Records of the training.
    seconds
        Time to the embedding [s].
    umap
        Whether to draw maps.
    settings
        What the user asked for, for the page's end.
    markers, curve
        From `compared_markers` and `strength_curve`.
    size
        Numbers of cells and batches that were corrected, where ``adata`` holds `drawn_cells` alone.

    Returns
    -------
    Report
        The page, to be written.
    """
    batch = adata.obs[batch_key]
    cells, batches = size or (adata.n_obs, batch.nunique())
    report = Report("Batch correction", f"{cells} cells of {batches} batches. Data: {source}.")
    scored = fair_embedding(adata, labels_key)
    before, after = np.asarray(adata.obsm["X_advsci_pca"]), np.asarray(adata.obsm[scored])
    rows = some_rows(len(after))
    if seconds is not None:
        report.card("time to the embedding [s]", round(seconds, 1))
    if labels_key is not None:
        hidden = scored != "X_advsci"
        known = rows[known_labels(adata.obs[labels_key].iloc[rows], unlabeled_category)]
        _scores(report, adata.obs[labels_key].iloc[known], batch.iloc[known], before[known], after[known], hidden)
    if umap:
        colours = {"batch": batch.iloc[rows]} | ({"type": adata.obs[labels_key].iloc[rows]} if labels_key else {})
        picture = umap_picture(before[rows], after[rows], colours)
        report.section("Maps").figure(picture, caption="UMAP before (above) and after (below).")
    if markers:
        _markers(report, markers)
    _training(report, history or [], curve)
    if settings:
        report.details("Settings", settings)
    return report


def _scores(
    report: Report, types: "pd.Series", batch: "pd.Series", before: np.ndarray, after: np.ndarray, hidden: bool
) -> None:
    """What the design of the experiment allows, and the scores by the types; ``hidden``: without a cell's own label."""
    key = types.name
    table = {name: correction_scores(z, batch, types) for name, z in (("before", before), ("after", after))}
    for name in ("mixing where due", "phantom mixing"):
        report.card(name, round(table["after"][name], 3), note=f"before {table['before'][name]:.3f}")
    confounding = check_confounding(before, batch, types, biology=str(key))
    report.section("Is it safe?", "What the design of the experiment lets any correction do.")
    for warning in confounding.warnings or ["No type is missing from a batch, and batch and type can be told apart."]:
        report.note(warning, "watch" if confounding.warnings else "good")
    report.table(
        [{str(key): str(t), **row.to_dict()} for t, row in confounding.composition.iterrows()],
        caption="Cells of every type in every batch.",
    )
    report.section(
        "What was mixed, what was kept",
        f"obs['{key}'] was given to the correction: what is scored and drawn is the embedding that was "
        "computed without each cell's own label."
        if hidden
        else "",
    )
    report.table(
        [
            {
                "score": name,
                "before": table["before"][name],
                "after": table["after"][name],
                "better": "lower" if name in LOWER else "higher",
                "meaning": MEANING[name],
            }
            for name in MEANING
            if name in table["before"]  # LISI's needs scib-metrics
        ],
        caption=f"Scores by obs['{key}'], {len(types)} cells.",
    )
    mixing = [mixing_by_type(z, types, batch) for z in (before, after)]
    report.figure(
        type_mixing_picture(*mixing), caption="Mixing of the batches within every type that two batches have."
    )


def _markers(report: Report, markers: list[dict[str, object]]) -> None:
    """Marker genes before and after."""
    report.section(
        "Marker genes",
        "What tells types apart should stay, what tells batches apart within a type should go. The last two "
        "columns are shares of genes whose means differ by half a standard deviation between two batches.",
    )
    report.table(markers, caption="Before: measured log-expression; after: expression corrected for the batch.")


def _training(report: Report, history: "list[dict[str, float | int]]", curve: "pd.DataFrame | None") -> None:
    """The verdict on the training, how well the batch was read, and what other strengths give."""
    if history:
        verdict_section(report, history)
    training = [record for record in history if "readability" in record]
    if training:
        report.section("The adversary", _words_on(training))
        report.figure(training_picture(training), caption="What was measured over the training.")
    if curve is not None:
        report.section(
            "Over-correction by strength", "The model trained again with a fixed strength; one point would show little."
        )
        report.figure(strength_picture(curve), caption="Scores over the strength of the adversary.")


def some_rows(n: int, most: int = 6000) -> np.ndarray:
    """All rows, or ``most`` spread evenly.

    Parameters
    ----------
    n
        How many rows there are.
    """
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(int)


def drawn_cells(adata: "AnnData") -> "AnnData":
    """What a page is drawn from: `some_rows` of obs and of what the correction wrote, without expression.

    Parameters
    ----------
    adata
        Corrected cells, as `Model.annotate` leaves them.

    Returns
    -------
    AnnData
        Copies: what they were taken from need not stay in memory.

    Examples
    --------
    >>> import pandas as pd
    >>> from anndata import AnnData
    >>> whole = AnnData(obs=pd.DataFrame(index=[str(i) for i in range(9000)]), obsm={"X_advsci": np.ones((9000, 2))})
    >>> drawn_cells(whole).obsm["X_advsci"].shape
    (6000, 2)
    """
    from anndata import AnnData

    rows, obs = some_rows(adata.n_obs), cast("pd.DataFrame", adata.obs)
    parts: Any = {key: np.asarray(adata.obsm[key])[rows] for key in WRITTEN if key in adata.obsm}
    about = {key: value for key, value in adata.uns.items() if key == "advsci"}
    return AnnData(obs=obs.iloc[rows].copy(), obsm=parts, uns=about)


def _words_on(records: "list[dict[str, float | int]]") -> str:
    """What the adversary did, in words, from what was measured."""
    first, last = records[0], records[-1]
    said = (
        f"A fresh linear probe read the batch within groups at {first['readability']:.2f} above chance at step "
        f"{first['step']} and at {last['readability']:.2f} at the end."
    )
    if "strength" in last:
        values = [float(record["strength"]) for record in records]
        way = "rose" if values[-1] > values[0] else "fell" if values[-1] < values[0] else "stayed"
        said += f" The strength {way} from {values[0]:.2g} to {values[-1]:.2g} (largest {max(values):.2g})."
        if max(values[len(values) // 2 :]) < 1e-3:
            said += (
                " At such a strength the adversary changed next to nothing: what was corrected, alignment corrected."
            )
    return said
