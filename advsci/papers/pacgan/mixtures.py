r"""Modes, high quality and reverse KL of a GAN whose discriminator judges packs of m samples.

The full form is the authors' protocol (their code: 2DRing_GAN&PacGAN, 2DGrid_GAN&PacGAN): a generator of four
layers of 400 with batch norm, a discriminator of three layers of 200 maxout units with five pieces, 100,000 training
points, batches of 100 packs, 400 epochs, Adam with rate 0.0001 and first moment 0.8. The quick form has the same game
with smaller networks of the same kind, a larger rate and fewer steps.
"""

import math
from functools import partial

import torch
from torch import Tensor, nn

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.metrics.modes import mode_counts
from advsci.nn import Packed
from advsci.objectives import NonSaturating
from advsci.papers import step
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer


def modes_of(mixture: str) -> tuple[Tensor, float]:
    """Means and standard deviation of the ring's or the grid's Gaussians.

    Parameters
    ----------
    mixture
        ``ring`` or ``grid``.

    Returns
    -------
    tuple
        Means (modes 2), standard deviation.
    """
    if mixture == "ring":
        angle = torch.arange(8) * (math.pi / 4)
        return torch.stack([angle.cos(), angle.sin()], 1), 0.01
    line = torch.arange(-4.0, 5.0, 2.0)
    return torch.cartesian_prod(line, line), 0.05


class Maxout(nn.Module):
    """The largest of k linear maps, unit by unit."""

    def __init__(self, inputs: int, outputs: int, pieces: int = 5):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """Largest of the pieces of each output, at inputs ``x``."""
        return self.linear(x).unflatten(-1, (-1, self.pieces)).amax(-1)


def published_networks(m: int) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator of the authors' code.

    Parameters
    ----------
    m
        Samples in a pack.

    Returns
    -------
    tuple
        Two networks, initialised as theirs.
    """
    layers: list[nn.Module] = []
    for inputs in (2, 400, 400, 400):
        layers += [nn.Linear(inputs, 400, bias=False), nn.BatchNorm1d(400), nn.ReLU()]
    judge = nn.Sequential(Maxout(2 * m, 200), Maxout(200, 200), Maxout(200, 200), nn.Linear(200, 1))
    networks = nn.Sequential(*layers, nn.Linear(400, 2)), judge
    for module in (part for network in networks for part in network.modules()):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return networks


def small_networks(m: int) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator of the same kind, for one CPU core.

    Parameters
    ----------
    m
        Samples in a pack.

    Returns
    -------
    tuple
        Two networks.
    """
    layers: list[nn.Module] = []
    for inputs in (2, 64, 64):
        layers += [nn.Linear(inputs, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 2)), nn.Sequential(Maxout(2 * m, 32), Maxout(32, 32), nn.Linear(32, 1))


def counts(mixture: str, pack: int, seed: int, effort: str) -> dict[str, float]:
    """One training; counts of 2,500 samples.

    Parameters
    ----------
    mixture
        ``ring`` or ``grid``.
    pack
        Samples in a pack.
    seed
        Root of all random numbers.
    effort
        "quick" or "full".

    Returns
    -------
    dict
        ``modes``, ``high quality`` [%] and ``reverse KL``.
    """
    means, sigma = modes_of(mixture)
    stream = Stream(seed).at("data")
    which = stream.at("mode").integers(len(means), (100_000,))
    x = means[which] + sigma * stream.at("noise").normal((100_000, 2))
    with Stream(seed).at("networks").seeded():
        if effort == "full":
            generator, discriminator = published_networks(pack)
            steps, packs, rate = 400_000, 100, 1e-4
        else:
            generator, discriminator = small_networks(pack)
            steps, packs, rate = 3000, 64, 1e-3
    game = GAN(generator, Packed(discriminator, pack), Gaussian(2), objective=NonSaturating(), penalties=())
    optimizer = partial(torch.optim.Adam, lr=rate, betas=(0.8, 0.999), fused=True)
    trainer = Trainer(steps, packs * pack, seed=seed, device="cpu", log_every=steps, quiet=True)
    trainer.fit(game, x, Alternating(optimizer))
    generator.eval()
    found = mode_counts(game.sample(2500, Stream(seed).at("test")), means, sigma)
    return {
        "modes": float(found.found),
        "high quality": 100.0 * float(found.high_quality),
        "reverse KL": min(float(found.reverse_kl), math.log(len(means))),
    }


def measure(mixture: str, seed: int, effort: str) -> dict[str, float]:
    """Counts of every pack size on one mixture, and what packs of two gain over single samples.

    Parameters
    ----------
    mixture
        ``ring`` or ``grid``.
    seed
        Root of all random numbers.
    effort
        "quick" or "full".

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    found = {m: counts(mixture, m, seed, effort) for m in ((1, 2) if effort == "quick" else (1, 2, 3, 4))}
    size = "small " if effort == "quick" else ""
    cells = {f"{size}{mixture}-{m}/{name}": value for m, part in found.items() for name, value in part.items()}
    cells[f"{mixture}/modes gained"] = found[2]["modes"] - found[1]["modes"]
    cells[f"{mixture}/reverse KL lost"] = found[1]["reverse KL"] - found[2]["reverse KL"]
    return cells


if __name__ == "__main__":
    step(measure)
