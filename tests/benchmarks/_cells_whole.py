"""The command itself on files that do not fit: every cell embedded, everything written, memory and time per cell."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _row import row

from advsci_datasets.cells import write_simulated

__all__ = ["run_whole", "whole_rows"]

COMMAND = """
import json, resource, sys, time
import torch
torch.set_num_threads(1)
from advsci_singlecell.cli import app
from advsci.cli import run_app
status = run_app(app, ["correct", sys.argv[1], sys.argv[2], "--out", sys.argv[3], "--settings.method", sys.argv[4],
                       "--device", "cpu", "--no-umap", *sys.argv[5:]])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"status": status, "memory": used.ru_maxrss * 1024, "seconds": used.ru_utime + used.ru_stime}))
"""
GENES, FEW = 2000, (10_000, 40_000)


def whole_rows(cells, formats, methods=("counts",)):
    """Rows on ``advsci-singlecell correct`` from file to file, each run in a fresh process.

    Training looks at a bounded number of cells, so that time is a constant and a price per further cell: the price is
    that from 40,000 cells to all, against that from 10,000 to 40,000.
    """
    for suffix in formats:
        for method in methods:
            found = {n: run_whole(n, suffix, method) for n in (*FEW, cells)}
            words = f"{cells} cells x {GENES} genes, {suffix}, {method}"
            few, more, all_ = (found[n] for n in (*FEW, cells))
            row(f"{words}: peak memory", all_["memory"] / 1e9, 2.0, "lower", unit="GB")
            early = (more["seconds"] - few["seconds"]) / (FEW[1] - FEW[0])
            late = (all_["seconds"] - more["seconds"]) / (cells - FEW[1])
            row(
                f"{words}: CPU time per further cell / that between {FEW[0]} and {FEW[1]}", late / early, 1.15, "lower",
                note=f"{few['seconds']:.0f}, {more['seconds']:.0f} and {all_['seconds']:.0f} s",
            )  # fmt: skip
            per_cell = all_["seconds"] / cells / (few["seconds"] / FEW[0])
            row(f"{words}: CPU time per cell / that of {FEW[0]}", per_cell, 1.15, "lower")


def run_whole(n, suffix, method, more=()):
    """Memory [byte], CPU time [s] and that of the training alone, of one run of the command with ``more`` options.

    All of its cells must have been embedded.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, output = (Path(folder) / f"{name}.{suffix}" for name in ("cells", "corrected"))
        write_simulated(file, n, rng=np.random.default_rng(0), n_genes=GENES)
        command = [sys.executable, "-c", COMMAND, str(file), str(output), str(Path(folder) / "run"), method, *more]
        out = subprocess.run(command, capture_output=True, text=True)
        assert out.returncode == 0, out.stderr[-2000:]
        found = json.loads(out.stdout.splitlines()[-1])
        assert found["status"] == 0, out.stderr[-2000:]
        assert np.isfinite(_embedding(output)).all() and len(_embedding(output)) == n
        (times,) = Path(folder).rglob("timing.jsonl")
        return found | {"training": json.loads(times.read_text().splitlines()[-1])["cpu_seconds"]}


def _embedding(path):
    if path.suffix == ".h5ad":
        import h5py

        with h5py.File(path) as file:
            return np.asarray(file["obsm/X_advsci"])
    import zarr

    return np.asarray(zarr.open_group(str(path), mode="r")["obsm/X_advsci"])
