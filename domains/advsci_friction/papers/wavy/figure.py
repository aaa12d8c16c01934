"""Area against load: published points, ours, and both limits."""

import torch
from matplotlib.figure import Figure

from advsci_friction.contact.closed_forms import jgh_area

CAPTION = "Area of contact of the two-dimensional wave against load: published points, ours, and the two limits."


def draw(paper, measured) -> Figure:
    """One panel.

    Parameters
    ----------
    paper
        The paper.
    measured
        Cells as measured.
    """
    figure = Figure(figsize=(6.4, 3.4))
    axes = figure.subplots()
    load = torch.linspace(0.01, 1.0, 100)
    low, high = jgh_area(load)
    axes.plot(load[:50], low[:50], "--", color="C7", label="limit at low load")
    axes.plot(load[50:], high[50:], ":", color="C7", label="limit at high load")
    axes.plot(measured["curves"]["curve/load"], measured["curves"]["curve/area"], "o", color="C0", label="ours")
    published = [(float(c.row.split("=")[1]), c.published) for c in paper.cells if c.name.startswith("area/")]
    axes.plot(*zip(*published, strict=True), "o", mfc="none", ms=9, color="C1", label="published")
    axes.set_xlabel("load over the pressure of full contact")
    axes.set_ylabel("area fraction")
    axes.legend()
    return figure
