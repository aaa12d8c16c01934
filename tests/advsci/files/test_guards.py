"""What a file declares is looked at before it is believed; nothing outside it is read or written; no code is run."""

import gzip
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from advsci.errors import AdvsciError, CheckpointError, ConfigError, DataError
from advsci.files import (
    open_hdf5,
    open_tiff,
    open_zarr,
    parse_json,
    parse_toml,
    read_array,
    read_arrays,
    read_text,
    read_xml,
    record_manifest,
    refuse_links,
    verify_manifest,
    write_arrays,
    write_whole,
)
from advsci.training import Run
from advsci.training.building import building
from advsci.training.weights import load_weights, save_weights

MEGABYTE = 2**20


def refused(message, read, *arguments, error=DataError, **options):
    with pytest.raises(error, match=message) as caught:
        read(*arguments, **options)
    assert str(caught.value).count("Try:") == 1 and str(caught.value).endswith(".")


def header(shape, kind="<f8"):
    text = str({"descr": kind, "fortran_order": False, "shape": shape})
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.array("words"), np.zeros((0, 3), "u1")])
def test_arrays_come_back_as_they_were(tmp_path, array, order):
    array = np.asarray(array, order=order)
    np.savez(tmp_path / "theirs.npz", x=array)
    write_arrays(tmp_path / "ours.npz", {"x": array})
    np.save(tmp_path / "one.npy", array)
    read = [read_arrays(tmp_path / "theirs.npz")["x"], read_arrays(tmp_path / "ours.npz", whole=True)["x"]]
    for back in [*read, read_array(tmp_path / "one.npy")]:
        assert np.array_equal(back, array) and back.dtype == array.dtype


def test_an_npz_that_declares_or_unpacks_to_too_much(tmp_path):
    with zipfile.ZipFile(tmp_path / "declared.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", header((10**12,)))
    refused("of shape", read_arrays, tmp_path / "declared.npz")
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(8 * MEGABYTE, "u1"), y=np.zeros(8 * MEGABYTE, "u1"))
    assert (tmp_path / "bomb.npz").stat().st_size < 0.1 * MEGABYTE
    refused("declared; expected at most", read_arrays, tmp_path / "bomb.npz", budget=10 * MEGABYTE)
    assert list(read_arrays(tmp_path / "bomb.npz", ("x",), budget=10 * MEGABYTE)) == ["x"]
    (tmp_path / "long.npy").write_bytes(header((10**12,)))
    refused("of shape", read_array, tmp_path / "long.npy")


