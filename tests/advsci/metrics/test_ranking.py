"""P(D(x) > D(G)): all pairs by hand, and the closed form of two Gaussians."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from advsci.errors import DataError
from advsci.metrics import ranking_probability, ranking_test
from advsci.streams import Stream


def test_it_is_the_share_of_ordered_pairs_with_ties_counted_half():
    real = torch.tensor([1.0, 2.0, 2.0, -1.0])
    fake = torch.tensor([2.0, 0.0, 1.5])
    pairs = (torch.sign(real[:, None] - fake[None, :]) + 1.0).mean() / 2.0
    assert float(ranking_probability(real, fake)) == pytest.approx(float(pairs))
    assert float(ranking_probability(torch.zeros(3), torch.zeros(4))) == 0.5


def test_two_gaussians_a_standard_deviation_apart():
    """P(x > y) = Phi(d / sqrt 2)."""
    x, y = Stream(0).at("x").normal((200_000,)) + 1.0, Stream(0).at("y").normal((100_000,))
    assert float(ranking_probability(x, y)) == pytest.approx(0.5 * math.erfc(-0.5), abs=3e-3)


def test_auc_equals_scikit_learn_with_ties():
    logits = Stream(6).integers(5, (60,)).double()
    is_real = Stream(7).uniform((60,)) < 0.4
    found = float(ranking_probability(logits[is_real], logits[~is_real]))
    assert found == pytest.approx(roc_auc_score(is_real.numpy(), logits.numpy()), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(10, 60), st.integers(10, 60), st.integers(2, 40), st.integers(0, 999))
def test_the_p_value_is_mann_whitneys_with_ties(n, m, levels, seed):
    real, fake = (
        Stream(seed).at("r").integers(levels, (n,)).double(),
        Stream(seed).at("f").integers(levels, (m,)).double(),
    )
    expected = mannwhitneyu(real, fake, use_continuity=False, method="asymptotic")
    found = ranking_test(real, fake)
    assert found.probability == pytest.approx(expected.statistic / (n * m), rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999))
def test_exchanging_the_sets_mirrors_the_test(seed):
    real, fake = Stream(seed).at("r").normal((30,)) + 0.5, Stream(seed).at("f").normal((40,))
    one, other = ranking_test(real, fake), ranking_test(fake, real)
    assert other.probability == pytest.approx(1.0 - one.probability)
    assert (other.error, other.p_value) == pytest.approx((one.error, one.p_value))


def test_the_interval_covers_the_closed_form_of_two_gaussians():
    """Phi(d / sqrt 2) lies in about 95 of 100 intervals; where both are alike, 5 of 100 tests reject."""
    for d in (0.0, 0.7):
        truth, hits, rejected = 0.5 * math.erfc(-0.5 * d), 0, 0
        for seed in range(400):
            found = ranking_test(Stream(seed).at("r").normal((80,)) + d, Stream(seed).at("f").normal((120,)))
            hits += found.low <= truth <= found.high
            rejected += found.p_value < 0.05
        error = 4.0 * math.sqrt(0.05 * 0.95 / 400)  # four standard errors of a count of 400
        assert abs(hits / 400 - 0.95) <= error
        assert abs(rejected / 400 - 0.05) <= error if d == 0.0 else rejected / 400 > 0.95


def test_scores_that_cannot_be_ranked_are_refused_and_unknown_ones_stay_unknown():
    some, none = torch.ones(3), torch.ones(0)
    for real, fake in ((some, none), (none, some), (none, none), (some * 1j, some), (some, some * 1j)):
        with pytest.raises(DataError, match="expected some real numbers"):
            ranking_probability(real, fake)
    for real, fake in ((some, some * math.nan), (some * math.nan, some)):
        assert math.isnan(ranking_probability(real, fake))


def test_what_the_test_says_and_refuses():
    a, b = Stream(0).at("a").normal((50,)), Stream(0).at("b").normal((50,))
    assert "cannot tell" in ranking_test(a, b).text() and "tells these samples" in ranking_test(a + 3.0, b).text()
    assert ranking_test(torch.zeros(10), torch.zeros(10)).p_value == 1.0
    for wrong in (a[:9], a * float("nan")):
        with pytest.raises(DataError, match="expected at least 10"):
            ranking_test(wrong, b)
