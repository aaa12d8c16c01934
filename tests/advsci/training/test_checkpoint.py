"""A checkpoint never runs code, and a bad one never costs the one before it."""

import errno
import io
import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advsci.errors import CheckpointError
from advsci.training import checkpoint
from advsci.training.tree import flatten, unflatten

leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
tree = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=4), st.integers()), inner, max_size=3),
        st.tuples(inner, inner),
    ),
    max_leaves=8,
)


@given(tree)
def test_tree_survives_json(value):
    tensors, skeleton = flatten(value)
    assert not tensors
    assert unflatten(json.loads(json.dumps(skeleton)), tensors) == value


def test_tensors_and_optimizer_state_survive(tmp_path):
    p = torch.nn.Parameter(torch.randn(3))
    optimizer = torch.optim.Adam([p])
    p.sum().backward()
    optimizer.step()
    state = {"optimizer": optimizer.state_dict(), "flag": torch.tensor(True), "half": torch.ones(2).half()}
    checkpoint.save(tmp_path, 5, state)
    step, back = checkpoint.load(tmp_path / "step-000000005")
    assert step == 5
    torch.testing.assert_close(back["optimizer"]["state"][0], state["optimizer"]["state"][0], rtol=0, atol=0)
    assert back["optimizer"]["param_groups"] == state["optimizer"]["param_groups"]
    assert back["flag"].dtype == torch.bool and back["half"].dtype == torch.float16


def test_only_plain_data_is_stored(tmp_path):
    with pytest.raises(CheckpointError, match="object at 'a'"):
        checkpoint.save(tmp_path, 1, {"a": object()})
    assert checkpoint.latest(tmp_path) is None


def test_keeps_the_last_ones(tmp_path):
    for step in (1, 2, 3, 4):
        checkpoint.save(tmp_path, step, {"x": torch.tensor(float(step))}, keep=2)
    assert checkpoint.steps(tmp_path) == [3, 4]


class Exploit:
    def __reduce__(self):
        return (os.system, ("touch exploited",))


def rehash(folder: Path) -> None:
    import hashlib

    files = ("state.safetensors", "state.json")
    manifest = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def pickled() -> bytes:
    buffer = io.BytesIO()
    torch.save({"x": Exploit()}, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("payload", [pickle.dumps(Exploit()), pickled()], ids=["pickle", "torch.save"])
@pytest.mark.parametrize("name", ["state.safetensors", "state.json"])
def test_pickle_payload_is_refused_and_never_run(tmp_path, monkeypatch, name, payload):
    monkeypatch.chdir(tmp_path)
    folder = checkpoint.save(tmp_path / "c", 1, {"x": torch.ones(2)})
    (folder / name).write_bytes(payload)
    rehash(folder)
    with pytest.raises(CheckpointError, match="pickles are never read"):
        checkpoint.load(folder)
    assert not (tmp_path / "exploited").exists()


@pytest.mark.parametrize("name", ["state.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_damaged_checkpoint_is_a_named_error(tmp_path, name, damage):
    folder = checkpoint.save(tmp_path, 1, {"x": torch.ones(64)})
    file = folder / name
    content = file.read_bytes()
    if damage == "remove":
        file.unlink()
    elif damage == "truncate":
        file.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    with pytest.raises(CheckpointError, match="resume from the checkpoint before it"):
        checkpoint.load(folder)


def test_full_disk_keeps_the_previous_checkpoint(tmp_path, monkeypatch):
    before = checkpoint.save(tmp_path, 1, {"x": torch.ones(64)})
    write = checkpoint._write_synced

    def full(path, payload):
        if path.name == "state.safetensors":
            path.write_bytes(payload[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, payload)

    monkeypatch.setattr(checkpoint, "_write_synced", full)
    with pytest.raises(CheckpointError, match="No space left on device.*earlier checkpoints are intact"):
        checkpoint.save(tmp_path, 2, {"x": torch.zeros(64)}, keep=1)
    assert checkpoint.latest(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-000000001"]
    torch.testing.assert_close(checkpoint.load(before)[1]["x"], torch.ones(64))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_real_write_to_a_full_device_is_an_os_error():
    with pytest.raises(OSError) as caught:
        checkpoint._write_synced(Path("/dev/full"), b"x")
    assert caught.value.errno == errno.ENOSPC
