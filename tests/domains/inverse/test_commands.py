"""The script end to end on a handful of steps, files of every kind, and what it refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
import torch

from advsci.cli import run_app
from advsci.errors import CheckpointError, DataError, MissingDependencyError, ShapeError
from advsci.report import Report
from advsci_inverse import baselines
from advsci_inverse.cli import app
from advsci_inverse.data.images import Scale, read_stack
from advsci_inverse.evaluation.scores import auroc, coverage, psnr, ssim
from advsci_inverse.operators import as_operator
from advsci_inverse.store import load_prior, read_card


@pytest.fixture(scope="module")
def prior(tmp_path_factory):
    out = tmp_path_factory.mktemp("prior")
    options = ["--steps", "12", "--widths", "32", "--critic-widths", "16", "--latent", "4", "--held-out", "64"]
    assert run_app(app, ["train", *options, "--rank", "8", "--out", str(out)]) == 0
    return out / "prior.safetensors"


def test_training_leaves_a_prior_with_its_card(prior):
    card = read_card(prior)
    loaded = load_prior(prior)
    assert card["recipe"]["steps"] == 12 and 0 < card["representation_error"] < 1
    assert loaded.decode(torch.zeros(2, 4)).shape == (2, 28, 28)
    assert float(loaded.residual_diagonal.min()) > 0
    assert (prior.parent / "report.html").is_file()


def test_images_are_simulated_reconstructed_and_reported(prior, tmp_path):
    images = tmp_path / "images.npz"
    stack = (torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(0)) * 255).byte()
    np.savez(images, x=stack.numpy())
    common = ["--method", "latent", "--prior", str(prior), "--operator.kind", "gaussian"]
    common += ["--operator.measurements", "60"]
    out = tmp_path / "run"
    assert run_app(app, ["reconstruct", str(images), "--simulate", *common, "--out", str(out)]) == 0
    with np.load(out / "reconstruction.npz") as file:
        assert file["mean"].shape == (3, 28, 28) and (file["high"] > file["low"]).all()
        assert file["misfit"].shape == (3,)
    (out / "report.html").unlink()
    assert run_app(app, ["report", str(out)]) == 0 and (out / "report.html").is_file()


def test_intervals_are_calibrated_on_held_out_images_and_cover_others(tmp_path):
    """A Gaussian prior of heavy-tailed images: normal quantiles cover 0.9 where 0.8 is wanted, calibrated ones 0.8."""
    g = np.random.default_rng(0)
    x = (255 * np.clip(0.06 * g.lognormal(0.0, 1.0, (480, 10, 10)), 0, 1)).astype(np.uint8)
    np.savez(tmp_path / "x.npz", x=x[:400])
    np.savez(tmp_path / "new.npz", x=x[400:])
    common = ["reconstruct", str(tmp_path / "new.npz"), "--simulate", "--method", "gaussian", "--operator.size", "10"]
    common += ["--operator.kind", "gaussian", "--operator.measurements", "20", "--data", str(tmp_path / "x.npz")]
    assert run_app(app, [*common, "--coverage", "0.8", "--out", str(tmp_path / "run")]) == 0
    with np.load(tmp_path / "run" / "reconstruction.npz") as file:
        inside = (file["truth"] >= file["low"]) & (file["truth"] <= file["high"])
        assert abs(inside.mean() - 0.8) < 0.03 and file["calibrated"] and file["factors"].max() < 1.6
    assert "not calibrated" not in (tmp_path / "run" / "report.html").read_text()


def test_measured_data_of_the_wrong_shape_are_refused(prior, tmp_path):
    np.savez(tmp_path / "y.npz", y=np.zeros((2, 7), np.float32))
    args = ["reconstruct", str(tmp_path / "y.npz"), "--prior", str(prior), "--operator.kind", "gaussian"]
    assert run_app(app, [*args, "--method", "latent", "--out", str(tmp_path / "run")]) == 1


def test_operator_is_inspected(tmp_path):
    args = ["operator", "--operator.kind", "radon", "--operator.size", "16", "--operator.views", "5"]
    assert run_app(app, [*args, "--out", str(tmp_path)]) == 0
    facts = json.loads((tmp_path / "operator.json").read_text())
    assert facts["dot test float64"] <= 1e-10 and facts["null space"] == 256 - facts["rank"] > 0


def test_comparison_warns_without_honest_rivals(prior, tmp_path):
    args = ["compare", "--prior", str(prior), "--operator.views", "4", "--methods", "fbp", "latent", "--images", "4"]
    assert run_app(app, [*args, "--validation", "2", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "comparison.json").read_text())
    assert result["warning"] == ["gaussian", "mixture", "tv"]
    assert "has not been tested" in " ".join((tmp_path / "report.html").read_text().split())


def test_evaluation_states_coverage_and_verdict(prior, tmp_path):
    args = ["evaluate", "--prior", str(prior), "--images", "8", "--operator.measurements", "50", "--out", str(tmp_path)]
    assert run_app(app, args) == 0
    facts = json.loads((tmp_path / "evaluation.json").read_text())
    assert 0 <= facts["AUROC of the out-of-range verdict"] <= 1 and facts["identifiability, worst pair"] > 0


def test_demo_adds_its_section(tmp_path):
    from advsci_inverse.demo import demo

    report = Report("demo")
    assert demo(report, tmp_path, True).is_file()
    assert "CT, 3 views" in report.html()


def test_damaged_and_foreign_priors_are_refused(prior, tmp_path):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(prior.read_bytes()[:-200])
    with pytest.raises(CheckpointError):
        load_prior(cut)
    (tmp_path / "other.safetensors").write_bytes(b"not a prior at all")
    with pytest.raises(CheckpointError):
        load_prior(tmp_path / "other.safetensors")


def test_help_is_quick_and_without_torch():
    code = (
        "import sys; from advsci.cli import run_app; from advsci_inverse.cli import app; run_app(app, ['--help']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=300).returncode == 0


def test_files_of_every_kind_give_the_same_image_in_their_units(tmp_path):
    image = (torch.arange(60.0).reshape(6, 10) * 4).numpy()
    np.savez(tmp_path / "a.npz", x=image[None])
    np.save(tmp_path / "b.npy", image)
    made = ["a.npz", "b.npy"]
    for package, name in (("PIL", "c.png"), ("tifffile", "d.tif"), ("nibabel", "e.nii.gz"), ("h5py", "f.h5")):
        pytest.importorskip(package)
        made.append(name)
    import h5py
    import nibabel
    import tifffile
    from PIL import Image

    Image.fromarray(image.astype(np.uint8)).save(tmp_path / "c.png")
    tifffile.imwrite(tmp_path / "d.tif", image.astype(np.float32))
    nibabel.save(nibabel.Nifti1Image(image[..., None], np.eye(4)), tmp_path / "e.nii.gz")  # type: ignore[attr-defined]
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["slices"] = image[None]
    for name in made:
        np.testing.assert_allclose(read_stack(tmp_path / name)[0], image, err_msg=name)


def test_dicom_keeps_hounsfield_units(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, UID("1.2.840.10008.5.1.4.1.1.2")
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset(str(tmp_path / "a.dcm"), {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 4, 5, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.RescaleSlope, data.RescaleIntercept = 2.0, -1024.0
    stored = np.arange(20, dtype=np.uint16).reshape(4, 5)
    data.PixelData = stored.tobytes()
    pydicom.dcmwrite(tmp_path / "a.dcm", data, enforce_file_format=True)
    np.testing.assert_allclose(read_stack(tmp_path / "a.dcm")[0], stored * 2.0 - 1024.0)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(DataError, match="no such"):
        read_stack(tmp_path / "none.png")
    (tmp_path / "x.png").write_bytes(b"no image")
    with pytest.raises((DataError, MissingDependencyError), match="x.png|pillow"):
        read_stack(tmp_path / "x.png")
    np.save(tmp_path / "n.npy", np.full((2, 3), np.nan))
    with pytest.raises(DataError, match="finite"):
        read_stack(tmp_path / "n.npy")


def test_scale_goes_there_and_back():
    hounsfield = torch.tensor([-1000.0, 0.0, 2000.0])
    scale = Scale.of(hounsfield)
    torch.testing.assert_close(scale.from_unit(scale.to_unit(hounsfield)), hounsfield)
    assert Scale.of(torch.tensor([0.0, 128.0, 255.0])) == Scale(0.0, 255.0)


def test_metrics_agree_with_the_reference():
    skimage = pytest.importorskip("skimage.metrics")
    g = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 20, 24, generator=g), torch.rand(2, 20, 24, generator=g)
    expected = [skimage.structural_similarity(x.numpy(), y.numpy(), data_range=1.0) for x, y in zip(a, b, strict=True)]
    torch.testing.assert_close(ssim(a, b), torch.tensor(expected, dtype=torch.float32), rtol=1e-4, atol=1e-5)
    expected = [
        skimage.peak_signal_noise_ratio(y.numpy(), x.numpy(), data_range=1.0) for x, y in zip(a, b, strict=True)
    ]
    torch.testing.assert_close(psnr(a, b), torch.tensor(expected, dtype=torch.float32), rtol=1e-4, atol=1e-4)
    assert auroc(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 1.0])) == 0.875
    assert float(coverage(torch.zeros(4), torch.ones(4), torch.tensor([0.5, 1.0, 2.0, -1.0]))) == 0.5
    with pytest.raises(ShapeError):
        ssim(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4))


def test_learned_steps_are_trained_and_load(tmp_path):
    from advsci_inverse.store import load_denoiser, load_refiner

    grey = np.random.default_rng(0).integers(0, 256, (120, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=grey)
    nets = ["--data", str(tmp_path / "x.npz"), "--steps", "3", "--batch-size", "8", "--widths", "8", "--blocks", "1"]
    nets += ["--no-half"]
    views = ["--views", "3", "--rank", "8", "--held-out", "8"]
    assert run_app(app, ["refiner", *nets, *views, "--out", str(tmp_path / "r")]) == 0
    own = scipy.sparse.random(40, 144, 0.2, "csr", np.float32, random_state=0)
    scipy.sparse.save_npz(tmp_path / "own.npz", own)
    scanner = ["--operator.kind", "matrix", "--operator.file", str(tmp_path / "own.npz")]
    assert run_app(app, ["refiner", *nets, *views, *scanner, "--out", str(tmp_path / "o")]) == 0
    refiner = load_refiner(tmp_path / "o" / "refiner.safetensors")
    operator = as_operator(own, (12, 12))
    assert refiner.reconstruct(refiner.plan(operator, 0.1), torch.ones(2, 40))[0].shape == (2, 12, 12)
    assert "matrix" in (tmp_path / "o" / "report.html").read_text()
    assert run_app(app, ["denoiser", *nets, "--out", str(tmp_path / "d")]) == 0
    assert load_refiner(tmp_path / "r" / "refiner.safetensors").shape == (12, 12)
    assert load_denoiser(tmp_path / "d" / "denoiser.safetensors").spread > 0


@pytest.mark.parametrize("kind", ["free", "convex"])
def test_regulariser_is_trained_and_reconstructs(kind, tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (120, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=grey)
    scanner = ["--operator.kind", "radon", "--operator.size", "12", "--operator.views", "5"]
    train = ["regulariser", "--data", str(tmp_path / "x.npz"), "--kind", kind, "--steps", "3", "--batch-size", "8"]
    train += ["--widths", "4", "--held-out", "8", *scanner]
    assert run_app(app, [*train, "--out", str(tmp_path / "r")]) == 0
    args = ["reconstruct", str(tmp_path / "x.npz"), "--simulate", "--method", "adversarial", "--limit", "3", *scanner]
    assert run_app(app, [*args, "--out", str(tmp_path / "no")]) == 2
    weights = ["--regulariser", str(tmp_path / "r" / "regulariser.safetensors")]
    assert run_app(app, [*args, *weights, "--out", str(tmp_path / "run")]) == 0
    with np.load(tmp_path / "run" / "reconstruction.npz") as file:
        assert file["mean"].shape == (3, 12, 12) and np.isfinite(file["mean"]).all()


def test_a_posterior_sampler_is_trained_and_answers_a_question(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (160, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=grey)
    scanner = ["--operator.kind", "radon", "--operator.size", "12", "--operator.views", "5"]
    train = ["posterior", "--data", str(tmp_path / "x.npz"), "--steps", "4", "--batch-size", "8", "--widths", "8"]
    train += ["--blocks", "1", "--critic-width", "4", "--pairs", "64", "--validation", "16", *scanner]
    assert run_app(app, [*train, "--out", str(tmp_path / "s")]) == 0
    card = read_card(tmp_path / "s" / "sampler.safetensors")
    assert card["units"] == {"low": 0.0, "high": 255.0} and card["validation"]["spread/beta"] <= 2.0
    assert "Verdict on the training" in (tmp_path / "s" / "report.html").read_text()
    args = ["reconstruct", str(tmp_path / "x.npz"), "--simulate", "--method", "posterior", "--limit", "3", *scanner]
    args += ["--sampler", str(tmp_path / "s" / "sampler.safetensors"), "--data", str(tmp_path / "x.npz")]
    assert run_app(app, [*args, "--samples", "6", "--spot", "6", "6", "2", "--out", str(tmp_path / "run")]) == 0
    with np.load(tmp_path / "run" / "reconstruction.npz") as file:
        assert file["samples"].shape == (6, 3, 12, 12) and 0 <= file["dark_spot"].min() <= file["dark_spot"].max() <= 1
        assert file["samples"].std(0).max() > 0 and file["share_as_strange"].shape == (3,)
        np.testing.assert_allclose(file["mean"], file["samples"].mean(0), rtol=1e-4, atol=1e-2)


def test_images_of_another_kind_fall_back_on_total_variation_with_no_claim(tmp_path, monkeypatch):
    """Squares are known; their negatives are not. A Gaussian prior of squares is chosen, and overruled for those."""
    whole = baselines.total_variation
    few = lambda *given, steps, **settings: whole(*given, steps=steps // 10, **settings)  # noqa: E731  a test is short
    monkeypatch.setattr(baselines, "total_variation", few)
    generator = np.random.default_rng(0)
    count = 960  # of which an eighth is held out, and half of that sets the threshold
    squares = np.zeros((count, 8, 8), np.float32)
    for image, (i, j), height in zip(
        squares, generator.integers(1, 4, (count, 2)), generator.random(count), strict=True
    ):
        image[i : i + 4, j : j + 4] = 0.4 + 0.5 * height
    np.savez(tmp_path / "kind.npz", x=squares)
    np.savez(tmp_path / "mixed.npz", x=np.concatenate([squares[:3], 1 - squares[:2]]))
    args = ["reconstruct", str(tmp_path / "mixed.npz"), "--simulate", "--data", str(tmp_path / "kind.npz")]
    args += ["--operator.kind", "gaussian", "--operator.measurements", "30", "--noise", "0.02"]
    assert run_app(app, [*args, "--out", str(tmp_path / "run")]) == 0
    with np.load(tmp_path / "run" / "reconstruction.npz") as file:
        assert str(file["method"]).startswith(("gaussian", "mixture"))
        strange = file["share_as_strange"] <= 0.05
        assert strange.tolist() == [False, False, False, True, True]
        same = (file["mean"] == file["chosen"]).all((1, 2))
        np.testing.assert_array_equal(same, ~strange)
        assert (file["low"][3:] == 0).all() and (file["high"][3:] == 1).all() and file["high"][:3].max() < 2
        error = lambda x: ((x - file["truth"]) ** 2)[3:].mean()  # noqa: E731
        assert error(file["mean"]) < error(file["chosen"])
        assert any("not of the kind" in note for note in file["notes"])


def test_units_of_a_method_without_a_prior_are_those_of_its_own_images(tmp_path):
    """Total variation and CGLS take no units from a prior that they do not use."""
    hounsfield = np.zeros((20, 12, 12), np.float32) - 1000.0
    hounsfield[:, 3:9, 3:9] = 500.0
    hounsfield[::2, 4:6, 4:6] = 1000.0
    np.savez(tmp_path / "x.npz", x=hounsfield)
    args = ["reconstruct", str(tmp_path / "x.npz"), "--simulate", "--method", "cgls", "--limit", "2"]
    args += ["--operator.kind", "radon", "--operator.views", "12", "--out", str(tmp_path / "run")]
    assert run_app(app, args) == 0
    with np.load(tmp_path / "run" / "reconstruction.npz") as file:
        np.testing.assert_allclose(file["truth"], hounsfield[:2], atol=1e-2)
        assert np.abs(file["mean"] - hounsfield[:2]).mean() < 150 and file["units"].tolist() == [-1000.0, 1000.0]


def test_dry_run_tells_the_truth(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).integers(0, 256, (18, 12, 12), dtype=np.uint8))
    assert run_app(app, ["train", "--data", str(tmp_path / "x.npz"), "--dry-run"]) == 1
