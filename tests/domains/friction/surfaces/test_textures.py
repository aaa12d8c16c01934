"""Families of textures."""

import pytest
import torch

from advsci.streams import Stream
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.textures import FAMILIES, PARAMETERS, assemble, draw_shapes, layout_of

F64 = torch.float64


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
