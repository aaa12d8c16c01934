"""Feature nets: any module, weights that cannot run code; and every metric without a host sync."""

import hashlib
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from advsci import metrics
from advsci.errors import CheckpointError
from advsci.streams import Stream


def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5), nn.ReLU())


def test_features_in_batches_equal_the_whole_and_modes_are_put_back():
    module, x = net(), Stream(1).normal((10, 1, 6, 6))
    module[1].eval()
    out = metrics.features(module, x, batch_size=3)
    assert out.shape == (10, 48) and not out.requires_grad
    torch.testing.assert_close(out, metrics.features(module, x.split(4)))
    assert module.training and module[2].training and not module[1].training


def test_weights_load_from_safetensors_and_plain_tensors(tmp_path):
    source = net()
    save_file(source.state_dict(), tmp_path / "w.safetensors")
    torch.save(source.state_dict(), tmp_path / "w.pt")
    x = Stream(1).normal((2, 1, 6, 6))
    for name in ("w.safetensors", "w.pt"):
        checksum = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        loaded = metrics.load_weights(net(), tmp_path / name, checksum)
        torch.testing.assert_close(metrics.features(loaded, x), metrics.features(source, x))
        assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
        with pytest.raises(CheckpointError, match="sha256"):
            metrics.load_weights(net(), tmp_path / name, "0" * 64)


class Payload:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code ran')",))


def test_code_in_a_file_of_weights_is_refused(tmp_path):
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Payload()))
    torch.save({"weight": Payload()}, tmp_path / "worse.pt")
    for name in ("evil.pt", "worse.pt", "missing.pt"):
        with pytest.raises(CheckpointError):
            metrics.load_weights(net(), tmp_path / name)


def test_metrics_run_on_meta():
    """A hidden host sync, or a tensor left on the processor, raises there."""
    x, y = torch.empty(60, 4, device="meta"), torch.empty(50, 4, device="meta")
    lines = torch.empty(4, 8, device="meta")
    results = [
        *metrics.prdc(x, y),
        metrics.frechet_distance(x, y),
        metrics.frechet_distance(x[:3], y),
        *metrics.mmd(x, y, metrics.gaussian(1.0)),
        *metrics.kid(x, y),
        metrics.wasserstein_1d(x, y)[0],
        metrics.sliced_wasserstein(x, y, lines),
        metrics.sinkhorn_divergence(x, y, 0.5),
        *metrics.inception_score(x),
        metrics.mode_counts(x, y, 0.1).high_quality,
    ]
    assert all(r.device.type == "meta" and r.shape == () for r in results)
