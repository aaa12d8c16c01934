"""Every operator: exact adjoint, batches, derivatives; the projectors against exact areas and lengths."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.fft import dctn
from scipy.linalg import hadamard
from scipy.sparse.linalg import aslinearoperator

from advsci.errors import ConfigError, DataError, ShapeError
from advsci.streams import Stream
from advsci_inverse.config import OperatorSpec
from advsci_inverse.operators import (
    Blur,
    DenseOperator,
    Downsampling,
    DynamicSampling,
    FanBeam,
    FourierRadon,
    FourierSampling,
    Inpainting,
    Radon,
    Reflectivity,
    SparseOperator,
    SubsampledDCT,
    SubsampledHadamard,
    TravelTime,
    as_operator,
    build_operator,
    cartesian_mask,
    dct,
    dot_test,
    equispaced_angles,
    from_callables,
    gaussian_kernel,
    gaussian_sensing,
    ricker,
    stack,
)
from advsci_inverse.operators.sensing import hadamard_transform


def _coils(n: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(3, n, n, generator=generator, dtype=torch.complex64)


def _operators() -> dict:
    angles = equispaced_angles(7) + 0.1
    mask = cartesian_mask((12, 12), 3.0)
    return {
        "gaussian": gaussian_sensing(20, (9, 8)),
        "dct": SubsampledDCT(30, (9, 8)),
        "hadamard": SubsampledHadamard(30, (9, 8)),
        "radon": Radon(16, angles),
        "fan": FanBeam(16, equispaced_angles(6, 2 * math.pi), 25, source=40.0, detector=30.0),
        "fourier_radon": FourierRadon(24, angles),
        "fourier_radon_odd": FourierRadon(17, angles, 21),
        "fourier": FourierSampling(mask, _coils(12)),
        "fourier_complex": FourierSampling(mask, _coils(12), complex_image=True),
        "dynamic": DynamicSampling(torch.stack([cartesian_mask((6, 6), 2.0, seed=k) for k in range(3)]), _coils(6)),
        "blur": Blur(gaussian_kernel(1.2), (11, 14)),
        "blur_asymmetric": Blur(torch.arange(15.0).reshape(3, 5), (11, 14), periodic=True),
        "inpainting": Inpainting(torch.arange(30).reshape(5, 6) % 3),
        "downsampling": Downsampling(3, (12, 15)),
        "travel_time": TravelTime((10, 10), [[0.0, 5.0], [0.0, 45.0]], [[100.0, 20.0], [100.0, 90.0]], 10.0),
        "reflectivity": Reflectivity(ricker(25.0, 0.004, 15) + torch.arange(15) / 30, (20, 6)),
        "composed": Downsampling(2, (12, 12)) @ Blur(gaussian_kernel(1.0), (12, 12)),
        "stacked": stack(Radon(12, angles), Inpainting(torch.eye(12))),
        "adjoint": Radon(12, angles).T,
    }


@pytest.mark.parametrize("name", list(_operators()))
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_dot_test_with_signed_vectors(name, dtype, tolerance):
    assert dot_test(_operators()[name], dtype=dtype) <= tolerance


@pytest.mark.parametrize("name", list(_operators()))
def test_derivatives_of_both_modes_and_second_order(name):
    operator = _operators()[name]
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, *operator.image_shape, generator=generator, dtype=torch.float64, requires_grad=True)
    v = torch.randn(2, *operator.image_shape, generator=generator, dtype=torch.float64)
    y = operator(x)
    (grad,) = torch.autograd.grad((y**2).sum() / 2, x, create_graph=True)
    torch.testing.assert_close(grad, operator.gram(x), rtol=1e-9, atol=1e-9)
    (hessian_v,) = torch.autograd.grad((grad * v).sum(), x)
    torch.testing.assert_close(hessian_v, operator.gram(v), rtol=1e-9, atol=1e-9)
    tangent = torch.func.jvp(operator, (x.detach(),), (v,))[1]
    torch.testing.assert_close(tangent, operator(v), rtol=1e-9, atol=1e-9)
    mapped = torch.func.vmap(operator)(x.detach())
    torch.testing.assert_close(mapped, y.detach(), rtol=1e-9, atol=1e-9)


def test_dense_matrix_agrees_with_the_operator():
    operator = _operators()["composed"]
    x = torch.randn(3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    dense = operator.matrix(dtype=torch.float64, chunk=50)
    torch.testing.assert_close(x.flatten(1) @ dense.T, operator(x).flatten(1))
    assert operator.norm(200, dtype=torch.float64) == pytest.approx(float(torch.linalg.matrix_norm(dense, 2)), rel=1e-4)


def test_strip_areas_are_exact():
    operator = Radon(16, np.array([0.0, math.pi / 4, math.pi / 2, 1.0]), 31)
    ones = torch.ones(1, 16, 16)
    torch.testing.assert_close(operator(ones).sum(-1), torch.full((1, 4), 256.0))  # every view sees the whole mass
    image = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(0))
    parallel = Radon(16, [0.0], 16)(image)[0, 0]  # one column a bin
    torch.testing.assert_close(parallel, image[0].sum(0), rtol=1e-5, atol=1e-5)
    # a strip of width 1 along the diagonal of a 2 x 2 square: its length less the two clipped corners
    diagonal = float(Radon(2, [math.pi / 4], 1)(torch.ones(1, 2, 2)))
    assert diagonal == pytest.approx(2 * math.sqrt(2) - 0.5, abs=1e-6)


def test_fan_beam_lengths_are_exact():
    central = FanBeam(10, [0.0, math.pi / 2, math.pi / 4], 1, source=50.0, detector=50.0)(torch.ones(1, 10, 10))
    torch.testing.assert_close(central.flatten(), torch.tensor([10.0, 10.0, 10.0 * math.sqrt(2)]), rtol=1e-5, atol=1e-5)


def test_a_wide_bin_takes_the_mean_over_its_width():
    image = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(0))
    wide = Radon(16, [0.0], 4, spacing=4.0)(image)[0, 0]
    torch.testing.assert_close(wide, image[0].sum(0).reshape(4, 4).mean(1), rtol=1e-5, atol=1e-5)


def test_a_fan_opens_away_from_its_source():
    """The source stands below: a pixel at (x, y) is seen at u = x (source + detector) / (source + y)."""
    fan = FanBeam(20, [0.0], 401, source=20.0, detector=20.0, pitch=0.2)
    for row, column in ((2, 15), (17, 15), (17, 3)):
        image = torch.zeros(1, 20, 20)
        image[0, row, column] = 1.0
        seen = fan(image).flatten()
        u = float((seen * (torch.arange(401) - 200) * 0.2).sum() / seen.sum())
        x, y = column - 9.5, 9.5 - row
        assert u == pytest.approx(x * 40.0 / (20.0 + y), abs=0.25)


def test_travel_time_of_a_uniform_medium_is_distance_over_speed():
    source, receiver = [[0.0, 5.0]], [[100.0, 65.0]]
    time = TravelTime((10, 10), source, receiver, 10.0)(torch.full((1, 10, 10), 1 / 2000.0))
    assert float(time) == pytest.approx(math.hypot(100, 60) / 2000.0, rel=1e-5)


def test_fourier_slice_projections_agree_with_exact_areas():
    angles = equispaced_angles(20)
    n = 64
    c = torch.arange(n) - (n - 1) / 2
    smooth = torch.exp(-((c[None] - 5) ** 2 + 2 * (c[:, None] + 3) ** 2) / 120)[None]
    exact = Radon(n, angles)(smooth)
    ours = FourierRadon(n, angles)(smooth)
    assert float((ours - exact).norm() / exact.norm()) < 2e-3
    disc = ((c[None] - 4) ** 2 + (c[:, None]) ** 2 < 400).float()[None]
    exact, ours = Radon(n, angles)(disc), FourierRadon(n, angles)(disc)
    assert float((ours - exact).norm() / exact.norm()) < 6e-3


def test_transforms_agree_with_scipy():
    x = torch.randn(2, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(dct(x), torch.as_tensor(np.asarray(dctn(x.numpy(), axes=(1, 2), norm="ortho"))))
    v = torch.randn(3, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(hadamard_transform(v), v.numpy() @ hadamard(16) / 4.0, atol=1e-12)


def test_random_sensing_preserves_energy_on_average():
    x = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(0))
    for kind in (gaussian_sensing, SubsampledDCT, SubsampledHadamard):
        ratio = (
            sum(float(kind(64, (16, 16), seed=s)(x).square().sum()) for s in range(40)) / 40 / float(x.square().sum())
        )
        assert ratio == pytest.approx(1.0, abs=0.1)


def test_adapters_accept_what_is_right_and_refuse_what_is_not():
    matrix = np.random.default_rng(0).standard_normal((7, 12)).astype(np.float32)
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    expected = x.flatten(1) @ torch.from_numpy(matrix).T
    from scipy.sparse.linalg import aslinearoperator

    for source in (matrix, sp.csr_matrix(matrix), aslinearoperator(matrix)):
        torch.testing.assert_close(as_operator(source, (3, 4))(x), expected)
    with pytest.raises(DataError, match="dot test"):
        from_callables(lambda v: v * 2, lambda v: v * 3, (4,), (4,))


def test_pylops_operators_are_adapted_exactly():
    pylops = pytest.importorskip("pylops", reason="PyLops is not installed")
    x = torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    theirs = pylops.FirstDerivative((6, 9), axis=1, kind="forward", dtype="float64")
    operator = as_operator(theirs, (6, 9), (6, 9))
    exact = torch.cat([x[..., 1:] - x[..., :-1], torch.zeros(2, 6, 1)], -1)
    torch.testing.assert_close(operator(x), exact)
    assert dot_test(operator) <= 1e-12
    chained = DenseOperator(torch.randn(5, 54, dtype=torch.float64), (6, 9)) @ operator
    assert dot_test(chained) <= 1e-12


def test_astra_projector_is_adapted_and_agrees_with_ours():
    astra = pytest.importorskip("astra", reason="the ASTRA toolbox is not installed", exc_type=ImportError)
    n, angles = 24, equispaced_angles(9)
    ours = Radon(n, angles)
    geometry = astra.create_proj_geom("parallel", 1.0, ours.data_shape[1], angles)
    projector = astra.create_projector("strip", geometry, astra.create_vol_geom(n, n))
    operator = as_operator(astra.OpTomo(projector), (n, n), ours.data_shape)
    assert dot_test(operator, dtype=torch.float32) <= 1e-5
    row, column = torch.meshgrid(torch.arange(n) - 11.5, torch.arange(n) - 11.5, indexing="ij")
    x = torch.exp(-((row - 2) ** 2 + (column + 3) ** 2) / 18)[None]
    torch.testing.assert_close(operator(x), ours(x), rtol=1e-4, atol=1e-4)


def test_deepinv_physics_is_adapted():
    try:
        import deepinv  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError) as error:  # beside a CPU build of torch its torchvision raises RuntimeError
        pytest.skip(f"deepinv cannot be imported: {error}")
    mask = (torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    physics = deepinv.physics.Inpainting(img_size=(1, 8, 8), mask=mask)
    operator, x = as_operator(physics, (8, 8)), torch.rand(3, 8, 8)
    torch.testing.assert_close(operator(x).reshape(3, 8, 8), x * mask)
    assert dot_test(operator, dtype=torch.float32) <= 1e-5


def test_pylops_complex_transforms_are_adapted_with_real_images():
    pylops = pytest.importorskip("pylops", reason="PyLops is not installed")
    theirs = pylops.signalprocessing.FFT2D((6, 8), dtype="complex128")
    operator, x = as_operator(theirs, (6, 8), (6, 8)), torch.randn(2, 6, 8, dtype=torch.float64)
    assert operator.data_shape == (6, 8, 2) and dot_test(operator) <= 1e-10
    exact = torch.view_as_real(torch.fft.fft2(x))
    torch.testing.assert_close(operator(x) / operator(x).norm(), exact / exact.norm())


def test_complex_matrices_of_scipy_keep_their_imaginary_part():
    matrix = Stream(0).normal((2, 5, 12), dtype=torch.float64)
    theirs = aslinearoperator(torch.complex(*matrix).numpy())
    operator, x = as_operator(theirs, (3, 4)), torch.randn(2, 3, 4, dtype=torch.float64)
    assert operator.data_shape == (5, 2) and dot_test(operator) <= 1e-10
    torch.testing.assert_close(operator(x), torch.stack([x.flatten(1) @ part.T for part in matrix], -1))


class _ComplexImages:
    """deepinv's MRI: real and imaginary part of image and k-space are two channels."""

    def __init__(self, operator: FourierSampling):
        self.operator = operator

    def A(self, x):
        return self.operator(x.movedim(1, -1))[:, 0].movedim(-1, 1)

    def A_adjoint(self, y):
        return self.operator.adjoint(y.movedim(1, -1)[:, None]).movedim(-1, 1)


