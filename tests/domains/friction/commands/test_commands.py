"""The commands from design to report, and a scan under load."""

import json

import numpy as np
import pytest

from advsci.cli import run_app
from advsci_friction.cli import app
from advsci_friction.store import load_designer, read_designs, save_designer


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of three designs by a model file."""
    folder = tmp_path_factory.mktemp("designs")
    save_designer(load_designer(), folder / "model.safetensors")
    ask = [
        "design",
        "--mu",
        "0.05",
        "--pressure",
        "50MPa",
        "--count",
        "3",
        "--model",
        str(folder / "model.safetensors"),
    ]
    ask += ["--out", str(folder / "out"), "--pixels", "64", "--formats", "npz", "stl"]
    assert run_app(app, ask) == 0
    return folder / "out"


def test_design_writes_maps(made):
    designs, _, pixels = read_designs(made / "designs.npz")
    assert pixels == 64 and len(designs.slope) == 3 and (made / "design-0002.stl").exists()
    assert {"config.json", "environment.json", "run.json"} <= {p.name for p in made.iterdir()}


def test_evaluate_and_report(made, tmp_path):
    assert run_app(app, ["evaluate", str(made / "designs.npz"), "--out", str(tmp_path / "e")]) == 0
    verdicts = json.loads((tmp_path / "e" / "verdicts.json").read_text())
    assert verdicts["pixels"] == 128 and len(verdicts["designs"]) == 3
    assert run_app(app, ["report", str(made / "designs.npz"), "--out", str(tmp_path / "r")]) == 0
    assert "Median error of mu" in (tmp_path / "r" / "report.html").read_text()


def test_what_is_out_of_reach_is_refused(tmp_path, capsys):
    assert (
        run_app(
            app, ["design", "--way", "families", "--mu", "9.0", "--pressure", "50MPa", "--out", str(tmp_path / "o")]
        )
        == 2
    )
    assert "expected" in capsys.readouterr().err


def test_solve_says_what_it_found_and_what_to_look_at(data_folder, tmp_path, capsys):
    maps = np.load(data_folder / "friction" / "afm_surfacetopography" / "afm_heights.npz")
    np.savez(tmp_path / "scan.npz", heights=maps["di_3_di"].astype(float)[:96, :96], size=np.array([3.75e-6, 3.75e-6]))
    ask = ["solve", str(tmp_path / "scan.npz"), "--pressure", "50,5 MPa"]
    assert run_app(app, [*ask, "--out", str(tmp_path / "a")]) == 0
    assert np.load(tmp_path / "a" / "contact.npz")["pressure"].mean() == pytest.approx(50.5e6, rel=1e-6)
    page = (tmp_path / "a" / "report.html").read_text()
    assert "the law is assumed" in page and "standard deviation" in page
    found = json.loads((tmp_path / "a" / "contact.json").read_text())["figures"]
    assert found["coefficient of friction"] > 0.0
    # a load that one summit carries: no area, and no friction, is reported from a few pixels
    few = ["solve", str(tmp_path / "scan.npz"), "--pressure", "50 Pa", "--out", str(tmp_path / "b")]
    assert run_app(app, few) == 0
    found = json.loads((tmp_path / "b" / "contact.json").read_text())
    assert found["figures"]["coefficient of friction"] is None
    assert (
        "pixels; expected at least 20" in found["concerns"][0] and "note: got a contact on" in capsys.readouterr().out
    )


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    """A scan of a two-dimensional wave, 1 um wide."""
    path = tmp_path_factory.mktemp("waves") / "wave.npz"
    x = 2.0 * np.pi * np.arange(48) / 48
    np.savez(path, heights=2e-9 * np.cos(x)[:, None] * np.cos(x)[None, :], size=np.array([1e-6, 1e-6]))
    return path


def figures_of(path, folder, *options):
    assert run_app(app, ["solve", str(path), "--pressure", "50 MPa", "--out", str(folder), *options]) == 0
    return json.loads((folder / "contact.json").read_text())


def test_film_free_edges_adhesion_and_shear(waves, tmp_path, capsys):
    bare = figures_of(waves, tmp_path / "a", "--elastic")["figures"]
    film = ["--film-thickness", "100 nm", "--film-modulus", "500 GPa"]
    assert figures_of(waves, tmp_path / "b", *film)["figures"]["largest pressure [Pa]"] > bare["largest pressure [Pa]"]
    alone = figures_of(waves, tmp_path / "c", "--free")["figures"]
    assert alone["contact area / nominal"] != bare["contact area / nominal"]
    assert "pressed alone" in (tmp_path / "c" / "report.html").read_text()
    more = ["--elastic", "--adhesion", "100 mJ/m^2", "--shear", "5 MPa", "--coulomb", "0.2"]
    found = figures_of(waves, tmp_path / "d", *more)
    assert found["figures"]["contact area with adhesion / nominal"] > 1.05 * bare["contact area / nominal"]
    assert 0.0 < found["figures"]["sticking area / contact area"] < 1.0
    assert found["figures"]["tangential stiffness per area [Pa/m]"] > 0.0
    assert not any("attraction at the rim" in c for c in found["concerns"])
    soft = figures_of(waves, tmp_path / "e", "--elastic", "--modulus", "1 GPa", "--adhesion", "100 mJ/m^2")
    assert any("Try: --adhesion-range" in c for c in soft["concerns"]), "the pixels do not resolve the rim"
    capsys.readouterr()
    for i, (options, said) in enumerate((
        (["--film-thickness", "1 nm"], "film_modulus"),
        (["--shear", "5 MPa"], "--coulomb"),
        (["--shear", "50 MPa", "--coulomb", "0.2"], "slides as a whole"),
        (["--free", "--adhesion", "100 mJ/m^2"], "free edges"),
    )):  # fmt: skip
        assert run_app(app, ["solve", str(waves), "--out", str(tmp_path / f"z{i}"), *options]) != 0
        assert said in capsys.readouterr().err


def test_wrong_input_is_named(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("1 2\n")
    assert run_app(app, ["solve", str(tmp_path / "a.txt"), "--out", str(tmp_path / "o")]) == 1
    assert "profile" in capsys.readouterr().err
    assert run_app(app, ["solve", str(tmp_path / "a.txt"), "--pressure", "nan MPa", "--out", str(tmp_path / "p")]) != 0
    assert "pressure" in capsys.readouterr().err


def test_designs_by_edit_for_two_loads_and_new_ones_by_the_game(tmp_path):
    ask = ["design", "--mu", "0.06", "--pressure", "20 MPa", "--also", "0.052 at 40 MPa", "--count", "2"]
    ask += ["--library", "24", "--grid", "32", "--pixels", "64"]
    assert run_app(app, [*ask, "--out", str(tmp_path / "edit")]) == 0
    designs, _, _ = read_designs(tmp_path / "edit" / "designs.npz")
    assert designs.more == ((0.052, 4e7),) and designs.names == ("e-beam",)
    facts = json.loads((tmp_path / "edit" / "designs.json").read_text())
    assert facts["largest error on the finer grid"] < 0.1 and facts["depth of the process [m]"] > 0.0
    assert run_app(app, [*ask, "--way", "sewn", "--out", str(tmp_path / "sewn")]) == 0
    facts = json.loads((tmp_path / "sewn" / "designs.json").read_text())
    assert facts["largest error on the finer grid"] < 0.1
    assert facts["correlation with the nearest map, median"] < 0.95, "a pattern that no map has"
    new = ["--way", "new", "--first-steps", "2", "--steps", "2", "--start", "quilts", "--out", str(tmp_path / "new")]
    assert run_app(app, [*ask, *new]) == 0
    assert (tmp_path / "new" / "designs.npz").exists() and (tmp_path / "new" / "report.html").exists()
    assert "Verdict" in (tmp_path / "new" / "report.html").read_text()
