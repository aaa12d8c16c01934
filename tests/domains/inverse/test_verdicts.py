"""Error bars and verdicts that hold: coverage in each stratum, false alarms as set, the method that is chosen."""

import pytest
import torch

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_inverse.baselines import total_variation
from advsci_inverse.evaluation.scores import mse
from advsci_inverse.methods import candidates, choose, reconstruct
from advsci_inverse.operators import Inpainting, Radon, equispaced_angles, gaussian_sensing
from advsci_inverse.problem import Problem
from advsci_inverse.uncertainty import (
    STRATA,
    Calibration,
    Evidence,
    KindTest,
    Look,
    interval_factor,
    residual_over_noise,
    strata,
)
from advsci_inverse.uncertainty.look import look


def _images(n: int, seed: int, n_pixels: int = 16) -> torch.Tensor:
    """A bright square on a dark ground, of varying place and height."""
    u = Stream(seed).at("square").uniform((n, 3))
    i = torch.arange(n_pixels)
    inside = lambda c: ((i - 3 - 5 * c[:, None]).abs() <= 2.2).float()  # noqa: E731
    return inside(u[:, 0])[:, :, None] * inside(u[:, 1])[:, None] * (0.4 + 0.5 * u[:, 2, None, None])


def _estimates(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Truths, and estimates whose errors are twice as large as claimed where there is structure."""
    truth = _images(n, seed)
    deviation = torch.full_like(truth, 0.02)
    wide = torch.where(truth > 0.1, 0.04, 0.01)
    mean = truth + wide * Stream(seed).at("error").normal(tuple(truth.shape))
    return truth, mean.clamp(0, 1), deviation


def test_intervals_cover_each_stratum_where_one_factor_does_not():
    calibration = Calibration.fit(*_estimates(300, 0))
    truth, mean, deviation = _estimates(300, 1)
    low, high = calibration.interval(mean, deviation)
    common = interval_factor(*_estimates(300, 0))
    of = strata(mean)
    assert {int(k) for k in of.unique()} == set(range(len(STRATA)))
    for k in range(len(STRATA)):
        inside = ((truth >= low) & (truth <= high))[of == k].float().mean()
        assert abs(float(inside) - 0.9) < 0.03, STRATA[k]
    structure = of == 1
    one = ((truth - mean).abs() <= common * deviation)[structure].float().mean()
    assert float(one) < 0.85


def test_the_interval_map_differs_from_image_to_image():
    calibration = Calibration.fit(*_estimates(300, 0))
    _, mean, deviation = _estimates(2, 5)
    low, high = calibration.interval(mean, deviation)
    assert float(((high - low)[0] - (high - low)[1]).abs().max()) > 1e-3


def test_the_verdict_raises_as_many_false_alarms_as_set_and_finds_other_kinds():
    operator, sigma = gaussian_sensing(60, (16, 16)), 0.02
    evidence = Evidence(operator, sigma, _images(1500, 0), rank=32)
    measured = lambda x, k: operator(x) + sigma * Stream(k).normal((len(x), 60))  # noqa: E731
    test = KindTest(evidence(measured(_images(400, 1), 1))[None])
    own = test.strange(evidence(measured(_images(2000, 2), 2)))
    assert abs(float(own.float().mean()) - 0.05) < 0.03
    other = test.strange(evidence(measured(1 - _images(200, 3), 3)))
    assert float(other.float().mean()) > 0.95


def test_two_looks_do_not_double_the_false_alarms():
    g = Stream(0)
    test = KindTest(g.at("own").normal((2, 500)))
    new = g.at("new").normal((2, 4000))
    assert float(test.strange(*new).float().mean()) < 0.07


def test_data_that_no_image_reaches_do_not_count():
    mask = torch.zeros(16, 16)
    mask[:4] = 1.0
    operator, x = Inpainting(mask), _images(3, 0)
    y = operator(x) + 0.1 * Stream(1).normal((3, 16, 16)) * mask
    torch.testing.assert_close(residual_over_noise(operator, x, y, 0.1), torch.ones(3), rtol=0.3, atol=0.0)
    with pytest.raises(DataError, match="at least 16"):
        Evidence(operator, 0.1, x)


def test_the_method_is_the_best_on_images_measured_alike():
    operator = Radon(16, equispaced_angles(6))
    training, held = _images(400, 0), _images(16, 1)
    problem = Problem(operator, operator(held), 0.02, training=training)
    assert candidates(problem) == ["tv", "cgls", "gaussian"]
    name, errors = choose(problem, held)
    assert errors[name] == min(errors.values()) and errors["tv"] < errors["cgls"]


def test_without_images_the_weight_of_total_variation_is_that_which_leaves_the_noise():
    """More noise, more weight; and the weight of either noise level would be worse at the other."""
    operator, truth = Radon(16, equispaced_angles(8)), _images(4, 3)
    y = {sigma: operator(truth) + sigma * Stream(4).normal((4, *operator.data_shape)) for sigma in (0.02, 0.5)}
    found = {sigma: reconstruct("tv", Problem(operator, data, sigma)) for sigma, data in y.items()}
    weight = {sigma: float(result.setting.split()[1].rstrip(",")) for sigma, result in found.items()}
    assert weight[0.02] < weight[0.5]
    for sigma, other in ((0.02, 0.5), (0.5, 0.02)):
        assert 0.7 < float(residual_over_noise(operator, found[sigma].mean, y[sigma], sigma).mean()) < 1.3
        foreign = total_variation(operator, y[sigma], weight[other] * operator.norm() ** 2 / 12, steps=1500)
        assert mse(found[sigma].mean, truth).mean() < 0.8 * mse(foreign, truth).mean()


def test_an_image_as_likely_as_the_kind_is_strange_by_its_look():
    """Their mean has the least evidence against it and leaves no residual, but no image of the kind looks like it."""
    images, own = _images(300, 0), _images(80, 1)
    operator = gaussian_sensing(200, (16, 16))
    evidence, away = Evidence(operator, 0.05, images), Look(images)
    blurred = images[:60].reshape(20, 3, 16, 16).mean(1)
    assert float(evidence(operator(blurred)).max()) < float(evidence(operator(own)).median())
    test = KindTest(torch.stack([evidence(operator(own)), away(own)]))
    assert bool(test.strange(evidence(operator(blurred)), away(blurred)).all())
    more = _images(200, 2)
    assert float(test.strange(evidence(operator(more)), away(more)).float().mean()) < 0.1


def test_the_nearest_looks_are_those_of_the_training_images_themselves():
    images = _images(64, 3)
    away = Look(images)
    first = torch.cdist((look(images) - away.mean) / away.deviation, away.own).sort().values[:, :5].mean(1)
    assert torch.allclose(away(images), first, atol=1e-4)
    assert torch.allclose(look(2.0 * images + 1.0)[:, :8], torch.ones(64, 8)), "clipped to the range of the kind"
    assert look(torch.rand(2, 5, 3)).isfinite().all()
