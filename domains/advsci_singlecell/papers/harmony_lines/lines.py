"""Two cell lines in three batches: two batches hold one line each, the third holds half of each.

LISI is the effective number of categories in a neighbourhood: of batches (iLISI) and of cell lines (cLISI), medians
over the cells. Jurkat and 293T cells share no batch but the mixed one, so a method that merges batches at any price
merges the lines.
"""

import numpy as np

from advsci.papers import step
from advsci_datasets import load_cells
from advsci_singlecell import BatchCorrector, Settings
from advsci_singlecell.evaluation.scores import lisi


def harmony(x: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """Harmony's embedding, its package's defaults.

    Parameters
    ----------
    x
        Positions in wavelengths.
    batch
        Maps per solve.
    """
    import harmonypy
    import pandas as pd

    found = np.asarray(harmonypy.run_harmony(x, pd.DataFrame({"batch": batch}), "batch", verbose=False).Z_corr)
    return found if len(found) == len(x) else found.T


def measure(seed: int, effort: str) -> dict[str, float]:
    """LISI before, after Harmony, after ours, and after shuffling the cells.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        ``"quick"`` or ``"full"``.
    """
    steps = 200 if effort == "quick" else 600
    cells = load_cells("jurkat_293t_pcs")
    x = np.asarray(cells.X, dtype=np.float64)
    batch, line = (cells.obs[key].astype(str).to_numpy() for key in ("batch", "cell_type"))
    embeddings = {
        "none": x,
        "Harmony": harmony(x, batch),
        "ours": BatchCorrector(Settings(steps=steps), random_state=seed).fit_transform(x, batch=batch),
        "shuffled": np.random.default_rng(seed).permutation(x),
    }
    found = {}
    for name, z in embeddings.items():
        found[f"{name}/iLISI"] = lisi(z, batch)
        found[f"{name}/cLISI"] = lisi(z, line)
    return found


if __name__ == "__main__":
    step(measure)
