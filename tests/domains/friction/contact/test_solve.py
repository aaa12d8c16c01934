"""The contact solver against exact solutions, stored references, symmetries and its own derivatives."""

import json
import math

import numpy as np
import pytest
import torch

from advsci.errors import ConvergenceError, DataError, ShapeError
from advsci_friction.contact.area import contact_area, contact_line, real_area, smoothed_area
from advsci_friction.contact.closed_forms import westergaard_area, westergaard_peak, westergaard_pressure
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.solve import solve_contact

F64 = torch.float64


@pytest.fixture(scope="module")
def reference(data_folder):
    return json.loads((data_folder / "friction" / "reference.json").read_text())


def grid(n):
    return torch.arange(n, dtype=F64) / n


def rough(batch, shape, seed=0, size=(1.0, 1.0), slope=0.1, q=(2, 12)):
    """Random-phase maps of a given rms slope with wavenumbers 2 pi q."""
    generator = torch.Generator().manual_seed(seed)
    space = HalfSpace(shape, size)
    k = space.wavenumber / (2.0 * math.pi)
    band = torch.where((k >= q[0]) & (k <= q[1]), k.clamp_min(1.0) ** -1.8, torch.zeros_like(k))
    h = space.filter(torch.randn(batch, *shape, generator=generator, dtype=F64), band)
    return h * (slope / (2.0 * space.flatten(h).std((-2, -1), keepdim=True, correction=0)))


@pytest.mark.parametrize("ratio", [0.05, 0.2, 0.5, 0.8, 0.95, 1.5])
def test_westergaard(ratio):
    n, amplitude, modulus, period = 512, 3e-9, 9e10, 2e-7
    scale = math.pi * modulus * amplitude / period
    h = amplitude * torch.cos(2.0 * math.pi * grid(n))
    contact = solve_contact(h, ratio * scale, modulus, (period,), tolerance=1e-10)
    exact = westergaard_pressure(grid(n), ratio)
    assert abs(float(contact.touching.sum()) - n * float(westergaard_area(torch.tensor(ratio)))) <= 1.5
    assert float((contact.pressure / scale - exact).norm() / exact.norm()) <= 2e-3
    assert float(contact.peak / scale) == pytest.approx(float(westergaard_peak(torch.tensor(ratio))), rel=1e-3)
    assert float(contact.pressure.mean() / scale) == pytest.approx(ratio, rel=1e-12)
    assert float(contact.gap.min()) > -1e-8 * amplitude


@pytest.mark.parametrize("n", [128, 256])
def test_two_dimensional_wave_against_stored_table(reference, n):
    x = 2.0 * math.pi * grid(n)
    h = torch.cos(x)[:, None] * torch.cos(x)[None, :]
    rows = [r for r in reference["jgh_2d_wavy"]["rows"] if r["p_over_pstar"] in (0.005, 0.1, 0.5, 0.9)]
    scale = math.sqrt(2.0) * math.pi
    loads = torch.tensor([r["p_over_pstar"] for r in rows], dtype=F64) * scale
    contact = solve_contact(h.expand(len(rows), n, n), loads, 1.0, (1.0, 1.0))
    for i, row in enumerate(rows):
        stored = row[f"n{n}"]
        assert float(real_area(contact)[i]) == pytest.approx(stored["A_corrected"], rel=5e-3)
        assert float(contact.peak[i]) / scale == pytest.approx(stored["pmax_over_pstar"], rel=1e-5)
        assert float(contact.pressure[i].square().mean()) / scale**2 == pytest.approx(
            stored["p2_over_pstar2"], rel=1e-5
        )
        assert float(contact.gap[i].mean()) == pytest.approx(stored["mean_gap_over_Delta"], rel=1e-5)


def test_rough_maps_against_stored_pressures(reference, data_folder):
    heights = np.load(data_folder / "friction" / "rough_surfaces.npz")
    pressures = np.load(data_folder / "friction" / "rough_pressures.npz")
    for row in reference["rough"]["sets"]:
        h = torch.as_tensor(heights[row["id"]])
        contact = solve_contact(h, 0.01, 1.0, (1.0, 1.0))
        stored = next(r for r in row["elastic"] if r["p_over_Eh"] == 0.1)
        p = torch.as_tensor(pressures[f"{row['id']}__elastic_p0.10"]).to(F64)
        assert float((contact.pressure - p).norm() / p.norm()) <= 1e-5
        assert float(contact_area(contact.touching, 2, corrected=False)) == pytest.approx(stored["A_raw"], rel=2e-4)
        assert float(contact_line(contact.touching, 2)) == pytest.approx(stored["perimeter_segments"], rel=5e-3)
        assert float(real_area(contact)) == pytest.approx(stored["A_corrected"], rel=5e-3)
        assert float(contact.pressure.square().mean()) == pytest.approx(stored["p2_mean"], rel=1e-5)
        height = float(h.std(correction=0))
        assert float(contact.gap.mean()) / height == pytest.approx(stored["mean_gap_over_hrms"], rel=1e-5)


