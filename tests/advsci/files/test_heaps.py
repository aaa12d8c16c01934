"""Heaps of HDF5: sound ones are stepped through, damaged ones are refused before the library goes round in them."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advsci.errors import DataError
from advsci.files import open_hdf5
from advsci.files.heaps import damaged_heap

h5py = pytest.importorskip("h5py")
START = b"GCOL\x01\0\0\0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("heaps")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300), max_size=60))
def test_whatever_the_library_writes_is_sound(folder, texts):
    path = folder / "texts.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("texts", data=texts, dtype=h5py.string_dtype())
        file.attrs["first"] = texts[:1]
        file["long"] = ["x" * 9000, "y"]  # a heap of its own
        del file["long"]
        file["again"] = texts[::-1] or [""]
    assert damaged_heap(path) == ""


def heap(folder):
    path = folder / "names.h5"
    with h5py.File(path, "w") as file:
        file["names"] = [f"gene {i}" for i in range(20)]
    content = path.read_bytes()
    return path, content, content.index(START)


def walked(content, start):
    """Where each object of the first heap begins."""
    at, found = start + 16, []
    while True:
        index, length = struct.unpack_from("<H6xQ", content, at)
        found.append(at)
        if index == 0:
            return found
        at += 16 + -(-length // 8) * 8


def test_every_object_of_index_nought_is_named(folder):
    path, content, start = heap(folder)
    objects = walked(content, start)
    assert len(objects) == 21
    for at in objects[:-1]:
        for length in (0, 7):
            path.write_bytes(content[:at] + struct.pack("<HH4xQ", 0, 0, length) + content[at + 16 :])
            with pytest.raises(DataError, match="hole"), open_hdf5(path):
                pass


def test_sizes_beyond_the_heap_are_named(folder):
    path, content, start = heap(folder)
    at = walked(content, start)[3]
    for bad, place, word in (
        (2**40, at + 8, "longer"),
        (2**40, start + 8, "short"),
        (1, objects_end(content, start), "hole"),
    ):
        path.write_bytes(content[:place] + struct.pack("<Q", bad) + content[place + 8 :])
        assert word in damaged_heap(path)
    path.write_bytes(content[: start + 12])
    assert "short" in damaged_heap(path)


def objects_end(content, start):
    """Where the size of what is free stands."""
    return walked(content, start)[-1] + 8


def test_numbers_and_empty_files_have_no_heap(folder):
    with h5py.File(folder / "numbers.h5", "w") as file:
        file["x"] = np.arange(1000.0)
    assert damaged_heap(folder / "numbers.h5") == ""
    (folder / "empty.h5").write_bytes(b"")
    assert damaged_heap(folder / "empty.h5") == ""


@pytest.mark.parametrize("place", [0, 1, 8188, 8189, 8192, 20000])
def test_a_heap_is_found_wherever_it_begins(place, folder, monkeypatch):
    """Windows of two pages: heaps begin in the first, in a later one, and across the edge of two."""
    monkeypatch.setattr("advsci.files.heaps.WINDOW", 8192)
    path = folder / "anywhere.h5"
    path.write_bytes(b"." * place + START + struct.pack("<Q", 32) + struct.pack("<HH4xQ", 0, 0, 7) + b"." * 9000)
    assert f"byte {place} has a hole" in damaged_heap(path)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_a_large_file_does_not_stay_in_memory(folder):
    path = folder / "large.h5"
    path.write_bytes(bytes(2**29))
    code = (
        "import re\nfrom advsci.files.heaps import damaged_heap\n"
        "most = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) * 1024\n"
        "before = most()\n"
        f"assert damaged_heap({str(path)!r}) == ''\n"
        "print(most() - before)"
    )
    grown = int(subprocess.check_output([sys.executable, "-c", code], text=True))
    path.unlink()
    assert grown < 2**28
