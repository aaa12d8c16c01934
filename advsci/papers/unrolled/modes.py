"""A generator that looks through k steps of the discriminator drops fewer modes.

The quick form is the ring of eight Gaussians on which the paper shows it; the full form is stacked digits with small
networks, where only the order of k = 0, 1, 5 and 10 is compared.
"""

import math
from functools import partial

import torch
from torch import nn

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.metrics.modes import mode_counts
from advsci.nn import MLP
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


def ring(k: int, seed: int, steps: int) -> dict[str, float]:
    """Modes and divergence on eight Gaussians of deviation 0.02 on a circle of radius 2.

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
    angle = torch.arange(8) * (math.pi / 4)
    means, stream = 2.0 * torch.stack([angle.cos(), angle.sin()], 1), Stream(seed)
    which = stream.at("mode").integers(8, (50_000,))
    x = means[which] + 0.02 * stream.at("noise").normal((50_000, 2))
    with stream.at("networks").seeded():
        generator = MLP(2, 2, 64, 2, activation=nn.Tanh)
        discriminator = MLP(2, 1, 64, 1)
    game = GAN(generator, discriminator, Gaussian(2), objective=NonSaturating(), penalties=())
    trainer = Trainer(steps, 128, seed=seed, device="cpu", log_every=steps, quiet=True)
    trainer.fit(game, x, solver_of(k, 1e-3, 0.3))
    found = mode_counts(game.sample(2500, stream.at("test")), means, 0.2)
    return {"modes": float(found.found), "KL": min(float(found.reverse_kl), math.log(8.0))}


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
    if effort == "quick":
        found = {k: ring(k, seed, steps or 1500) for k in (0, 5)}
        cells = {f"ring {k}/{name}": value for k, part in found.items() for name, value in part.items()}
        cells["ring/modes gained"] = found[5]["modes"] - found[0]["modes"]
        return cells | {"ring/KL gained": found[0]["KL"] - found[5]["KL"]}
    found = {k: stacked(k, seed, steps or 5000) for k in (0, 1, 5, 10)}
    cells = {f"stacked {k}/{name}": value for k, part in found.items() for name, value in part.items()}
    modes = [found[k]["modes"] for k in (0, 1, 5, 10)]
    return cells | {"stacked/in order": float(modes == sorted(modes))}


if __name__ == "__main__":
    step(measure)