def test_hardness_against_stored_areas_and_beyond_them(reference, data_folder):
    heights = np.load(data_folder / "friction" / "rough_surfaces.npz")
    row = reference["rough"]["sets"][0]
    h = torch.as_tensor(heights[row["id"]])[::1]
    rows = [r for r in row["saturated"] if r["H_over_Eh"] in (0.25, 1.0)][::3]
    hardness = torch.tensor([0.1 * r["H_over_Eh"] for r in rows], dtype=F64)
    load = torch.tensor([0.1 * r["p_over_Eh"] for r in rows], dtype=F64)
    contact = solve_contact(h.expand(len(rows), 256, 256), load, 1.0, (1.0, 1.0), hardness)
    for i, stored in enumerate(rows):
        assert float(contact.touching[i].to(F64).mean()) == pytest.approx(stored["A_raw"], rel=1e-3)
        assert float(contact.plastic[i].to(F64).mean()) == pytest.approx(stored["A_plastic"], rel=2e-3)


def test_hardness_converges_at_every_load():
    h = rough(1, (64, 64))
    ratio = torch.cat([torch.linspace(0.05, 0.95, 10, dtype=F64), torch.tensor([0.99], dtype=F64)])
    hardness = 0.25 * 0.1
    contact = solve_contact(h.expand(len(ratio), 64, 64), ratio * hardness, 1.0, (1.0, 1.0), hardness)
    assert bool(contact.converged.all())
    assert torch.allclose(contact.pressure.mean((-2, -1)), ratio * hardness, rtol=1e-10)
    assert float(contact.pressure.max()) == hardness and float(contact.pressure.min()) == 0.0
    gap = contact.gap
    assert float(gap[~contact.touching].min()) > -1e-9, "open pixels must be open"
    assert float(gap[contact.plastic].max()) < 1e-9, "saturated pixels must be pressed in"
    elastic = contact.touching & ~contact.plastic
    assert float(gap[elastic].abs().max()) < 1e-9, "elastic contact has no gap"


def test_random_capped_problems_satisfy_their_conditions():
    generator = torch.Generator().manual_seed(5)
    h = 0.02 * torch.randn(64, 12, 10, generator=generator, dtype=F64)
    load = 0.01 + 0.5 * torch.rand(64, generator=generator, dtype=F64)
    hardness = load / (0.01 + 0.97 * torch.rand(64, generator=generator, dtype=F64))
    contact = solve_contact(h, load, 1.0, (1.0, 1.3), hardness, tolerance=1e-12, max_iterations=400)
    gap = contact.gap
    assert float((gap * (contact.touching & ~contact.plastic)).abs().max()) < 1e-11
    assert float((gap * ~contact.touching).min()) > -1e-11
    assert float((gap * contact.plastic).max()) < 1e-11


def test_full_contact_is_linear():
    h = rough(2, (48, 40), size=(1.0, 0.7))
    contact = solve_contact(h, 10.0, 1.0, (1.0, 0.7))
    expected = 10.0 + contact.space.flatten(h - h.mean((-2, -1), keepdim=True))
    # the Nyquist modes of an even grid are real too, so the inverse is exact
    assert torch.allclose(contact.pressure, expected, rtol=1e-8)
    assert int(contact.iterations.max()) <= 2


def test_symmetries():
    h = rough(1, (48, 48))
    contact = solve_contact(h, 0.01, 1.0, (1.0, 1.0), 0.1)
    p = contact.pressure
    moved = solve_contact(h.roll((5, -7), (1, 2)), 0.01, 1.0, (1.0, 1.0), 0.1).pressure
    turned = solve_contact(h.rot90(1, (1, 2)), 0.01, 1.0, (1.0, 1.0), 0.1).pressure
    scaled = solve_contact(2e-9 * h, 3.0 * 0.01, 3.0, (2e-9, 2e-9), 3.0 * 0.1).pressure
    doubled = solve_contact(2.0 * h, 0.02, 1.0, (1.0, 1.0), 0.2).pressure
    assert torch.allclose(moved, p.roll((5, -7), (1, 2)), atol=1e-7)
    assert torch.allclose(turned, p.rot90(1, (1, 2)), atol=1e-7)
    assert torch.allclose(scaled, 3.0 * p, atol=1e-7), "only amplitude / wavelength and P / E* matter"
    assert torch.allclose(doubled, 2.0 * p, atol=1e-7)


