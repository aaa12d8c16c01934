"""Batch norm over all processes: torch's own in one process, its formula by hand as if there were two.

`tests/advsci/training/test_distributed.py` trains with it in two processes.
"""

import pytest
import torch
from torch import nn

from advsci.nn import SharedBatchNorm, share_batch_norm, shared_norm


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("two", [False, True])
def test_it_is_torchs_batch_norm(monkeypatch, momentum, two):
    """As two processes that hold the same samples: means and biased variances are those of one, counts are doubled."""
    torch.manual_seed(0)
    x = torch.randn(6, 3, 4, dtype=torch.float64)
    plain = nn.BatchNorm1d(3, momentum=momentum).double()
    nn.init.normal_(plain.weight)
    shared = share_batch_norm(nn.Sequential(nn.BatchNorm1d(3, momentum=momentum).double()))[0]
    assert isinstance(shared, SharedBatchNorm)
    shared.load_state_dict(plain.state_dict())
    if two:
        monkeypatch.setattr(shared_norm, "several_processes", lambda: True)
        monkeypatch.setattr(shared_norm, "world_size", lambda: 2)
        monkeypatch.setattr(torch.distributed, "all_reduce", lambda value: value.mul_(2.0))
    whole = torch.cat([x, x]) if two else x
    for _ in range(2):
        torch.testing.assert_close(shared(x), plain(whole)[:6], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(shared.state_dict(), plain.state_dict())
    torch.testing.assert_close(shared.eval()(x), plain.eval()(x))
    assert torch.autograd.gradgradcheck(shared.train(), x[:, :, :2].clone().requires_grad_())


def test_a_network_keeps_its_parameters_and_mode():
    network = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3), nn.ReLU())).eval()
    before = list(network.parameters())
    assert share_batch_norm(network) is network
    assert all(p is q for p, q in zip(network.parameters(), before, strict=True))
    inner = network[1][0]
    assert isinstance(inner, SharedBatchNorm) and not inner.training
    assert share_batch_norm(network)[1][0] is inner
    alone = share_batch_norm(nn.BatchNorm2d(4, affine=False))
    assert isinstance(alone, SharedBatchNorm) and alone.weight is None
