"""Gradients leave in buckets while the backward pass runs, and come back as means."""

import pytest
import torch
from torch import nn

from advsci.solvers import reduction
from advsci.solvers.reduction import Reduction, buckets, reduced


class Noticed(torch.autograd.Function):
    """The identity, which notes when the backward pass comes by."""

    @staticmethod
    def forward(ctx, x, events):
        ctx.events = events
        return x.clone()

    @staticmethod
    def backward(ctx, *gradients):
        ctx.events.append("backward")
        return gradients[0], None


@pytest.fixture
def events(monkeypatch):
    """What happens, in order, as if another process had gradients three times as large."""
    noted = []

    class Work:
        def wait(self):
            pass

    def all_reduce(tensor, async_op=False):
        assert async_op
        noted.append(tensor.numel())
        tensor.mul_(4.0)
        return Work()

    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    monkeypatch.setattr(reduction, "several_processes", lambda: True)
    monkeypatch.setattr(reduction, "world_size", lambda: 2)
    monkeypatch.setattr(reduction, "FIRST", 1)
    monkeypatch.setattr(reduction, "LATER", 1)
    return noted


def layers() -> nn.ModuleList:
    torch.manual_seed(0)
    return nn.ModuleList([nn.Linear(2, 3, bias=False), nn.Linear(3, 4, bias=False), nn.Linear(4, 1, bias=False)])


def test_the_last_layer_leaves_before_the_first_is_differentiated(events):
    first, second, third = layers()
    own = [first.weight, second.weight, third.weight]

    def evaluate():
        loss = third(second(Noticed.apply(first(torch.ones(5, 2)), events))).square().mean()
        return {"loss": loss.detach()}, {"player": list(torch.autograd.grad(loss, own))}

    _, alone = evaluate()
    events.clear()
    _, found = reduced(evaluate, {"player": own}, overlap=True)
    assert events == [4, 12, "backward", 6]
    for mean, gradient in zip(found["player"], alone["player"], strict=True):
        torch.testing.assert_close(mean, 2.0 * gradient)
    events.clear()
    _, after = reduced(evaluate, {"player": own}, overlap=False)
    assert events == ["backward", 4, 12, 6]
    torch.testing.assert_close(list(after["player"]), list(found["player"]))


def test_what_was_no_final_gradient_is_exchanged_again(events):
    """A loss that holds a gradient in a parameter reports that parameter twice; an unused parameter reports never."""
    first, second, third = layers()
    own = [first.weight, second.weight, third.weight]

    def evaluate():
        made = first(torch.ones(5, 2)).square().mean()
        (inner,) = torch.autograd.grad(made, first.weight, retain_graph=True)
        loss = made * inner.sum().detach() + second(torch.ones(1, 3)).sum()
        return {}, {"player": list(torch.autograd.grad(loss, own, allow_unused=True))}

    _, alone = evaluate()
    _, found = reduced(evaluate, {"player": own}, overlap=True)
    assert found["player"][2] is None
    torch.testing.assert_close(list(found["player"][:2]), [2.0 * g for g in alone["player"][:2]])


def test_buckets_hold_every_parameter_once_and_one_dtype_each():
    parameters = [
        nn.Parameter(torch.zeros(n, dtype=t)) for n, t in ((4, torch.float64), (2, torch.float32), (2, torch.float32))
    ]
    groups = buckets(parameters, 10**6, 10**6)
    assert groups == [[2, 1], [0]]
    assert Reduction(parameters).buckets == groups


def test_a_group_is_full_at_its_bytes_the_first_and_the_last_sooner_than_the_others():
    """Of sizes 8, 8, 8, ... from the last parameter back: the first group holds two of them, the later ones three."""
    parameters = [nn.Parameter(torch.zeros(2)) for _ in range(7)]
    assert buckets(parameters, first=16, later=24) == [[6, 5], [4, 3, 2], [1, 0]]
    assert buckets(parameters, first=17, later=25) == [[6, 5, 4], [3, 2, 1, 0]]
