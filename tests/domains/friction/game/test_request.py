"""Conditions."""

import torch

from advsci_friction.game.request import CONDITION, Character, Request, condition_of
from advsci_friction.surfaces.textures import LAYOUT

F64 = torch.float64


def test_conditions_are_of_order_one_and_come_apart():
    asked = Character(
        torch.tensor([0, 9]),
        torch.rand(2, LAYOUT, generator=torch.Generator().manual_seed(0)),
        torch.tensor([-5.0, -0.5]),
        torch.tensor([0.4, 0.9]),
        torch.tensor([1.0, 300.0]),
    )
    task = torch.tensor([0.03, 0.6]), torch.tensor([1e-5, 1e-2])
    c = condition_of(*task, asked)
    assert c.shape == (2, CONDITION) and float(c.abs().max()) < 4.0
    request = Request.of(c)
    for found, wanted in zip((request.area, request.strain, request.severity), (*task, asked.severity), strict=True):
        assert torch.allclose(found, wanted, rtol=1e-4)
    assert torch.allclose(request.log_reduced_load, asked.log_reduced_load, atol=1e-5)
    assert torch.allclose(request.growth, asked.growth) and torch.allclose(request.layout, asked.layout)
    assert torch.equal(request.share.argmax(1), asked.family) and torch.allclose(request.share.sum(1), torch.ones(2))
