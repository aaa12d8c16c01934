"""A sound file of each format that a reader reads, small: what the fuzz damages."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

RING = "A, !C\nB, !A\nC, !B & (A | B)\n"
"""Three genes in a ring, as rules."""


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def picture_values() -> np.ndarray:
    y, x = np.mgrid[:16, :16]
    return (100 + 60 * np.sin(x / 2.0) * np.cos(y / 3.0)).astype(np.uint8)


def weights(folder: Path) -> Path:
    from advsci.training.weights import save_weights

    path = folder / "net.safetensors"
    save_weights(path, {"w": torch.arange(6.0), "b": torch.ones(2)}, {"kind": "net", "width": 3})
    return path


def checkpoint(file: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from advsci.training import checkpoint

        checkpoint.save(folder, 3, {"w": torch.arange(4.0), "rate": 0.1, "names": ["a", "b"]})
        return folder / "step-000000003" / file

    return make


def arrays(folder: Path) -> Path:
    from advsci.files import write_arrays

    return write_arrays(folder / "ours.npz", {"x": np.arange(12.0), "name": np.array("ring")})


def records(folder: Path) -> Path:
    lines = [
        {"step": i, "generator/objective": 1.0 / i, "discriminator/objective": 0.5, "generator/gradient_norm": 0.1}
        | {"discriminator/gradient_norm": 0.2, "probe/ranking": 0.7}
        for i in range(1, 30)
    ]
    return written(folder / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def run_json(folder: Path) -> Path:
    about = {"command": "inverse-train", "settings": {"seed": 0}, "inputs": {}, "state": "finished"}
    return written(folder / "run.json", json.dumps(about | {"result": {"path": "prior.safetensors"}}))


def cells() -> Any:
    import anndata
    import pandas
    import scipy.sparse

    obs = pandas.DataFrame({"type": pandas.Categorical(list("ab") * 6)}, index=[f"c{i}" for i in range(12)])
    matrix = scipy.sparse.random(12, 8, density=0.5, format="csr", dtype=np.float32, random_state=0)
    cells = anndata.AnnData(matrix, obs=obs, uns={"note": "sound"})
    cells.obsm["X_pca"] = np.arange(24.0).reshape(12, 2)
    return cells


def h5ad(folder: Path) -> Path:
    cells().write_h5ad(folder / "cells.h5ad")
    return folder / "cells.h5ad"


def zarr(file: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import anndata

        with anndata.settings.override(zarr_write_format=2):
            cells().write_zarr(folder / "cells.zarr")
        return folder / "cells.zarr" / file

    return make


def npz_of(**arrays: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.savez(folder / "theirs.npz", **arrays)
        return folder / "theirs.npz"

    return make


def circuit(name: str, text: str | None = None) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from advsci import Stream
        from advsci_circuits import CircuitBatch, read, write
        from advsci_circuits.dynamics.racipe import racipe

        if text is not None:
            packed = gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text
            return written(folder / name, packed)
        circuit = read(written(folder / "ring.bnet", RING)).circuit
        model = racipe(CircuitBatch.of([circuit]).signs, 1, Stream(0))
        return write(circuit, folder / name, model)

    return make


def text_map(folder: Path) -> Path:
    rows = "\n".join(" ".join(f"{v * 1e-2:.4f}" for v in row) for row in picture_values())
    return written(folder / "map.txt", f"# Channel: Z\n# Width: 1 um\n# Height: 1 um\n# Value units: nm\n{rows}\n")


def instrument(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from advsci_friction.data.maps import write_map

        write_map(folder / name, 1e-9 * picture_values().astype(float), (1e-6, 1e-6))
        return folder / name

    return make


def material(folder: Path) -> Path:
    return written(
        folder / "mine.toml",
        'name = "nitride"\nmodulus = "160 GPa"\nhardness = "6 GPa"\nshear_strength = "80 MPa"\nsource = "own"\n'
        '[deviation]\nshear_strength = "8 MPa"\nmodulus = "5 %"\n',
    )


def designs(folder: Path) -> Path:
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


def picture(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        if name.endswith(".tif"):
            import tifffile

            tifffile.imwrite(folder / name, picture_values(), compression="zlib")
        else:
            from PIL import Image

            Image.fromarray(picture_values()).save(folder / name)
        return folder / name

    return make


def nifti(folder: Path) -> Path:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(picture_values()[:, :, None].repeat(3, 2), np.eye(4)), folder / "head.nii.gz")
    return folder / "head.nii.gz"


def dicom(folder: Path) -> Path:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    data = FileDataset(str(folder / "ct.dcm"), {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 16, 16, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.RescaleSlope, data.RescaleIntercept = "1", "-1024"
    data.PixelData = picture_values().astype("<u2").tobytes()
    data.save_as(folder / "ct.dcm", enforce_file_format=True)
    return folder / "ct.dcm"


def hdf5(folder: Path) -> Path:
    import h5py

    with h5py.File(folder / "images.h5", "w") as file:
        file.create_dataset("x", data=picture_values()[None].repeat(3, 0), compression="gzip", chunks=(1, 16, 16))
    return folder / "images.h5"


def regulariser(folder: Path) -> Path:
    from advsci.training.weights import save_weights
    from advsci_inverse.priors.regulariser import build_regulariser

    path = folder / "regulariser.safetensors"
    network = build_regulariser("convex", [4, 4])
    save_weights(path, network, {"kind": "regulariser", "networks": {"kind": "convex", "widths": [4, 4]}})
    return path


def matrix(folder: Path) -> Path:
    import scipy.sparse

    scipy.sparse.save_npz(folder / "matrix.npz", scipy.sparse.random(6, 16, 0.4, format="csr", random_state=0))
    return folder / "matrix.npz"


def array(folder: Path) -> Path:
    np.save(folder / "x.npy", picture_values().astype("f4"))
    return folder / "x.npy"


def tenx(folder: Path) -> Path:
    import h5py

    with h5py.File(folder / "raw.h5", "w") as file:
        counts, names = cells().X.astype("i4"), [f"g{i}".encode() for i in range(8)]
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


def tenx_folder(folder: Path) -> Path:
    import scipy.io

    scipy.io.mmwrite(folder / "matrix.mtx", cells().X.T.astype("i4"))
    written(folder / "genes.tsv", "".join(f"id{i}\tg{i}\n" for i in range(8)))
    written(folder / "barcodes.tsv", "".join(f"c{i}\n" for i in range(12)))
    return folder / "matrix.mtx"


def owner_of_lock(folder: Path) -> Path:
    return written(folder / ".owner.json", '{"pid": 3, "host": "node", "since": 1700000000.5}')


def manifest(folder: Path) -> Path:
    from advsci.files import record_manifest

    return record_manifest(written(folder / "cells.csv", "1,2"))
