"""Every reader of a file that may come from elsewhere, beside the maker of a sound one (`sound`).

A reader of files that carry a checksum gives back what it read as plain numbers, so that altered content that loads
can be told from harmless damage.
"""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sound
import torch

__all__ = ["READERS", "Reader"]


class Reader(NamedTuple):
    """A reader under test.

    Attributes
    ----------
    make
        Writes a sound file into a folder and returns it: the file that is damaged.
    read
        Reads it, or the folder it lies in.
    checked
        Whether the format has a checksum: what loads must be what was written.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    checked: bool = False


def _load_weights(path: Path) -> Any:
    from advsci.training.weights import load_weights

    tensors, card = load_weights(path, kind="net")
    return {k: v.tolist() for k, v in sorted(tensors.items())}, card


def _load_checkpoint(path: Path) -> Any:
    from advsci.training import checkpoint

    step, state = checkpoint.load(path.parent)
    return step, state["w"].tolist(), state["rate"], state["names"]


def _read_arrays(path: Path) -> Any:
    from advsci.files import read_arrays

    return {k: v.tolist() for k, v in sorted(read_arrays(path, whole=True).items())}


def _diagnose(path: Path) -> Any:
    from advsci.diagnostics import judge
    from advsci.report import adversarial_trainings

    return [judge(records).text() for records in adversarial_trainings(path.parent).values()]


def _opened(path: Path) -> Any:
    from advsci.config import RunConfig
    from advsci.training.opening import opened

    with opened(RunConfig(out=path.parent), "inverse-train"):
        return None


def _settings(path: Path) -> Any:
    from advsci.config import load_config
    from advsci_inverse.config import Train

    return load_config(Train, path)


def _read_h5ad(path: Path) -> Any:
    from advsci_datasets import read_h5ad

    return read_h5ad(path)


def _read_zarr(path: Path) -> Any:
    from advsci_singlecell.data.files import read_cells

    store = next(p for p in path.parents if p.suffix == ".zarr")
    cells = read_cells(store)
    from advsci.files.named import reading

    with reading(store, "counts", "copy it again"):  # X is read where it is used
        return cells.X[:] if hasattr(cells.X, "__getitem__") else None


def _idx(path: Path) -> Any:
    from advsci_datasets.idx import read_idx

    return read_idx(path)


def _read_images(path: Path) -> Any:
    from advsci_datasets import read_images

    return read_images(path)


def _read_circuit(path: Path) -> Any:
    from advsci_circuits import read

    return read(path)


def _scan(path: Path) -> Any:
    from advsci_friction import read_scan

    return read_scan(path, fill=0.5)


def _scan_of_array(path: Path) -> Any:
    from advsci_friction import read_scan

    return read_scan(path, size="1 um", height_unit="nm")


def _read_material(path: Path) -> Any:
    from advsci_friction.data.materials import read_material

    return read_material(path)


def _read_designs(path: Path) -> Any:
    from advsci_friction.store import read_designs

    designs, fabrication, pixels = read_designs(path)
    return designs.coefficients.tolist(), designs.slope.tolist(), designs.material.name, fabrication.slope, pixels


def _stack(path: Path) -> Any:
    from advsci_inverse.data.images import read_stack

    return read_stack(path)


def _measured(path: Path) -> Any:
    from advsci_inverse.config import OperatorSpec
    from advsci_inverse.data.measured import read_measured
    from advsci_inverse.operators import build_operator

    return read_measured(path, build_operator(OperatorSpec(kind="gaussian", size=4, measurements=6)))


def _load_regulariser(path: Path) -> Any:
    from advsci_inverse.store import load_regulariser

    return [p.sum().item() for p in load_regulariser(path).parameters()]


def _image_folder(path: Path) -> Any:
    from advsci.training.images import ImageFolder

    return ImageFolder(path.parent)[0]["x"].shape


def _read_matrix(path: Path) -> Any:
    from advsci_inverse.config import OperatorSpec
    from advsci_inverse.operators import build_operator

    operator = build_operator(OperatorSpec(kind="matrix", size=4, file=path))
    return operator(torch.ones(1, 4, 4)).tolist()


def _read_tenx(path: Path) -> Any:
    from advsci_singlecell.data.files import read_cells

    return read_cells(path if path.suffix == ".h5" else path.parent)


def _read_owner(path: Path) -> Any:
    from advsci.training.lock import _owner

    return _owner(path.parent)


def _verify(path: Path) -> Any:
    from advsci.files import verify_manifest

    return list(verify_manifest(path.with_name("cells.csv")))


def _file_of_images(path: Path) -> Any:
    from advsci_images import read_images

    return read_images(path)


READERS: dict[str, Reader] = {
    "weights": Reader(sound.weights, _load_weights, checked=True),
    "checkpoint tensors": Reader(sound.checkpoint("state.safetensors"), _load_checkpoint, checked=True),
    "checkpoint state": Reader(sound.checkpoint("state.json"), _load_checkpoint, checked=True),
    "checkpoint manifest": Reader(sound.checkpoint("manifest.json"), _load_checkpoint, checked=True),
    "arrays of ours": Reader(sound.arrays, _read_arrays, checked=True),
    "records of a run": Reader(sound.records, _diagnose),
    "run.json": Reader(sound.run_json, _opened),
    "settings": Reader(lambda f: sound.written(f / "s.toml", 'steps = 10\nseed = 3\ndata = "digits"\n'), _settings),
    "h5ad": Reader(sound.h5ad, _read_h5ad),
    "zarr description": Reader(sound.zarr("X/indices/.zarray"), _read_zarr),
    "zarr chunk": Reader(sound.zarr("obs/type/codes/0"), _read_zarr),
    "zarr counts": Reader(sound.zarr("X/indptr/0"), _read_zarr),
    "idx": Reader(
        lambda f: sound.written(
            f / "x.gz", gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 2, 4, 4) + bytes(range(32)), mtime=0)
        ),
        _idx,
    ),
    "npz of images": Reader(
        sound.npz_of(x_train=sound.picture_values()[None], x_test=sound.picture_values()[None], y_train=np.array([1])),
        _read_images,
    ),
    "sbml": Reader(sound.circuit("ring.sbml"), _read_circuit),
    "qual": Reader(sound.circuit("ring.qual.sbml"), _read_circuit),
    "antimony": Reader(sound.circuit("ring.ant"), _read_circuit),
    "bnet": Reader(sound.circuit("ring.bnet", sound.RING), _read_circuit),
    "bnet, gzipped": Reader(sound.circuit("ring.bnet.gz", sound.RING), _read_circuit),
    "graphml": Reader(sound.circuit("ring.graphml"), _read_circuit),
    "topology": Reader(sound.circuit("ring.topo", "Source Target Type\nA B 2\nB C 2\nC A 1\n"), _read_circuit),
    "sif": Reader(sound.circuit("ring.sif", "A\tinhibits\tB\nB\tactivates\tA\n"), _read_circuit),
    "sbol": Reader(sound.circuit("ring.nt"), _read_circuit),
    "scan, npz": Reader(sound.npz_of(heights=1e-9 * sound.picture_values(), size=np.array([1e-6, 1e-6])), _scan),
    "scan, text": Reader(sound.text_map, _scan),
    "scan, x3p": Reader(sound.instrument("map.x3p"), _scan),
    "scan, netCDF": Reader(sound.instrument("map.nc"), _scan),
    "material": Reader(sound.material, _read_material),
    "designs": Reader(sound.designs, _read_designs, checked=True),
    "png": Reader(sound.picture("x.png"), _stack),
    "tiff": Reader(sound.picture("x.tif"), _stack),
    "nifti": Reader(sound.nifti, _stack),
    "dicom": Reader(sound.dicom, _stack),
    "hdf5 of images": Reader(sound.hdf5, _stack),
    "measurements": Reader(sound.npz_of(y=np.ones((3, 6), "f4"), sigma=np.array(0.1)), _measured),
    "regulariser": Reader(sound.regulariser, _load_regulariser, checked=True),
    "images, png": Reader(sound.picture("x.png"), _file_of_images),
    "images, tiff": Reader(sound.picture("x.tif"), _file_of_images),
    "images, dicom": Reader(sound.dicom, _file_of_images),
    "folder, png": Reader(sound.picture("x.png"), _image_folder),
    "folder, tiff": Reader(sound.picture("x.tif"), _image_folder),
    "folder, webp": Reader(sound.picture("x.webp"), _image_folder),
    "folder, gif": Reader(sound.picture("x.gif"), _image_folder),
    "folder, bmp": Reader(sound.picture("x.bmp"), _image_folder),
    "folder, jpeg": Reader(sound.picture("x.jpg"), _image_folder),
    "matrix": Reader(sound.matrix, _read_matrix),
    "npy": Reader(sound.array, _stack),
    "scan, npy": Reader(sound.array, _scan_of_array),
    "10x, HDF5": Reader(sound.tenx, _read_tenx),
    "10x, text": Reader(sound.tenx_folder, _read_tenx),
    "owner of a lock": Reader(sound.owner_of_lock, _read_owner),
    "manifest": Reader(sound.manifest, _verify),
    "images, npz": Reader(sound.npz_of(x=sound.picture_values()[None], y=np.array([0])), _file_of_images),
}
