"""Catalogue, tasks, physics and the steps of the game."""

import pytest
import torch

from advsci.errors import DivergenceError
from advsci.streams import Stream
from advsci_friction.commands.train import train_designer
from advsci_friction.config import Train
from advsci_friction.data.materials import MATERIALS
from advsci_friction.game.physics import ContactPhysics
from advsci_friction.game.training import Tasks, make_game
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.catalogue import build_catalogue
from advsci_friction.surfaces.fabrication import Fabrication

F64 = torch.float64


@pytest.fixture(scope="module")
def catalogue():
    return build_catalogue(20, Stream(0), Band(), pixels=64).usable()


def test_library_tasks_are_solved_by_their_own_textures(catalogue):
    band, fabrication = Band(), Fabrication()
    batch = Tasks(catalogue, band, fabrication)[torch.arange(0, len(catalogue), 5)]
    found = ContactPhysics(band, 64, fabrication)(batch["x"], batch["condition"])
    assert float(found.residuals["friction"].abs().median()) < 1.0, "within 5 % of their own area"
    for name in ("slope", "depth", "hardness"):
        assert float((found.limits[name] <= 0.2).double().mean()) > 0.95, name


def test_physics_gradient_points_to_the_wanted_area(catalogue):
    band = Band()
    batch = Tasks(catalogue, band, Fabrication())[torch.arange(0, len(catalogue), 9)]
    x = batch["x"].clone()
    x[:, -1] += 0.5  # too large a load: too much contact
    x.requires_grad_()
    found = ContactPhysics(band, 64)(x, batch["condition"])
    (gradient,) = torch.autograd.grad(found.violations["friction"].sum(), x)
    assert float((gradient[:, -1] > 0.0).double().mean()) > 0.9


@pytest.mark.parametrize("ablation", ["none", "no-physics", "residual-only", "surrogate"])
def test_game_plays(catalogue, ablation):
    game = make_game(Band(), Fabrication(), 32, ablation=ablation)
    batch = Tasks(catalogue, Band(), Fabrication())[torch.arange(6)]
    draw = game.draw(batch, Stream(0))
    game.check(batch, draw)
    shared = game.shared_terms(batch, draw)
    assert ("friction" in shared["generator"]) == (ablation != "no-physics")
    torch.stack(list(shared["generator"].values())).sum().backward()
    assert all(p.grad is not None for p in game.generator.parameters())


def test_training_gives_an_examined_designer():
    config = Train(shapes=40, first_steps=4, steps=2, batch_size=8, pixels=48, catalogue_pixels=48)
    trained, seconds = train_designer(config, quiet=True)
    assert set(seconds) == {"catalogue", "game", "examination"} and len(trained.known["area"]) > 20
    assert float(trained.known["steeper"].min()) >= 0.0
    designs = trained.design(MATERIALS["dlc"], sum(trained.reachable(MATERIALS["dlc"], 5e7)) / 2, 5e7, 3, Stream(0))
    assert bool(torch.isfinite(designs.heights(32)).all())


def test_game_steps_on_the_meta_device(catalogue):
    """A hidden CPU tensor or a wait for the device within one step of the full game would raise."""
    band = Band()
    game = make_game(band, Fabrication(), 32)
    batch = Tasks(catalogue, band, Fabrication())[torch.arange(4)]
    draw = game.draw(batch, Stream(0))
    game = game.to("meta")
    shared = game.shared_terms(*({k: v.to("meta") for k, v in d.items()} for d in (batch, draw)))
    for terms in shared.values():
        torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is not None and p.grad.is_meta for p in game.generator.parameters())


def test_a_game_that_diverged_says_so(catalogue):
    batch = Tasks(catalogue, Band(), Fabrication())[torch.arange(2)]
    with pytest.raises(DivergenceError, match="diverged"):
        ContactPhysics(Band(), 32)(batch["x"] * torch.nan, batch["condition"])
