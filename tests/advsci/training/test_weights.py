"""Weights on disk: what was written comes back, and nothing else is taken for it."""

import hashlib
import json
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from advsci.errors import CheckpointError
from advsci.training.weights import load_weights, read_card, save_weights, shipped

CARD = {"kind": "prior", "widths": [2, 3], "units": "mm"}


def test_a_network_and_its_card_come_back(tmp_path):
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    path = tmp_path / "deep" / "w.safetensors"
    assert save_weights(path, network, CARD) == hashlib.sha256(path.read_bytes()).hexdigest()
    tensors, card = load_weights(path, kind="prior")
    torch.testing.assert_close(tensors, dict(network.state_dict()), rtol=0, atol=0)
    assert card == CARD == read_card(path, kind="prior")
    assert [p.name for p in path.parent.iterdir()] == ["w.safetensors"]


def test_half_precision_halves_the_file_and_reads_as_float32(tmp_path):
    weights = {"w": torch.randn(1000), "n": torch.arange(3)}
    save_weights(tmp_path / "full.safetensors", weights, CARD)
    save_weights(tmp_path / "half.safetensors", weights, CARD, half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half")]
    assert sizes[0] - sizes[1] == 2000
    tensors, _ = load_weights(tmp_path / "half.safetensors")
    assert tensors["w"].dtype == torch.float32 and tensors["n"].dtype == torch.int64
    torch.testing.assert_close(tensors["w"], weights["w"], rtol=5e-4, atol=1e-6)


def test_equal_weights_are_equal_files(tmp_path):
    for i in range(12):
        save_weights(tmp_path / f"{i}.safetensors", {"w": torch.arange(5.0), "b": torch.ones(2, 2)}, CARD)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_every_altered_byte_and_every_cut_is_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, {"w": torch.ones(5), "b": torch.zeros(2, 2)}, CARD)
    content = path.read_bytes()
    original = load_weights(path)
    taken = []
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 4]) + content[i + 1 :])
        try:
            taken.append(load_weights(path))
        except CheckpointError as error:
            assert str(error).count("Try:") == 1
    for tensors, card in taken:  # a changed blank of the header changes nothing
        torch.testing.assert_close(tensors, original[0], rtol=0, atol=0)
        assert card == original[1]
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError):
            load_weights(path)


def test_foreign_files_are_refused_by_name(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(CheckpointError, match="got no such file; expected a prior. Try: advsci-inverse train"):
        load_weights(path, kind="prior", try_="advsci-inverse train")
    for content in (b"", b"\xff" * 100, pickle.dumps({"w": 1}), b'{"w": 1}'):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="truncated or no weights"):
            load_weights(path)
        with pytest.raises(CheckpointError, match="truncated or no weights"):
            read_card(path)
    save_file({"w": torch.ones(2)}, path, metadata={"card": "{}"})
    with pytest.raises(CheckpointError, match="without a sha256 inside"):
        load_weights(path)
    save_weights(path, {"w": torch.ones(2)}, CARD)
    with pytest.raises(CheckpointError, match="got a prior; expected a denoiser"):
        load_weights(path, kind="denoiser")


def test_files_that_sha256_json_lists_need_no_hash_inside(tmp_path):
    path = tmp_path / "old.safetensors"
    save_file({"w": torch.ones(2).half()}, path, metadata={"shape": json.dumps({"width": 3})})
    listed = {"old": hashlib.sha256(path.read_bytes()).hexdigest()}
    (tmp_path / "sha256.json").write_text(json.dumps(listed))
    assert shipped(tmp_path) == listed
    tensors, card = load_weights(path)
    assert tensors["w"].tolist() == [1.0, 1.0] and card == {"shape": {"width": 3}}
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(CheckpointError, match="that no sha256.json beside it lists"):
        load_weights(path)


def test_a_card_is_plain_data(tmp_path):
    with pytest.raises(CheckpointError, match="JSON cannot hold"):
        save_weights(tmp_path / "w.safetensors", {}, {"rate": torch.ones(1)})
    assert not list(tmp_path.iterdir())
