"""Errors against the number of measurements."""

from matplotlib.figure import Figure

CAPTION = "Squared error of a pixel against the number of Gaussian measurements of 784 pixels, on digits."

METHODS = {"range": ("latent search", (50, 100, 400)), "lasso-haar": ("Lasso, wavelets", (25, 50, 100, 200, 400))}


def draw(paper, measured) -> Figure:
    """One curve a method, first seed.

    Parameters
    ----------
    paper
        What was published.
    measured
        Curves and cells of all steps.

    Returns
    -------
    Figure
        To be shown on the page.
    """
    figure = Figure(figsize=(6.4, 3.4))
    axes = figure.subplots()
    for method, (name, measurements) in METHODS.items():
        axes.loglog(measurements, measured["curves"][f"curve/{method}"], "o-", label=name)
    axes.set_xlabel("measurements")
    axes.set_ylabel("squared error of a pixel")
    axes.legend()
    return figure
