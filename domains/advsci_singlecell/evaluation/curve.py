"""The curve of over-correction: what an adversary of every strength mixes, and what it destroys.

One strength shows a point; only the curve tells a method that keeps types apart from one whose adversary is too weak to
merge them.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from advsci_singlecell.evaluation.scores import correction_scores

if TYPE_CHECKING:
    import pandas as pd

    from advsci_singlecell.model.model import Model

__all__ = ["STRENGTHS", "strength_curve"]

STRENGTHS = (0.0, 0.03, 0.1, 0.3, 1.0)
SHOWN = ("phantom mixing", "purity of missing types", "mixing where due", "batch probe, linear")


def strength_curve(
    model: "Model",
    batch: Any,
    types: Any,
    *,
    strengths: tuple[float, ...] = STRENGTHS,
    adversaries: tuple[str, ...] = ("conditional", "marginal"),
    rows: np.ndarray | None = None,
) -> "pd.DataFrame":
    """Scores by (adversary, strength): ``model`` trained anew on its cells with each, and nothing else changed.

    Parameters
    ----------
    batch, types
        What to score by (n).
    rows
        Cells to score (default: all).
    strengths
        Strengths to train with.
    adversaries
        Kinds of adversary.
    """
    import warnings

    import pandas as pd

    from advsci_singlecell.model.model import Model

    rows = np.arange(len(model.cells.batch)) if rows is None else rows
    b, y = np.asarray(batch).astype(str)[rows], np.asarray(types).astype(str)[rows]
    scores = {}
    for kind in adversaries:
        for strength in strengths:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # that the marginal adversary over-corrects is the point
                settings = model.settings.replace(adversary=kind, strength=strength)
                trained = Model(model.adata, settings, seed=model.seed, device=model.device).train()
            found = correction_scores(trained.get_latent_representation(labels=False)[rows], b, y)
            scores[kind, strength] = {name: found[name] for name in SHOWN}
    return pd.DataFrame(scores).T.rename_axis(index=["adversary", "strength"])
