"""Laws that bugs which were planted on purpose once broke without any test noticing; `tests/fuzz/planted.py` plants
them again.
"""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn
from toy_game import toy_data, toy_game, toy_solver, toy_trainer

from advsci import Stream
from advsci.errors import DataError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.metrics import kid, kid_subsets, mmd, ranking_test
from advsci.objectives import Hinge, LeastSquares, Minimax, NonSaturating, RelativisticPairing, Wasserstein
from advsci.objectives.divergences import EXPONENT, exp, expm1
from advsci.objectives.objective import refuse_weights
from advsci.penalties import (
    R1,
    R2,
    ApproximateR1,
    ApproximateR2,
    Consistency,
    DirectionalR1,
    DirectionalR2,
    ZeroCentred,
)
from advsci.penalties.lecam import lecam
from advsci.penalties.scores import Scores
from advsci.schedules import Constant, Cosine, DannRamp, Geometric, Linear, Warmup
from advsci.training import EMA, Sites
from advsci.training.ema import Averaged
from advsci.training.order import Order, keyed_permutation

few = settings(max_examples=15, deadline=None, derandomize=True)
numbers = st.lists(st.floats(-5.0, 5.0), min_size=4, max_size=4)
positive = st.lists(st.floats(0.1, 3.0), min_size=4, max_size=4)


