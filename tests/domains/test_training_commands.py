"""Every command of every domain that trains: signals, repetition, other settings, other data."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from training_commands import check_other_data, check_stops_and_reruns


def images(folder: Path) -> list[str]:
    """A stack of grey images."""
    grey = np.random.default_rng(0).integers(0, 256, (120, 12, 12), dtype=np.uint8)
    np.savez(folder / "x.npz", x=grey)
    return ["--data", str(folder / "x.npz")]


def cells(folder: Path) -> list[str]:
    """A small simulated experiment."""
    pytest.importorskip("anndata")
    from advsci_datasets.cells import simulate_cells

    simulated = simulate_cells(300, rng=np.random.default_rng(0), n_genes=100, batch_scale=0.25, library=8.5)
    simulated.write_h5ad(folder / "x.h5ad")
    return [str(folder / "x.h5ad")]


def nothing(folder: Path) -> list[str]:
    """The data are embedded."""
    return []


NETS = "--steps 4 --batch-size 8 --widths 8 --blocks 1 --no-half"
SCANNER = "--operator.kind radon --operator.size 12 --operator.views 5"
CASES = {
    "singlecell correct": (cells, "--settings.steps 6 --labels-key cell_type --no-umap", "--settings.width 16"),
    "inverse train": (
        nothing,
        "--steps 6 --widths 32 --critic-widths 16 --latent 4 --held-out 64 --rank 8",
        "--seed 1",
    ),
    "inverse denoiser": (images, NETS, "--seed 1"),
    "inverse refiner": (images, f"{NETS} --views 3 --rank 8 --held-out 8", "--seed 1"),
    "inverse regulariser": (images, f"--steps 4 --batch-size 8 --widths 4 --held-out 8 {SCANNER}", "--seed 1"),
    "friction train": (
        nothing,
        "--shapes 40 --first-steps 4 --steps 2 --batch-size 4 --pixels 32 --catalogue-pixels 32",
        "--max-slope 0.2",
    ),
    "images train": (images, "--steps 6 --batch-size 8 --width 8 --latent 4", "--rate 0.1"),
}
"""Script and verb -> what writes its data and gives the words for them, further words, words that change the result."""


@pytest.mark.slow
@pytest.mark.parametrize("command", CASES)
def test_a_command_that_trains_keeps_its_promises(command, tmp_path, monkeypatch, capsys):
    script, verb = command.split()
    app = import_module(f"advsci_{script}.cli").app
    write, words, other = CASES[command]
    monkeypatch.chdir(tmp_path)
    every = [verb, *write(tmp_path), *words.split()]
    check_stops_and_reruns(app, every, other.split(), tmp_path / "run", monkeypatch, capsys)
    for data in tmp_path.glob("x.*"):
        check_other_data(app, every, tmp_path / "run", data, lambda path: path.write_bytes(b"other"), capsys)
