"""Measured data of every kind that users bring: shapes, names, dead detectors, noise, units, transmissions."""

import numpy as np
import pytest
import torch

from advsci.cli import run_app
from advsci.errors import DataError
from advsci.streams import Stream
from advsci_inverse.cli import app
from advsci_inverse.data.geometry import rotation_centre
from advsci_inverse.data.images import Scale, read_stack
from advsci_inverse.data.measured import check_scale, read_measured, ready
from advsci_inverse.data.noise import Gaussian, Poisson
from advsci_inverse.evaluation.scores import mse
from advsci_inverse.methods import reconstruct
from advsci_inverse.operators import (
    FourierSampling,
    Radon,
    Selected,
    cartesian_mask,
    dot_test,
    equispaced_angles,
    gaussian_sensing,
)
from advsci_inverse.problem import Problem

N, VIEWS, SIGMA = 12, 10, 0.02


@pytest.fixture(scope="module")
def scanner():
    return Radon(N, equispaced_angles(VIEWS))


@pytest.fixture(scope="module")
def images():
    x = torch.zeros(4, N, N)
    for k in range(4):
        x[k, 2 + k : 7 + k, 3:9] = 0.3 + 0.2 * k
    return x


@pytest.fixture(scope="module")
def y(scanner, images):
    return Gaussian(SIGMA).sample(scanner(images), Stream(0))


def _file(tmp_path, **arrays):
    path = tmp_path / "y.npz"
    np.savez(path, **arrays)
    return path


def _groups(tmp_path, scanner, scale=None, noise=None, transmission=False, **arrays):
    measured = read_measured(_file(tmp_path, **arrays), scanner, transmission=transmission)
    return ready(measured, scanner, scale or Scale(), noise=noise)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_precision_and_an_only_array_of_another_name_are_read(dtype, tmp_path, scanner, y):
    (group,), notes = _groups(tmp_path, scanner, sino=y.numpy().astype(dtype), sigma=np.float64(SIGMA))
    torch.testing.assert_close(group.y, y, rtol=2e-3, atol=2e-3)
    assert group.sigma == pytest.approx(SIGMA) and any("sino" in note for note in notes)


def test_one_image_needs_no_axis_for_it(tmp_path, scanner, y):
    (group,), _ = _groups(tmp_path, scanner, y=y[0].numpy(), sigma=SIGMA)
    assert group.y.shape == (1, *scanner.data_shape)