def of(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@few
@given(numbers, numbers, positive)
def test_hinge_in_numbers(real, fake, weight):
    r, f, w = np.array(real), np.array(fake), np.array(weight)
    losses = (np.average(np.maximum(1 - r, 0)) + np.average(np.maximum(1 + f, 0), weights=w), -np.average(f, weights=w))
    found = (
        Hinge().discriminator(of(real), of(fake), None, of(weight)),
        Hinge().generator(None, of(fake), None, of(weight)),
    )
    assert np.allclose(losses, [float(x) for x in found])


@pytest.mark.parametrize(
    "objective", [Hinge(), LeastSquares(), Minimax(), NonSaturating(), RelativisticPairing(), Wasserstein()]
)
def test_each_player_pulls_the_logits_its_own_way(objective):
    """The discriminator wants real above generated, the generator the reverse: signs of every derivative."""
    real, fake = of([0.3, -0.2, 0.1]).requires_grad_(), of([0.1, 0.2, 0.05]).requires_grad_()
    to_real, to_fake = torch.autograd.grad(objective.discriminator(real, fake), (real, fake))
    assert bool((to_real < 0).all()) and bool((to_fake > 0).all())
    (to_fake,) = torch.autograd.grad(objective.generator(real, fake), fake)
    assert bool((to_fake < 0).all())


class Bowl(nn.Module):
    """D(x) = |x|^2 / 2, whose gradient is x."""

    def forward(self, x):
        return 0.5 * x.square().sum(1)


@few
@given(numbers, numbers, positive, positive)
def test_r1_is_taken_at_data_and_r2_at_samples_with_their_weights(real, fake, real_weight, fake_weight):
    scores = Scores(
        Bowl(),
        of(real)[:, None],
        of(fake)[:, None],
        real_weight=of(real_weight),
        fake_weight=of(fake_weight),
        gradients=True,
    )
    at_data, at_samples = R1(3.0)(scores, 0.0), R2(3.0)(scores, 0.0)
    assert np.isclose(float(at_data), 1.5 * np.average(np.square(real), weights=real_weight))
    assert np.isclose(float(at_samples), 1.5 * np.average(np.square(fake), weights=fake_weight))


@few
@given(numbers, numbers, positive, positive)
def test_penalties_without_gradients_are_those_of_the_formulas(real, fake, real_weight, fake_weight):
    """Of D(x) = x^2 / 2: (D(x + s u) - D(x)) / s = u x + s u^2 / 2, and the derivative along u is u x."""
    u, s = np.array([0.5, -1.0, 2.0, 0.1]), 0.2
    sides = {"1": (np.array(real), real_weight), "2": (np.array(fake), fake_weight)}
    numbers_of_draw = {f"{kind}_r{k}/normal": of(u)[:, None] for kind in ("approximate", "directional") for k in "12"}
    scores = Scores(
        Bowl(), of(real)[:, None], of(fake)[:, None], draw=numbers_of_draw,
        real_weight=of(real_weight), fake_weight=of(fake_weight),
    )  # fmt: skip
    for k, approximate, directional in (("1", ApproximateR1, DirectionalR1), ("2", ApproximateR2, DirectionalR2)):
        x, weight = sides[k]
        differences = np.average((u * x + 0.5 * s * u**2) ** 2, weights=weight)
        assert np.isclose(float(approximate(3.0, sigma=s)(scores, 0.0)), 1.5 * differences)
        assert np.isclose(float(directional(3.0)(scores, 0.0)), 1.5 * np.average((u * x) ** 2, weights=weight))
    middle = ZeroCentred(lambda made: 0.5 * (made.real + made.fake), 3.0)(scores, 0.0)
    assert np.isclose(float(middle), 1.5 * np.mean((0.5 * (np.array(real) + np.array(fake))) ** 2))


@few
@given(numbers, numbers, positive, positive)
def test_consistency_weighs_each_side_by_its_own(real, fake, real_weight, fake_weight):
    """D(x + 1) - D(x) = x + 1/2 of D(x) = x^2 / 2."""
    penalty = Consistency(Shift(), real=2.0, fake=5.0)
    x, y = of(real)[:, None], of(fake)[:, None]
    scores = Scores(Bowl(), x, y, real_weight=of(real_weight), fake_weight=of(fake_weight))
    squares = [np.square(np.array(side) + 0.5) for side in (real, fake)]
    wanted = 2 * np.average(squares[0], weights=real_weight) + 5 * np.average(squares[1], weights=fake_weight)
    assert np.isclose(float(penalty(scores, 0.0)), wanted)


class Shift:
    """A change of samples by one."""

    def draw(self, x, stream):
        return {}

    def __call__(self, x, draw):
        return x + 1.0


class Weighing(nn.Module):
    """A generator that gives its samples weights of its own."""

    def __init__(self):
        super().__init__()
        self.move, self.weigh = nn.Linear(2, 2), nn.Linear(2, 1)

    def forward(self, z):
        return self.move(z)

    def weighted(self, z):
        return self.move(z), self.weigh(z).squeeze(1).exp()


def test_the_discriminators_pass_does_not_pull_on_learned_weights():
    """Weights are the generator's to learn: what the discriminator is scored with takes them as numbers."""
    game = GAN(Weighing(), nn.Linear(2, 1), Gaussian(2))
    batch = {"x": Stream(0).normal((16, 2))}
    draw = game.draw(batch, Stream(1))
    made = game.make(batch, draw)
    scores = game.scores(batch, draw, made, "discriminator")
    assert made.weight.requires_grad and torch.equal(scores.fake_weight, made.weight)
    assert not scores.fake_weight.requires_grad
    objective = game.terms("generator", batch, draw)["objective"]
    (to_weigh,) = torch.autograd.grad(objective, game.generator.weigh.weight)
    assert float(to_weigh.abs().max()) > 0


def test_mmd_and_its_error_are_those_of_the_formula_for_sets_of_unequal_size():
    x, y = Stream(0).normal((9, 2), dtype=torch.float64), 0.5 + Stream(1).normal((31, 2), dtype=torch.float64)
    n, m = len(x), len(y)

    def kernel(a, b):
        return (-0.5 * torch.cdist(a, b).square()).exp()

    k, both, other = kernel(x, x).numpy(), kernel(x, y).numpy(), kernel(y, y).numpy()
    np.fill_diagonal(k, 0.0)
    np.fill_diagonal(other, 0.0)
    value = k.sum() / (n * (n - 1)) + other.sum() / (m * (m - 1)) - 2 * both.mean()
    a, b = k.sum(1) / (n - 1) - both.mean(1), other.sum(1) / (m - 1) - both.mean(0)
    found = mmd(x, y, kernel)
    assert np.isclose(float(found.value), value)
    assert np.isclose(float(found.error), np.sqrt(4 * a.var(ddof=1) / n + 4 * b.var(ddof=1) / m))


def test_kid_of_subsets_is_published_as_mean_and_population_deviation():
    real, fake = Stream(0).normal((40, 3), dtype=torch.float64), 1.0 + Stream(1).normal((40, 3), dtype=torch.float64)
    stream = Stream(2)
    values = []
    for i in range(3):
        rows = (stream.at(name, i).permutation(40)[:10] for name in ("real", "fake"))
        values.append(float(kid(*(s[r] for s, r in zip((real, fake), rows, strict=True))).value))
    found = kid_subsets(real, fake, subsets=3, size=10, stream=stream)
    assert np.isclose(float(found.value), np.mean(values)) and np.isclose(float(found.error), np.std(values))


@few
@given(st.integers(5, 400), st.integers(0, 2**40))
def test_every_epoch_has_each_sample_once_and_an_order_of_its_own(n, seed):
    order = Order(n, Stream(seed))
    epochs = [order(k * n, n).tolist() for k in range(4)]
    assert all(sorted(epoch) == list(range(n)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert order(0, n).tolist() == epochs[0] and order(n - 2, 4).tolist() == epochs[0][-2:] + epochs[1][:2]


def test_large_sets_are_permuted_anew_too():
    x = np.arange(3000, dtype=np.uint64)
    orders = [keyed_permutation(x, 3000, Stream(0).at("epoch", k)) for k in range(2)]
    assert all((np.sort(order) == x).all() for order in orders) and (orders[0] == orders[1]).mean() < 0.01
    assert (orders[0] == x).mean() < 0.01


def test_progress_runs_from_the_first_to_the_last_step():
    seen = []

    def rate(progress):
        seen.append(float(progress))
        return 0.0 * progress

    game = toy_game()
    game.penalties = (R1(rate),)
    toy_trainer(steps=5, ema=None, checkpoint_every=0).fit(game, toy_data(), toy_solver())
    assert np.allclose(sorted(set(seen)), [0.0, 0.25, 0.5, 0.75, 1.0], atol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "first", "middle", "last"),
    [
        (Constant(0.7), 0.7, 0.7, 0.7),
        (Linear(1.0, 3.0), 1.0, 2.0, 3.0),
        (Cosine(3.0, 1.0), 3.0, 2.0, 1.0),
        (Geometric(2.0, 2e-4), 2.0, 2e-2, 2e-4),
        (Warmup(2.0, 0.5), 0.0, 2.0, 2.0),
        (DannRamp(3.0, 4.0), 0.0, 6 / (1 + np.exp(-2.0)) - 3, 6 / (1 + np.exp(-4.0)) - 3),
        (DannRamp(), 0.0, 2 / (1 + np.exp(-5.0)) - 1, 2 / (1 + np.exp(-10.0)) - 1),
    ],
)
def test_schedules_at_their_ends_and_half_way(schedule, first, middle, last):
    for progress, value in ((0.0, first), (0.5, middle), (1.0, last)):
        assert np.isclose(schedule(progress), value)
        assert np.isclose(float(schedule(torch.tensor(progress, dtype=torch.float64))), value)


def test_an_average_has_the_buffers_of_its_module_and_forgets_the_start():
    module = nn.BatchNorm1d(2, affine=True).double()
    average = Averaged(module, EMA(0.99).decay)
    with torch.no_grad():
        module.weight.fill_(3.0)
        module.running_mean.fill_(7.0)
        module.num_batches_tracked.fill_(5)
    average.update(1, 0.0)
    assert torch.equal(average.module.running_mean, module.running_mean)
    assert int(average.module.num_batches_tracked) == 5
    assert np.isclose(float(average.module.weight[0]), 1.0 + 2.0 * (1.0 - 2.0 / 11.0))
    average.update(10**6, 0.5)
    assert np.isclose(float(average.module.weight[0]), 3.0 - 0.99 * (3.0 - (1.0 + 2.0 * 9.0 / 11.0)))


def test_the_error_of_a_ranking_is_that_of_its_placements_for_sets_of_unequal_size():
    real, fake = Stream(0).normal((12,), dtype=torch.float64) + 0.4, Stream(1).normal((31,), dtype=torch.float64)
    above = (real[:, None] > fake[None]).double().numpy()
    expected = above.mean(1).var(ddof=1) / 12 + above.mean(0).var(ddof=1) / 31
    assert np.isclose(ranking_test(real, fake).error, np.sqrt(expected))


def test_a_smaller_site_begins_anew():
    both = Sites({"north": torch.arange(7.0)[:, None], "south": torch.arange(3.0)[:, None]})
    found = both[torch.arange(7)]
    assert len(both) == 7 and found["north/x"].flatten().tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert found["south/x"].flatten().tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_lecam_pulls_each_side_to_the_other_sides_mean():
    value = lecam(of([1.0, 3.0]), of([0.0, 2.0]), real_mean=of(0.5), fake_mean=of(-1.0))
    assert np.isclose(float(value), (4.0 + 16.0) / 2 + (0.25 + 2.25) / 2)


@pytest.mark.parametrize("weight", [[1.0, -1e-6], [1.0, float("inf")], [float("nan"), 1.0]])
def test_weights_without_a_mean_are_refused_and_others_pass(weight):
    with pytest.raises(DataError, match="weight"):
        refuse_weights(of(weight))
    refuse_weights(of([1.0, 0.0]))


def test_the_exponential_goes_on_as_its_tangent():
    v = of([1.0, EXPONENT, EXPONENT + 3.0]).requires_grad_()
    (slope,) = torch.autograd.grad(exp(v).sum(), v)
    edge = float(np.exp(EXPONENT))
    assert np.allclose(exp(v).detach(), [np.e, edge, 4.0 * edge]) and np.allclose(slope, [np.e, edge, edge])
    assert np.allclose(expm1(v).detach(), [np.e - 1.0, edge, 4.0 * edge])
