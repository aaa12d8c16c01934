"""Every command that trains, small: its words, and what it leaves behind that a kill must not change."""

import hashlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
from safetensors import safe_open

__all__ = ["COMMANDS", "outcome", "prepared", "words_of"]

_NETS = "--steps 12 --batch-size 8 --widths 8 --blocks 1 --no-half --data {grey}"
_IMAGES = "--steps 12 --batch-size 8 --limit 64 --device cpu"
_SCANNER = "--operator.kind radon --operator.size 12 --operator.views 5"

COMMANDS = {
    "inverse train": "--steps 30 --widths 32 --critic-widths 16 --latent 4 --held-out 64 --rank 8 --device cpu",
    "inverse refiner": f"{_NETS} --views 3 --rank 8 --held-out 8",
    "inverse denoiser": _NETS,
    "inverse regulariser": f"--data {{grey}} --steps 12 --batch-size 8 --widths 4 --held-out 8 {_SCANNER}",
    "inverse posterior": f"--data {{grey}} --steps 12 --batch-size 8 --widths 8 --blocks 1 --critic-width 4 --pairs 64 "
    f"--validation 16 {_SCANNER}",
    "circuits train": "--data embedded --largest 4 --likelihood-steps 60",
    "circuits train --game": "--data embedded --examples 24 --sets 8 --warmup 20 --steps 2 --rounds 1 "
    "--surrogate-steps 4 --batch 8 --draws 200 --links 4 --width 8 --blocks 1 --largest 4",
    "friction train": "--shapes 60 --first-steps 20 --steps 6 --pixels 32 --catalogue-pixels 32 --device cpu",
    "singlecell correct": "{cells} {out}/corrected.h5ad --settings.steps 60 --settings.genes 200 --device cpu",
    "images train": f"--data digits --width 8 {_IMAGES}",
    "images train --conditional": f"--data digits --width 8 {_IMAGES}",
    "images translate": f"--data stained --target unstained --method cyclegan {_IMAGES}",
    "images upscale": f"--data digits --factor 2 {_IMAGES}",
    "images adapt": f"--data digits --target textured --method dann {_IMAGES}",
}
"""Script and verb -> its options; {grey}, {cells} and {out} are files of `prepared` and the run's folder."""


def prepared(folder: Path) -> dict[str, Path]:
    """The files that some commands read."""
    from advsci_datasets.cells import simulate_cells

    grey, cells = folder / "grey.npz", folder / "cells.h5ad"
    np.savez(grey, x=np.random.default_rng(0).integers(0, 256, (160, 12, 12), dtype=np.uint8))
    simulate_cells(400, rng=np.random.default_rng(0), n_genes=300).write_h5ad(cells)
    return {"grey": grey, "cells": cells}


def words_of(name: str, files: dict[str, Path], out: Path) -> tuple[Callable, list[str]]:
    """The script's app, and the words after its name."""
    domain, *verb = name.split()
    words = COMMANDS[name].format(out=out, **files).split()
    return import_module(f"advsci_{domain}.cli").app, [*verb, *words, "--out", str(out)]


def outcome(folder: Path) -> str:
    """Hash of every tensor and of every embedding that a command wrote; empty where it wrote none."""
    digest, found = hashlib.sha256(), False
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for key in sorted(file.keys()):
                digest.update(key.encode() + file.get_tensor(key).numpy().tobytes())
                found = True
    for path in sorted(folder.glob("*.h5ad")):
        import anndata

        embedding = anndata.read_h5ad(path).obsm["X_advsci"]
        digest.update(np.ascontiguousarray(embedding).tobytes())
        found = True
    return digest.hexdigest() if found else ""