def test_arrays_of_objects_and_twins_are_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", x=np.array([{}, []], dtype=object))
    refused("no array of numbers", read_arrays, tmp_path / "objects.npz")
    with zipfile.ZipFile(tmp_path / "twins.npz", "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("x.npy", header((0,)))
        file.writestr("x.npy", header((0,)))
    refused("two arrays of one name", read_arrays, tmp_path / "twins.npz")


def test_arrays_that_were_altered_and_packed_again_are_refused(tmp_path):
    path = write_arrays(tmp_path / "designs.npz", {"slope": np.array([0.1, 0.2])})
    held = dict(np.load(path))
    np.savez(path, **{**held, "slope": np.array([0.1, 0.3])})
    refused("was altered", read_arrays, path)
    np.savez(path, slope=held["slope"])
    refused("no sha256 inside", read_arrays, path, whole=True)


@pytest.mark.parametrize("text", ["[" * 5000 + "]" * 5000, "9" * 5000, "9" * 60, "[1, 2]", "{", "\x00"])
def test_json_that_is_too_deep_too_long_or_no_object(text):
    refused("got", parse_json, text, "card.json")


def test_toml_that_is_too_deep_too_long_or_contradicts_itself():
    for text in ("a = " + "[" * 5000 + "]" * 5000, "a = " + "9" * 5000, ".".join("a" * 5000) + " = 1", "a = 1\na = 2"):
        refused("got", parse_toml, text, "x.toml")


def test_xml_that_is_too_deep_or_expands(tmp_path):
    for depth in (3000, 100_000):
        (tmp_path / "deep.sbml").write_text("<a>" * depth + "</a>" * depth)
        refused("nested over", read_xml, tmp_path / "deep.sbml")
    (tmp_path / "bomb.sbml").write_text('<!DOCTYPE x [<!ENTITY a "aa">]><x>&a;</x>')
    refused("DOCTYPE", read_xml, tmp_path / "bomb.sbml")


def test_gzip_is_not_unpacked_beyond_the_limit(tmp_path):
    (tmp_path / "zeros.txt.gz").write_bytes(gzip.compress(b"1" * MEGABYTE))
    refused("over 1,000 bytes", read_text, tmp_path / "zeros.txt.gz", most=1000)


def test_hdf5_that_reads_elsewhere_or_declares_terabytes(tmp_path):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(bytes(range(96)))

    def opened():
        with open_hdf5(tmp_path / "x.h5") as file:
            return list(file)

    def made(**data):
        with h5py.File(tmp_path / "x.h5", "w") as file:
            file.create_dataset("x", **data)

    made(shape=(4, 6), dtype="f4", external=[(str(tmp_path / "secret"), 0, 96)])
    refused("in another file", opened)
    made(shape=(2**20, 2**20), dtype="f4", chunks=(1024, 1024), compression="gzip")
    refused("declares 4398.0 GB", opened)
    made(data=["a" * 100] * 3)
    assert opened() == ["x"]
    with h5py.File(tmp_path / "x.h5", "a") as file:
        group = file
        for _ in range(100):
            group = group.create_group("g")
    refused("nested over", opened)


def test_a_text_that_a_million_places_share_is_counted(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=["a" * 100_000] * 100, dtype=h5py.string_dtype())

    def opened(budget):
        with open_hdf5(tmp_path / "x.h5", budget=budget):
            return True

    assert opened(100 * MEGABYTE)
    refused("its texts fill", opened, 5 * MEGABYTE)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_tiff_that_declares_or_unpacks_to_too_much(tmp_path, compression):
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((64, 64), "u1"), compression=None, metadata=None)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        places = {name: page.tags[name].valueoffset for name in ("ImageWidth", "Compression", "StripByteCounts")}
        places["StripOffsets"] = page.tags["StripOffsets"].valueoffset
    content = bytearray(path.read_bytes())
    if compression is None:
        content[places["ImageWidth"] : places["ImageWidth"] + 2] = (60_000).to_bytes(2, "little")
    else:
        bomb = zlib.compress(bytes(40 * MEGABYTE), 9)
        content[places["Compression"] : places["Compression"] + 2] = (8).to_bytes(2, "little")
        content[places["StripByteCounts"] : places["StripByteCounts"] + 2] = len(bomb).to_bytes(4, "little")[:2]
        content[places["StripOffsets"] : places["StripOffsets"] + 4] = len(content).to_bytes(4, "little")
        content += bomb
    path.write_bytes(bytes(content))

    def opened():
        with open_tiff(path, budget=2 * MEGABYTE) as file:
            return file.asarray()

    refused("declared; expected at most", opened)


def a_store(path, kind=2):
    """A sound AnnData of 20 cells in zarr."""
    anndata, sparse, pandas = map(pytest.importorskip, ("anndata", "scipy.sparse", "pandas"))
    obs = pandas.DataFrame({"type": pandas.Categorical(list("abcd") * 5)}, index=[f"c{i}" for i in range(20)])
    obs["batch"] = pandas.Categorical(["one"] * 20)
    cells = anndata.AnnData(sparse.random(20, 9, density=0.4, format="csr", dtype=np.float32, random_state=0), obs=obs)
    with anndata.settings.override(zarr_write_format=kind):
        cells.write_zarr(path)
    return path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [2, 3])
