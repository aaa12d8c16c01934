"""Is the batch gone where it should be, and only there? Scores of an embedding, with what scIB lacks.

scIB's metrics are taken from scib-metrics as they are (`scib_scores`); none of them punishes placing a type where a
batch lacks it. The scores here do, and say whether types can be carried over from batch to batch. Types with fewer
than ten cells are left out.
"""

import gc
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from advsci.errors import MissingDependencyError, ShapeError, needs
from advsci_singlecell.data.cells import known_labels
from advsci_singlecell.embedding.neighbours import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "batch_probe",
    "correction_scores",
    "fair_embedding",
    "label_transfer",
    "lisi",
    "mixing_where_due",
    "neighbourhood_purity",
    "phantom_mixing",
    "require_scib",
    "scib_scores",
]

LEAST = 10


def correction_scores(
    z: np.ndarray, batch: Any, cell_type: Any, *, k: int = 15, unlabeled_category: str = "Unknown"
) -> dict[str, float]:
    """All scores of this module (without scIB's).

    Parameters
    ----------
    z
        Embedding (n d).
    batch, cell_type
        Names (n).
    k
        Size of a neighbourhood.
    unlabeled_category
        Type that means "not known", as NaN does: such cells are left out, being of any type.

    Returns
    -------
    dict
        Name -> score; NaN where a score has no subject. iLISI and cLISI are among them where scib-metrics is
        installed (extra ``scib``).

    Raises
    ------
    ShapeError
        The three are not of equal length.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> types, batch = np.repeat(["T", "B"], 60), np.tile(["one", "two"], 60)
    >>> z = rng.normal(size=(120, 2)) + 9.0 * (types == "T")[:, None]
    >>> scores = correction_scores(z, batch, types)
    >>> scores["purity"], round(scores["label transfer F1"], 2)
    (1.0, 1.0)
    """
    if z.ndim == 2 and len(z) == len(cell_type) == len(batch):
        known = known_labels(cell_type, unlabeled_category)
        z, batch, cell_type = z[known], np.asarray(batch)[known], np.asarray(cell_type)[known]
    y, b = np.asarray(cell_type).astype(str), np.asarray(batch).astype(str)
    if z.ndim != 2 or len(z) != len(y) or len(y) != len(b):
        raise ShapeError(
            f"got an embedding {z.shape}, {len(y)} types and {len(b)} batches; expected one row per "
            "cell. Try: the same rows of all three."
        )
    neighbours = own_neighbours(z, k)
    scores = {
        "purity": neighbourhood_purity(neighbours, y, b)[0],
        "purity of missing types": neighbourhood_purity(neighbours, y, b)[1],
        "phantom mixing": phantom_mixing(neighbours, y, b),
        "mixing where due": mixing_where_due(neighbours, y, b),
        "label transfer F1": label_transfer(z, y, b, k=k),
        "batch probe, linear": batch_probe(z, y, b),
        "batch probe, neighbours": batch_probe(z, y, b, probe="neighbours"),
    }
    if find_spec("scib_metrics") is not None:
        scores["iLISI"] = (lisi(z, b) - 1.0) / max(len(np.unique(b)) - 1, 1)
        scores["cLISI"] = 1.0 - (lisi(z, y) - 1.0) / max(len(np.unique(y)) - 1, 1)
    return scores


def fair_embedding(adata: Any, labels_key: str | None) -> str:
    """Key of ``obsm`` to score by ``obs[labels_key]``: if the correction was given these labels, the embedding that was
    computed without each cell's own.

    Parameters
    ----------
    adata
        Corrected cells.
    """
    given = dict(adata.uns.get("advsci", {})).get("labels_key")
    hidden = "X_advsci_hidden"
    return hidden if given is not None and given == labels_key and hidden in adata.obsm else "X_advsci"


def own_neighbours(z: np.ndarray, k: int) -> np.ndarray:
    """The ``k`` nearest *other* cells of every cell (n k); equal rows count each other, never themselves.

    Parameters
    ----------
    z
        Embedding (n d).
    """
    found = nearest(z, z, k + 1)
    self_ = found == np.arange(len(z))[:, None]
    self_[~self_.any(axis=1), -1] = True  # among more than k equal cells the cell itself may not be listed
    return found[~self_].reshape(len(z), -1)


