"""The pages: their Python runs as it stands, with the weights that ship with the package."""

import hashlib
import re
from pathlib import Path

import torch

from advsci_inverse.methods import METHODS
from advsci_inverse.store import load_denoiser, load_prior, read_card, shipped, shipped_path

PAGES = Path(__file__).resolve().parents[3] / "docs" / "inverse"


def _run(page: str) -> dict:
    space: dict = {}
    for block in re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(), re.DOTALL):
        exec(compile(block, page, "exec"), space)
    return space


def test_the_code_of_my_own_scanner_runs():
    space = _run("my_own_scanner.md")
    assert space["scanner"].data_size == 56
    assert torch.isfinite(space["score"]).all() and space["where"].shape == (1,)


def test_the_code_of_methods_runs_and_its_table_names_every_method():
    space = _run("methods.md")
    assert space["samples"].shape == (20, 2, 24) and torch.isfinite(space["particles"].evidence).all()
    named = set(
        re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (`.*?) \|", (PAGES / "methods.md").read_text(), re.M)))
    )
    assert named == set(METHODS)


def test_shipped_weights_are_small_licensed_and_unaltered():
    assert {"digits", "digits-denoiser", "head-ct-refiner"} <= set(shipped())
    for name, sha256 in shipped().items():
        path = shipped_path(name)
        assert path.stat().st_size < 3_000_000
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        card = read_card(path)
        assert card["recipe"]["seed"] == 0 and "licence" in card


def test_shipped_prior_and_denoiser_work_together():
    prior, denoiser = load_prior("digits"), load_denoiser("digits-denoiser")
    images = prior.decode(torch.randn(4, prior.latent, generator=torch.Generator().manual_seed(0)))
    noisy = images + 0.3 * torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    clean, _ = denoiser(noisy, torch.full((4,), 0.3))
    assert float((clean - images).square().mean()) < 0.2 * 0.3**2