def test_a_zarr_store_is_whole_or_refused(tmp_path, kind):
    store = a_store(tmp_path / "x.zarr", kind)
    assert "X" in open_zarr(store)
    lost = store / ("X/indices/0" if kind == 2 else "X/indices/c/0")
    content = lost.read_bytes()
    lost.unlink()
    refused("'X/indices' has 0 of 1 chunks", open_zarr, store)
    lost.write_bytes(content)
    codes = store / ("obs/type/codes/0" if kind == 2 else "obs/type/codes/c/0")
    held = codes.read_bytes()
    codes.unlink()
    refused("'obs/type/codes' has 0 of 1 chunks", open_zarr, store)
    record_manifest(store)  # whoever made the store says that it is whole
    assert "X" in open_zarr(store)
    codes.write_bytes(held)
    refused("is unknown", open_zarr, store)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", ["filters", "compressor"])
def test_a_codec_that_runs_code_is_never_asked(tmp_path, place):
    store = a_store(tmp_path / "x.zarr")
    about = json.loads((store / "obs/_index/.zarray").read_text())
    about[place] = [*about["filters"], {"id": "pickle"}] if place == "filters" else {"id": "pickle"}
    (store / "obs/_index/.zarray").write_text(json.dumps(about))
    refused(r"codecs \['pickle'\]", open_zarr, store)


@pytest.mark.filterwarnings("ignore")
def test_a_codec_of_a_shard_is_seen_and_consolidated_metadata_are_not_believed(tmp_path):
    store = a_store(tmp_path / "x.zarr", 3)
    path = store / "X/data/zarr.json"
    about = json.loads(path.read_text())
    inner = {"name": "numcodecs.pickle", "configuration": {}}
    about["codecs"] = [{"name": "sharding_indexed", "configuration": {"codecs": [inner], "index_codecs": []}}]
    path.write_text(json.dumps(about))
    refused(r"codecs \['pickle'\]", open_zarr, store)
    other = a_store(tmp_path / "y.zarr", 2)
    everything = json.loads((other / ".zmetadata").read_text())
    everything["metadata"]["obs/_index/.zarray"]["filters"] = [{"id": "pickle"}]
    (other / ".zmetadata").write_text(json.dumps(everything))
    assert open_zarr(other)["obs/_index"][0] == "c0"


@pytest.mark.filterwarnings("ignore")
def test_a_zarr_array_of_terabytes_and_a_link(tmp_path):
    store = a_store(tmp_path / "x.zarr")
    about = json.loads((store / "obsm/.zgroup").read_text())
    (store / "obsm/bomb").mkdir()
    about |= {"shape": [2**40], "chunks": [2**40], "dtype": "<f8", "compressor": None, "filters": None, "order": "C"}
    (store / "obsm/bomb/.zarray").write_text(json.dumps(about | {"fill_value": 0}))
    refused("declares", open_zarr, store)
    other = a_store(tmp_path / "y.zarr")
    (tmp_path / "secret").write_bytes(b"x")
    (other / "X/data/0").unlink()
    (other / "X/data/0").symlink_to(tmp_path / "secret")
    refused("leads to", open_zarr, other)


