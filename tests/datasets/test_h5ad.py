"""Reading an h5ad file touches no other file, and a file that lies is refused before it is read."""

import numpy as np
import pytest

from advsci.errors import DataError
from advsci_datasets import read_h5ad

h5py = pytest.importorskip("h5py")
anndata = pytest.importorskip("anndata")
sparse = pytest.importorskip("scipy.sparse")

MATRIX = sparse.random(6, 4, density=0.5, format="csr", random_state=0, dtype=np.float32)


@pytest.fixture
def path(tmp_path):
    """A sound file."""
    cells = anndata.AnnData(MATRIX, layers={"dense": MATRIX.toarray()})
    cells.write_h5ad(tmp_path / "cells.h5ad", compression="gzip")
    return tmp_path / "cells.h5ad"


@pytest.fixture
def secret(tmp_path):
    """A file of the reader that a crafted file is after."""
    (tmp_path / "secret").write_bytes(b"0123456789abcdef" * 6)
    return tmp_path / "secret"


def refused(path, message):
    with pytest.raises(DataError, match=message):
        read_h5ad(path)


def test_a_sound_file_is_read(path):
    cells = read_h5ad(path)
    assert (cells.X != MATRIX).nnz == 0 and np.array_equal(cells.layers["dense"], MATRIX.toarray())


def test_external_storage_is_refused(path, secret):
    with h5py.File(path, "r+") as file:
        del file["layers/dense"]
        made = file["layers"].create_dataset("dense", (6, 4), "f4", external=[(str(secret), 0, 96)])
        made.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    assert anndata.read_h5ad(path).layers["dense"].tobytes() == secret.read_bytes()  # the hole that is closed here
    refused(path, "'/layers/dense' keeps its bytes in another file")


def test_links_and_virtual_datasets_are_refused(path, tmp_path, secret):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.zeros((6, 4), "f4")
    layout = h5py.VirtualLayout((6, 4), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (6, 4))
    with h5py.File(path, "r+") as file:
        file["layers/a"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
        file["layers/b"] = h5py.SoftLink("/X/data")
        file["layers"].create_virtual_dataset("c", layout)
    refused(path, "'/layers/a' is a link to another file.*'/layers/b' is a link to '/X/data'.*'/layers/c' is virtual")


def test_a_header_that_declares_terabytes_is_refused_unread(path):
    with h5py.File(path, "r+") as file:
        file["layers"].create_dataset("bomb", (2**20, 2**20), "f4", chunks=(1024, 1024), compression="gzip")
    assert path.stat().st_size < 1e5
    refused(path, "declares 4398.0 GB")


def test_a_hard_link_that_makes_a_cycle_ends(path):
    with h5py.File(path, "r+") as file:
        file["uns/self"] = file["uns"]
        file["layers/bomb"] = h5py.SoftLink("/nowhere")
    refused(path, "'/layers/bomb' is a link")


@pytest.mark.parametrize(
    "part, change",
    [
        ("indptr", lambda p: p[::-1].copy()),
        ("indptr", lambda p: p + 1),
        ("indptr", lambda p: p[:-1]),
        ("indices", lambda p: p[:-1]),
        ("data", lambda p: p[:-1]),
    ],
)
def test_a_sparse_matrix_that_contradicts_itself_is_refused(path, part, change):
    with h5py.File(path, "r+") as file:
        changed = change(file["X"][part][:])
        del file["X"][part]
        file["X"][part] = changed
    refused(path, "sparse matrix '/X'")


def test_missing_truncated_and_other_files_are_named(path, tmp_path):
    refused(tmp_path / "absent.h5ad", "no file")
    (tmp_path / "text.h5ad").write_text("cells")
    refused(tmp_path / "text.h5ad", "no readable HDF5")
    path.write_bytes(path.read_bytes()[:1000])
    refused(path, "no readable HDF5")
    with h5py.File(tmp_path / "plain.h5ad", "w") as file:
        file["x"] = 1
    refused(tmp_path / "plain.h5ad", "HDF5 but no AnnData")
