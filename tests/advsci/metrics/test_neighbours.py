"""Precision, recall, density, coverage: the reference package, and sets whose values are known."""

import contextlib
import io

import pytest
import torch
from prdc import compute_prdc

from advsci.errors import ConfigError, ShapeError
from advsci.metrics import distances, prdc, precision_recall
from advsci.metrics.distances import least
from advsci.streams import Stream


def sets(n: int, m: int, d: int, shift: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    s = Stream(7).at("prdc", n, m, d)
    draw = {"dtype": torch.float64}
    return s.at("real").normal((n, d), **draw), 0.9 * s.at("fake").normal((m, d), **draw) + shift


@pytest.mark.parametrize("n,m,d,k", [(300, 300, 2, 5), (257, 401, 8, 3), (500, 200, 64, 5), (40, 30, 1, 1)])
@pytest.mark.parametrize("block", [1_000, 4_000_000])
def test_equals_the_reference_package(n, m, d, k, block, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_ELEMENTS", block)
    real, fake = sets(n, m, d)
    with contextlib.redirect_stdout(io.StringIO()):
        reference = compute_prdc(real.numpy(), fake.numpy(), k)
    ours = prdc(real, fake, k)._asdict()
    for name, value in reference.items():
        assert float(ours[name]) == pytest.approx(float(value), abs=1e-8), name


def test_far_from_the_origin_as_at_the_origin():
    real, fake = sets(200, 200, 3)
    for here, there in zip(prdc(real, fake), prdc(real + 1e6, fake + 1e6), strict=True):
        assert abs(float(here) - float(there)) < 0.02  # rounding of the inputs themselves may move a tie


def test_equal_disjoint_and_collapsed_sets():
    real, fake = sets(300, 300, 2)
    same = prdc(real, real)
    assert float(same.precision) == float(same.recall) == float(same.coverage) == 1.0
    apart = prdc(real, fake + 100)
    assert [float(v) for v in apart] == [0.0] * 4
    dropped = torch.cat([real - 50, real + 50])
    one = prdc(dropped, fake - 50.3)
    assert float(one.precision) > 0.9 and float(one.recall) < 0.55 and float(one.coverage) < 0.55


def test_precision_and_recall_swap_with_the_sets():
    real, fake = sets(150, 180, 4)
    p, r = precision_recall(real, fake)
    swapped_p, swapped_r = precision_recall(fake, real)
    assert float(p) == float(swapped_r) and float(r) == float(swapped_p)


@pytest.mark.parametrize("m", [5, 64, 100, 1000])
def test_least_is_a_sort(m):
    values = Stream(1).uniform((7, m), dtype=torch.float64)
    values[:, : m // 2] = values[:, -(m // 2) :]  # ties
    torch.testing.assert_close(least(values, 4), values.sort(1).values[:, :4], rtol=0, atol=0)


def test_wrong_input_is_named():
    with pytest.raises(ConfigError, match="k = 5"):
        prdc(torch.zeros(5, 2), torch.zeros(9, 2))
    with pytest.raises(ShapeError, match="flatten"):
        distances.check_samples(torch.zeros(9, 2), torch.zeros(9, 3))
