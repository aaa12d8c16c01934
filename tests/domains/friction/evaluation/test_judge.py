"""The judge tells what differs and not what is alike; a copy is found wherever it lies."""

import pytest
import torch

from advsci.streams import Stream
from advsci_friction.evaluation.judge import copy_scores, likeness, map_features
from advsci_friction.surfaces.processes import find_process


@pytest.fixture(scope="module")
def maps():
    return find_process("laser-ripples").simulate(60, Stream(0), 32)


def test_the_judge(maps):
    pytest.importorskip("sklearn")
    alike = likeness(maps[:30], maps[30:])
    other = likeness(maps[:30], find_process("blasting").simulate(30, Stream(1), 32) * 0.05)
    assert alike.auc < 0.75 and other.auc > 0.95 and other.distance > 3.0 * alike.distance


def test_features_do_not_depend_on_the_position(maps):
    a, b = (map_features(h.numpy()) for h in (maps[0], maps[0].roll((5, 9), (0, 1))))
    assert a == pytest.approx(b, rel=1e-4, abs=1e-6)


def test_copies_are_found_in_every_position_and_orientation(maps):
    copies = torch.stack([maps[3].roll((4, 7), (0, 1)), maps[5].flip(0).T, 2.0 * maps[7]])
    assert torch.allclose(copy_scores(copies, maps[:8]), torch.ones(3), atol=1e-3)
    assert float(copy_scores(maps[40:43], maps[:8]).max()) < 0.95


def test_a_feature_that_real_maps_share_exactly_is_no_measure_of_distance():
    x = torch.arange(16) / 16
    stripes = torch.cos(2 * torch.pi * (2 * x + torch.rand(12, 1, generator=torch.Generator().manual_seed(0))))
    heights = torch.linspace(1.0, 1.5, 12)[:, None, None] * stripes[:, None, :].expand(-1, 16, -1)
    noise = 0.1 * torch.randn(12, 16, 16, generator=torch.Generator().manual_seed(1))
    assert 0.0 < likeness(heights, heights + noise).distance < 1e4, "their connectivity is one number"
