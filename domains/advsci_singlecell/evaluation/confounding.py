r"""Before any training: what batch and condition cannot be told apart.

With :math:`R^2_b, R^2_c, R^2_{bc}` the shares of the variance of expression that batch, condition, and both explain,
:math:`R^2_b + R^2_c - R^2_{bc}` is explained by either: no method can say whose it is.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Confounding", "association", "check_confounding"]


@dataclass(frozen=True)
class Confounding:
    """What the design of an experiment lets a correction do.

    Attributes
    ----------
    composition
        Cells of every type (or condition) in every batch.
    missing
        (type, batches that lack it), for the types that some batch lacks.
    association
        Cramer's V of batch and type, 0 (independent) to 1 (one determines the other).
    batch_only, other_only, shared
        Shares of the variance that batch alone, the other column alone, and either explain.
    warnings
        What follows, in words.
    """

    composition: "pd.DataFrame"
    missing: list[tuple[str, list[str]]]
    association: float
    batch_only: float
    other_only: float
    shared: float
    warnings: list[str]


def check_confounding(
    components: np.ndarray, batch: "pd.Series", other: "pd.Series", *, biology: str = "type"
) -> Confounding:
    """Composition, association and inseparable variance of ``batch`` against ``other`` (types or conditions).

    Parameters
    ----------
    components
        Principal components (n d): shares are of their total variance.
    biology
        What ``other`` holds, for the words.

    Examples
    --------
    >>> import numpy as np
    >>> from advsci_datasets.cells import simulate_cells
    >>> from advsci_singlecell import check_confounding
    >>> cells = simulate_cells(200, rng=np.random.default_rng(0), n_genes=40)
    >>> found = check_confounding(np.log1p(cells.X.toarray()), cells.obs["batch"], cells.obs["cell_type"])
    >>> 0 <= found.association <= 1
    True
    """
    import pandas as pd

    table = pd.crosstab(other.astype(str), batch.astype(str))
    present = table.loc[table.sum(axis=1) >= 10] if (table.sum(axis=1) >= 10).any() else table
    missing = [
        (str(name), [str(b) for b in table.columns[(row == 0).to_numpy()]])
        for name, row in present.iterrows()
        if (row == 0).any()
    ]
    v = association(table.to_numpy())
    b, c = _onehot(batch.astype(str).to_numpy()), _onehot(other.astype(str).to_numpy())
    rb, rc, rbc = (_explained(components, design) for design in (b, c, np.concatenate([b, c], axis=1)))
    shared = max(rb + rc - rbc, 0.0)
    return Confounding(table, missing, v, rbc - rc, rbc - rb, shared, _words(table, missing, v, rb, shared, biology))


def association(table: np.ndarray) -> float:
    r"""Cramer's :math:`V = \sqrt{\chi^2 / (n (\min(r, c) - 1))}` of a contingency table."""
    n = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    kept = expected > 0
    chi2 = ((table - expected)[kept] ** 2 / expected[kept]).sum()
    smaller = min((table.sum(axis=1) > 0).sum(), (table.sum(axis=0) > 0).sum()) - 1
    return float(np.sqrt(chi2 / (n * smaller))) if smaller > 0 else 0.0


def _explained(x: np.ndarray, design: np.ndarray) -> float:
    """Share of the total variance of ``x`` that least squares on ``design`` explains."""
    centred = x - x.mean(axis=0)
    coefficients, *_ = np.linalg.lstsq(design, centred, rcond=None)
    return float(1.0 - ((centred - design @ coefficients) ** 2).sum() / max((centred**2).sum(), 1e-12))


def _onehot(values: np.ndarray) -> np.ndarray:
    names, number = np.unique(values, return_inverse=True)
    return np.eye(len(names))[number]


def _words(table, missing, v: float, explained: float, shared: float, biology: str) -> list[str]:
    said = []
    columns = (table.to_numpy() > 0).sum(axis=0)
    rows = (table.to_numpy() > 0).sum(axis=1)
    if (rows == 1).all() or (columns == 1).all():
        said.append(
            f"batch and {biology} are fully confounded: every {biology} is in one batch, or every batch holds one "
            f"{biology}. No method can tell them apart with certainty; do not correct unless another design is at hand."
        )
    elif v > 0.7:
        said.append(
            f"batch and {biology} are strongly associated (Cramer's V {v:.2f}): removing one removes the other."
        )
    if shared > 0.5 * explained and shared > 0.02:
        said.append(
            f"{shared:.0%} of the variance is explained by batch or by {biology}, and nothing tells by which: "
            f"differences between batches are mostly differences of {biology}."
        )
    for name, lacking in missing:
        said.append(f"{biology} '{name}' is missing from {', '.join(lacking)}: it must stay apart there.")
    return said
