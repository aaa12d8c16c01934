"""A generator that looks through k steps of the discriminator drops fewer modes.

Stacked digits with small networks, where only the order of k = 0, 1, 5 and 10 is compared; the full form alone.
"""

from functools import partial

import torch

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.objectives import NonSaturating
from advsci.papers import step
from advsci.papers.stacked.digits import Stacked, classifier, counted
from advsci.recipes import images
from advsci.solvers import Alternating, Solver, Unrolled
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_datasets import load_images


def solver_of(k: int, rate: float, imagined: float) -> Solver:
    """Turns, in which the generator looks through k steps of the discriminator.

    Parameters
    ----------
    k
        Imagined steps; 0 for plain turns.
    rate
        Learning rate of Adam.
    imagined
        Length of an imagined step.

    Returns
    -------
    Solver
        The rule.
    """
    optimizer = partial(torch.optim.Adam, lr=rate, betas=(0.5, 0.999), fused=True)
    return Unrolled(optimizer, unroll={"generator": k}, rate=imagined) if k else Alternating(optimizer)


def stacked(k: int, seed: int, steps: int) -> dict[str, float]:
    """Modes and divergence of stacked digits.

    Parameters
    ----------
    k
        Imagined steps.
    seed
        Root of all random numbers.
    steps
        Training steps.

    Returns
    -------
    dict
        ``modes`` and ``KL``.
    """
    data = load_images("mnist")
    assert data.train_labels is not None
    pairs = Stacked(data.train, Stream(seed).at("stack"))
    recipe = images(pairs[torch.arange(256)]["x"], groups=3, seed=seed)
    game = GAN(recipe.game.generator, recipe.game.discriminator, Gaussian(64), objective=NonSaturating(), penalties=())
    trainer = Trainer(steps, 64, seed=seed, device="cpu", log_every=steps, quiet=True)
    trainer.fit(game, pairs, solver_of(k, 2e-4, 0.05))
    network = classifier(data.train, data.train_labels, 1400)
    found, divergence = counted(network, lambda i: game.sample(1000, Stream(seed).at("test", i)))
    return {"modes": found, "KL": divergence}


def measure(seed: int, effort: str, steps: int = 0) -> dict[str, float]:
    """Counts for each number of imagined steps, and what they gain.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".
    steps
        Steps of a training; 0 for those of the form.

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    found = {k: stacked(k, seed, steps or 5000) for k in (0, 1, 5, 10)}
    cells = {f"stacked {k}/{name}": value for k, part in found.items() for name, value in part.items()}
    modes = [found[k]["modes"] for k in (0, 1, 5, 10)]
    return cells | {"stacked/in order": float(modes == sorted(modes))}


if __name__ == "__main__":
    step(measure)
