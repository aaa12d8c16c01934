"""Classifier two-sample test: size under equality, power under difference, and the bound of total variation."""

import math

import pytest
import torch

from advsci.errors import ConfigError
from advsci.metrics import classifier_two_sample_test
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
