"""A chunk that unpacks to more than declared is counted, not unpacked; a lost chunk, a foreign format are named."""

import json
import lzma
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advsci.errors import AdvsciError, DataError
from advsci.files import open_hdf5, open_picture, open_tiff, open_zarr
from advsci.files.unpacking import LARGEST_RATIO, unpacked_size

MEGABYTE = 2**20
BUDGET = 2 * MEGABYTE
PACKING = [codec for codec in LARGEST_RATIO if codec != "lzf"]


def packed(codec, content):
    numcodecs = pytest.importorskip("numcodecs")
    return bytes(numcodecs.get_codec({"id": codec}).encode(np.frombuffer(content, "u1")))


def refused(message, read):
    with pytest.raises(DataError, match=message) as caught:
        read()
    assert str(caught.value).count("Try:") == 1


@pytest.mark.parametrize("codec", PACKING)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(size=st.integers(1, 3 * 2**17), period=st.integers(1, 400))
def test_what_a_chunk_unpacks_to_is_known_without_unpacking_it(codec, size, period):
    content = (bytes(range(200)) * 2)[:period] * (size // period + 1)
    found = unpacked_size(codec, packed(codec, content), most=2**30)
    slack = 2**17 if codec == "zstd" else 0
    assert len(content) <= found <= len(content) + slack


@pytest.mark.parametrize("codec", PACKING)
def test_a_bomb_is_seen_and_a_foreign_or_cut_chunk_is_named(codec):
    bomb = packed(codec, bytes(8 * MEGABYTE))
    assert len(bomb) < MEGABYTE / 4
    assert unpacked_size(codec, bomb, BUDGET) > BUDGET
    assert 8 * MEGABYTE <= len(bomb) * LARGEST_RATIO[codec]
    if codec in ("zlib", "gzip", "bz2", "lzma", "zstd"):
        for wrong in (b"\x01\x02\x03" * 9, bomb[: len(bomb) // 2]):
            with pytest.raises((ValueError, EOFError)):
                unpacked_size(codec, wrong, 2**30)


def test_members_that_follow_one_another_count_together_and_a_checksum_behind_does_not():
    for codec in ("gzip", "bz2", "lzma", "zstd"):
        assert unpacked_size(codec, 3 * packed(codec, bytes(2**17)), 2**30) == 3 * 2**17
    assert unpacked_size("zlib", zlib.compress(bytes(1000)) + b"\x7f\x01\x02\x03", 2**30) == 1000


def test_a_frame_of_zstd_that_states_more_than_its_blocks_give_counts_as_it_states():
    """A reader makes room for what is stated (RFC 8878, 3.1.1.1): one empty block under half a gigabyte."""
    frame = struct.pack("<IBI", 0xFD2FB528, 0b1010_0000, 2**29) + b"\x01\0\0"
    assert unpacked_size("zstd", frame, 2**30) == 2**29


def an_array(path, *, chunks=(10,), shape=(20,), dtype="<i4", content=b"", **more):
    """A zarr v2 array in a group whose first chunk is this, and the second of zeros."""
    path.mkdir(parents=True)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    where = path / "obs"
    where.mkdir()
    about = {"zarr_format": 2, "shape": list(shape), "chunks": list(chunks), "dtype": dtype, "order": "C"}
    about |= {"fill_value": 0, "filters": None, "compressor": None, **more}
    (where / ".zarray").write_text(json.dumps(about))
    (where / "0").write_bytes(content)
    return path


@pytest.mark.parametrize("codec", PACKING)
def test_a_bomb_in_a_zarr_chunk(tmp_path, codec):
    sound = packed(codec, np.arange(10, dtype="<i4").tobytes())
    assert "obs" in open_zarr(an_array(tmp_path / "sound.zarr", content=sound, compressor={"id": codec}), BUDGET)
    bomb = packed(codec, bytes(8 * MEGABYTE))
    store = an_array(tmp_path / "x.zarr", content=bomb, compressor={"id": codec})
    refused("'obs' has a chunk 0 that unpacks to over", lambda: open_zarr(store, BUDGET))


def test_bombs_in_bombs_and_texts_without_number_in_zarr(tmp_path):
    twice = an_array(tmp_path / "twice.zarr", content=b"", compressor={"id": "zlib"}, filters=[{"id": "bz2"}])
    refused("packed twice, by bz2 and zlib", lambda: open_zarr(twice, BUDGET))
    for codec in (None, "zlib", "zstd"):  # four bytes say that a thousand million texts follow
        content = struct.pack("<I", 10**9) + bytes(40)
        text = {"dtype": "|O", "filters": [{"id": "vlen-utf8"}], "compressor": codec and {"id": codec}}
        content = packed(codec, content) if codec else content
        store = an_array(tmp_path / f"{codec}.zarr", content=content, **text)
        refused("a chunk 0 of 1,000,000,000 texts; expected 10", lambda store=store: open_zarr(store, BUDGET))


@pytest.mark.filterwarnings("ignore")
def test_a_bomb_in_a_shard_and_the_first_lost_chunk_is_named(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "x.zarr"), mode="w", zarr_format=3)
    made = group.create_array("X", shape=(40, 4), chunks=(5, 4), shards=(20, 4), dtype="f4", compressors="auto")
    made[:] = np.ones((40, 4), "f4")
    assert open_zarr(tmp_path / "x.zarr", BUDGET)["X"][3, 0] == 1.0
    shard = tmp_path / "x.zarr/X/c/1/0"
    content = shard.read_bytes()
    bomb = packed("zstd", bytes(8 * MEGABYTE))
    index = bytearray(content[-(16 * 4 + 4) :])
    index[:16] = struct.pack("<QQ", 0, len(bomb))
    shard.write_bytes(bomb + bytes(index))
    refused("'X' has a chunk 0 that unpacks to over", lambda: open_zarr(tmp_path / "x.zarr", BUDGET))
    index[:16] = struct.pack("<QQ", 10**9, 5)
    shard.write_bytes(bomb + bytes(index))
    refused("index leads behind its end", lambda: open_zarr(tmp_path / "x.zarr", BUDGET))
    shard.unlink()
    refused("'X' has 1 of 2 chunks: 'c/1/0'", lambda: open_zarr(tmp_path / "x.zarr", BUDGET))


@pytest.mark.parametrize("filters", [{"compression": "gzip"}, {"compression": "gzip", "shuffle": True}])
def test_a_bomb_in_a_chunk_of_hdf5(tmp_path, filters):
    h5py = pytest.importorskip("h5py")

    def opened():
        with open_hdf5(tmp_path / "x.h5", budget=BUDGET) as file:
            return file["x"].shape

    with h5py.File(tmp_path / "x.h5", "w") as file:
        made = file.create_dataset("x", shape=(64, 16), dtype="f4", chunks=(32, 16), **filters)
        made[:] = 1.0
    assert opened() == (64, 16)
    with h5py.File(tmp_path / "x.h5", "a") as file:
        file["x"].id.write_direct_chunk((32, 0), zlib.compress(bytes(8 * MEGABYTE), 9))
    refused(r"'/x' has a chunk \(32, 0\) that may unpack to over", opened)


def test_hdf5_that_is_packed_twice_or_by_a_filter_that_is_not_known(tmp_path):
    h5py = pytest.importorskip("h5py")
    for filters, message in (([1, 1], "packed twice, by gzip and gzip"), ([32015], r"needs the filters \[32015\]")):
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4,))
        for number in filters:
            plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (5,))
        with h5py.File(tmp_path / "x.h5", "w") as file:
            h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((8,)), plan)

        def opened():
            with open_hdf5(tmp_path / "x.h5", budget=BUDGET):
                pass

        refused(message, opened)


