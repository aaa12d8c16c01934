"""A run folder is known again by everything that changes the result, and by nothing else."""

from functools import partial

import pytest
import torch
from torch import nn
from toy_game import sgd, toy_data, toy_game, toy_solver, toy_trainer

from advsci.errors import ConfigError
from advsci.games import GAN
from advsci.latents import Gaussian, Truncated
from advsci.objectives import NonSaturating
from advsci.penalties import R1
from advsci.schedules import Cosine
from advsci.solvers import Alternating, Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA
from advsci.training.described import described, differences


def game(**changes) -> GAN:
    torch.manual_seed(0)
    p = changes.pop("dropout", 0.1)
    generator = nn.Sequential(nn.Linear(3, 8), nn.Dropout(p), nn.Linear(8, 2))
    settings = {"latent": Gaussian(3), "objective": NonSaturating(), "penalties": (R1(1.0),)} | changes
    return GAN(generator, nn.Linear(2, 1), **settings)


SAME = {"data": toy_data, "game": game, "solver": toy_solver, "settings": {}}


@pytest.mark.parametrize(
    "change, said",
    [
        ({"solver": lambda: toy_solver(adam(2e-3))}, "solver.optimizer.lr: got 0.002, expected 0.001"),
        ({"solver": lambda: toy_solver(adam(1e-3, betas=(0.5, 0.9)))}, r"solver.optimizer.betas.0: got 0.5"),
        ({"solver": lambda: toy_solver(sgd)}, "solver.optimizer: got 'toy_game.sgd'"),
        ({"solver": lambda: Simultaneous(adam(1e-3))}, "solver.: got 'advsci.solvers.simultaneous.Simultaneous'"),
        ({"solver": lambda: Alternating(adam(1e-3), Cosine(1.0, 0.5))}, "solver.lr_schedule.end: got 0.5"),
        ({"solver": lambda: Alternating(adam(1e-3), Cosine(1.0, 0.25))}, "solver.moves.discriminator"),
        ({"game": partial(game, penalties=(R1(2.0),))}, "game.penalties.0.*: got 2.0, expected 1.0"),
        ({"game": partial(game, objective=None)}, "game.objective.: got .*RelativisticPairing"),
        ({"game": partial(game, latent=Truncated(3, 2.0))}, "game.latent"),
        ({"game": partial(game, dropout=0.2)}, "game.generator.1.p: got 0.2, expected 0.1"),
        ({"game": lambda: game().double(), "data": lambda: toy_data().double()}, "torch.float64"),
        ({"settings": {"ema": EMA(0.9)}}, "ema.decay: got 0.9, expected 0.99"),
        ({"settings": {"batch_size": 16}}, "batch_size: got 16, expected 32"),
        ({"settings": {"seed": 1}}, "seed: got 1, expected 0"),
        ({"settings": {"precision": "bf16"}}, "precision: got 'bf16'"),
        ({"data": lambda: toy_data() + 1e-6}, "data.content.x"),
        ({"data": lambda: toy_data(100)}, "data.samples: got 100, expected 257"),
    ],
)
def test_whatever_changes_the_result_is_named(tmp_path, change, said):
    def fit(parts):
        trainer = toy_trainer(tmp_path, 10, **parts["settings"])
        return trainer.fit(parts["game"](), parts["data"](), parts["solver"]())

    fit(SAME)
    kept = sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*") if p.name not in (".lock", ".owner.json"))
    with pytest.raises(ConfigError, match=said):
        fit(SAME | change)
    after = sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*") if p.name not in (".lock", ".owner.json"))
    assert [(p, t) for p, t in after if p.is_file()] == [(p, t) for p, t in kept if p.is_file()]


def test_what_changes_no_result_may_change(tmp_path):
    toy_trainer(tmp_path, 10).fit(toy_game(), toy_data(), toy_solver())
    watched = toy_trainer(
        tmp_path, 10, log_every=1, quiet=False, callbacks=[lambda t: None], title="again", keep=3, checkpoint_every=7
    )
    assert watched.fit(toy_game(), toy_data(), toy_solver()).step == 10


def test_the_same_objects_can_go_on(tmp_path):
    game, solver = toy_game(), toy_solver()
    toy_trainer(tmp_path, 10).fit(game, toy_data(), solver)
    assert toy_trainer(tmp_path, 20).fit(game, toy_data(), solver).step == 20


def test_more_steps_extend_a_finished_run(tmp_path):
    constant = partial(Simultaneous, adam(1e-3))
    toy_trainer(tmp_path / "two", 30).fit(game(), toy_data(), constant())
    two = toy_trainer(tmp_path / "two", 60).fit(game(), toy_data(), constant())
    one = toy_trainer(tmp_path / "one", 60).fit(game(), toy_data(), constant())
    state = {name: t for name, t in one.game.state_dict().items() if not name.endswith("progress")}
    torch.testing.assert_close({name: two.game.state_dict()[name] for name in state}, state, rtol=0, atol=0)
    with pytest.raises(ConfigError, match="got steps=30 .* where 60 are done; expected at least as many"):
        toy_trainer(tmp_path / "two", 30).fit(game(), toy_data(), constant())


def test_described_is_plain_stable_and_tells_closures_apart():
    def scaled(factor):
        return lambda x: factor * x

    assert described(scaled(2.0)) == described(scaled(2.0)) != described(scaled(3.0))
    assert described(lambda p: torch.optim.SGD(p, lr=0.1)) != described(lambda p: torch.optim.SGD(p, lr=0.2))
    assert described(Stream(0)) == described(Stream(0)) != described(Stream(1))
    assert described(torch.ones(2)) != described(torch.zeros(2))
    loop: dict = {}
    loop["self"] = loop
    assert described(loop) == {"self": "..."}
    assert differences({"a": [1, 2]}, {"a": [1, 3]}) == ["a.1: got 3, expected 2"]
