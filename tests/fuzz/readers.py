"""Every reader of a file that may come from elsewhere: how a sound file is made, and how it is read.

A reader of files that carry a checksum gives back what it read as plain numbers, so that altered content that loads
can be told from harmless damage.
"""

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
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


RING = "A, !C\nB, !A\nC, !B & (A | B)\n"


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _image() -> np.ndarray:
    y, x = np.mgrid[:16, :16]
    return (100 + 60 * np.sin(x / 2.0) * np.cos(y / 3.0)).astype(np.uint8)


def _weights(folder: Path) -> Path:
    from advsci.training.weights import save_weights

    path = folder / "net.safetensors"
    save_weights(path, {"w": torch.arange(6.0), "b": torch.ones(2)}, {"kind": "net", "width": 3})
    return path


def _load_weights(path: Path) -> Any:
    from advsci.training.weights import load_weights

    tensors, card = load_weights(path, kind="net")
    return {k: v.tolist() for k, v in sorted(tensors.items())}, card


def _checkpoint(file: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from advsci.training import checkpoint

        checkpoint.save(folder, 3, {"w": torch.arange(4.0), "rate": 0.1, "names": ["a", "b"]})
        return folder / "step-000000003" / file

    return make


def _load_checkpoint(path: Path) -> Any:
    from advsci.training import checkpoint

    step, state = checkpoint.load(path.parent)
    return step, state["w"].tolist(), state["rate"], state["names"]


def _arrays(folder: Path) -> Path:
    from advsci.files import write_arrays

    return write_arrays(folder / "ours.npz", {"x": np.arange(12.0), "name": np.array("ring")})


def _read_arrays(path: Path) -> Any:
    from advsci.files import read_arrays

    return {k: v.tolist() for k, v in sorted(read_arrays(path, whole=True).items())}


def _records(folder: Path) -> Path:
    lines = [
        {"step": i, "generator/objective": 1.0 / i, "discriminator/objective": 0.5, "generator/gradient_norm": 0.1}
        | {"discriminator/gradient_norm": 0.2, "probe/ranking": 0.7}
        for i in range(1, 30)
    ]
    return _written(folder / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def _diagnose(path: Path) -> Any:
    from advsci.diagnostics import judge
    from advsci.report import adversarial_trainings

    return [judge(records).text() for records in adversarial_trainings(path.parent).values()]


def _run_json(folder: Path) -> Path:
    about = {"command": "inverse-train", "settings": {"seed": 0}, "inputs": {}, "state": "finished"}
    return _written(folder / "run.json", json.dumps(about | {"result": {"path": "prior.safetensors"}}))


def _opened(path: Path) -> Any:
    from advsci.config import RunConfig
    from advsci.training.opening import opened

    with opened(RunConfig(out=path.parent), "inverse-train"):
        return None


def _settings(path: Path) -> Any:
    from advsci.config import load_config
    from advsci_inverse.config import Train

    return load_config(Train, path)


def _cells() -> Any:
    import anndata
    import pandas
    import scipy.sparse

    obs = pandas.DataFrame({"type": pandas.Categorical(list("ab") * 6)}, index=[f"c{i}" for i in range(12)])
    matrix = scipy.sparse.random(12, 8, density=0.5, format="csr", dtype=np.float32, random_state=0)
    cells = anndata.AnnData(matrix, obs=obs, uns={"note": "sound"})
    cells.obsm["X_pca"] = np.arange(24.0).reshape(12, 2)
    return cells


def _h5ad(folder: Path) -> Path:
    _cells().write_h5ad(folder / "cells.h5ad")
    return folder / "cells.h5ad"


def _read_h5ad(path: Path) -> Any:
    from advsci_datasets import read_h5ad

    return read_h5ad(path)


def _zarr(file: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import anndata

        with anndata.settings.override(zarr_write_format=2):
            _cells().write_zarr(folder / "cells.zarr")
        return folder / "cells.zarr" / file

    return make


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


def _npz_of(**arrays: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.savez(folder / "theirs.npz", **arrays)
        return folder / "theirs.npz"

    return make


def _read_images(path: Path) -> Any:
    from advsci_datasets import read_images

    return read_images(path)


def _circuit(name: str, text: str | None = None) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from advsci import Stream
        from advsci_circuits import CircuitBatch, read, write
        from advsci_circuits.dynamics.racipe import racipe

        if text is not None:
            packed = gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text
            return _written(folder / name, packed)
        circuit = read(_written(folder / "ring.bnet", RING)).circuit
        model = racipe(CircuitBatch.of([circuit]).signs, 1, Stream(0))
        return write(circuit, folder / name, model)

    return make


def _read_circuit(path: Path) -> Any:
    from advsci_circuits import read

    return read(path)


def _scan(path: Path) -> Any:
    from advsci_friction import read_scan

    return read_scan(path, fill=0.5)


def _scan_of_array(path: Path) -> Any:
    from advsci_friction import read_scan

    return read_scan(path, size="1 um", height_unit="nm")


def _text_map(folder: Path) -> Path:
    rows = "\n".join(" ".join(f"{v * 1e-2:.4f}" for v in row) for row in _image())
    return _written(folder / "map.txt", f"# Channel: Z\n# Width: 1 um\n# Height: 1 um\n# Value units: nm\n{rows}\n")


def _instrument(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from advsci_friction.data.maps import write_map

        write_map(folder / name, 1e-9 * _image().astype(float), (1e-6, 1e-6))
        return folder / name

    return make


def _material(folder: Path) -> Path:
    return _written(
        folder / "mine.toml",
        'name = "nitride"\nmodulus = "160 GPa"\nhardness = "6 GPa"\nshear_strength = "80 MPa"\nsource = "own"\n'
        '[deviation]\nshear_strength = "8 MPa"\nmodulus = "5 %"\n',
    )


def _read_material(path: Path) -> Any:
    from advsci_friction.data.materials import read_material

    return read_material(path)


def _designs(folder: Path) -> Path:
    from advsci import Stream
    from advsci_friction import find_material
    from advsci_friction.design.designer import Designs
    from advsci_friction.store import write_designs
    from advsci_friction.surfaces.band import Band
    from advsci_friction.surfaces.fabrication import Fabrication

    band = Band(3)
    shapes = Stream(0).normal((2, band.size))
    ones = torch.ones(2)
    designs = Designs(band, shapes, 0.1 * ones, ones, torch.zeros(2).long(), find_material("dlc"), 0.1, 1e6)
    write_designs(folder / "designs.npz", designs, Fabrication(), 16)
    return folder / "designs.npz"


def _read_designs(path: Path) -> Any:
    from advsci_friction.store import read_designs

    designs, fabrication, pixels = read_designs(path)
    return designs.coefficients.tolist(), designs.slope.tolist(), designs.material.name, fabrication.slope, pixels


def _picture(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        if name.endswith(".tif"):
            import tifffile

            tifffile.imwrite(folder / name, _image(), compression="zlib")
        else:
            from PIL import Image

            Image.fromarray(_image()).save(folder / name)
        return folder / name

    return make


def _stack(path: Path) -> Any:
    from advsci_inverse.data.images import read_stack

    return read_stack(path)


def _nifti(folder: Path) -> Path:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(_image()[:, :, None].repeat(3, 2), np.eye(4)), folder / "head.nii.gz")
    return folder / "head.nii.gz"


def _dicom(folder: Path) -> Path:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    data = FileDataset(str(folder / "ct.dcm"), {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 16, 16, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.RescaleSlope, data.RescaleIntercept = "1", "-1024"
    data.PixelData = _image().astype("<u2").tobytes()
    data.save_as(folder / "ct.dcm", enforce_file_format=True)
    return folder / "ct.dcm"


def _hdf5(folder: Path) -> Path:
    import h5py

    with h5py.File(folder / "images.h5", "w") as file:
        file.create_dataset("x", data=_image()[None].repeat(3, 0), compression="gzip", chunks=(1, 16, 16))
    return folder / "images.h5"


def _measured(path: Path) -> Any:
    from advsci_inverse.config import OperatorSpec
    from advsci_inverse.data.measured import read_measured
    from advsci_inverse.operators import build_operator

    return read_measured(path, build_operator(OperatorSpec(kind="gaussian", size=4, measurements=6)))


def _regulariser(folder: Path) -> Path:
    from advsci.training.weights import save_weights
    from advsci_inverse.priors.regulariser import build_regulariser

    path = folder / "regulariser.safetensors"
    network = build_regulariser("convex", [4, 4])
    save_weights(path, network, {"kind": "regulariser", "networks": {"kind": "convex", "widths": [4, 4]}})
    return path


def _load_regulariser(path: Path) -> Any:
    from advsci_inverse.store import load_regulariser

    return [p.sum().item() for p in load_regulariser(path).parameters()]


def _image_folder(path: Path) -> Any:
    from advsci.training.images import ImageFolder

    return ImageFolder(path.parent)[0]["x"].shape


def _matrix(folder: Path) -> Path:
    import scipy.sparse

    scipy.sparse.save_npz(folder / "matrix.npz", scipy.sparse.random(6, 16, 0.4, format="csr", random_state=0))
    return folder / "matrix.npz"


def _read_matrix(path: Path) -> Any:
    from advsci_inverse.config import OperatorSpec
    from advsci_inverse.operators import build_operator

    operator = build_operator(OperatorSpec(kind="matrix", size=4, file=path))
    return operator(torch.ones(1, 4, 4)).tolist()


def _array(folder: Path) -> Path:
    np.save(folder / "x.npy", _image().astype("f4"))
    return folder / "x.npy"


def _tenx(folder: Path) -> Path:
    import h5py

    with h5py.File(folder / "raw.h5", "w") as file:
        counts, names = _cells().X.astype("i4"), [f"g{i}".encode() for i in range(8)]
        group = file.create_group("matrix")
        parts = {"data": counts.data, "indices": counts.indices.astype("i8"), "indptr": counts.indptr.astype("i8")}
        for name, values in {**parts, "shape": np.array([8, 12], "i4")}.items():
            group[name] = values
        group["barcodes"] = [f"c{i}".encode() for i in range(12)]
        for name in ("id", "name"):
            group[f"features/{name}"] = names
        for name in ("feature_type", "genome"):
            group[f"features/{name}"] = [b"Gene Expression"] * 8
    return folder / "raw.h5"


def _tenx_folder(folder: Path) -> Path:
    import scipy.io

    scipy.io.mmwrite(folder / "matrix.mtx", _cells().X.T.astype("i4"))
    _written(folder / "genes.tsv", "".join(f"id{i}\tg{i}\n" for i in range(8)))
    _written(folder / "barcodes.tsv", "".join(f"c{i}\n" for i in range(12)))
    return folder / "matrix.mtx"


def _read_tenx(path: Path) -> Any:
    from advsci_singlecell.data.files import read_cells

    return read_cells(path if path.suffix == ".h5" else path.parent)


def _owner_of_lock(folder: Path) -> Path:
    return _written(folder / ".owner.json", '{"pid": 3, "host": "node", "since": 1700000000.5}')


def _read_owner(path: Path) -> Any:
    from advsci.training.lock import _owner

    return _owner(path.parent)


def _manifest(folder: Path) -> Path:
    from advsci.files import record_manifest

    return record_manifest(_written(folder / "cells.csv", "1,2"))


def _verify(path: Path) -> Any:
    from advsci.files import verify_manifest

    return list(verify_manifest(path.with_name("cells.csv")))


def _file_of_images(path: Path) -> Any:
    from advsci_images import read_images

    return read_images(path)


READERS: dict[str, Reader] = {
    "weights": Reader(_weights, _load_weights, checked=True),
    "checkpoint tensors": Reader(_checkpoint("state.safetensors"), _load_checkpoint, checked=True),
    "checkpoint state": Reader(_checkpoint("state.json"), _load_checkpoint, checked=True),
    "checkpoint manifest": Reader(_checkpoint("manifest.json"), _load_checkpoint, checked=True),
    "arrays of ours": Reader(_arrays, _read_arrays, checked=True),
    "records of a run": Reader(_records, _diagnose),
    "run.json": Reader(_run_json, _opened),
    "settings": Reader(lambda f: _written(f / "s.toml", 'steps = 10\nseed = 3\ndata = "digits"\n'), _settings),
    "h5ad": Reader(_h5ad, _read_h5ad),
    "zarr description": Reader(_zarr("X/indices/.zarray"), _read_zarr),
    "zarr chunk": Reader(_zarr("obs/type/codes/0"), _read_zarr),
    "zarr counts": Reader(_zarr("X/indptr/0"), _read_zarr),
    "idx": Reader(
        lambda f: _written(
            f / "x.gz", gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 2, 4, 4) + bytes(range(32)), mtime=0)
        ),
        _idx,
    ),
    "npz of images": Reader(
        _npz_of(x_train=_image()[None], x_test=_image()[None], y_train=np.array([1])), _read_images
    ),
    "sbml": Reader(_circuit("ring.sbml"), _read_circuit),
    "qual": Reader(_circuit("ring.qual.sbml"), _read_circuit),
    "antimony": Reader(_circuit("ring.ant"), _read_circuit),
    "bnet": Reader(_circuit("ring.bnet", RING), _read_circuit),
    "bnet, gzipped": Reader(_circuit("ring.bnet.gz", RING), _read_circuit),
    "graphml": Reader(_circuit("ring.graphml"), _read_circuit),
    "topology": Reader(_circuit("ring.topo", "Source Target Type\nA B 2\nB C 2\nC A 1\n"), _read_circuit),
    "sif": Reader(_circuit("ring.sif", "A\tinhibits\tB\nB\tactivates\tA\n"), _read_circuit),
    "sbol": Reader(_circuit("ring.nt"), _read_circuit),
    "scan, npz": Reader(_npz_of(heights=1e-9 * _image(), size=np.array([1e-6, 1e-6])), _scan),
    "scan, text": Reader(_text_map, _scan),
    "scan, x3p": Reader(_instrument("map.x3p"), _scan),
    "scan, netCDF": Reader(_instrument("map.nc"), _scan),
    "material": Reader(_material, _read_material),
    "designs": Reader(_designs, _read_designs, checked=True),
    "png": Reader(_picture("x.png"), _stack),
    "tiff": Reader(_picture("x.tif"), _stack),
    "nifti": Reader(_nifti, _stack),
    "dicom": Reader(_dicom, _stack),
    "hdf5 of images": Reader(_hdf5, _stack),
    "measurements": Reader(_npz_of(y=np.ones((3, 6), "f4"), sigma=np.array(0.1)), _measured),
    "regulariser": Reader(_regulariser, _load_regulariser, checked=True),
    "images, png": Reader(_picture("x.png"), _file_of_images),
    "images, tiff": Reader(_picture("x.tif"), _file_of_images),
    "images, dicom": Reader(_dicom, _file_of_images),
    "folder, png": Reader(_picture("x.png"), _image_folder),
    "folder, tiff": Reader(_picture("x.tif"), _image_folder),
    "folder, webp": Reader(_picture("x.webp"), _image_folder),
    "folder, gif": Reader(_picture("x.gif"), _image_folder),
    "folder, bmp": Reader(_picture("x.bmp"), _image_folder),
    "folder, jpeg": Reader(_picture("x.jpg"), _image_folder),
    "matrix": Reader(_matrix, _read_matrix),
    "npy": Reader(_array, _stack),
    "scan, npy": Reader(_array, _scan_of_array),
    "10x, HDF5": Reader(_tenx, _read_tenx),
    "10x, text": Reader(_tenx_folder, _read_tenx),
    "owner of a lock": Reader(_owner_of_lock, _read_owner),
    "manifest": Reader(_manifest, _verify),
    "images, npz": Reader(_npz_of(x=_image()[None], y=np.array([0])), _file_of_images),
}
