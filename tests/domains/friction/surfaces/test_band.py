"""Band-limited maps are exact on every grid."""

import torch

from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.roughness import roughness

F64 = torch.float64


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