def test_physics_of_complex_images_is_adapted():
    ours = FourierSampling(cartesian_mask((6, 8), 2.0), complex_image=True)
    operator = as_operator(_ComplexImages(ours), (6, 8, 2))
    assert operator.data_shape == (2, 6, 8) and dot_test(operator) <= 1e-10
    x = torch.randn(2, 6, 8, 2)
    torch.testing.assert_close(operator(x), ours(x)[:, 0].movedim(-1, 1))


def test_every_frame_of_a_film_is_sampled_by_its_own_mask():
    masks = torch.stack([cartesian_mask((6, 8), 2.0, seed=k) for k in range(3)])
    coils, film = torch.randn(2, 6, 8, dtype=torch.complex64), torch.randn(1, 3, 6, 8)
    found = DynamicSampling(masks, coils)(film)
    for k, mask in enumerate(masks):
        torch.testing.assert_close(found[:, k], FourierSampling(mask, coils)(film[:, k]))
    with pytest.raises(ShapeError, match="one per frame"):
        DynamicSampling(masks[0])


def test_a_cartesian_mask_measures_the_lowest_frequencies_and_as_many_columns_as_asked():
    for seed in range(3):
        half = cartesian_mask((3, 16), 2.0, centre=0.25, seed=seed)
        assert half.shape == (3, 16) and half[0].equal(half[2]) and int(half[0].sum()) == 8
        assert bool(half[:, [0, 1, 2, -1, -2]].all())  # |k| / 16 up to an eighth
        assert cartesian_mask((1, 16), 4.0, centre=0.25, seed=seed)[0].nonzero().flatten().tolist() == [0, 1, 2, 14, 15]
        sparse = cartesian_mask((1, 16), 8.0, centre=0.0, seed=seed)
        assert sparse[0, 0] == 1.0 and int(sparse.sum()) == 2
    assert not cartesian_mask((1, 16), 2.0, seed=0).equal(cartesian_mask((1, 16), 2.0, seed=1))
    assert bool(cartesian_mask((2, 5), 1.0, centre=1.0).all())
    for acceleration, centre in ((0.9, 0.1), (2.0, -0.1), (2.0, 1.1)):
        with pytest.raises(ConfigError, match=r"expected >= 1 and in \[0, 1\]"):
            cartesian_mask((4, 4), acceleration, centre=centre)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_k_space_of_coils_is_numpys_in_the_images_precision(dtype, tolerance):
    generator = torch.Generator().manual_seed(0)
    coils = torch.randn(2, 4, 6, generator=generator, dtype=torch.complex128)
    x, mask = torch.randn(3, 4, 6, generator=generator, dtype=dtype), cartesian_mask((4, 6), 2.0)
    found = FourierSampling(mask, coils)(x)
    exact = np.fft.fft2(x.double().numpy()[:, None] * coils.numpy(), norm="ortho") * mask.numpy()
    assert found.dtype == dtype
    assert np.allclose(torch.view_as_complex(found), exact, rtol=tolerance, atol=tolerance)


