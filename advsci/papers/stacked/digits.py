"""Stacked digits: three handwritten digits in the channels of one image, 1,000 modes of equal weight.

A classifier of single digits names each channel of 26,000 generated images; modes found, and the divergence of their
histogram from the uniform one. With K modes and n samples a perfect generator has a divergence of about (K - 1) / 2n.
"""

from functools import partial

import torch
from torch import Tensor, nn

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.metrics.modes import histogram_modes
from advsci.nn import MLP, Packed
from advsci.nn.strided import StridedDiscriminator
from advsci.objectives import NonSaturating, RelativisticPairing
from advsci.papers import step
from advsci.penalties import R1, R2
from advsci.recipes import images
from advsci.schedules import Geometric
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_datasets import load_images

SAMPLES, MODES = 26_000, 1000
GAMMA = Geometric(2.0, 0.5)
PENALTIES = {"R1 and R2": (R1(GAMMA), R2(GAMMA)), "R1": (R1(GAMMA),), "none": ()}
METHODS = {
    "RpGAN, R1 and R2": (RelativisticPairing(), "R1 and R2", 1),
    "GAN, R1 and R2": (NonSaturating(), "R1 and R2", 1),
    "RpGAN, R1": (RelativisticPairing(), "R1", 1),
    "GAN": (NonSaturating(), "none", 1),
    "PacGAN2": (NonSaturating(), "none", 2),
}


class Stacked:
    """Images (3 28 28) in [-1, 1], their channels drawn independently from single digits."""

    def __init__(self, digits: Tensor, stream: Stream, count: int = 240_000):
        self.digits = digits
        self.which = stream.integers(len(digits), (count, 3))

    def __len__(self) -> int:
        return len(self.which)

    def __getitem__(self, index: Tensor) -> dict[str, Tensor]:
        return {"x": 2.0 * self.digits[self.which[index]].squeeze(2) - 1.0}


def classifier(digits: Tensor, labels: Tensor, steps: int) -> nn.Module:
    """A small convolutional classifier of single digits.

    Parameters
    ----------
    digits
        Images (n 1 28 28) in [0, 1].
    labels
        Their digits (n).
    steps
        Training steps.

    Returns
    -------
    Module
        Frozen.
    """
    with Stream(0).at("classifier").seeded():
        network = nn.Sequential(
            *(nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2)),
            *(nn.Flatten(), MLP(32 * 49, 10, depth=1)),
        )
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for index in Stream(0).at("order").integers(len(digits), (steps, 128)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(2.0 * digits[index] - 1.0), labels[index]).backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)


def counted(network: nn.Module, draw, samples: int = SAMPLES) -> tuple[float, float]:
    """Modes found and divergence of the samples, drawn a thousand at a time.

    Parameters
    ----------
    network
        Names single digits.
    draw
        ``draw(i)``: the i-th thousand images (1000 3 28 28).
    samples
        Number of images.

    Returns
    -------
    tuple
        Modes found, divergence.
    """
    names = []
    for i in range(samples // 1000):
        digits = network(draw(i).reshape(-1, 1, 28, 28)).argmax(1).reshape(-1, 3)
        names.append(digits @ torch.tensor([100, 10, 1]))
    found, divergence = histogram_modes(torch.cat(names), MODES)
    return float(found), float(divergence)


def game_of(method: str, x: Tensor, seed: int):
    """The package's recipe for images, with the method's objective, penalties and packs.

    Parameters
    ----------
    method
        One of ``METHODS``.
    x
        Some images (n 3 28 28).
    seed
        Root of all random numbers.

    Returns
    -------
    Recipe
        Game, solver, averaging.
    """
    recipe = images(x, groups=3, seed=seed)
    if method == "RpGAN, R1 and R2":
        return recipe
    objective, penalties, pack = METHODS[method]
    discriminator: nn.Module = recipe.game.discriminator
    if pack > 1:
        with Stream(seed).at("packed").seeded():
            discriminator = Packed(StridedDiscriminator(3 * pack, 28, (16 * 3, 64 * 3), 256), pack)
    game = GAN(recipe.game.generator, discriminator, Gaussian(64), objective=objective, penalties=PENALTIES[penalties])
    solver = recipe.solver if penalties != "none" else Simultaneous(adam(2e-4, (0.5, 0.999)))
    return type(recipe)(game, solver, recipe.ema, recipe.batch_size)


def measure(method: str, seed: int, effort: str, steps: int = 0) -> dict[str, float]:
    """Counts of real digits and of an untrained generator, or of a generator trained by a method.

    Parameters
    ----------
    method
        One of ``METHODS``, or ``controls``.
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
    data = load_images("digits" if effort == "quick" else "mnist")
    assert data.train_labels is not None and data.test_labels is not None
    network = classifier(data.train, data.train_labels, 300 if effort == "quick" else 1400)
    if method == "controls":
        real = Stacked(data.test, Stream(seed).at("real"), SAMPLES)
        accuracy = (network(2.0 * data.test - 1.0).argmax(1) == data.test_labels).float().mean()
        found, divergence = counted(network, lambda i: real[torch.arange(1000 * i, 1000 * (i + 1))]["x"])
        game = images(real[torch.arange(64)]["x"], groups=3, seed=seed).game
        raw, _ = counted(network, lambda i: game.sample(1000, Stream(seed).at("raw", i)), 5000)
        return {
            "classifier": 100.0 * float(accuracy),
            "real/modes": found,
            "real/KL": divergence,
            "untrained/modes": raw,
        }
    stacked = Stacked(data.train, Stream(seed).at("stack"))
    recipe = game_of(method, stacked[torch.arange(256)]["x"], seed)
    length = steps or 5000
    trainer = Trainer(length, recipe.batch_size, seed=seed, ema=recipe.ema, device="cpu", log_every=length, quiet=True)
    generator = trainer.fit(recipe.game, stacked, recipe.solver).averaged("generator")
    draw = partial(recipe.game.sample, 1000, generator=generator)
    found, divergence = counted(network, lambda i: draw(Stream(seed).at("test", i)))
    return {f"{method}/modes": found, f"{method}/KL": divergence}


if __name__ == "__main__":
    step(measure)
