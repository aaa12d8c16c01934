"""Differentiable augmentation: exact geometry, probabilities, adaptation, resume."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from advsci.errors import ConfigError, ShapeError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import AdaptProbability, Augmentation, ResidualDiscriminator, ResidualGenerator
from advsci.nn.augmentation import OPERATIONS, overfitting, resample
from advsci.schedules import Linear
from advsci.solvers import Simultaneous
from advsci.streams import Stream
from advsci.training import Trainer

DOUBLE = torch.double
GEOMETRY = {
    "identity": (torch.eye(2), lambda x: x),
    "mirror": (torch.tensor([[1.0, 0.0], [0.0, -1.0]]), lambda x: x.flip(3)),
    "quarter": (torch.tensor([[0.0, -1.0], [1.0, 0.0]]), lambda x: x.rot90(1, (2, 3)).rot90(2, (2, 3))),
    "half": (-torch.eye(2), lambda x: x.rot90(2, (2, 3))),
}


@pytest.mark.parametrize("name", GEOMETRY)
def test_resampling_is_exact_for_mirrors_and_turns(name):
    matrix, expected = GEOMETRY[name]
    x = torch.randn(2, 3, 6, 6)
    assert torch.equal(resample(x, matrix.expand(2, 2, 2), torch.zeros(2, 2)), expected(x))


def test_whole_shifts_move_pixels_and_mirror_the_border():
    x = torch.arange(6.0).expand(1, 1, 1, 6)
    shifted = resample(x, torch.eye(2).unsqueeze(0), torch.tensor([[0.0, 2.0]]))
    assert shifted.flatten().tolist() == [2.0, 3.0, 4.0, 5.0, 4.0, 3.0]


def test_resampling_is_linear_between_pixels_and_differentiates_twice():
    x = torch.arange(5.0, dtype=DOUBLE).expand(1, 1, 1, 5)
    half = resample(x, torch.eye(2, dtype=DOUBLE).unsqueeze(0), torch.tensor([[0.0, 0.25]], dtype=DOUBLE))
    torch.testing.assert_close(half.flatten()[:4], torch.tensor([0.25, 1.25, 2.25, 3.25], dtype=DOUBLE))
    angle = torch.tensor(0.4, dtype=DOUBLE)
    matrix = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).reshape(1, 2, 2)
    change = lambda y: resample(y, matrix, torch.zeros(1, 2, dtype=DOUBLE)).square()  # noqa: E731
    image = torch.randn(1, 1, 4, 4, dtype=DOUBLE, requires_grad=True)
    assert gradcheck(change, image)
    assert gradgradcheck(change, image)


def test_probability_0_changes_nothing_and_1_changes_everything():
    x = torch.randn(64, 1, 8, 8)
    for p, share in ((0.0, 0.0), (1.0, 1.0)):
        augment = Augmentation(p, operations=("rotate", "brightness", "contrast", "cutout"))
        changed = (augment(x, augment.draw({"x": x}, Stream(0))) != x).flatten(1).any(1)
        assert float(changed.float().mean()) == share


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_acts_on_its_share_of_samples_and_keeps_finite_gradients(operation):
    x = torch.randn(400, 1, 8, 8, requires_grad=True)
    augment = Augmentation(0.5, operations=(operation,))
    y = augment(x, augment.draw({"x": x}, Stream(1)))
    changed = float((y != x).flatten(1).any(1).float().mean())
    identity = {"flip": 1 / 2, "quarter": 1 / 4, "shift": 1 / 9}.get(operation, 0.0)
    assert changed == pytest.approx(0.5 * (1.0 - identity), abs=0.08)
    y.square().sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()


def test_schedules_follow_the_progress():
    augment = Augmentation(Linear(0.0, 0.4))
    augment.progress.fill_(0.5)
    assert float(augment.p) == pytest.approx(0.2)


def test_overfitting_is_0_where_training_and_held_out_data_score_alike_and_1_where_held_out_score_as_fakes():
    real, fake = torch.tensor([2.0, 4.0]), torch.tensor([-1.0, 1.0])
    assert float(overfitting(real, fake, real)) == 0.0
    assert float(overfitting(real, fake, fake)) == 1.0
    assert float(overfitting(real + 100.0, fake + 100.0)) == float(overfitting(real, fake)) == 1.0


def game(augment):
    torch.manual_seed(0)
    nets = ResidualGenerator(3, 1, 4, (4,)), ResidualDiscriminator(1, 4, (4,))
    return GAN(*nets, Gaussian(3), augment=augment)


def test_an_adapted_probability_survives_an_interruption(tmp_path):
    x = torch.randn(16, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    adapt = AdaptProbability(x, 8, target=-2.0, images=400)  # the target is always exceeded: p only rises

    def play(folder, steps, cut=None):
        it = game(Augmentation())
        calls = []

        def stop(training):
            calls.append(training.step)
            if cut is not None and training.step == cut:
                raise KeyboardInterrupt

        trainer = Trainer(
            steps, 8, run=folder, log_every=2, checkpoint_every=2, callbacks=[adapt, stop], quiet=True, device="cpu"
        )
        try:
            trainer.fit(it, x, Simultaneous())
        except KeyboardInterrupt:
            pass
        return it

    whole = play(tmp_path / "whole", 10)
    play(tmp_path / "cut", 10, cut=6)
    resumed = play(tmp_path / "cut", 10)
    assert isinstance(whole.augment, Augmentation)
    assert float(whole.augment.probability) == pytest.approx(10 * 8 / 400)
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_errors_say_what_was_expected():
    with pytest.raises(ConfigError, match="some of"):
        Augmentation(0.5, operations=("warp",))
    x = torch.zeros(2, 3)
    augment = Augmentation(0.5)
    with pytest.raises(ShapeError, match="images"):
        augment(x, augment.draw({"x": x}, Stream(0)))
    x = torch.zeros(2, 1, 4, 6)
    with pytest.raises(ShapeError, match="squares"):
        augment(x, augment.draw({"x": x}, Stream(0)))


def test_layers_with_schedules_keep_the_game_s_time():
    it = game(Augmentation(Linear(0.0, 0.4)))
    Trainer(3, 2, quiet=True, device="cpu").fit(it, torch.randn(4, 1, 4, 4), Simultaneous())
    assert isinstance(it.augment, Augmentation)
    assert float(it.augment.progress) == float(it.progress) == 1.0
