"""The script: help without torch, check, correct with its files, evaluate, map, report, and the demo."""

import subprocess
import sys

import anndata
import numpy as np
import pytest

from advsci.cli import run_app
from advsci_singlecell.cli import app


def test_help_does_not_import_torch():
    code = (
        "import sys; from advsci_singlecell.cli import app; from advsci.cli import run_app\n"
        "run_app(app, ['--help']); run_app(app, ['correct', '--help']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def corrected(simulated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("singlecell")
    simulated.write_h5ad(folder / "in.h5ad")
    arguments = ["correct", str(folder / "in.h5ad"), "--out", str(folder / "run"), "--settings.steps", "5"]
    arguments += ["--labels-key", "cell_type", "--no-umap", "--corrected-layer"]
    assert run_app(app, arguments) == 0
    return folder


def test_correct_writes_embedding_model_and_report(corrected):
    adata = anndata.read_h5ad(corrected / "run" / "corrected.h5ad")
    assert adata.obsm["X_advsci"].shape == (600, 50) and "advsci_corrected" in adata.layers
    assert "advsci_type" in adata.obs and (corrected / "run" / "model").is_dir()
    page = (corrected / "run" / "report.html").read_text()
    assert "type5" in page and "phantom mixing" in page and len(page) < 1_000_000


def test_a_page_without_scib_lacks_lisi_alone(corrected, monkeypatch):
    """The extra `singlecell` brings no scib-metrics, and its users get the page all the same."""
    from advsci_singlecell.evaluation import scores
    from advsci_singlecell.evaluation.page import correction_page

    monkeypatch.setattr(scores, "find_spec", lambda name: None)
    adata = anndata.read_h5ad(corrected / "run" / "corrected.h5ad")
    page = correction_page(adata, batch_key="batch", labels_key="cell_type", source="a file", umap=False).html()
    assert "mixing where due" in page and "iLISI" not in page


def test_the_same_command_again_does_nothing(corrected, capsys):
    arguments = ["correct", str(corrected / "in.h5ad"), "--out", str(corrected / "run"), "--settings.steps", "5"]
    arguments += ["--labels-key", "cell_type", "--no-umap", "--corrected-layer"]
    assert run_app(app, arguments) == 0 and "finished" in capsys.readouterr().err
    assert run_app(app, [*arguments[:-1], "--settings.width", "16"]) == 2
    assert "width" in capsys.readouterr().err


def test_a_report_that_cannot_be_drawn_loses_nothing(simulated, tmp_path, monkeypatch, capsys):
    from advsci_singlecell.commands import correct

    def fails(*args, **options):
        raise ValueError("no picture")

    monkeypatch.setattr(correct, "correction_page", fails)
    simulated.write_h5ad(tmp_path / "in.h5ad")
    arguments = ["correct", str(tmp_path / "in.h5ad"), "--out", str(tmp_path / "run"), "--settings.steps", "2"]
    assert run_app(app, [*arguments, "--no-umap", "--no-markers"]) == 0
    assert (tmp_path / "run" / "corrected.h5ad").exists() and "no picture" in capsys.readouterr().err


def test_few_labels_of_one_type_and_small_types_are_reported(simulated, tmp_path):
    cells = simulated.copy()
    label = cells.obs["cell_type"].astype(str).to_numpy().astype(object)
    label[np.arange(cells.n_obs) % 5 > 0] = "Unknown"
    cells.obs["given"], cells.obs["one"] = label.astype(str), np.where(label == "Unknown", "Unknown", "T")
    cells.write_h5ad(tmp_path / "in.h5ad")
    for key in ("given", "one"):
        arguments = ["correct", str(tmp_path / "in.h5ad"), "--out", str(tmp_path / key), "--settings.steps", "2"]
        assert run_app(app, [*arguments, "--labels-key", key, "--no-umap"]) == 0
        page = (tmp_path / key / "report.html").read_text()
        assert (
            "<td>Unknown</td>" not in page.split("unlabeled_category")[0]
        )  # the settings name the word, no table does


def test_check_says_what_is_missing(corrected, capsys):
    assert run_app(app, ["check", str(corrected / "in.h5ad")]) == 0
    assert "'type5' is missing from batch1" in capsys.readouterr().out
    assert run_app(app, ["check", str(corrected / "in.h5ad"), "--condition-key", "batch"]) == 1


def test_evaluate_prints_a_table(corrected, capsys):
    assert run_app(app, ["evaluate", str(corrected / "run" / "corrected.h5ad"), "--no-scib"]) == 0
    assert "X_advsci" in capsys.readouterr().out


def test_map_writes_the_query(corrected, capsys):
    arguments = ["map", str(corrected / "run" / "model"), str(corrected / "in.h5ad"), str(corrected / "in.h5ad")]
    assert run_app(app, [*arguments, "--output", str(corrected / "mapped.h5ad")]) == 0
    assert "advsci_p" in anndata.read_h5ad(corrected / "mapped.h5ad").obs


def test_report_again(corrected):
    file, page = corrected / "run" / "corrected.h5ad", corrected / "again.html"
    assert run_app(app, ["report", str(file), "--output", str(page), "--no-umap"]) == 0
    assert page.stat().st_size > 10_000


def test_dry_run_trains_nothing(corrected, capsys):
    assert run_app(app, ["correct", str(corrected / "in.h5ad"), "--dry-run"]) == 0
    assert "600" in capsys.readouterr().out


def test_a_missing_file_is_one_line(capsys):
    assert run_app(app, ["correct", "nowhere.h5ad"]) == 1


def test_demo(tmp_path):
    from advsci.report import Report
    from advsci_singlecell.demo import demo

    report = Report("demo")
    assert demo(report, tmp_path / "demo", True).exists()
    assert "phantom mixing" in report.html()


def test_the_page_of_many_cells_needs_some_of_them(simulated, tmp_path):
    """What is drawn holds no memory of the rest; the page speaks of all."""
    from advsci_singlecell.evaluation.page import correction_page, drawn_cells

    many = anndata.concat([simulated] * 11, index_unique="-")
    many.obsm["X_advsci"] = many.obsm["X_advsci_pca"] = np.random.default_rng(0).normal(size=(many.n_obs, 5))
    shown = drawn_cells(many)
    assert shown.n_obs == 6000 < many.n_obs and shown.X is None
    assert not np.shares_memory(shown.obsm["X_advsci"], many.obsm["X_advsci"])
    page = correction_page(
        shown, batch_key="batch", labels_key=None, source="a file", umap=False, size=(many.n_obs, 3)
    )  # fmt: skip
    assert f"{many.n_obs} cells of 3 batches" in page.html()
