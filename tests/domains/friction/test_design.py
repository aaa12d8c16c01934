"""Textures, library, physics and game; the commands from training to report, on a small model."""

import json
import math

import numpy as np
import pytest
import torch

from advsci.cli import run_app
from advsci.errors import CheckpointError, ConfigError, DataError, UnitError
from advsci.streams import Stream
from advsci_friction import model_file
from advsci_friction.band import Band
from advsci_friction.cli import app
from advsci_friction.commands import evaluate
from advsci_friction.commands.train import train_designer
from advsci_friction.config import Train
from advsci_friction.contact import solve_contact
from advsci_friction.designs_file import read_designs
from advsci_friction.judge import judge, refine
from advsci_friction.library import CONDITION, Character, Request, build_library, condition_of
from advsci_friction.materials import MATERIALS
from advsci_friction.model_file import load_designer, save_designer
from advsci_friction.physics import ContactPhysics, Fabrication
from advsci_friction.recognition import recognise_family
from advsci_friction.scans import fill_undefined, read_scan, remove_plane, write_map, write_stl
from advsci_friction.statistics import roughness
from advsci_friction.textures import FAMILIES, LAYOUT, PARAMETERS, assemble, draw_shapes, layout_of
from advsci_friction.training import Tasks, make_game

F64 = torch.float64


@pytest.fixture(scope="module")
def library():
    return build_library(20, Stream(0), Band(), pixels=64).usable()


@pytest.fixture(scope="module")
def designer():
    return load_designer()


def test_band_is_exact():
    band = Band(5)
    a = torch.randn(3, band.size, dtype=F64, generator=torch.Generator().manual_seed(0))
    h = band.synthesise(a, 32)
    assert torch.allclose(band.analyse(h), a)
    assert torch.allclose(band.synthesise(a, 64)[:, ::2, ::2], h)
    moved = band.shift(a, torch.tensor([[3 / 32, 5 / 32]], dtype=F64).expand(3, 2))
    assert torch.allclose(band.synthesise(moved, 32), h.roll((3, 5), (1, 2)))
    assert torch.allclose(band.rms_slope(a), roughness(h, (1.0, 1.0)).slope)
    assert torch.allclose(band.rms_slope(band.unit_slope(a)), torch.ones(3, dtype=F64))
    x = a[:1, :4].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: band.synthesise(torch.cat([x, a[:1, 4:]], 1), 12).square(), (x,))


@pytest.mark.parametrize("name", list(FAMILIES))
def test_families_are_periodic_differentiable_and_in_the_band(name):
    family, band = FAMILIES[name], Band()
    u = Stream(1).uniform((4, family.parameters), dtype=F64).requires_grad_()
    h = family.synthesise(u, 32)
    assert h.shape == (4, 32, 32) and bool(torch.isfinite(h).all())
    assert float(h.std((1, 2)).min()) > 0.0
    kept = band.synthesise(band.analyse(h), 32) + h.mean((1, 2), keepdim=True)
    assert float((kept - h).norm() / (h - h.mean((1, 2), keepdim=True)).norm()) < 0.35
    if name in ("multi-sine", "fractal", "free", "ripples", "pillars"):
        (gradient,) = torch.autograd.grad(h.square().sum(), u)
        assert float(gradient.abs().sum()) > 0.0
    assert torch.allclose(family.synthesise(u.detach(), 32)[:, ::2, ::2], h[:, ::2, ::2].detach())


def test_draws_are_a_pure_function_of_the_stream():
    a, labels, layout = draw_shapes(20, Stream(3), Band())
    b, _, again = draw_shapes(20, Stream(3), Band())
    assert torch.equal(a, b) and torch.equal(layout, again) and labels.bincount().tolist() == [2] * len(FAMILIES)


