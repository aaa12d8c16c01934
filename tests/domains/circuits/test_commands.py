"""The script: every command once, small; help without torch; errors as one line."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from advsci.cli import run_app
from advsci.errors import CheckpointError
from advsci.streams import Stream
from advsci_circuits.cli import app
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.dynamics.robustness import robustness
from advsci_circuits.formats import read, write
from advsci_circuits.game.missing_edges import complete
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs import Circuit, CircuitBatch, canonical_keys, is_valid
from advsci_circuits.store import SHIPPED, load_generator


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    pytest.importorskip("pyboolnet")
    folder = tmp_path_factory.mktemp("train")
    words = (
        "train --game --data embedded --examples 24 --sets 8 --warmup 20 --steps 2 --rounds 1 --surrogate-steps 4 "
        "--batch 8"
    )
    words += f" --draws 200 --links 4 --width 8 --blocks 1 --largest 4 --out {folder}"
    assert run_app(app, words.split()) == 0
    return folder / "model.safetensors"


@pytest.fixture(scope="module")
def likelihood(tmp_path_factory):
    pytest.importorskip("pyboolnet")
    folder = tmp_path_factory.mktemp("likelihood")
    words = f"train --data embedded --largest 4 --likelihood-steps 40 --out {folder}"
    assert run_app(app, words.split()) == 0
    return folder / "model.safetensors"


def test_the_report_of_a_training_has_a_verdict(trained):
    assert "Verdict" in (trained.parent / "report.html").read_text()


def test_generate_and_evaluate(trained, tmp_path):
    words = f"generate --model {trained} --count 8 --smallest 3 --largest 4 --out {tmp_path / 'g'}"
    assert run_app(app, words.split()) == 0
    files = list((tmp_path / "g").glob("*.graphml"))
    assert len(files) == 8 and len(read(files[0]).circuit) in (3, 4)
    # another sample into the same folder is refused, and no stale file is left by --overwrite
    other = words.replace("--count 8", "--count 3")
    assert run_app(app, other.split()) == 2 and len(list((tmp_path / "g").glob("*.graphml"))) == 8
    assert run_app(app, [*other.split(), "--overwrite"]) == 0 and len(list((tmp_path / "g").glob("*.graphml"))) == 3
    words = f"evaluate --model {trained} --data embedded --count 30 --largest 4 --out {tmp_path / 'e'}"
    assert run_app(app, words.split()) == 0
    assert "discrepancy" in (tmp_path / "e" / "report.html").read_text()
    assert json.loads((tmp_path / "e" / "scores.json").read_text())["novelty"][0]["sample"] == "as drawn"


def test_design(likelihood, tmp_path, capsys):
    plasmid = write(Circuit.from_edges([("A", "B", -1), ("B", "A", -1)]), tmp_path / "plasmid.graphml")
    words = f"design --function bistability --model {likelihood} --max-genes 3 --keep {plasmid} --best 2 --sets 20"
    words += " --models 2500 --chains 16 --steps 20"
    assert run_app(app, [*words.split(), "--out", str(tmp_path / "d")]) == 0
    told = json.loads((tmp_path / "d" / "designs.json").read_text())
    assert len(told["designs"]) == 2 and told["models"] <= 2500 and told["designs"][0]["share"] > 0
    kept = read(tmp_path / "d" / "design_1.graphml").circuit
    assert set(kept.genes) >= {"A", "B"} and {("A", "B", -1), ("B", "A", -1)} <= set(kept.edges)
    assert read(tmp_path / "d" / "design_1.sbml").model is not None
    assert "R-hat" in (tmp_path / "d" / "report.html").read_text()
    # one repressor alone closes no cycle of two genes, so nothing oscillates: a share of nothing is no design
    (tmp_path / "parts.json").write_text('[{"gate": "one"}]')
    words = f"design --model {likelihood} --max-genes 3 --parts {tmp_path / 'parts.json'} --sets 20"
    words += " --models 1000 --chains 8 --steps 10"
    assert run_app(app, [*words.split(), "--out", str(tmp_path / "none")]) == 1
    assert "Try:" in capsys.readouterr().err
    words = f"design --model {likelihood} --max-genes 3 --keep {tmp_path / 'd' / 'design_1.graphml'}"
    assert run_app(app, words.split()) == 2  # no room for a gene of ours


def test_surrogates_are_trained_and_designed_with(likelihood, tmp_path):
    words = f"train --surrogates --functions oscillation --proposed 60 --fit-steps 5 --out {tmp_path / 's'}"
    assert run_app(app, words.split()) == 0
    made = tmp_path / "s" / "model.safetensors"
    words = f"design --model {likelihood} --surrogates {made} --max-genes 3 --models 1500 --chains 8 --steps 5"
    assert run_app(app, [*words.split(), *f"--best 1 --sets 40 --out {tmp_path / 'd'}".split()]) == 0
    assert json.loads((tmp_path / "d" / "designs.json").read_text())["designs"][0]["share"] > 0


@pytest.mark.parametrize("words", ["--surrogates --game", "--judge --networks"])
def test_two_kinds_of_models_at_once_are_refused(words, tmp_path, capsys):
    for more in ([], ["--dry-run"]):
        assert run_app(app, ["train", *words.split(), "--out", str(tmp_path / "run"), *more]) == 2
        told = capsys.readouterr().err
        assert all(word in told for word in words.split()) and "Try: one run of each" in told
        assert not (tmp_path / "run").exists()


def test_generate_for_a_function_draws_what_shows_it(tmp_path):
    """Three sizes that a surrogate knows; the seventh gene comes from the generator."""
    for name, smallest, largest in (("known", 3, 5), ("rest", 7, 7)):
        words = f"generate --function oscillation --count 12 --smallest {smallest} --largest {largest}"
        assert run_app(app, [*words.split(), "--out", str(tmp_path / name)]) == 0
    made = [read(path).circuit for path in sorted((tmp_path / "known").glob("*.graphml"))]
    assert len(made) == 12 and {len(c) for c in made} == {3, 4, 5}
    shares = [float(robustness(CircuitBatch.of([c]).signs, "oscillation", Stream(4), 200).share[0]) for c in made]
    assert np.mean(np.array(shares) >= 0.01) >= 0.75  # a random circuit does in a third of cases
    rest = [read(path).circuit for path in (tmp_path / "rest").glob("*.graphml")]
    assert len(rest) == 12 and {len(c) for c in rest} == {7}


def test_complete(trained, tmp_path, capsys):
    generator, _ = load_generator(trained)
    assert generator.link_predictor is not None
    ring = Circuit.from_edges([("A", "B", -1), ("B", "C", -1), ("C", "A", -1)])
    source = write(ring, tmp_path / "ring.graphml")
    words = ["complete", str(source), "--model", str(trained), "--out"]
    assert run_app(app, [*words, str(tmp_path / "few"), "--open", "A:B", "--open", "B:A"]) == 0
    told = json.loads((tmp_path / "few" / "links.json").read_text())["links"]
    found = complete(generator, ring, [("A", "B"), ("B", "A")])
    assert told == [vars(link) for link in found.links]
    assert set(read(tmp_path / "few" / "completed.graphml").circuit.edges) == set(found.circuit.edges)
    # it is the link predictor that answers
    generator.link_predictor = None
    assert told != [vars(link) for link in complete(generator, ring, [("A", "B"), ("B", "A")]).links]
    assert run_app(app, [*words, str(tmp_path / "all")]) == 0
    assert len(json.loads((tmp_path / "all" / "links.json").read_text())["links"]) == 6
    assert run_app(app, [*words, str(tmp_path / "bad"), "--open", "A-B"]) == 2
    assert "source:target" in capsys.readouterr().err


def test_simulate_export_and_report(tmp_path):
    ring = Circuit.from_edges([("A", "B", -1), ("B", "C", -1), ("C", "A", -1)], name="<b>ring</b>")
    source = write(ring, tmp_path / "ring.graphml")
    assert run_app(app, ["export", str(source), str(tmp_path / "ring.sbml")]) == 0
    assert set(read(tmp_path / "ring.sbml").circuit.edges) == set(ring.edges)
    words = ["simulate", str(tmp_path / "ring.sbml"), "--sets", "40", "--out", str(tmp_path / "s"), "--source", "A"]
    assert run_app(app, words) == 0
    assert run_app(app, [*words[:-3], str(tmp_path / "s2"), "--source", "Z"]) == 2
    facts = json.loads((tmp_path / "s" / "functions.json").read_text())
    assert 0 <= facts["functions"]["oscillation"]["share"] < 0.4
    assert run_app(app, ["report", str(tmp_path / "ring.sbml"), "--sets", "10", "--out", str(tmp_path / "r")]) == 0
    page = (tmp_path / "r" / "report.html").read_text()
    assert "&lt;b&gt;ring" in page and "<b>ring" not in page


def test_parameters_are_set_and_varied(tmp_path, capsys):
    ring = Circuit.from_edges([("A", "B", -1), ("B", "C", -1), ("C", "A", -1)])
    one = torch.ones(1, 3, 3, dtype=torch.float64)
    model = HillModel(CircuitBatch.of([ring]).signs, one[:, 0], one[:, 0], one, 4 * one, 0 * one)
    source = str(write(ring, tmp_path / "ring.sbml", model, np.array([1.0, 2.0, 3.0])))
    words = ["simulate", source, "--sets", "10", "--functions", "oscillation", "--out"]
    assert run_app(app, [*words, str(tmp_path / "v"), "--vary", "g=0.5:8"]) == 0
    told = json.loads((tmp_path / "v" / "branches.json").read_text())
    assert told["factor"] and told["range"] == [0.5, 8.0] and len(told["branches"]) == 1
    (point,) = told["special"]
    # the ring of three with an exponent of four oscillates from a production of two on
    assert point["kind"] == "hopf" and abs(point["value"] - 2) < 1e-6
    assert all(p["stable"] == (p["value"] < 2) for p in told["branches"][0]["points"] if abs(p["value"] - 2) > 1e-6)
    rows = list(csv.DictReader((tmp_path / "v" / "branches.csv").open()))
    assert len(rows) == len(told["branches"][0]["points"]) and [r for r in rows if r["special"] == "hopf"]
    assert float(rows[-1]["A"]) == told["branches"][0]["points"][-1]["levels"]["A"]
    assert (tmp_path / "v" / "branches.png").stat().st_size > 1000
    # a knock-down and a start level: x' = 0.5 / (1 + y^4) - x from a level of zero
    assert run_app(app, [*words, str(tmp_path / "k"), "--set", "g_A=x0.5", "--set", "A=0", "--end", "40"]) == 0
    course = np.genfromtxt(tmp_path / "k" / "time_course.csv", delimiter=",", names=True)
    assert course["A"][0] == 0 and abs(course["A"][-1] - 0.5 / (1 + course["C"][-1] ** 4)) < 1e-3
    assert run_app(app, ["report", source, "--sets", "10", "--vary", "g_B=0.5:8", "--out", str(tmp_path / "r")]) == 0
    assert "Steady states along one parameter" in (tmp_path / "r" / "report.html").read_text()
    for wrong in (["--vary", "g_Z=1:2"], ["--vary", "g_A=2:1"], ["--set", "g_A"], ["--vary", "g_A=0:1"]):
        for dry in ([], ["--dry-run"]):
            assert run_app(app, [*words, str(tmp_path / "".join(wrong).replace(":", "")), *wrong, *dry]) == 2
            assert "Try:" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["NaN", "INF"])
def test_a_parameter_that_is_no_number_is_named(tmp_path, capsys, wrong):
    toggle = Circuit.from_edges([("A", "B", -1), ("B", "A", -1)])
    model = racipe(CircuitBatch.of([toggle]).signs, 1, Stream(0))
    file = write(toggle, tmp_path / "toggle.sbml", model)
    text, count = re.subn(r'(id="g_A" value=)"[^"]*"', rf'\1"{wrong}"', file.read_text())
    assert count == 1
    file.write_text(text)
    for verb in ("simulate", "report"):
        assert run_app(app, [verb, str(file), "--sets", "10", "--out", str(tmp_path / verb)]) == 1
        assert "not finite" in capsys.readouterr().err


def test_errors_are_one_line(capsys, tmp_path):
    assert run_app(app, ["design", "--model", str(tmp_path / "none")]) == 1
    assert run_app(app, ["train", "--smallest", "0"]) == 2
    (tmp_path / "parts.json").write_text('{"gate": "A"}')
    assert run_app(app, ["design", "--parts", str(tmp_path / "parts.json"), "--model", str(tmp_path / "none")]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert run_app(app, ["design", "--parts", str(tmp_path / "nope.json"), "--model", str(tmp_path / "none")]) == 1
    assert "nope.json" in capsys.readouterr().err


def test_the_package_brings_a_model(tmp_path, monkeypatch):
    generator, facts = load_generator()
    assert facts["settings"]["data"] == "embedded" and SHIPPED.stat().st_size < 3_000_000
    batch = generate(generator, torch.tensor([4] * 20), Stream(0))
    assert len(set(canonical_keys(batch))) > 12 and bool(is_valid(batch).all())
    asked = generate(generator, torch.tensor([3] * 40), Stream(1), function="oscillation")
    # of all three-gene circuits about seven in a hundred reach this share, of those asked for it most
    assert (robustness(asked.signs, "oscillation", Stream(2), 100).share > 0.05).double().mean() > 0.4
    assert generator.link_predictor is not None  # with which `complete` answers
    altered = tmp_path / "circuits.safetensors"
    altered.write_bytes(SHIPPED.read_bytes()[:-1] + b"x")
    (tmp_path / "sha256.json").write_text((SHIPPED.parent / "sha256.json").read_text())
    monkeypatch.setattr("advsci_circuits.store.SHIPPED", altered)
    with pytest.raises(CheckpointError, match="circuits.safetensors"):
        load_generator()


def test_a_model_is_judged_on_the_split_of_its_training(capsys, tmp_path):
    assert run_app(app, ["evaluate", "--data", "library", "--out", str(tmp_path)]) == 2
    assert "embedded" in capsys.readouterr().err


def test_help_imports_no_torch():
    code = "import sys; from advsci_circuits.cli import app; app(['--help'], exit_on_error=False); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=300).returncode == 0
