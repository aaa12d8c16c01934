"""The distance from the equilibrium, step by step."""

from matplotlib.figure import Figure

CAPTION = "The smallest Wasserstein GAN: distance of the generator from the data, over its start, for four rules."


def draw(paper, measured) -> Figure:
    """One curve a rule, first seed.

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
    figure = Figure(figsize=(6.4, 3.2))
    axes = figure.subplots()
    for name in ("simultaneous", "alternating", "extragradient", "past"):
        curve = measured["curves"][f"wgan/{name} curve"]
        axes.semilogy([100 * i / len(curve) for i in range(len(curve))], curve, label=name)
    axes.set_xlabel("share of the training [%]")
    axes.set_ylabel("distance")
    axes.legend()
    return figure