def test_batch_equals_single_surfaces_and_warm_start_saves_iterations():
    h = rough(3, (32, 36))
    load = torch.tensor([0.002, 0.01, 0.05], dtype=F64)
    together = solve_contact(h, load, 1.0, (1.0, 1.0))
    for i in range(3):
        alone = solve_contact(h[i], float(load[i]), 1.0, (1.0, 1.0))
        assert torch.allclose(together.pressure[i], alone.pressure, atol=1e-7)
    again = solve_contact(1.01 * h, load, 1.0, (1.0, 1.0), start=together.pressure)
    cold = solve_contact(1.01 * h, load, 1.0, (1.0, 1.0))
    assert int(again.iterations.sum()) < int(cold.iterations.sum())


def test_float32_agrees():
    h = rough(4, (64, 64))
    double = solve_contact(h, 0.005, 1.0, (1.0, 1.0))
    single = solve_contact(h.float(), 0.005, 1.0, (1.0, 1.0))
    assert single.pressure.dtype == torch.float32
    assert float((single.pressure - double.pressure).norm() / double.pressure.norm()) < 1e-4


def test_profile_as_a_map():
    h = torch.cos(2.0 * math.pi * grid(64)) * 0.01
    profile = solve_contact(h, 0.005, 1.0, (1.0,), tolerance=1e-10).pressure
    ridges = solve_contact(h.expand(8, 64), 0.005, 1.0, (0.125, 1.0), tolerance=1e-10).pressure
    assert torch.allclose(ridges, profile.expand(8, 64), atol=1e-8)


@pytest.mark.parametrize("capped", [False, True])
def test_gradcheck(capped):
    generator = torch.Generator().manual_seed(0)
    h = (0.02 * torch.randn(2, 6, 5, generator=generator, dtype=F64)).requires_grad_()
    inputs = [torch.tensor(x, dtype=F64, requires_grad=True) for x in ([0.2, 0.3], [2.0, 0.5], [0.35, 0.5])]
    w = torch.randn(2, 6, 5, generator=generator, dtype=F64)
    exact = {"tolerance": 1e-14, "adjoint_tolerance": 1e-12}

    def loss(h, load, modulus, *hardness):
        contact = solve_contact(h, load, modulus, (1.0, 1.3), *hardness, **exact)
        assert not capped or 0 < int(contact.plastic.sum()) < int(contact.touching.sum())
        return (contact.pressure.square() * w).sum((-2, -1))

    assert torch.autograd.gradcheck(loss, (h, *inputs[: 3 if capped else 2]), eps=1e-7, atol=1e-6, rtol=1e-5)


def test_gradient_of_smoothed_area_by_amplitude():
    h = rough(8, (64, 64), seed=3)
    scale = torch.ones((), dtype=F64, requires_grad=True)
    contact = solve_contact(scale * h, 0.005, 1.0, (1.0, 1.0))
    area = smoothed_area(contact, 0.005).mean()
    (slope,) = torch.autograd.grad(area, scale, retain_graph=True)
    low, high = (smoothed_area(solve_contact(s * h, 0.005, 1.0, (1.0, 1.0)), 0.005).mean() for s in (0.95, 1.05))
    assert float(slope) == pytest.approx(float((high - low) / 0.1), rel=0.1)
    value = real_area(contact, 0.005)
    assert torch.equal(value.detach(), real_area(contact)), "the value stays the counted one"
    (relative,) = torch.autograd.grad(value.log().sum(), scale)
    assert float(relative) < 0.0, "a higher texture touches less"


def test_runs_on_the_meta_device():
    h = torch.empty(2, 16, 16, device="meta", requires_grad=True)
    contact = solve_contact(h, 0.01, 1.0, (1.0, 1.0), 0.1)
    smoothed_area(contact, 0.01).sum().backward()
    assert h.grad is not None and h.grad.shape == h.shape


def test_named_errors():
    h = rough(1, (16, 16))
    with pytest.raises(DataError, match="not finite"):
        solve_contact(h.where(h > 0, torch.nan), 0.01, 1.0, (1.0, 1.0))
    with pytest.raises(DataError, match="hardness"):
        solve_contact(h, 0.01, 1.0, (1.0, 1.0), 0.01)
    with pytest.raises(DataError, match="load"):
        solve_contact(h, -0.01, 1.0, (1.0, 1.0))
    with pytest.raises(ShapeError):
        solve_contact(h, 0.01, 1.0, (1.0, 0.0))
    with pytest.raises(ConvergenceError, match="1 of 1"):
        solve_contact(h, 0.01, 1.0, (1.0, 1.0), max_iterations=2)
    loose = solve_contact(h, 0.01, 1.0, (1.0, 1.0), max_iterations=2, strict=False)
    assert not bool(loose.converged) and float(loose.error) > 1e-8
