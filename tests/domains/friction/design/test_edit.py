"""Design by edit: the library answers at every depth, edits meet the finer grid, stay small, and keep what is fixed."""

import pytest
import torch

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_friction.data.materials import MATERIALS
from advsci_friction.design.by_edit import as_designs, best_depth, design_by_edit, wanted_areas
from advsci_friction.design.edit import edit, nearest, process_spectrum
from advsci_friction.design.property import Areas
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.pressed import log_areas, press
from advsci_friction.surfaces.process import fourier_resample
from advsci_friction.surfaces.processes import find_process

DLC = MATERIALS["dlc"]


@pytest.fixture(scope="module")
def library():
    process = find_process("e-beam")
    return press(process.simulate(16, Stream(0), 32), process.cell)


def test_the_library_interpolates_its_areas_and_knows_other_depths(library):
    strain = library.log_strain[8:10].exp().mean()[None]
    solved = log_areas(library.maps.double(), strain, 1e-5)
    assert float((library.areas(strain) - library.corrections(strain) - solved).abs().max()) < 0.08
    deeper = library.deeper(2.0)
    assert torch.allclose(deeper.areas(2.0 * strain), library.areas(strain), atol=1e-5)
    assert torch.allclose(log_areas(deeper.maps.double(), 2.0 * strain, 1e-5), solved, atol=1e-4)


def test_the_library_answers_for_the_finer_grid():
    process = find_process("laser-ripples")
    ripples = press(process.simulate(8, Stream(0), 40), process.cell)  # four pixels per wave
    strain = ripples.log_strain[[7]].exp()
    coarse, fine = (log_areas(fourier_resample(ripples.maps, n), strain) for n in (40, 80))
    assert float((coarse - fine).mean()) > 0.1
    assert float((ripples.areas(strain) - fine).mean()) == pytest.approx(0.0, abs=0.02)


def test_edits_meet_unseen_areas_at_two_loads_on_the_finer_grid(library):
    held = find_process("e-beam").simulate(4, Stream(1), 32) / find_process("e-beam").cell
    strain = library.log_strain[[7, 10]].exp()
    wanted = log_areas(fourier_resample(held, 64), strain)
    rows = torch.stack([nearest(library, w, strain, 1)[0] for w in wanted])
    before = (library.areas(strain)[rows] - wanted).abs().amax(1)
    found = edit(library.maps, wanted, Areas(strain), rows, 8, error=0.02)
    again = log_areas(fourier_resample(found.maps, 64), strain)
    assert torch.allclose(again, found.logs, atol=1e-3)
    assert float(found.error.median()) < 0.02 < float(before.median())
    change = (found.maps - found.start).std((1, 2)) / found.start.std((1, 2))
    assert float(change.max()) < 0.3


def test_where_the_coarse_grid_misleads_the_finer_one_takes_over():
    process = find_process("laser-ripples")  # ten waves along the cell: four pixels per wave
    ripples = press(process.simulate(12, Stream(0), 40), process.cell)
    held = same_band(process.simulate(4, Stream(1), 40) / process.cell)
    strain = ripples.log_strain[[7, 9]].exp()
    wanted = log_areas(fourier_resample(held, 80), strain)
    rows = torch.stack([nearest(ripples, w, strain, 1)[0] for w in wanted])
    assert float(edit(ripples.maps, wanted, Areas(strain), rows, process.band, rounds=0).error.median()) > 0.05
    assert float(edit(ripples.maps, wanted, Areas(strain), rows, process.band).error.median()) < 0.02


def same_band(maps):
    band = Band(maps.shape[-1] // 2 - 1)
    return band.synthesise(band.analyse(maps), maps.shape[-1])


def test_an_edit_is_band_limited_and_leaves_fixed_pixels(library):
    strain = library.log_strain[[8]].exp()
    rows = torch.arange(3)
    wanted = library.areas(strain)[rows] + 0.1
    found = edit(library.maps, wanted, Areas(strain), rows, 5, rounds=1)
    modes = torch.fft.fft2(found.maps - found.start).abs()
    beyond = process_spectrum(library.maps, 5) == 0.0
    assert float(modes[:, beyond].max()) < 1e-5 * float(modes.max())
    fixed = torch.zeros(32, 32, dtype=torch.bool)
    fixed[:8] = True
    held = edit(library.maps, wanted, Areas(strain), rows, 5, fixed=fixed, rounds=1)
    assert torch.equal(held.maps[:, :8], held.start[:, :8]) and not torch.equal(held.maps, held.start)


def test_gradients_predict_the_area_of_a_small_edit(library):
    strain = library.log_strain[[9]].exp()
    h = library.maps[:6].double()
    area, g = Areas(strain).gradients(h, 32)
    step = 0.02 * h * (1.0 if float((g * h[:, None]).sum()) > 0 else -1.0)
    predicted = (g[:, 0] * step).sum((1, 2))
    found = (log_areas(h + step, strain) - log_areas(h - step, strain))[:, 0] / 2.0
    assert float((found / predicted).median()) == pytest.approx(1.0, abs=0.35)


def test_requests_in_the_users_terms(library):
    request = [(0.06, 2e7), (0.055, 4e7)]
    wanted, strain = wanted_areas(DLC, request)
    assert wanted.exp().tolist() == pytest.approx([0.06 * 2 / 3.1, 0.055 * 4 / 3.1]) and strain[0] == 2e7 / DLC.modulus
    factor = best_depth(library, DLC, request, 3, (0.05, 20.0))
    made = design_by_edit(library.deeper(factor), 8, DLC, request, 3, reach=1.0)
    designs = as_designs(made.maps, library.cell, DLC, request, "e-beam")
    assert designs.more == ((0.055, 4e7),) and designs.names == ("e-beam",)
    assert torch.allclose(
        designs.heights(32), library.cell * (made.maps - made.maps.mean((1, 2), keepdim=True)), atol=1e-10
    )
    with pytest.raises(ConfigError, match="contact at the hardness|to full contact"):
        wanted_areas(DLC, [(9.0, 2e7)])
    with pytest.raises(ConfigError, match="nearest map"):
        design_by_edit(library.deeper(100.0), 8, DLC, request, 2)