def test_an_offset_moves_the_bins_of_a_fan():
    settings = {"source": 30.0, "detector": 20.0}
    x = torch.rand(1, 10, 10)
    centred = FanBeam(10, equispaced_angles(3), 25, **settings)(x)
    moved = FanBeam(10, equispaced_angles(3), 25, offset=2.0, **settings)(x)
    torch.testing.assert_close(moved[..., 2:], centred[..., :-2])


def test_coils_and_mask_of_a_scanner_come_from_a_file(tmp_path):
    mask, coils = cartesian_mask((8, 8), 2.0, seed=5), torch.randn(3, 8, 8, dtype=torch.complex64)
    np.savez(tmp_path / "scanner.npz", mask=mask.numpy(), coils=coils.numpy())
    spec = OperatorSpec(kind="fourier", size=8, coils=tmp_path / "scanner.npz")
    x = torch.rand(2, 8, 8)
    torch.testing.assert_close(build_operator(spec)(x), FourierSampling(mask, coils)(x))
    for arrays, message in (
        ({"maps": coils.numpy()}, "expected coils or mask"),
        ({"mask": mask.numpy() * 0.5}, "ifftshift"),
        ({"coils": coils.numpy()[0]}, "sensitivities"),
    ):
        np.savez(tmp_path / "wrong.npz", **arrays)
        with pytest.raises(DataError, match=message):
            build_operator(spec.replace(coils=tmp_path / "wrong.npz"))


