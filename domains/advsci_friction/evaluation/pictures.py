"""Figures of designs and contacts, for reports."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from advsci_friction.design.designer import Designs
    from advsci_friction.evaluation.scores import Verdicts

__all__ = [
    "contact_figure",
    "curve_figure",
    "design_figure",
    "loads_figure",
    "maps_figure",
    "spectrum_figure",
    "speeds_figure",
]


def _microns(size: tuple[float, float]) -> tuple[tuple[float, float, float, float], str]:
    """Extent of a map for ``imshow``, and the unit of its lengths: nm below 1 um, mm above 1000 um."""
    scale, unit = (1e9, "nm") if max(size) < 1e-6 else (1e6, "um") if max(size) < 1e-3 else (1e3, "mm")
    return (0.0, size[1] * scale, 0.0, size[0] * scale), unit


def contact_figure(heights: np.ndarray, pressure: np.ndarray, size: tuple[float, float]) -> Any:
    """Heights beside pressures, each with its scale.

    Parameters
    ----------
    heights
        (ny, nx) heights [m].
    pressure
        (ny, nx) pressures [Pa]; pixels without pressure stay white.
    size
        (Ly, Lx) [m].

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained")
    extent, unit = _microns(size)
    shown = np.where(pressure > 0.0, pressure * 1e-6, np.nan)
    scale, height_unit = (1e9, "nm") if np.ptp(heights) < 1e-6 else (1e6, "um")
    maps = (heights - heights.mean()) * scale, shown
    for axis, image, label, colours in zip(
        axes, maps, (f"height [{height_unit}]", "pressure [MPa]"), ("viridis", "inferno"), strict=True
    ):
        drawn = axis.imshow(image, origin="lower", extent=extent, cmap=colours)
        figure.colorbar(drawn, ax=axis, label=label)
        axis.set_xlabel(f"x [{unit}]")
    axes[0].set_ylabel(f"y [{unit}]")
    return figure


def loads_figure(pressures: list[np.ndarray], loads: list[float], size: tuple[float, float]) -> Any:
    """Contact at several loads.

    Parameters
    ----------
    pressures
        Maps (ny, nx) of pressure [Pa].
    loads
        Their mean pressures [Pa].
    size
        (Ly, Lx) [m].

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(loads), figsize=(3.0 * len(loads), 3.2), layout="constrained", squeeze=False)
    extent, unit = _microns(size)
    for axis, pressure, load in zip(axes[0], pressures, loads, strict=True):
        axis.imshow(pressure > 0.0, origin="lower", extent=extent, cmap="Greys", vmin=0.0, vmax=1.0)
        axis.set_title(f"{load / 1e6:.3g} MPa: {100.0 * float((pressure > 0.0).mean()):.2g} % touch", fontsize=9)
        axis.set_xlabel(f"x [{unit}]")
    return figure


def curve_figure(loads: list[float], friction: list[float], deviation: list[float]) -> Any:
    """Friction against load, with the deviation of the material.

    Parameters
    ----------
    loads
        Mean pressures [Pa].
    friction
        Coefficients of friction.
    deviation
        Their standard deviations; 0 where none is stated.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(5.0, 3.2), layout="constrained")
    x, mu, sd = np.array(loads) / 1e6, np.array(friction), np.array(deviation)
    axis.fill_between(x, mu - sd, mu + sd, alpha=0.25, linewidth=0.0)
    axis.plot(x, mu, marker="o")
    axis.set_xscale("log")
    axis.set_xlabel("mean pressure [MPa]")
    axis.set_ylabel("coefficient of friction")
    axis.set_ylim(bottom=0.0)
    return figure


def spectrum_figure(wavenumber: np.ndarray, spectrum: np.ndarray) -> Any:
    """Isotropic power spectrum on logarithmic axes.

    Parameters
    ----------
    wavenumber
        q [rad/m].
    spectrum
        C(q) [m^4]; NaN where no mode falls into the bin.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(5.0, 3.2), layout="constrained")
    keep = np.isfinite(spectrum) & (spectrum > 0.0)
    axis.loglog(wavenumber[keep], spectrum[keep], marker=".")
    axis.set_xlabel("wavenumber q [rad/m]")
    axis.set_ylabel("C(q) [m$^4$]")
    return figure


def design_figure(designs: "Designs", verdicts: "Verdicts", count: int = 12, columns: int = 6) -> Any:
    """The first designs: each texture above the pressures that it bears.

    Parameters
    ----------
    verdicts
        What `verify` found.
    count
        How many.
    columns
        Designs per row.
    """
    import matplotlib.pyplot as plt

    count = min(count, len(designs.slope))
    columns = min(columns, count)
    lines = -(-count // columns)
    size = (1.9 * columns, 4.6 * lines)
    figure, axes = plt.subplots(2 * lines, columns, figsize=size, squeeze=False, layout="constrained")
    heights = designs.heights(verdicts.pressure.shape[-1]).numpy()
    for axis in axes.flat:
        axis.set_axis_off()
    for i in range(count):
        above, below = axes[2 * (i // columns) : 2 * (i // columns) + 2, i % columns]
        above.imshow(heights[i], cmap="viridis")
        above.set_title(f"{designs.names[int(designs.family[i])]}\nslope {float(designs.slope[i]):.2g}", fontsize=8)
        pressure = verdicts.pressure[i].numpy()
        below.imshow(np.where(pressure > 0.0, pressure, np.nan), cmap="inferno")
        title = f"mu {float(verdicts.friction[i]):.4g}\npeak {float(verdicts.peak[i]) / 1e9:.2g} GPa"
        below.set_title(title, fontsize=8)
        below.add_patch(plt.Rectangle((0, 0), 1, 1, fill=False, linewidth=0.5, transform=below.transAxes))
    return figure


def speeds_figure(speeds: list[float], curves: dict[str, list[float]], label: str) -> Any:
    """Curves against the logarithm of the speed, one per temperature.

    Parameters
    ----------
    speeds
        Speeds [m/s].
    curves
        Temperature to values.
    label
        What the values are, with unit.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
    for name, values in curves.items():
        axis.plot(speeds, values, label=name)
    axis.set_xscale("log")
    axis.set_xlabel("sliding speed [m/s]")
    axis.set_ylabel(label)
    axis.legend(frameon=False)
    return figure


def maps_figure(maps: np.ndarray, titles: list[str], cell: float) -> Any:
    """Maps beside each other, on one scale of heights.

    Parameters
    ----------
    maps
        (n p p) heights [m].
    titles
        What stands above each.
    cell
        Length of the cell [m].

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    import matplotlib.pyplot as plt

    columns = min(4, len(maps))
    rows = -(-len(maps) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.3 * columns + 0.8, 2.3 * rows + 0.3), layout="constrained", squeeze=False
    )
    extent, unit = _microns((cell, cell))
    centred = maps - maps.mean((1, 2), keepdims=True)
    scale, height_unit = (1e9, "nm") if np.ptp(maps) < 1e-6 else (1e6, "um")
    limit = scale * float(np.abs(centred).max())
    for axis, image, title in zip(axes.flat, centred, titles, strict=False):
        shown = axis.imshow(scale * image, origin="lower", extent=extent, vmin=-limit, vmax=limit, cmap="viridis")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel(f"x [{unit}]")
        axis.grid(visible=False)
    for axis in axes.flat[len(maps) :]:
        axis.set_axis_off()
    axes[0, 0].set_ylabel(f"y [{unit}]")
    figure.colorbar(shown, ax=axes, label=f"height [{height_unit}]", shrink=0.8)
    return figure
