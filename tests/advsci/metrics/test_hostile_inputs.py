"""A metric is right, or refuses: on NaN, integers, complex numbers, constants, and far from the origin."""

import numpy as np
import pytest
import torch

from advsci import Stream
from advsci.errors import AdvsciError, DataError
from advsci.metrics import (
    classifier_two_sample_test,
    directions,
    exact_transport,
    fit_gaussian,
    frechet_distance,
    gaussian,
    histogram_modes,
    inception_score,
    kid,
    likelihood_dimension,
    mmd,
    mode_counts,
    prdc,
    ranking_probability,
    rational_quadratic,
    sinkhorn_divergence,
    sliced_wasserstein,
    two_neighbour_dimension,
    wasserstein_1d,
)

LINES = directions(8, 3, Stream(9))
PAIRS = {
    "frechet": frechet_distance,
    "kid": lambda x, y: kid(x, y).value,
    "mmd": lambda x, y: mmd(x, y).value,
    "gaussian": lambda x, y: mmd(x, y, gaussian(1.0)).value,
    "rational": lambda x, y: mmd(x, y, rational_quadratic()).value,
    "prdc": lambda x, y: torch.stack([*map(torch.as_tensor, prdc(x, y))]),
    "sliced": lambda x, y: sliced_wasserstein(x, y, LINES),
    "exact": exact_transport,
    "sinkhorn": lambda x, y: sinkhorn_divergence(x, y, 1.0, tolerance=1e-4),
    "c2st": lambda x, y: classifier_two_sample_test(x, y, "logistic", stream=Stream(3)).accuracy,
    "modes": lambda x, y: mode_counts(x, y[:2], 1.0).high_quality,
}
SINGLES = {"two": lambda x: two_neighbour_dimension(x).value, "likelihood": lambda x: likelihood_dimension(x).value}
WHOLE_X = (4.0 * Stream(0).normal((40, 3), dtype=torch.float64)).round()
WHOLE_Y = (4.0 * Stream(1).normal((40, 3), dtype=torch.float64)).round() + 2.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1j])
@pytest.mark.parametrize("name", [*PAIRS, *SINGLES])
def test_numbers_that_mean_nothing_are_refused(name, bad):
    x = WHOLE_X.to(torch.complex128) if isinstance(bad, complex) else WHOLE_X.clone()
    x[3, 1] = bad
    with pytest.raises(DataError, match="complex|NaN"):
        PAIRS[name](x, WHOLE_Y.to(x.dtype)) if name in PAIRS else SINGLES[name](x)


@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.float16, torch.float32])
@pytest.mark.parametrize("name", PAIRS)
def test_whole_numbers_of_any_type_give_the_same(name, kind):
    exact, other = PAIRS[name](WHOLE_X, WHOLE_Y), PAIRS[name](WHOLE_X.to(kind), WHOLE_Y.to(kind))
    torch.testing.assert_close(other.double(), exact.double(), rtol=1e-5, atol=1e-6)


INVARIANT = [name for name in PAIRS if name not in ("kid", "c2st")]


@pytest.mark.parametrize("name", INVARIANT)
def test_a_common_offset_changes_nothing(name):
    shift = 2.0**20  # whole numbers stay exact
    torch.testing.assert_close(
        PAIRS[name](WHOLE_X + shift, WHOLE_Y + shift), PAIRS[name](WHOLE_X, WHOLE_Y), rtol=1e-6, atol=1e-8
    )


def test_an_offset_that_a_kernel_cannot_bear_is_refused():
    x, y = (Stream(seed).normal((60, 3), dtype=torch.float64) for seed in (0, 1))
    for offset in (1e5, 1e6, 1e8):
        with pytest.raises(DataError, match="cancel"):
            kid(x + offset, y + offset)
    far = [(s + 1e4).numpy().astype(np.longdouble) for s in (x, y)]
    k = [((a @ b.T / 3 + 1) ** 3) for a, b in ((far[0], far[0]), (far[1], far[1]), far)]
    exact = sum((m.sum() - np.trace(m)) / (60 * 59) for m in k[:2]) - 2 * k[2].mean()
    assert float(kid(x + 1e4, y + 1e4).value) == pytest.approx(float(exact), rel=0.01)
    direct = mmd(x, y, lambda a, b: (a @ b.T / 3 + 1.0) ** 3)
    assert torch.equal(kid(x, y).value, direct.value)


@pytest.mark.parametrize("name", PAIRS)
def test_constant_sets_are_right_or_refused(name):
    one, two = torch.zeros(20, 3, dtype=torch.float64), torch.zeros(20, 3, dtype=torch.float64)
    try:
        value = PAIRS[name](one, two)
    except AdvsciError:
        return
    assert bool(torch.isfinite(value).all())
    if name in ("frechet", "kid", "mmd", "gaussian", "rational", "sliced", "exact", "sinkhorn"):
        assert float(value.abs().max()) < 1e-9
    if name == "c2st":
        assert float(value) == 0.5


def test_scores_and_logits():
    with pytest.raises(DataError, match="complex"):
        ranking_probability(torch.ones(2, dtype=torch.complex64), torch.ones(2))
    with pytest.raises(DataError, match="expected some"):
        ranking_probability(torch.ones(0), torch.ones(2))
    assert torch.isnan(ranking_probability(torch.tensor([float("nan"), 1.0]), torch.ones(2)))
    assert float(ranking_probability(torch.tensor([1, 2]), torch.tensor([0.5, 1.0]))) == 0.875
    assert float(ranking_probability(torch.tensor([float("inf")]), torch.ones(2))) == 1.0
    with pytest.raises(DataError, match="logits"):
        inception_score(torch.full((20, 3), float("nan")))
    with pytest.raises(DataError, match="NaN"):
        fit_gaussian(torch.full((20, 3), float("nan")))
    for labels in (torch.tensor([0.5]), torch.tensor([5]), torch.tensor([-1])):
        with pytest.raises(DataError, match="name no mode"):
            histogram_modes(labels, 3)
    assert float(wasserstein_1d(torch.tensor([0, 1]), torch.tensor([1, 3]))) == 1.5
