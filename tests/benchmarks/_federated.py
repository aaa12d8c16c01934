"""What a federation loses against pooled data: two sites with four modes of a ring each, and nobody has all eight."""

import math

import torch
from _row import interval, row

from advsci.games import GAN, Federation
from advsci.latents import Gaussian
from advsci.metrics import exact_transport
from advsci.nn import MLP
from advsci.solvers import Alternating, Federated, adam
from advsci.streams import Stream
from advsci.training import Sites, Trainer

__all__ = ["federated"]

BOTH = ("generator", "discriminator")
ARMS = {
    "pooled": (0, BOTH), "one site": (-1, BOTH),
    **{f"means every {k} step{'s' * (k > 1)}": (k, BOTH[:1]) for k in (1, 10, 100)},
    **{f"discriminator shared too, means every {k} step{'s' * (k > 1)}": (k, BOTH) for k in (1, 10, 100)},
}  # fmt: skip
"""Arm -> steps between two means (0: all data together, -1: one site's alone), and the shared players."""


def _centres() -> torch.Tensor:
    angle = torch.arange(8) * math.pi / 4
    return torch.stack([angle.cos(), angle.sin()], 1)


def _game(seed: int, site: str) -> GAN:
    with Stream(seed).at(site).seeded():
        return GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))


def _samples(arm: str, seed: int, steps: int) -> torch.Tensor:
    """A thousand samples of the generator of an arm; every arm sees 256 samples per step."""
    sites = {
        site: _centres()[4 * i + torch.arange(20_000) % 4] + 0.05 * Stream(seed).at(site).normal((20_000, 2))
        for i, site in enumerate(("north", "south"))
    }
    (every, shared), rule = ARMS[arm], Alternating(adam(lr=1e-3))
    trainer = Trainer(steps, 256 if every < 1 else 128, seed=seed, quiet=True, device="cpu", log_every=steps)
    if every < 1:
        game, data = _game(seed, "pooled"), sites["north"] if every < 0 else torch.cat(list(sites.values()))
        trainer.fit(game, data, rule)
        return game.sample(1000, Stream(seed).at("samples"))
    games = {site: _game(seed, site) for site in sites}
    trainer.fit(Federation(games, shared=shared), Sites(sites), Federated(rule, every))
    return games["north"].sample(1000, Stream(seed).at("samples"))


def federated(quick: bool, arms: "list[str] | None" = None) -> None:
    """The rows: modes found (with 1 % of the samples within three deviations) and distance to fresh data.

    Parameters
    ----------
    quick
        The small form.
    arms
        Words of the arms' names; None: all.
    """
    seeds, steps = (1, 200) if quick else (3, 2000)
    for arm in (name for name in ARMS if arms is None or any(word in name for word in arms)):
        modes, distance = [], []
        for seed in range(seeds):
            x = _samples(arm, seed, steps)
            fresh = _centres()[torch.arange(1000) % 8] + 0.05 * Stream(99).at("fresh", seed).normal((1000, 2))
            near, mode = torch.cdist(x, _centres()).min(1)
            modes.append(float(sum((mode[near < 0.15] == k).sum() >= 10 for k in range(8))))
            distance.append(float(exact_transport(x, fresh, 1)))
        for what, values in (("modes of 8", modes), ("Wasserstein-1 to fresh data", distance)):
            row(
                f"federated, {arm}: {what}", sum(values) / seeds, None, seeds=seeds,
                interval=interval(values) if seeds > 1 else None, note=f"{steps} steps",
            )  # fmt: skip
