"""Shares of parts in external metrics, against games whose shares are known."""

from functools import partial

import pytest
import torch
from pulled_game import make

from advsci.diagnostics import shares
from advsci.errors import ConfigError
from advsci.games import GAN, switch_off
from advsci.games.switch import Switch
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.solvers import Simultaneous
from advsci.streams import Stream
from advsci.training import Trainer


def noisy(training, trial: int):
    """Where the generator rests, as an examiner with an error of its own reads it."""
    seed = int(1e6 * training.game.generator.at.item()) % 10_000 + 7919 * trial
    return {"rest": training.game.generator.at.item() + 0.05 * float(Stream(seed).normal((1,)))}


def test_an_adversary_worth_a_known_amount_is_found_to_be_and_one_that_is_cut_is_worth_nothing():
    """Its slope 0.4 moves the rest by 0.4; 95 % intervals of four seeds, three trials each."""
    hits = {False: 0, True: 0}
    for cut in hits:
        for trial in range(3):
            found = shares(partial(make, cut=cut), partial(noisy, trial=trial), seeds=range(4 * trial, 4 * trial + 4))
            (share,) = found.shares
            hits[cut] += share.holds(0.0 if cut else 0.4)
            assert cut or not share.holds(0.0)
            assert share.part in found.text() and found.rows()[0]["metric"] == "rest"
    assert min(hits.values()) >= 2


def test_parts_can_be_switched_off_whatever_the_solver():
    for part, still in (("adversary", "generator"), ("discriminator", "discriminator"), ("r1", None)):
        torch.manual_seed(0)
        game = GAN(MLP(2, 2, 4), MLP(2, 1, 4), Gaussian(2))
        switch_off(game, part)
        x = Stream(0).normal((32, 2))
        before = {name: [p.detach().clone() for p in module.parameters()] for name, module in game.players.items()}
        training = Trainer(2, 16, quiet=True, device="cpu", log_every=1).fit(game, x, Simultaneous())
        moved = {
            name: any(bool((p != q).any()) for p, q in zip(module.parameters(), before[name], strict=True))
            for name, module in game.players.items()
        }
        if part == "adversary":
            assert not any(moved.values())
        elif still:
            assert moved == {"discriminator": False, "generator": True}
        else:
            assert all(moved.values()) and "discriminator/r1" not in training.log[-1]


def test_a_stage_without_discriminator_has_no_adversary_to_switch_off():
    """A generator that is first trained by likelihood alone."""

    class Alone(GAN):
        players = property(lambda self: {"generator": self.generator})

    game = Alone(MLP(2, 2, 4), MLP(2, 1, 4), Gaussian(2))
    switch = Switch("adversary")
    switch_off(game, "adversary", switch)
    assert not switch.met and not game.silent and all(p.requires_grad for p in game.parameters())


def test_a_part_that_the_game_does_not_have_is_named():
    with pytest.raises(ConfigError, match="got part 'r7', which Pulled does not have"):
        shares(make, partial(noisy, trial=0), off=["r7"], seeds=range(2))


def test_one_seed_is_no_interval():
    with pytest.raises(ConfigError, match="at least two"):
        shares(make, partial(noisy, trial=0), seeds=[0])
