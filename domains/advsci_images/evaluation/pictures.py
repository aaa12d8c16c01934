"""Figures of images: rows side by side, curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["gallery", "trade"]


def gallery(rows: Mapping[str, Float[Tensor, "n c h w"]], columns: int = 10) -> "Figure":
    """One row of images per name, the first ``columns`` of each; ``rows`` are in [-1, 1], grey or with three channels.

    Of images with another number of channels the first is shown.
    """
    from matplotlib.figure import Figure

    n = min(columns, *(len(images) for images in rows.values()))
    figure = Figure(figsize=(0.8 * n + 1.3, 0.85 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), n, squeeze=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=False):
            shown = (image.detach().cpu() / 2.0 + 0.5).clamp(0.0, 1.0)
            shown = shown.movedim(0, -1) if len(shown) == 3 else shown[0]
            axis.imshow(shown.numpy(), vmin=0.0, vmax=1.0, cmap="gray", interpolation="nearest")
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    return figure


def trade(points: Mapping[str, tuple[float, float]], curve: Sequence[tuple[float, float]] = ()) -> "Figure":
    """The perception-distortion plane: ``points`` (mean squared error, perceptual distance) by name, and a ``curve``
    of such pairs.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.2), layout="constrained")
    axis = figure.subplots()
    if curve:
        axis.plot(*zip(*curve, strict=True), color="0.6", marker=".", label="between the two networks")
    for name, (x, y) in points.items():
        axis.plot([x], [y], "o", label=name)
    axis.set(xlabel="distortion: mean squared error", ylabel="perceptual distance")
    axis.legend(fontsize=8)
    return figure