def test_generator_assembles_what_the_library_draws():
    band = Band()
    for i, family in enumerate(FAMILIES.values()):
        u = Stream(2).at(family.name).uniform((3, family.parameters), dtype=F64)
        wanted = band.unit_slope(band.analyse(family.synthesise(u, 4 * band.limit)))
        share = torch.eye(len(FAMILIES), dtype=F64)[[i] * 3]
        padded = torch.nn.functional.pad(u, (0, PARAMETERS - family.parameters), value=0.3)
        padded[:, list(family.layout)] = 0.9  # counts are taken from the layout
        assert torch.allclose(assemble(band, share, layout_of(family, u), padded), wanted)
        with torch.no_grad():
            assert torch.allclose(assemble(band, share, layout_of(family, u), padded), wanted)


def test_families_are_recognised_wherever_they_lie():
    band = Band()
    shapes, labels, _ = draw_shapes(100, Stream(21), band)
    moved = band.shift(shapes, Stream(22).uniform((100, 2), dtype=F64))
    found = recognise_family(band, moved)
    assert float((found == labels).double().mean()) > 0.75


def test_library_tasks_are_solved_by_their_own_textures(library):
    band, fabrication = Band(), Fabrication()
    batch = Tasks(library, band, fabrication)[torch.arange(0, len(library), 5)]
    found = ContactPhysics(band, 64, fabrication)(batch["x"], batch["condition"])
    assert float(found.residuals["friction"].abs().median()) < 1.0, "within 5 % of their own area"
    for name in ("slope", "depth", "hardness"):
        assert float((found.limits[name] <= 0.2).double().mean()) > 0.95, name


def test_physics_gradient_points_to_the_wanted_area(library):
    band = Band()
    batch = Tasks(library, band, Fabrication())[torch.arange(0, len(library), 9)]
    x = batch["x"].clone()
    x[:, -1] += 0.5  # too large a load: too much contact
    x.requires_grad_()
    found = ContactPhysics(band, 64)(x, batch["condition"])
    (gradient,) = torch.autograd.grad(found.violations["friction"].sum(), x)
    assert float((gradient[:, -1] > 0.0).double().mean()) > 0.9


@pytest.mark.parametrize("ablation", ["none", "no-physics", "residual-only", "surrogate"])
def test_game_plays(library, ablation):
    game = make_game(Band(), Fabrication(), 32, ablation=ablation)
    batch = Tasks(library, Band(), Fabrication())[torch.arange(6)]
    draw = game.draw(batch, Stream(0))
    game.check(batch, draw)
    shared = game.shared_terms(batch, draw)
    assert ("friction" in shared["generator"]) == (ablation != "no-physics")
    torch.stack(list(shared["generator"].values())).sum().backward()
    assert all(p.grad is not None for p in game.generator.parameters())


def test_designer_refuses_what_no_texture_can_do(designer):
    dlc = MATERIALS["dlc"]
    low, high = designer.reachable(dlc, "50 MPa")
    assert 0.0 < low < 0.05 < high < dlc.friction(1.0, 5e7)
    with pytest.raises(ConfigError, match=f"{low:.3g} to {high:.3g}"):
        designer.design(dlc, 2.0, "50 MPa", 2, Stream(0))
    with pytest.raises(ConfigError, match="mu = 0.17 whatever the texture"):
        designer.reachable(MATERIALS["steel-dry"], "100 MPa")
    with pytest.raises(ConfigError, match="hardness"):
        designer.reachable(dlc, "30 GPa")
    with pytest.raises(ConfigError, match="family"):
        designer.design(dlc, 0.05, "50 MPa", 2, Stream(0), family="stripes")
    kcl_low, _ = designer.reachable(MATERIALS["kcl-steel"], "100 MPa")
    assert kcl_low > MATERIALS["kcl-steel"].floor, "hardness binds"


