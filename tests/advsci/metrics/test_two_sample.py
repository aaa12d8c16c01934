"""Classifier two-sample test: size under equality, power under difference, and the bound of total variation."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from advsci.errors import ConfigError
from advsci.metrics import classifier_two_sample_test
from advsci.metrics.two_sample import knn, logistic, mlp
from advsci.streams import Stream


def gaussians(n: int, m: int, d: int, shift: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    s = Stream(seed).at("c2st")
    x, y = s.at("x").normal((n, d), dtype=torch.float64), s.at("y").normal((m, d), dtype=torch.float64)
    y[:, 0] += shift
    return x, y


@pytest.mark.parametrize("classifier", ["logistic", "knn"])
def test_rejects_equal_distributions_about_as_often_as_it_says(classifier):
    p = [
        float(classifier_two_sample_test(*gaussians(120, 80, 2, 0.0, i), classifier, stream=Stream(i)).p_value)
        for i in range(80)
    ]
    assert sum(v < 0.05 for v in p) <= 11  # 4 expected; above 11 with probability 0.05 %
    assert 0.35 < sum(p) / len(p) < 0.65


def test_logistic_reaches_the_bayes_accuracy_of_shifted_gaussians():
    result = classifier_two_sample_test(*gaussians(4000, 3000, 2, 1.0), "logistic", stream=Stream(1))
    bayes = 0.5 * (1 + math.erf(0.5 / math.sqrt(2)))  # Phi(shift / 2)
    assert float(result.accuracy) == pytest.approx(bayes, abs=0.025)
    assert float(result.auc) == pytest.approx(0.5 * (1 + math.erf(0.5)), abs=0.025)  # Phi(shift / sqrt 2)
    assert float(result.p_value) < 1e-6


def test_a_linear_classifier_misses_what_the_others_see():
    s = Stream(5)
    x = s.at("x").normal((400, 2), dtype=torch.float64)
    y = 3.0 * s.at("y").normal((400, 2), dtype=torch.float64)
    assert float(classifier_two_sample_test(x, y, "logistic", stream=Stream(2)).accuracy) < 0.6
    for seeing in ("knn", "mlp"):
        result = classifier_two_sample_test(x, y, seeing, folds=3, stream=Stream(2))
        assert float(result.accuracy) > 0.7 and float(result.p_value) < 1e-6


def test_permutation_p_value_is_its_count_and_sees_a_difference():
    x, y = gaussians(40, 40, 2, 3.0)
    result = classifier_two_sample_test(x, y, "logistic", permutations=19, stream=Stream(3))
    assert float(result.p_value) == pytest.approx(1 / 20)
    same = classifier_two_sample_test(*gaussians(40, 40, 2, 0.0), "logistic", permutations=19, stream=Stream(3))
    assert float(same.p_value) > 0.05 and (20 * float(same.p_value)) % 1 == pytest.approx(0.0, abs=1e-9)


def test_own_classifier_and_wrong_names():
    x, y = gaussians(30, 30, 1, 0.0)
    constant = classifier_two_sample_test(x, y, lambda a, r, t, s: torch.zeros(len(t)), stream=Stream(0))
    assert float(constant.accuracy) == 0.5 and float(constant.auc) == 0.5
    with pytest.raises(ConfigError, match="31 folds"):
        classifier_two_sample_test(x, y, folds=31, stream=Stream(0))


def test_accuracy_and_p_value_of_a_known_classifier():
    """Right in 30 of 40 and in 8 of 20: balanced (3/4 + 2/5) / 2, of the variance (1/40 + 1/20) / 16."""
    x, y = (torch.where(torch.arange(n) < k, 1.0, -1.0)[:, None] for n, k in ((40, 30), (20, 12)))
    sign = classifier_two_sample_test(x, y, lambda a, r, t, s: t[:, 0], folds=2, stream=Stream(0))
    assert float(sign.accuracy) == pytest.approx(0.575)
    normal = stats.norm(0.5, math.sqrt((1 / 40 + 1 / 20) / 16))
    assert float(sign.p_value) == pytest.approx(normal.sf(0.575), rel=1e-9)


def test_every_fold_is_judged_once_by_the_others_standardised_by_them():
    x, y = gaussians(20, 10, 2, 1.0)
    judged = []

    def classifier(train, is_real, test, stream):
        assert len(train) == 24 and int(is_real.sum()) == 16  # four fifths of both sets
        assert torch.allclose(train.mean(0), torch.zeros(2).double(), atol=1e-12)
        assert torch.allclose(train.std(0), torch.ones(2).double(), rtol=1e-12)
        judged.append(len(test))
        return torch.zeros(len(test))

    classifier_two_sample_test(x, y, classifier, stream=Stream(0))
    assert judged == [6] * 5


def test_two_samples_each_and_two_folds_are_enough():
    x, y = torch.tensor([[0.0], [0.1]]), torch.tensor([[5.0], [5.1]])
    assert float(classifier_two_sample_test(x, y, folds=2, stream=Stream(0)).accuracy) == 1.0
    for folds in (1, 3):
        with pytest.raises(ConfigError, match=f"{folds} folds"):
            classifier_two_sample_test(x, y, folds=folds, stream=Stream(0))


def test_logistic_regression_is_the_minimum_of_its_balanced_loss():
    x, y = gaussians(30, 12, 2, 2.0)
    data, target = torch.cat([x, y]) + 0.7, np.repeat([1.0, 0.0], [30, 12])
    points = np.c_[data.numpy(), np.ones(42)]

    def loss(w):
        each = np.logaddexp(0.0, points @ w) - target * (points @ w)
        return each[:30].mean() / 2 + each[30:].mean() / 2 + 0.5e-3 * (w[:2] ** 2).sum()

    exact = optimize.minimize(loss, np.zeros(3), tol=1e-12).x
    found = logistic(data, torch.tensor(target) > 0.5, data, Stream(0))
    assert np.allclose(found, points @ exact, atol=1e-5)


def test_neighbours_are_the_root_of_the_number():
    for n, k in ((3, 1), (9, 3), (24, 4)):
        line = torch.arange(float(n))[:, None]
        is_real = torch.arange(n) < 2
        near = knn(line, is_real, torch.tensor([[-1.0]]), Stream(0))
        assert float(near) == pytest.approx(min(2, k) / k - 2 / n)


def test_a_network_begins_with_logits_of_its_inputs_size():
    """He et al. 2015: the logit of x has the variance |x|^2 / d over the draws of the parameters."""
    x, is_real = Stream(0).normal((1, 8), dtype=torch.float64), torch.tensor([True, False])
    first = torch.cat([mlp(x.expand(2, 8), is_real, x, Stream(i), steps=0) for i in range(600)])
    assert float(first.square().mean()) == pytest.approx(float(x.square().mean()), rel=0.25)


def test_a_network_reaches_the_bayes_accuracy_of_two_widths():
    """N(0, I) against N(0, 9 I) in the plane: they are equally likely at |x|^2 = (9/4) ln 9."""
    x, y = Stream(8).normal((1200, 2)), 3.0 * Stream(9).normal((300, 2))
    edge = 2.25 * math.log(9.0)
    bayes = 0.5 * (1.0 - math.exp(-edge / 2.0)) + 0.5 * math.exp(-edge / 18.0)
    found = classifier_two_sample_test(x, y, "mlp", folds=2, stream=Stream(1))
    assert float(found.accuracy) == pytest.approx(bayes, abs=0.04)


@pytest.mark.parametrize("classifier", [logistic, knn, mlp])
def test_the_larger_set_is_not_preferred_where_nothing_tells_them_apart(classifier):
    nothing, is_real = torch.zeros(200, 1, dtype=torch.float64), torch.arange(200) % 5 == 0
    assert abs(float(classifier(nothing, is_real, nothing[:1], Stream(0)))) < 0.2
