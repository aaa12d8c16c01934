"""Every command of every domain that trains: signals, repetition, other settings, other data."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from training_commands import check_other_data, check_stops_and_reruns

RNG = np.random.default_rng(0)


def grey(folder: Path) -> list[str]:
    """A stack of grey images."""
    np.savez(folder / "x.npz", x=RNG.integers(0, 256, (120, 12, 12), dtype=np.uint8))
    return ["--data", str(folder / "x.npz")]


def pictures(folder: Path, *classes: str) -> str:
    """A folder of PNG files, spread over subfolders of these names."""
    image = pytest.importorskip("PIL.Image")
    for i in range(80):
        home = folder / (classes[i % len(classes)] if classes else "")
        home.mkdir(parents=True, exist_ok=True)
        name = "x" if i == 0 else f"{i:02d}"
        image.fromarray(RNG.integers(0, 255, (12, 12), dtype=np.uint8)).save(home / f"{name}.png")
    return str(folder)


def classes(folder: Path) -> list[str]:
    """Images of two classes."""
    return ["--data", pictures(folder / "a", "cat", "dog")]


def two_domains(folder: Path) -> list[str]:
    """Images of two classes, and images of another look without classes."""
    return [*classes(folder), "--target", pictures(folder / "b")]


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


def circuits(folder: Path) -> list[str]:
    """The circuits that an optional package carries."""
    pytest.importorskip("pyboolnet")
    return ["--data", "embedded", "--largest", "4"]


NETS = "--steps 4 --batch-size 8 --widths 8 --blocks 1"
SCANNER = "--operator.kind radon --operator.size 12 --operator.views 5"
PLAY = "--steps 4 --batch-size 4 --device cpu"
CASES = {
    "circuits train": (circuits, "--likelihood-steps 4", "--seed 1"),
    "circuits train --game": (
        circuits,
        "--examples 0 --warmup 4 --steps 2 --rounds 1 --surrogate-steps 2 --batch 8 --draws 200 --links 2 --width 8 "
        "--blocks 1",
        "--rate 0.01",
    ),
    "circuits train --networks": (circuits, "--network-steps 4 --ranking-steps 2 --draws 100", "--seed 1"),
    "singlecell correct": (cells, "--settings.steps 6 --labels-key cell_type --no-umap", "--settings.width 16"),
    "inverse train": (
        nothing,
        "--steps 6 --widths 32 --critic-widths 16 --latent 4 --held-out 64 --rank 8",
        "--seed 1",
    ),
    "inverse denoiser": (grey, f"{NETS} --no-half", "--seed 1"),
    "inverse refiner": (grey, f"{NETS} --no-half --views 3 --rank 8 --held-out 8", "--seed 1"),
    "inverse regulariser": (grey, f"--steps 4 --batch-size 8 --widths 4 --held-out 8 {SCANNER}", "--seed 1"),
    "inverse posterior": (grey, f"{NETS} --critic-width 4 --pairs 64 --validation 16 {SCANNER}", "--noise 0.02"),
    "friction train": (
        nothing,
        "--shapes 40 --first-steps 4 --steps 2 --batch-size 4 --pixels 32 --catalogue-pixels 32",
        "--max-slope 0.2",
    ),
    "friction design --way new": (
        nothing,
        "--mu 0.06 --pressure 20MPa --count 2 --library 24 --grid 32 --pixels 64 --first-steps 2 --steps 2",
        "--seed 1",
    ),
    "images train": (grey, "--steps 6 --batch-size 8 --width 8 --latent 4", "--rate 0.1"),
    "images adapt": (two_domains, f"{PLAY} --method cdan", "--entropy 0.2"),
    "images translate": (two_domains, f"{PLAY} --method cyclegan", "--cycle 5"),
    "images upscale": (classes, f"{PLAY} --factor 2", "--adversarial 0.2"),
    "images augment": (classes, f"{PLAY} --minority 0 --keep 0.5 --seeds 2 --classifier-steps 2", "--rate 0.1"),
    "images compare": (classes, f"{PLAY} --models gan autoencoder", "--models gan"),
    "images caption": (nothing, PLAY, "--no-attention"),
}
"""Script and verb -> what writes its data and gives the words for them, further words, words that change the result."""


OTHERS = {
    "circuits": "generate complete design simulate evaluate export report",
    "singlecell": "check compare evaluate map report",
    "inverse": "operator reconstruct compare evaluate report",
    "friction": "solve design-sliding evaluate report hysteresis stick-slip",
    "images": "sample",
}
"""Verbs that train nothing; single cell's compare trains at full length, in stages, as correct does."""


@pytest.mark.parametrize("script", OTHERS)
def test_every_command_is_known_to_train_or_not(script):
    app = import_module(f"advsci_{script}.cli").app
    verbs = {name for name in app if not name.startswith("-")}
    training = {case.split()[1] for case in CASES if case.startswith(script)}
    assert verbs - training == set(OTHERS[script].split()), "a new command: does it keep the promises of training?"


@pytest.mark.slow
@pytest.mark.parametrize("command", CASES)
def test_a_command_that_trains_keeps_its_promises(command, tmp_path, monkeypatch, capsys):
    script, *verb = command.split()
    app = import_module(f"advsci_{script}.cli").app
    write, words, other = CASES[command]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    every = [*verb, *write(tmp_path / "data"), *words.split()]
    check_stops_and_reruns(app, every, other.split(), tmp_path / "run", monkeypatch, capsys)
    for data in (tmp_path / "data").rglob("x.*"):
        check_other_data(app, every, tmp_path / "run", data, lambda path: path.write_bytes(b"other"), capsys)
