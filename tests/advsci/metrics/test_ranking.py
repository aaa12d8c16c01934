"""P(D(x) > D(G)): all pairs by hand, and the closed form of two Gaussians."""

import math

import pytest
import torch
from sklearn.metrics import roc_auc_score

from advsci.metrics import ranking_probability
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