def test_wrong_shapes_are_named():
    with pytest.raises(ShapeError, match="expected"):
        Radon(8, [0.0])(torch.zeros(1, 9, 9))
    with pytest.raises(ShapeError, match="expected equal shapes"):
        _ = Radon(8, [0.0]) @ Radon(8, [0.0])
    with pytest.raises(ShapeError):
        DenseOperator(torch.zeros(3, 5), (2, 2))
    with pytest.raises(ShapeError):
        SparseOperator(sp.eye(4).tocsr(), (5,))


@pytest.mark.parametrize("name", ["gaussian", "dct", "blur", "inpainting", "downsampling", "fourier"])
def test_operators_run_on_the_meta_device(name):
    operator = _operators()[name].to("meta")
    x = torch.zeros(2, *operator.image_shape, device="meta")
    assert operator.adjoint(operator(x)).shape == x.shape


def test_views_share_their_arc_and_none_are_refused():
    assert np.allclose(equispaced_angles(4, 2 * math.pi), [0.0, math.pi / 2, math.pi, 1.5 * math.pi])
    assert np.allclose(equispaced_angles(3), [0.0, math.pi / 3, 2 * math.pi / 3]) and len(equispaced_angles(1)) == 1
    with pytest.raises(ConfigError, match="at least 1"):
        equispaced_angles(0)
