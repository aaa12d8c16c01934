"""Figures of designs and contacts, for reports."""

from typing import TYPE_CHECKING, Any

import numpy as np

from advsci_friction.textures import FAMILIES

if TYPE_CHECKING:
    from advsci_friction.designer import Designs
    from advsci_friction.judge import Verdicts

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


def design_figure(designs: "Designs", verdicts: "Verdicts", count: int = 6) -> Any:
    """The first designs: texture above, pressure below."""
    import matplotlib.pyplot as plt

    count = min(count, len(designs.slope))
    figure, axes = plt.subplots(2, count, figsize=(1.9 * count, 4.4), squeeze=False, layout="constrained")
    heights = designs.heights(verdicts.pressure.shape[-1]).numpy()
    names = list(FAMILIES)
    for i in range(count):
        axes[0, i].imshow(heights[i], cmap="viridis")
        axes[0, i].set_title(f"{names[int(designs.family[i])]}\nslope {float(designs.slope[i]):.2g}", fontsize=8)
        pressure = verdicts.pressure[i].numpy()
        axes[1, i].imshow(np.where(pressure > 0.0, pressure, np.nan), cmap="inferno")
        axes[1, i].set_title(f"mu {float(verdicts.friction[i]):.4g}", fontsize=8)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure
