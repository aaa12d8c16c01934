"""Figures of designs and contacts, for reports."""

from typing import TYPE_CHECKING, Any

import numpy as np

from advsci_friction.surfaces.textures import FAMILIES

if TYPE_CHECKING:
    from advsci_friction.design.designer import Designs
    from advsci_friction.evaluation.scores import Verdicts

__all__ = ["contact_figure", "design_figure"]


def contact_figure(heights: np.ndarray, pressure: np.ndarray, size: tuple[float, float]) -> Any:
    """Heights [nm] beside pressures [MPa]."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained")
    extent = (0.0, size[1] * 1e6, 0.0, size[0] * 1e6)
    shown = np.where(pressure > 0.0, pressure * 1e-6, np.nan)
    for axis, image, label, colours in zip(
        axes, (heights * 1e9, shown), ("height [nm]", "pressure [MPa]"), ("viridis", "inferno"), strict=True
    ):
        drawn = axis.imshow(image, origin="lower", extent=extent, cmap=colours)
        figure.colorbar(drawn, ax=axis, label=label)
        axis.set_xlabel("x [um]")
    axes[0].set_ylabel("y [um]")
    return figure


def design_figure(designs: "Designs", verdicts: "Verdicts", count: int = 12, columns: int = 6) -> Any:
    """The first designs: each texture above the pressures that it bears."""
    import matplotlib.pyplot as plt

    count = min(count, len(designs.slope))
    columns = min(columns, count)
    lines = -(-count // columns)
    size = (1.9 * columns, 4.6 * lines)
    figure, axes = plt.subplots(2 * lines, columns, figsize=size, squeeze=False, layout="constrained")
    heights = designs.heights(verdicts.pressure.shape[-1]).numpy()
    names = list(FAMILIES)
    for axis in axes.flat:
        axis.set_axis_off()
    for i in range(count):
        above, below = axes[2 * (i // columns) : 2 * (i // columns) + 2, i % columns]
        above.imshow(heights[i], cmap="viridis")
        above.set_title(f"{names[int(designs.family[i])]}\nslope {float(designs.slope[i]):.2g}", fontsize=8)
        pressure = verdicts.pressure[i].numpy()
        below.imshow(np.where(pressure > 0.0, pressure, np.nan), cmap="inferno")
        title = f"mu {float(verdicts.friction[i]):.4g}\npeak {float(verdicts.peak[i]) / 1e9:.2g} GPa"
        below.set_title(title, fontsize=8)
        below.add_patch(plt.Rectangle((0, 0), 1, 1, fill=False, linewidth=0.5, transform=below.transAxes))
    return figure