def test_designs_do_not_depend_on_the_cell_and_refinement_meets_the_target(designer):
    dlc = MATERIALS["dlc"]
    designs = designer.design(dlc, 0.08, "50 MPa", 4, Stream(0))
    larger = designer.design(dlc, 0.08, "50 MPa", 4, Stream(0), cell="20 um")
    assert torch.allclose(larger.heights(32), 20.0 * designs.heights(32))
    contacts = [solve_contact(d.heights(48), 5e7, dlc.modulus, (float(d.cell[0]),) * 2) for d in (designs, larger)]
    assert torch.allclose(contacts[0].pressure, contacts[1].pressure, atol=1e-3 * float(contacts[0].peak.max()))
    waves = designer.design(dlc, 0.08, "50 MPa", 3, Stream(0), family="sine", wavelength="200 nm")
    found = roughness(waves.heights(64) / waves.cell[:, None, None], (1.0, 1.0))
    assert torch.allclose(2.0 * math.pi * found.height / found.slope * waves.cell, torch.full((3,), 2e-7), rtol=1e-3)
    area = torch.full((4,), 0.08 * 5e7 / dlc.shear_strength)
    log_load = refine(designs.coefficients, (5e7 / dlc.modulus / designs.slope).log(), area, designs.band, 6, 64)
    h = designs.band.synthesise(designs.coefficients.double(), 64)
    contact = solve_contact(h, log_load.exp(), 1.0, (1.0, 1.0))
    from advsci_friction.area import real_area

    assert float((real_area(contact) / area - 1.0).abs().median()) < 0.02


def test_training_gives_an_examined_designer():
    config = Train(shapes=40, first_steps=4, steps=2, batch_size=8, pixels=48, library_pixels=48)
    trained, seconds = train_designer(config, quiet=True)
    assert set(seconds) == {"library", "game", "examination"} and len(trained.known["area"]) > 20
    assert float(trained.known["steeper"].min()) >= 0.0
    designs = trained.design(MATERIALS["dlc"], sum(trained.reachable(MATERIALS["dlc"], 5e7)) / 2, 5e7, 3, Stream(0))
    assert bool(torch.isfinite(designs.heights(32)).all())


def test_model_file_round_trip(designer, tmp_path):
    save_designer(designer, tmp_path / "m.safetensors", {"seed": 0})
    again = load_designer(tmp_path / "m.safetensors")
    one, two = (d.design(MATERIALS["dlc"], 0.05, 5e7, 3, Stream(1)) for d in (designer, again))
    assert torch.equal(one.coefficients, two.coefficients) and torch.equal(one.slope, two.slope)
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")
    for name in ("bad.safetensors", "none.safetensors"):
        with pytest.raises(CheckpointError, match="no texture model"):
            load_designer(tmp_path / name)


def test_the_model_of_the_package(designer, tmp_path, monkeypatch):
    shipped = designer
    designs = shipped.design(MATERIALS["dlc"], 0.06, "50 MPa", 20, Stream(0))
    verdicts = judge(designs, shipped.fabrication, 96)
    assert float((verdicts.friction / 0.06 - 1.0).abs().median()) < 0.06
    assert float(verdicts.feasible.double().mean()) >= 0.9
    assert len(recognise_family(shipped.band, designs.coefficients).unique()) >= 5
    assert float(designs.slope.max() / designs.slope.min()) > 10.0
    altered = tmp_path / "textures.safetensors"
    altered.write_bytes(b"altered")
    (tmp_path / "sha256.json").write_text(json.dumps({"textures": "0"}))
    monkeypatch.setattr(model_file, "_SHIPPED", altered)
    with pytest.raises(CheckpointError, match="altered"):
        load_designer()


def test_judge_agrees_with_tamaas(designer):
    pytest.importorskip("tamaas")
    designs = designer.design(MATERIALS["dlc"], 0.08, "50 MPa", 3, Stream(0))
    ours, theirs = judge(designs, Fabrication(), 64), judge(designs, Fabrication(), 64, solver="tamaas")
    assert torch.allclose(ours.friction, theirs.friction, rtol=2e-3)
    assert torch.allclose(ours.pressure, theirs.pressure, atol=1e-4 * float(ours.peak.max()))