def test_a_tiff_packed_by_lzma_that_unpacks_to_too_much(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((64, 64), "u1"), compression=None, metadata=None)
    with tifffile.TiffFile(path) as file:
        places = {tag.name: tag.valueoffset for tag in file.pages[0].tags}
    content, bomb = bytearray(path.read_bytes()), lzma.compress(bytes(8 * MEGABYTE))
    content[places["Compression"] : places["Compression"] + 2] = (34925).to_bytes(2, "little")
    content[places["StripByteCounts"] : places["StripByteCounts"] + 2] = len(bomb).to_bytes(4, "little")[:2]
    content[places["StripOffsets"] : places["StripOffsets"] + 4] = len(content).to_bytes(4, "little")
    path.write_bytes(bytes(content) + bomb)

    def opened():
        with open_tiff(path, budget=BUDGET):
            pass

    refused("a strip of .* declared; expected at most", opened)


def test_a_program_that_is_named_as_a_picture_is_not_run(tmp_path):
    """Pillow hands PostScript to an interpreter; a folder of images may hold it under any name."""
    pytest.importorskip("PIL")
    from advsci.training.images import ImageFolder

    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n%%EndComments\n(x) show\n%%EOF\n"
    (tmp_path / "a.png").write_bytes(eps)
    refused("expected an image", lambda: ImageFolder(tmp_path)[0])

    def opened():
        with open_picture(tmp_path / "a.png"):
            pass

    refused("expected an image", opened)


def test_a_sparse_matrix_whose_indices_lead_outside(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    from advsci_inverse.config import OperatorSpec
    from advsci_inverse.operators import build_operator

    def built():
        return build_operator(OperatorSpec(kind="matrix", size=4, file=tmp_path / "m.npz"))

    matrix = sparse.random(6, 16, 0.5, format="csr", random_state=0)
    sparse.save_npz(tmp_path / "m.npz", matrix)
    x = torch.rand(1, 4, 4)
    assert np.allclose(built()(x)[0], matrix @ x.reshape(16).numpy(), atol=1e-5)
    held = dict(np.load(tmp_path / "m.npz"))
    for name, wrong in (("indices", np.full_like(held["indices"], 10**6)), ("data", np.full(len(matrix.data), np.nan))):
        np.savez(tmp_path / "m.npz", **{**held, name: wrong})
        refused("expected a SciPy sparse matrix", built)


def test_a_run_and_a_sweep_that_name_impossible_folders(tmp_path):
    from advsci.commands.trials import folder_of
    from advsci.config import RunConfig
    from advsci.training.opening import opened

    for name in ("x" * 5000, 3):
        about = {"command": "test", "settings": {}, "inputs": {}, "state": "finished", "result": {"path": name}}
        (tmp_path / "run.json").write_text(json.dumps(about))
        with pytest.raises(AdvsciError, match="the file that a run wrote"), opened(RunConfig(out=tmp_path), "test"):
            pass

    class Trial:
        number, user_attrs = 0, {"folder": "../../elsewhere"}

    with pytest.raises(AdvsciError, match="trial-0"):
        folder_of(Trial())
