"""The trainer names what is wrong before it trains, and guards what it writes."""

import importlib.machinery
import sys
import threading
import types
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from toy_game import toy_data, toy_game, toy_solver, toy_trainer

from advsci.errors import ConfigError, DataError, DivergenceError, MissingDependencyError, ShapeError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.solvers import Alternating, Simultaneous, adam
from advsci.training import EMA, Trainer, checkpoint


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        (torch.empty(0, 2), DataError, "empty"),
        ({}, DataError, "empty"),
        (torch.tensor([[1.0, 2.0], [float("nan"), 0.0]]), DataError, "NaN or infinity in 'x' at sample 1"),
        (torch.tensor([[float("inf"), 0.0], [1.0, 2.0]]), DataError, "at sample 0"),
        ({"x": torch.ones(3, 2), "condition": torch.ones(4, 1)}, DataError, "unequal lengths"),
        ({"y": torch.ones(3, 2)}, DataError, "expected 'x'"),
        (torch.ones(5, 3), ShapeError, r"expected the data's shape \(5, 3\)"),
        ([1.0, 2.0], DataError, "got data of type list"),
        (np.ones((5, 2)), ShapeError, r"x: \(5, 2\) torch.float64"),
        (torch.ones(5, 2).double(), ShapeError, r"x: \(5, 2\) torch.float64"),
        ({"x": torch.ones(4, 2), "weight": torch.ones(4, 2)}, ShapeError, "weights of shape"),
    ],
)
def test_bad_data_are_named_before_training(data, error, text):
    with pytest.raises(error, match=text):
        toy_trainer(steps=3).fit(toy_game(), data, toy_solver())


def test_wrong_discriminator_shape_is_named_before_training():
    game = toy_game()
    game.discriminator = nn.Linear(2, 2)
    with pytest.raises(ShapeError, match="one logit a sample"):
        toy_trainer(steps=3).fit(game, toy_data(), toy_solver())


def test_shared_parameter_and_missing_optimizer_are_named():
    shared = nn.Linear(2, 2)
    game = GAN(shared, nn.Sequential(shared, nn.Linear(2, 1)), Gaussian(2))
    with pytest.raises(ConfigError, match="share a parameter"):
        toy_trainer(steps=3).fit(game, toy_data(), Simultaneous())
    with pytest.raises(ConfigError, match="one for player 'generator'"):
        toy_trainer(steps=3, ema=None).fit(toy_game(), toy_data(), Simultaneous({"discriminator": adam()}))
    with pytest.raises(
        ConfigError, match="got ema for 'critic'; expected players of the game: discriminator, generator"
    ):
        toy_trainer(steps=3, ema=EMA(of=("critic",))).fit(toy_game(), toy_data(), toy_solver())
    with pytest.raises(ConfigError, match="got optimizer for 'critic'"):
        every = dict.fromkeys(("critic", "discriminator", "generator"), adam())
        toy_trainer(steps=3).fit(toy_game(), toy_data(), Simultaneous(every))
    with pytest.raises(ConfigError, match="expected positive counts"):
        toy_trainer(steps=3).fit(toy_game(), toy_data(), Alternating(moves={"critic": 2}))


@pytest.mark.parametrize("setting", ["steps", "batch_size", "log_every", "keep"])
def test_settings_below_one_are_refused(setting):
    with pytest.raises(ConfigError, match=f"got {setting}=0"):
        replace(Trainer(steps=1), **{setting: 0})


def test_divergence_is_named_and_the_last_checkpoint_stays_finite(tmp_path):
    solver = Simultaneous(lambda parameters: torch.optim.SGD(parameters, lr=0.1))

    def poison(training):
        if training.step == 50:
            with torch.no_grad():
                training.game.get_parameter("generator.0.weight").fill_(float("nan"))

    trainer = toy_trainer(tmp_path, 200, callbacks=[poison])
    with pytest.raises(DivergenceError, match="not finite at step 60"):
        trainer.fit(toy_game(), toy_data(), solver)
    newest = checkpoint.latest(tmp_path / "checkpoints")
    assert newest is not None
    step, state = checkpoint.load(newest)
    assert step == 40
    assert all(torch.isfinite(t).all() for t in state["game"].values())


