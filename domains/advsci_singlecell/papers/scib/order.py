"""The order of integration methods by scIB's metrics on a small data set that is at hand."""

import numpy as np

from advsci.papers import step
from advsci_datasets import load_cells
from advsci_singlecell import correct
from advsci_singlecell.data.matrix import log_normalise
from advsci_singlecell.evaluation.scores import lisi


def components(cells) -> np.ndarray:
    """50 principal components of the 1,000 most variable genes' log-expression, over all cells."""
    from scipy import sparse
    from sklearn.decomposition import PCA

    x = log_normalise(sparse.csr_matrix(cells.X)).toarray()
    x = x[:, np.argsort(-x.var(0), kind="stable")[:1000]]
    return PCA(50, random_state=0, svd_solver="randomized").fit_transform(x)


def agreement(z: np.ndarray, types: np.ndarray, seed: int) -> tuple[float, float]:
    """NMI and ARI of k-means clusters, as many as types, with the types.

    Parameters
    ----------
    z
        Latent vectors (n d).
    seed
        Root of all random numbers.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    means = KMeans(len(np.unique(types)), random_state=seed).set_params(n_init=5)
    found = means.fit_predict(z)
    return float(normalized_mutual_info_score(types, found)), float(adjusted_rand_score(types, found))


def measure(seed: int, effort: str) -> dict[str, float]:
    """NMI, ARI and scaled iLISI of no integration, Harmony, and ours without and with labels.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        ``"quick"`` or ``"full"``.
    """
    import harmonypy
    import pandas as pd

    cells = load_cells("pbmc_4batch")
    batch, types = (cells.obs[key].astype(str).to_numpy() for key in ("batch", "cell_type"))
    x = components(cells)
    corrected = np.asarray(harmonypy.run_harmony(x, pd.DataFrame({"batch": batch}), "batch", verbose=False).Z_corr)
    embeddings = {"none": x, "Harmony": corrected if len(corrected) == len(x) else corrected.T}
    embeddings["ours"] = correct(cells, batch_key="batch", seed=seed, copy=True).obsm["X_advsci"]  # type: ignore
    found = {}
    for name, z in embeddings.items():
        found[f"{name}/NMI"], found[f"{name}/ARI"] = agreement(z, types, seed)
        found[f"{name}/iLISI"] = (lisi(z, batch) - 1.0) / (len(np.unique(batch)) - 1)
    for name in ("Harmony", "ours"):
        for metric in ("NMI", "ARI", "iLISI"):
            found[f"{name} gains/{metric}"] = found[f"{name}/{metric}"] - found[f"none/{metric}"]
    return found


if __name__ == "__main__":
    step(measure)