def test_conditions_are_of_order_one_and_come_apart():
    asked = Character(
        torch.tensor([0, 9]),
        torch.rand(2, LAYOUT, generator=torch.Generator().manual_seed(0)),
        torch.tensor([-5.0, -0.5]),
        torch.tensor([0.4, 0.9]),
        torch.tensor([1.0, 300.0]),
    )
    task = torch.tensor([0.03, 0.6]), torch.tensor([1e-5, 1e-2])
    c = condition_of(*task, asked)
    assert c.shape == (2, CONDITION) and float(c.abs().max()) < 4.0
    request = Request.of(c)
    for found, wanted in zip((request.area, request.strain, request.severity), (*task, asked.severity), strict=True):
        assert torch.allclose(found, wanted, rtol=1e-4)
    assert torch.allclose(request.log_load, asked.log_load, atol=1e-5)
    assert torch.allclose(request.growth, asked.growth) and torch.allclose(request.layout, asked.layout)
    assert torch.equal(request.share.argmax(1), asked.family) and torch.allclose(request.share.sum(1), torch.ones(2))


def test_game_steps_on_the_meta_device(library):
    """A hidden CPU tensor or a wait for the device within one step of the full game would raise."""
    band = Band()
    game = make_game(band, Fabrication(), 32)
    batch = Tasks(library, band, Fabrication())[torch.arange(4)]
    draw = game.draw(batch, Stream(0))
    game = game.to("meta")
    shared = game.shared_terms(*({k: v.to("meta") for k, v in d.items()} for d in (batch, draw)))
    for terms in shared.values():
        torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is not None and p.grad.is_meta for p in game.generator.parameters())


def test_variety_is_asked_for(designer):
    dlc = MATERIALS["dlc"]
    designs = designer.design(dlc, 0.06, "50 MPa", 30, Stream(0))
    assert len(designs.family.unique()) >= 5
    assert bool((recognise_family(designer.band, designs.coefficients) == designs.family).double().mean() > 0.7)
    asked = designer.characters(dlc, 5e7, 0.06 * 5e7 / dlc.shear_strength, 30, Stream(0))
    assert float(asked.log_load.max() - asked.log_load.min()) > math.log(10.0)
    one = designer.characters(dlc, 5e7, 0.1, 8, Stream(0), family=4)
    assert bool((one.family == 4).all()) and len(one.log_load.unique()) >= 4
    with pytest.raises(ConfigError, match="rms slope"):
        designer.design(dlc, 0.06, "50 MPa", 2, Stream(0), slope=3.0)
    with pytest.raises(ConfigError, match="grows with the load"):
        designer.design(dlc, 0.06, "50 MPa", 2, Stream(0), second=(0.3, "200 MPa"))
    flat = designer.design(dlc, 0.06, "50 MPa", 2, Stream(0), second=(0.06 * 4.0**-0.35, "200 MPa"))
    assert len(flat.slope) == 2


def test_scans(tmp_path):
    rng = np.random.default_rng(0)
    h = rng.normal(size=(24, 32)) * 1e-9
    np.savez(tmp_path / "a.npz", heights=h, size=np.array([1e-6, 2e-6]))
    scan = read_scan(tmp_path / "a.npz")
    assert scan.size == (1e-6, 2e-6) and np.array_equal(scan.heights, h)
    tilted = h + np.add.outer(np.arange(24), 2.0 * np.arange(32)) * 1e-9
    assert np.allclose(remove_plane(tilted), remove_plane(h))
    broken = h.copy()
    broken[3:6, 4:8] = np.nan
    np.savez(tmp_path / "b.npz", heights=broken, size=np.array([1e-6, 2e-6]))
    with pytest.raises(DataError, match="12 undefined pixels"):
        read_scan(tmp_path / "b.npz")
    filled = read_scan(tmp_path / "b.npz", fill=True).heights
    assert np.isfinite(filled).all() and np.array_equal(filled[~np.isnan(broken)], h[~np.isnan(broken)])
    assert np.array_equal(fill_undefined(np.where(np.isnan(broken), np.nan, 7.0)), np.full((24, 32), 7.0))
    np.savez(tmp_path / "c.npz", heights=h)
    with pytest.raises(UnitError, match="size"):
        read_scan(tmp_path / "c.npz")
    with pytest.raises(DataError, match="does not exist"):
        read_scan(tmp_path / "d.npz")


