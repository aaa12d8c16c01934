"""Weights and losses for imbalanced data."""

import pytest
import torch

from advsci.errors import ConfigError, DataError
from advsci.objectives import NonSaturating
from advsci.objectives.imbalance import Focal, class_weights, effective_number, focal_cross_entropy
from advsci.streams import Stream

LABELS = torch.tensor([0] * 90 + [2] * 9 + [3])


def test_full_power_gives_each_class_the_same_total():
    weight = class_weights(LABELS, 5)
    totals = torch.zeros(5).scatter_add(0, LABELS, weight)
    torch.testing.assert_close(totals, torch.tensor([100 / 3, 0, 100 / 3, 100 / 3, 0]))
    torch.testing.assert_close(class_weights(LABELS, 5, 0.0), torch.ones(100))
    half = class_weights(LABELS, 5, 0.5)
    assert float(half[-1] / half[0]) == pytest.approx(90**0.5, rel=1e-6) and float(half.mean()) == pytest.approx(1.0)


def test_effective_number_lies_between_none_and_full():
    torch.testing.assert_close(effective_number(LABELS, 5, 0.0), torch.ones(100))
    near = effective_number(LABELS, 5, 1 - 1e-9)
    torch.testing.assert_close(near, class_weights(LABELS, 5), rtol=1e-5, atol=1e-6)
    weight = effective_number(LABELS, 5, 0.9)
    assert float(weight[-1] / weight[0]) == pytest.approx((1 - 0.9**90) / (1 - 0.9), rel=1e-6)


def test_focal_at_zero_is_non_saturating_and_quiets_the_well_classified():
    a, b = Stream(1).normal((2, 9), dtype=torch.float64)
    torch.testing.assert_close(Focal(0.0).discriminator(a, b), NonSaturating().discriminator(a, b))
    torch.testing.assert_close(Focal(0.0).generator(None, b), NonSaturating().generator(None, b))
    p = torch.sigmoid(a)
    torch.testing.assert_close(focal_cross_entropy(a, True, 2.0), -((1 - p) ** 2) * p.log())
    torch.testing.assert_close(focal_cross_entropy(a, False, 2.0), -(p**2) * (1 - p).log())


def test_focal_is_finite_and_differentiable_at_extreme_logits():
    a = torch.tensor([-1e4, -30.0, 0.0, 30.0, 1e4], dtype=torch.float64, requires_grad=True)
    loss = Focal(2.0).discriminator(a, a) + Focal(2.0).generator(None, a)
    (gradient,) = torch.autograd.grad(loss, a)
    assert loss.isfinite() and gradient.isfinite().all()


def test_focal_counts_weights_as_repetitions_and_runs_on_meta():
    a, b = Stream(2).normal((2, 3), dtype=torch.float64)
    w = torch.tensor([2.0, 0.0, 1.0]).double()
    repeated = (a.repeat_interleave(w.long()), b.repeat_interleave(w.long()))
    torch.testing.assert_close(Focal().discriminator(a, b, w, w), Focal().discriminator(*repeated))
    torch.testing.assert_close(Focal().generator(None, b, None, w), Focal().generator(None, repeated[1]))
    assert Focal().discriminator(a.to("meta"), b.to("meta")).shape == ()


def test_wrong_settings_are_named():
    with pytest.raises(ConfigError, match="gamma"):
        Focal(-1.0)
    with pytest.raises(ConfigError, match="beta"):
        effective_number(LABELS, 5, 1.0)
    with pytest.raises(DataError, match="no labels"):
        class_weights(LABELS[:0], 3)
