"""Wanted friction against the friction that the designs have."""

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter

CAPTION = "Friction of our designs, solved again, against the friction that was asked for; the line is agreement."


def draw(paper, measured) -> Figure:
    """One panel, first seed.

    Parameters
    ----------
    paper
        The paper.
    measured
        Cells as measured.
    """
    figure = Figure(figsize=(4.4, 3.4))
    axes = figure.subplots()
    wanted, found = measured["curves"]["curve/wanted"], measured["curves"]["curve/found"]
    axes.loglog(wanted, found, "o", label="designs, mean of each request")
    axes.loglog(wanted, wanted, color="C7", label="wanted")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([0.03, 0.1, 0.3]))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("wanted friction")
    axes.set_ylabel("friction, solved again")
    axes.legend()
    return figure
