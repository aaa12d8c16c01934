"""Matplotlib figures of reconstructions: images side by side, errors, intervals."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["gallery", "loss_curves"]


def gallery(
    rows: Mapping[str, Float[Tensor, "n h w"]], columns: int = 8, span: Mapping[str, tuple[float, float]] | None = None
) -> "Figure":
    """Images side by side, one row per name.

    Parameters
    ----------
    rows
        Name -> images ``[n, h, w]``.
    columns
        Most images of a row.
    span
        Range of the rows that are no images in [0, 1]; these are coloured.

    Returns
    -------
    Figure
        A Matplotlib figure.
    """
    from matplotlib.figure import Figure

    span = span or {}
    n = min(columns, *(len(images) for images in rows.values()))
    figure = Figure(figsize=(0.85 * n + 1.2, 0.9 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), n, squeeze=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        low, high = span.get(name, (0.0, 1.0))
        cmap = "magma" if name in span else "gray"
        for axis, image in zip(line, images, strict=False):
            axis.imshow(image.detach().cpu().numpy(), vmin=low, vmax=high, cmap=cmap, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    return figure


def loss_curves(log: list[dict[str, float | int]]) -> "Figure":
    """Every term of the players' losses over the steps of a training.

    Parameters
    ----------
    log
        One record per logged step.

    Returns
    -------
    Figure
        A Matplotlib figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axis = figure.subplots()
    for key in log[0] if log else ():
        if key != "step" and not key.startswith(("probe/", "spread/")) and not key.endswith("gradient_norm"):
            axis.plot([r["step"] for r in log if key in r], [r[key] for r in log if key in r], label=key, lw=1)
    axis.set(xlabel="step", yscale="symlog")
    axis.legend(fontsize=7, ncol=2)
    return figure