def test_a_manifest_finds_what_changed(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text(name)
    record_manifest(folder)
    (folder / "a").write_text("other")
    (folder / "b").unlink()
    (folder / "d").write_text("d")
    assert dict(verify_manifest(folder)) == {"a": "altered", "b": "absent", "c": "ok", "d": "unknown"}


def test_a_link_is_replaced_and_never_written_through(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    folder = tmp_path / "run"
    run = Run(folder)
    for name in (".metrics.jsonl.partial", "report.html"):
        (folder / name).symlink_to(outside)
    run.write("metrics.jsonl", '{"step": 1}\n')
    write_whole(folder / "report.html", "page")
    assert outside.read_text() == "mine" and run.records() == [{"step": 1}]
    (folder / "timing.jsonl").symlink_to(outside)
    refused("cannot be written", run.append, "timing.jsonl", {"step": 1}, error=CheckpointError)
    refused("leads to", refuse_links, folder)
    assert outside.read_text() == "mine"


def test_a_run_folder_that_leads_elsewhere_is_not_opened(tmp_path):
    from advsci.config import RunConfig
    from advsci.training.opening import opened

    (tmp_path / "outside").write_text("mine")
    for name in (".lock", ".owner.json", "config.json", "checkpoints"):
        folder = tmp_path / f"run{name}"
        folder.mkdir()
        (folder / name).symlink_to(tmp_path / "outside")
        with pytest.raises(ConfigError, match="leads to"), opened(RunConfig(out=folder), "test"):
            pass
    assert (tmp_path / "outside").read_text() == "mine"


@pytest.mark.parametrize("line", ["[1]", "{", '{"loss": 1}', '{"step": "a"}', '{"step": ' + "9" * 5000 + "}", "\xff"])
def test_records_that_are_no_records(tmp_path, line):
    (tmp_path / "metrics.jsonl").write_bytes(line.encode("latin-1") + b'\n{"step": 1}\n')
    refused("line 1", Run(tmp_path).records)


def test_records_are_read_up_to_the_last_whole_line(tmp_path):
    run = Run(tmp_path)
    assert run.records() == []
    (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1}\n{"step": 2, "note": "\xc3')
    assert run.records() == [{"step": 1}]
    (tmp_path / "metrics.jsonl").write_bytes(b"")
    assert run.records() == []


@pytest.mark.parametrize(
    "build",
    [
        lambda: torch.nn.Sequential(*[torch.nn.Linear(8, 8) for _ in range(10**6)]),
        lambda: torch.nn.Linear(10**6, 10**6),
        lambda: torch.zeros(10**12),
        lambda: torch.arange(10**12),
    ],
)
def test_a_card_cannot_declare_what_its_weights_do_not_fill(build):
    with pytest.raises(CheckpointError, match="cannot fill"), building("x", {"w": torch.ones(3)}):
        build()


def test_a_network_of_its_card_is_built(tmp_path):
    net = torch.nn.Linear(2000, 2000)
    save_weights(tmp_path / "net.safetensors", net, {"kind": "net", "width": 2000})
    tensors, card = load_weights(tmp_path / "net.safetensors", kind="net")
    with building("net", tensors):
        back = torch.nn.Linear(card["width"], card["width"])
        back.load_state_dict(tensors)
    assert torch.equal(back.weight, net.weight)


def test_every_altered_byte_of_our_files_is_noticed_or_harmless(tmp_path):
    """Of weights and of arrays: what loads is what was written."""
    weights, arrays = tmp_path / "net.safetensors", tmp_path / "designs.npz"
    save_weights(weights, {"a": torch.arange(12.0)}, {"kind": "net", "unit": "mm"})
    write_arrays(arrays, {"a": np.arange(12.0), "b": np.array("mm")})
    for path, read, same in (
        (weights, lambda p: load_weights(p, kind="net"), lambda r: torch.equal(r[0]["a"], torch.arange(12.0))),
        (arrays, lambda p: read_arrays(p, whole=True), lambda r: np.array_equal(r["a"], np.arange(12.0))),
    ):
        content, noticed = path.read_bytes(), 0
        for place in range(0, len(content), 7):
            changed = bytearray(content)
            changed[place] ^= 0x15
            Path(path).write_bytes(bytes(changed))
            try:
                back = read(path)
            except AdvsciError:
                noticed += 1
            else:
                assert same(back), place
        assert noticed > 0.5 * len(content) / 7


def test_files_of_users_are_verified_by_their_manifest(tmp_path, capsys):
    from advsci.commands.datasets import Verify, verify

    file = tmp_path / "cells.csv"
    file.write_text("1,2")
    refused("without a manifest", verify, Verify(name=str(file)))
    assert verify(Verify(name=str(file), record=True)) == 0 and verify(Verify(name=str(file))) == 0
    file.write_text("1,3")
    assert verify(Verify(name=str(file))) == 1
    assert "altered  cells.csv" in capsys.readouterr().out
    file.unlink()
    assert verify(Verify(name=str(file))) == 1