def test_failing_logger_is_dropped_and_the_run_goes_on():
    seen = []

    def broken(record):
        seen.append(record["step"])
        raise RuntimeError("server gone")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        training = toy_trainer(steps=50, loggers=[broken]).fit(toy_game(), toy_data(), toy_solver())
    assert training.step == 50 and seen == [10]
    assert any("server gone" in str(w.message) for w in caught)


def test_callbacks_add_to_the_record():
    training = toy_trainer(steps=30, callbacks=[lambda t: {"twice": 2.0 * t.step}]).fit(
        toy_game(), toy_data(), toy_solver()
    )
    assert [record["twice"] for record in training.log] == [20.0, 40.0, 60.0]


def test_what_a_callback_gives_must_be_numbers():
    training = toy_trainer(steps=10, callbacks=[lambda t: {"half": torch.tensor(0.5)}]).fit(
        toy_game(), toy_data(), toy_solver()
    )
    assert training.log[0]["half"] == 0.5 and isinstance(training.log[0]["half"], float)
    for bad in ({"x": "text"}, {"x": torch.ones(3)}, 7):
        with pytest.raises(ConfigError, match="expected None or a mapping of names to numbers"):
            toy_trainer(steps=10, callbacks=[lambda t, bad=bad: bad]).fit(toy_game(), toy_data(), toy_solver())


def test_a_number_is_the_decay_of_the_generators_average():
    assert Trainer(steps=1, ema=0.99).ema == EMA(0.99) and EMA(0.99).of == ("generator",)


def test_tensorboard_gets_every_record(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    toy_trainer(tmp_path, steps=30, loggers=["tensorboard"]).fit(toy_game(), toy_data(), toy_solver())
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("generator/objective")] == [10, 20, 30]
    with pytest.raises(ConfigError, match="expected one of tensorboard, mlflow, wandb, trackio"):
        toy_trainer(steps=5, loggers=["tensorbored"]).fit(toy_game(), toy_data(), toy_solver())


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_services_get_finite_values_by_step_and_are_closed(name, monkeypatch, tmp_path):
    calls = []
    service = types.ModuleType(name)
    service.init = lambda project, name: calls.append((project, name))
    service.log = lambda values, step: calls.append((step, values))
    service.finish = lambda: calls.append("finished")
    service.__spec__ = importlib.machinery.ModuleSpec(name, None)
    monkeypatch.setitem(sys.modules, name, service)
    measured = {"callbacks": [lambda t: {"kid": 0.5, "unknown": float("nan")}]}
    toy_trainer(tmp_path / "run7", steps=20, loggers=[name], **measured).fit(toy_game(), toy_data(), toy_solver())
    assert calls[0] == ("advsci", "run7") and calls[-1] == "finished"
    assert [(step, values["kid"], "unknown" in values) for step, values in calls[1:-1]] == [
        (10, 0.5, False), (20, 0.5, False),
    ]  # fmt: skip


def test_a_service_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("advsci.training.loggers.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"got no package 'wandb'.*Try: pip install 'advsci\[wandb\]'"):
        toy_trainer(steps=5, loggers=["wandb"]).fit(toy_game(), toy_data(), toy_solver())


def test_ema_equals_its_recursion():
    weights = []

    def note(training):
        weights.append(training.game.get_parameter("generator.0.weight").detach().clone())

    trainer = toy_trainer(steps=12, log_every=1, ema=EMA(0.9), callbacks=[note])
    game = toy_game()
    average = game.get_parameter("generator.0.weight").detach().clone()
    training = trainer.fit(game, toy_data(), toy_solver())
    for step, weight in enumerate(weights, 1):
        decay = min(0.9, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weight
    torch.testing.assert_close(training.averaged("generator").get_parameter("0.weight"), average, rtol=1e-5, atol=1e-7)
    assert not any(p.requires_grad for p in training.averaged("generator").parameters())


def test_fit_works_outside_the_main_thread():
    done = []
    thread = threading.Thread(
        target=lambda: done.append(toy_trainer(steps=5).fit(toy_game(), toy_data(), toy_solver()).step)
    )
    thread.start()
    thread.join()
    assert done == [5]


def test_every_source_with_length_and_index_serves():
    class Lazy:
        def __len__(self):
            return 10

        def __getitem__(self, indices):
            return {"x": torch.stack([indices.float(), -indices.float()], 1)}

    assert toy_trainer(steps=5, batch_size=32).fit(toy_game(), Lazy(), toy_solver()).step == 5