def counted(y: np.ndarray, b: np.ndarray) -> "pd.DataFrame":
    """Cells of every type with at least ten cells (rows) in every batch (columns).

    Parameters
    ----------
    y
        Types (n).
    b
        Batch names (n).
    """
    import pandas as pd

    table = pd.crosstab(y, b)
    return table.loc[table.sum(axis=1) >= LEAST]


def neighbourhood_purity(neighbours: np.ndarray, y: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Share of neighbours of the own type, a mean over types: over all, and over the types that some batch lacks.

    Parameters
    ----------
    y
        Types (n).
    b
        Batch names (n).
    """
    same = (y[neighbours] == y[:, None]).mean(axis=1)
    table = counted(y, b)
    missing = table.index[(table == 0).any(axis=1)]
    return _mean(same[y == t].mean() for t in table.index), _mean(same[y == t].mean() for t in missing)


def phantom_mixing(neighbours: np.ndarray, y: np.ndarray, b: np.ndarray) -> float:
    """Share of a missing type's neighbours from batches where the type does not exist: 0 is right.

    Parameters
    ----------
    y
        Types (n).
    b
        Batch names (n).
    """
    table = counted(y, b)
    lacking = {t: table.columns[(table.loc[t] == 0).to_numpy()] for t in table.index}
    return _mean(np.isin(b[neighbours[y == t]], list(names)).mean() for t, names in lacking.items() if len(names))


def mixing_where_due(neighbours: np.ndarray, y: np.ndarray, b: np.ndarray) -> float:
    r"""Neighbours of other batches within a type, over those that its composition explains: 1 is perfect.

    :math:`\min(1, (1 - s_b) / (1 - p_b))` with the share :math:`s_b` of own-batch neighbours of the type's cells of
    batch :math:`b`, a mean over the batches with at least ten of its cells and then over types in two batches or more.
    Batches count alike: the cells of a batch that lies in the midst of all others have only each other for neighbours,
    while the others' cells, which have them too, look mixed.

    Parameters
    ----------
    y
        Types (n).
    """
    table, k, scores = counted(y, b), neighbours.shape[1], []
    for t in table.index:
        share = table.loc[t] / table.loc[t].sum()
        names = table.columns[(table.loc[t] >= LEAST).to_numpy()]
        if (share > 0).sum() < 2 or len(names) == 0 or table.loc[t].sum() < 2 * k:
            continue
        own = {name: (b[neighbours[(y == t) & (b == name)]] == name).mean() for name in names}
        scores.append(np.mean([min(1.0, (1.0 - own[name]) / (1.0 - share[name])) for name in names]))
    return _mean(scores)


def label_transfer(z: np.ndarray, y: np.ndarray, b: np.ndarray, *, k: int = 15) -> float:
    """Macro F1 of types carried by k neighbours from all other batches to each batch; types that both sides have.

    Parameters
    ----------
    z
        Embedding (n d).
    y
        Types (n).
    b
        Batch names (n).
    """
    with needs("scikit-learn", "singlecell"):
        from sklearn.metrics import f1_score
        from sklearn.neighbors import KNeighborsClassifier
    scores = []
    for batch in np.unique(b):
        here = b == batch
        shared = sorted(set(y[here]) & set(y[~here]))
        if not shared:
            continue
        rows = here & np.isin(y, shared)
        votes = KNeighborsClassifier(min(k, int((~here).sum()))).fit(z[~here], y[~here])
        scores.append(f1_score(y[rows], votes.predict(z[rows]), average="macro", labels=shared))
    return _mean(scores)


def batch_probe(z: np.ndarray, y: np.ndarray, b: np.ndarray, *, probe: str = "linear") -> float:
    """How well a fresh classifier reads the batch within a type, cross-validated: 0 chance, 1 always.

    Parameters
    ----------
    probe
        ``linear`` (logistic regression), which piecewise corrections fool, or ``neighbours`` (15 of them).
    z
        Embedding (n d).
    y
        Types (n).
    b
        Batch names (n).
    """
    with needs("scikit-learn", "singlecell"):
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import balanced_accuracy_score
        from sklearn.model_selection import cross_val_predict
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.preprocessing import StandardScaler
    scaled = StandardScaler().fit_transform(np.asarray(z, dtype=float))
    table, scores = counted(y, b), []
    for t in table.index:
        names = table.columns[(table.loc[t] >= LEAST).to_numpy()]
        if len(names) < 2:
            continue
        rows = (y == t) & np.isin(b, list(names))
        reader = (
            LogisticRegression(max_iter=300, class_weight="balanced")
            if probe == "linear"
            else KNeighborsClassifier(min(15, 2 * int(rows.sum()) // 3 - 1), weights="distance")
        )
        read = cross_val_predict(reader, scaled[rows], b[rows], cv=3)
        chance = 1.0 / len(names)
        scores.append((balanced_accuracy_score(b[rows], read) - chance) / (1.0 - chance))
    return _mean(scores)


def lisi(z: np.ndarray, labels: np.ndarray, *, perplexity: float = 30.0) -> float:
    """Median over cells of the inverse Simpson index of ``labels`` among neighbours (Korsunsky et al. 2019).

    The index of each cell is scib-metrics'; the neighbours are exact, by scikit-learn.

    Parameters
    ----------
    z
        Embedding (n d).
    labels
        Name of each cell (n), such as its batch.
    perplexity
        Effective number of neighbours.

    Returns
    -------
    float
        From one to the number of names.

    Raises
    ------
    MissingDependencyError
        scib-metrics is not installed.
    """
    with needs("scib-metrics", "scib"):
        from scib_metrics import lisi_knn
        from scib_metrics.nearest_neighbors import NeighborsResults
        from sklearn.neighbors import NearestNeighbors
    k = min(int(3 * perplexity), len(z) - 1)
    distance, found = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(z).kneighbors(z)
    # a shift of a row's distances changes no weight, but keeps them within float32: scib-metrics gives -1 beyond it
    near = NeighborsResults(indices=found, distances=np.maximum(distance - distance[:, 1:2], 0.0))
    return float(np.median(lisi_knn(near, np.asarray(labels), perplexity=min(perplexity, k / 3))))


def require_scib() -> None:
    """Raise a `MissingDependencyError` unless scib-metrics is installed: before hours of work, not after.

    Raises
    ------
    MissingDependencyError
        scib-metrics is not installed.
    """
    if find_spec("scib_metrics") is None:
        raise MissingDependencyError.of("scib-metrics", "scib")


def scib_scores(
    embeddings: dict[str, np.ndarray],
    batch: Any,
    cell_type: Any,
    unintegrated: np.ndarray,
    *,
    jobs: int = 1,
    unlabeled_category: str = "Unknown",
) -> "pd.DataFrame":
    """scib-metrics' default benchmark, unscaled; Total = 0.6 bio + 0.4 batch.

    Parameters
    ----------
    embeddings
        Name -> embedding (n d).
    batch, cell_type
        Names (n).
    unintegrated
        Components before any correction (n d), which some metrics compare with.
    jobs
        Processes.
    unlabeled_category
        Type that means "not known": such cells are left out.

    Returns
    -------
    pandas.DataFrame
        A row per embedding, a column per metric.

    Raises
    ------
    MissingDependencyError
        scib-metrics is not installed.
    """
    with needs("scib-metrics", "scib"):
        import anndata
        import pandas as pd
        from scib_metrics.benchmark import Benchmarker
    from scipy import sparse

    known = known_labels(cell_type, unlabeled_category)
    batch, cell_type, unintegrated = np.asarray(batch)[known], np.asarray(cell_type)[known], unintegrated[known]
    embeddings = {name: z[known] for name, z in embeddings.items()}
    names = list(embeddings)
    obs = pd.DataFrame(
        {
            "batch": pd.Categorical(np.asarray(batch).astype(str)),
            "type": pd.Categorical(np.asarray(cell_type).astype(str)),
        },
        index=pd.Index([str(i) for i in range(len(unintegrated))]),
    )
    adata = anndata.AnnData(sparse.csr_matrix((len(obs), 1), dtype=np.float32), obs=obs)
    adata.obsm["unintegrated"] = np.asarray(unintegrated, dtype=np.float32)
    for name in names:
        adata.obsm[name] = np.ascontiguousarray(embeddings[name], dtype=np.float32)
    benchmark = Benchmarker(
        adata, "batch", "type", names, pre_integrated_embedding_obsm_key="unintegrated", n_jobs=jobs, progress_bar=False
    )
    gc.freeze()  # the benchmark collects garbage after every metric: once through all that is alive is enough
    try:
        benchmark.benchmark()
    finally:
        gc.unfreeze()
    return benchmark.get_results(min_max_scale=False).loc[names].astype(float)


def _mean(values) -> float:
    values = list(values)
    return float(np.mean(values)) if values else float("nan")