@pytest.mark.parametrize("suffix", ["nc", "x3p"])
def test_maps_survive_surfacetopography(tmp_path, suffix):
    pytest.importorskip("SurfaceTopography")
    h = np.random.default_rng(1).normal(size=(16, 24)) * 1e-9
    write_map(tmp_path / f"a.{suffix}", h, (1e-6, 1.5e-6))
    scan = read_scan(tmp_path / f"a.{suffix}")
    assert np.allclose(scan.heights, h, rtol=1e-6, atol=1e-18) and np.allclose(scan.size, (1e-6, 1.5e-6))


def test_stl_is_a_closed_solid_of_the_right_volume(tmp_path):
    h = 1e-9 * np.add.outer(np.cos(np.arange(8) * np.pi / 4), np.cos(np.arange(8) * np.pi / 4))
    write_stl(tmp_path / "a.stl", h, (1e-6, 1e-6), base=1e-7)
    raw = (tmp_path / "a.stl").read_bytes()
    count = int.from_bytes(raw[80:84], "little")
    assert len(raw) == 84 + 50 * count
    faces = np.frombuffer(raw[84:], dtype=[("d", "<f4", 12), ("a", "<u2")])["d"][:, 3:].reshape(-1, 3, 3).astype(float)
    edges = {}
    for face in np.round(faces, 6):
        for i in range(3):
            edge = (tuple(face[i]), tuple(face[(i + 1) % 3]))
            edges[edge] = edges.get(edge, 0) + 1
    assert all(edges.get(edge[::-1], 0) == count for edge, count in edges.items()), (
        "every edge is shared, once each way"
    )
    volume = np.einsum("ij,ij->i", faces[:, 0], np.cross(faces[:, 1], faces[:, 2])).sum() / 6.0
    mean = np.pad(h, ((0, 1), (0, 1)), mode="wrap")
    exact = (1e-7 - h.min()) * 1e6 + (
        0.25 * (mean[1:, 1:] + mean[:-1, 1:] + mean[1:, :-1] + mean[:-1, :-1])
    ).mean() * 1e6
    assert volume == pytest.approx(exact, rel=1e-3)


def test_commands(designer, tmp_path, data_folder, capsys):
    model = tmp_path / "model.safetensors"
    save_designer(designer, model)
    out = str(tmp_path / "out")
    ask = ["design", "--mu", "0.05", "--pressure", "50MPa", "--count", "3", "--model", str(model), "--out", out]
    assert run_app(app, [*ask, "--pixels", "48", "--formats", "npz", "stl"]) == 0
    designs, fabrication, pixels = read_designs(tmp_path / "out" / "designs.npz")
    assert pixels == 48 and len(designs.slope) == 3 and (tmp_path / "out" / "design-0002.stl").exists()
    assert run_app(app, ["evaluate", f"{out}/designs.npz", "--out", out]) == 0
    verdicts = json.loads((tmp_path / "out" / "verdicts.json").read_text())
    assert verdicts["pixels"] == 96 and len(verdicts["designs"]) == 3
    assert run_app(app, ["report", f"{out}/designs.npz", "--out", out]) == 0
    assert "whatever" not in (tmp_path / "out" / "report.html").read_text()
    assert run_app(app, [*ask[:2], "9.0", *ask[3:]]) == 2, "out of reach is refused"
    assert "expected" in capsys.readouterr().err
    maps = np.load(data_folder / "friction" / "afm_surfacetopography" / "afm_heights.npz")
    scan = maps["di_3_di"].astype(float)[:96, :96]
    np.savez(tmp_path / "scan.npz", heights=scan, size=np.array([3.75e-6, 3.75e-6]))
    assert run_app(app, ["solve", str(tmp_path / "scan.npz"), "--pressure", "50 MPa", "--out", out]) == 0
    assert np.load(tmp_path / "out" / "contact.npz")["pressure"].mean() == pytest.approx(5e7, rel=1e-6)
    assert evaluate.summary(designs, judge(designs, fabrication, 48))["families"] >= 1.0