@pytest.mark.parametrize("how", [np.nan, 0.0])
def test_a_dead_detector_does_not_harm_the_image(how, tmp_path, scanner, images, y):
    """Left out, a dead column costs little; read as zeros, it costs much."""
    broken = y.numpy().copy()
    broken[:, :, scanner.data_shape[1] // 2] = how
    (group,), notes = _groups(tmp_path, scanner, y=broken, sigma=SIGMA)
    assert group.operator.data_size == scanner.data_size - VIEWS and any("dead" in note for note in notes)
    error = lambda o, data: float(mse(reconstruct("tv", Problem(o, data, SIGMA)).mean, images).mean())  # noqa: E731
    zeros = torch.from_numpy(np.nan_to_num(broken))
    assert error(group.operator, group.y) < 0.5 * error(scanner, zeros)


def test_gaps_that_differ_from_image_to_image_are_refused(tmp_path, scanner, y):
    broken = y.numpy().copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(DataError, match="one file per image"):
        _groups(tmp_path, scanner, y=broken, sigma=SIGMA)


def test_noise_may_be_one_number_one_per_image_or_one_per_datum(tmp_path, scanner, y):
    same, _ = _groups(tmp_path, scanner, y=y.numpy(), sigma=np.full(4, SIGMA))
    assert len(same) == 1 and same[0].sigma == pytest.approx(SIGMA)
    two, _ = _groups(tmp_path, scanner, y=y.numpy(), sigma=np.array([0.02, 0.04, 0.02, 0.04]))
    assert [g.index.tolist() for g in two] == [[0, 2], [1, 3]] and two[1].sigma == pytest.approx(0.04)
    each = 0.01 + 0.01 * np.random.default_rng(0).random(scanner.data_shape)
    (weighed,), notes = _groups(tmp_path, scanner, y=y.numpy(), sigma=each)
    assert weighed.sigma == 1.0 and any("weighed" in note for note in notes)
    assert dot_test(weighed.operator) < 1e-10
    torch.testing.assert_close(weighed.y, (y / torch.from_numpy(each).float()).flatten(1))
    with pytest.raises(DataError, match="one per image"):
        _groups(tmp_path, scanner, y=y.numpy(), sigma=np.ones(3))


def test_no_noise_at_all_is_rounding(tmp_path, scanner, images):
    (group,), notes = _groups(tmp_path, scanner, y=scanner(images).numpy(), sigma=0.0)
    assert 0 < group.sigma < 1e-2 and any("rounding" in note for note in notes)


def test_unstated_noise_is_estimated_or_asked_for(tmp_path, scanner, images):
    tall = Radon(N, equispaced_angles(24))
    data = Gaussian(0.1).sample(tall(images), Stream(1))
    (group,), notes = _groups(tmp_path, tall, y=data.numpy())
    assert group.sigma == pytest.approx(0.1, rel=0.15) and any("estimated" in note for note in notes)
    few = gaussian_sensing(20, (N, N))
    with pytest.raises(DataError, match="--noise"):
        _groups(tmp_path, few, y=few(images).numpy())
    (group,), _ = _groups(tmp_path, few, y=few(images).numpy(), noise=0.05)
    assert group.sigma == pytest.approx(0.05 * float(few(images).square().mean().sqrt()))


@pytest.mark.parametrize(("low", "high"), [(0.0, 255.0), (-1000.0, 1000.0)])
def test_data_in_the_users_units_give_images_in_them(low, high, tmp_path, scanner, images, y):
    """What the unit-scale problem gives, the user's units give, to rounding."""
    scale = Scale(low, high)
    theirs = scanner(scale.from_unit(images)) + (high - low) * (y - scanner(images))
    (group,), _ = _groups(tmp_path, scanner, scale, y=theirs.numpy(), sigma=SIGMA * (high - low))
    torch.testing.assert_close(group.y, y, rtol=1e-4, atol=1e-3)
    assert group.sigma == pytest.approx(SIGMA, rel=1e-4)
    check_scale([group], scanner, images)


def test_data_of_another_scale_are_refused_before_anything_runs(tmp_path, scanner, images, y):
    (group,), _ = _groups(tmp_path, scanner, y=255 * y.numpy(), sigma=255 * SIGMA)
    for known in (images, None):
        with pytest.raises(DataError, match="--units 0"):
            check_scale([group], scanner, known)
    np.savez(tmp_path / "scan.npz", y=255 * y.numpy(), sigma=255 * SIGMA)
    geometry = ["--operator.size", str(N), "--operator.views", str(VIEWS), "--out", str(tmp_path / "run")]
    assert run_app(app, ["reconstruct", str(tmp_path / "scan.npz"), *geometry]) == 1
    geometry[-1] = str(tmp_path / "again")
    assert run_app(app, ["reconstruct", str(tmp_path / "scan.npz"), "--units", "0", "255", *geometry]) == 0
    with np.load(tmp_path / "again" / "reconstruction.npz") as file:
        error = np.abs(file["mean"] - 255 * images.numpy()).mean()
        assert error < 15 and 0.5 < file["residual_over_noise"].mean() < 2


def test_transmissions_become_line_integrals_with_their_noise(tmp_path, scanner, images):
    t = np.exp(-0.2 * scanner(images).numpy())
    (group,), _ = _groups(tmp_path, scanner, Scale(0.0, 0.2), transmission=True, y=t, sigma=np.float64(0.002))
    assert group.sigma == 1.0
    assert isinstance(group.operator, Selected)
    weights = torch.from_numpy(t).mean(0).flatten()[group.operator.kept] / 0.002 * 0.2  # t / sigma, in unit images
    seen = scanner(images).flatten(1)[:, group.operator.kept]
    torch.testing.assert_close(group.y / weights, seen, rtol=1e-3, atol=1e-3)
    with pytest.raises(DataError, match="open beam"):
        _groups(tmp_path, scanner, transmission=True, y=10 * t)


@pytest.mark.parametrize("logarithm", [False, True])
@pytest.mark.parametrize("electronics", [0.0, 0.02])
def test_what_counts_leave_is_white_noise(logarithm, electronics, tmp_path, scanner, images):
    """Weighed by their own noise, data less those of the true image have variance 1, bright and dark rays alike."""
    many = images.repeat(50, 1, 1)
    clean = 0.3 * scanner(many)
    gain = 400.0
    counted = Poisson(gain).sample((-clean).exp() if logarithm else clean, Stream(4))
    measured = counted + electronics * Stream(5).normal(tuple(counted.shape))
    path = _file(tmp_path, y=measured.numpy(), sigma=np.full((), electronics))
    held = read_measured(path, scanner, transmission=logarithm, limit=200)
    groups, notes = ready(held, scanner, Scale(0.0, 0.3), counts=gain)
    assert len(groups) == 200 and any("counts" in note for note in notes)
    left = torch.cat([g.y - g.operator(x[None]) for g, x in zip(groups, many, strict=True)])
    rays = scanner(many).flatten(1)[:, groups[0].operator.kept]
    for part in (rays > 3.0, (rays > 0.5) & (rays <= 3.0)):
        assert float(left[part].std()) == pytest.approx(1.0, abs=0.12)


def test_counts_are_an_option_of_the_script(tmp_path, images):
    np.savez(tmp_path / "x.npz", x=images[:2].numpy())
    settings = ["--simulate", "--counts", "500", "--method", "cgls", "--operator.views", "8"]
    where = ["--out", str(tmp_path / "run")]
    assert run_app(app, ["reconstruct", str(tmp_path / "x.npz"), *settings, *where]) == 0
    with np.load(tmp_path / "run" / "reconstruction.npz") as file:
        assert any("500 per datum" in note for note in file["notes"])
        assert float(((file["mean"] - file["truth"]) ** 2).mean()) < 0.3 * float((file["truth"] ** 2).mean())


def test_transmissions_are_told_from_line_integrals(tmp_path, scanner, images):
    """Along rays that miss the image the one is 1, the other 0; read as line integrals they would be a bright haze."""
    wide = Radon(N, equispaced_angles(VIEWS), N + 10)
    t = np.exp(-0.2 * wide(images).numpy())
    with pytest.raises(DataError, match="Try: --transmission"):
        _groups(tmp_path, wide, y=t, sigma=0.002)
    _groups(tmp_path, wide, Scale(0.0, 0.2), transmission=True, y=t, sigma=0.002)
    bright = Gaussian(0.002).sample(wide(1.4 * images / wide(images).max()), Stream(3)).numpy()  # of the same size
    assert _groups(tmp_path, wide, y=bright, sigma=0.002)[1] == []


@pytest.mark.parametrize("offset", [0.0, -1.5, 2.0])
def test_a_rotation_centre_elsewhere_is_found_and_its_option_named(offset, tmp_path, images):
    scanner = Radon(N, equispaced_angles(VIEWS), 24)
    data = Gaussian(SIGMA).sample(Radon(N, equispaced_angles(VIEWS), 24, offset=offset)(images), Stream(2))
    torch.testing.assert_close(rotation_centre(data, scanner), torch.full((4,), offset), rtol=0, atol=0.1)
    notes = _groups(tmp_path, scanner, y=data.numpy(), sigma=SIGMA)[1]
    assert [("--operator.offset" in note, f"{offset:+.1f}" in note) for note in notes] == [(True, True)] * (offset != 0)


def test_complex_data_are_for_complex_operators(tmp_path, scanner, images):
    mri = FourierSampling(cartesian_mask((N, N), 2.0))
    k = torch.view_as_complex(mri(images)[:, 0].contiguous()).numpy()
    (group,), _ = _groups(tmp_path, mri, y=k, sigma=0.01)
    torch.testing.assert_close(group.y.reshape(4, *mri.data_shape) if group.y.dim() == 2 else group.y, mri(images))
    with pytest.raises(DataError, match="real operator"):
        _groups(tmp_path, scanner, y=k, sigma=0.01)


def test_other_detectors_are_named_and_can_be_stated(tmp_path, scanner, images):
    with pytest.raises(DataError, match="--operator.detectors 15"):
        _groups(tmp_path, scanner, y=np.zeros((2, VIEWS, 15), np.float32), sigma=0.1)
    shifted = Radon(N, equispaced_angles(VIEWS), offset=2.0)
    torch.testing.assert_close(shifted(images)[..., 2:], scanner(images)[..., :-2])
    coarse = Radon(N, equispaced_angles(VIEWS), 12, spacing=2.0)
    fine = Radon(N, equispaced_angles(VIEWS), 24)
    pairs = fine(images).reshape(4, VIEWS, 12, 2).mean(-1)
    torch.testing.assert_close(coarse(images), pairs, rtol=1e-5, atol=1e-5)


def test_selected_data_have_an_exact_adjoint(scanner):
    g = torch.Generator().manual_seed(0)
    kept, weights = torch.rand(scanner.data_shape, generator=g) > 0.3, torch.rand(scanner.data_shape, generator=g)
    assert dot_test(Selected(scanner, kept, weights)) < 1e-10


def test_volumes_are_turned_upright_and_four_axes_refused(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    volume = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    permuted = np.transpose(volume, (2, 0, 1))
    affine = np.zeros((4, 4))
    affine[2, 0] = affine[0, 1] = affine[1, 2] = affine[3, 3] = 1.0  # stored axes: superior, right, anterior
    nibabel.save(nibabel.Nifti1Image(permuted, affine), tmp_path / "p.nii.gz")
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "a.nii.gz")
    torch.testing.assert_close(read_stack(tmp_path / "p.nii.gz"), read_stack(tmp_path / "a.nii.gz"))
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4, 5), np.float32), np.eye(4)), tmp_path / "d.nii.gz")
    with pytest.raises(DataError, match="one file per time"):
        read_stack(tmp_path / "d.nii.gz")


def test_colours_become_grey_and_complex_images_are_refused(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    image = pytest.importorskip("PIL.Image")
    grey = np.random.default_rng(0).integers(0, 256, (6, 7), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "c.tif", np.stack([grey] * 3, -1), photometric="rgb")
    image.fromarray(np.stack([grey, grey, grey, np.full_like(grey, 9)], -1), "RGBA").save(tmp_path / "c.png")
    for name in ("c.tif", "c.png"):
        found = read_stack(tmp_path / name)
        assert found.shape == (1, 6, 7)
        torch.testing.assert_close(found[0], torch.from_numpy(grey).float(), rtol=0, atol=0.6)
    np.save(tmp_path / "z.npy", np.ones((2, 4, 4), np.complex64))
    with pytest.raises(DataError, match="complex"):
        read_stack(tmp_path / "z.npy")
