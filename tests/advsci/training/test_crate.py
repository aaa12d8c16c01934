"""A run folder as an RO-Crate, and what a page in it says of running it again."""

import hashlib
import json

import pulled_game
import pytest

from advsci.cli import execute, run_app
from advsci.commands import app
from advsci.errors import ConfigError
from advsci.report import Report
from advsci.training.crate import run_crate
from advsci.training.weights import save_weights


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a file.npz").write_bytes(b"data")
    execute(pulled_game.run, pulled_game.Train(out=tmp_path / "run", seed=3), name="pulled-train")
    (tmp_path / "run" / "a b.csv").write_text("x\n1\n")
    return tmp_path / "run"


def test_the_command_writes_a_crate_that_names_every_file(folder, capsys):
    licence = "https://spdx.org/licenses/CC-BY-4.0"
    assert run_app(app, ["export", str(folder), "--crate", "--licence", licence]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(folder / "ro-crate-metadata.json")
    graph = {e["@id"]: e for e in json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]}
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert graph["./"]["@type"] == "Dataset" and graph["./"]["license"] == {"@id": licence}
    names = {part["@id"] for part in graph["./"]["hasPart"]}
    assert {"config.json", "environment.json", "run.json", "a%20b.csv"} <= names
    for name in names:
        content = (folder / name.replace("%20", " ")).read_bytes()
        assert graph[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert graph[name]["contentSize"] == str(len(content))
    assert graph["#run"]["actionStatus"]["@id"].endswith("CompletedActionStatus")
    assert graph["#run"]["name"] == "advsci-pulled train" and graph["#setting-seed"]["value"] == "3"
    asked = [e["@id"] for key in ("instrument", "object", "result") for e in graph["#run"][key]]
    assert set(asked) <= set(graph)
    again = run_crate(folder)  # the crate is no part of itself
    assert {e["@id"] for e in again["@graph"]} == set(graph) and "license" not in again["@graph"][1]


def test_a_folder_of_no_run_is_named(tmp_path):
    with pytest.raises(ConfigError, match="holds no run.json"):
        run_crate(tmp_path)


def test_a_page_in_a_run_folder_says_how_to_run_it_again(folder, tmp_path):
    save_weights(folder / "model.safetensors", {}, {"kind": "toy", "trained on": "nothing at all"})
    page = Report("A run").section("Result").text("Done.").write(folder / "page.html").read_text()
    assert all(words in page for words in ("To run it again", "pulled-train", "CPU time", "nothing at all"))
    elsewhere = Report("A page").section("Result").text("Done.").write(tmp_path / "page.html").read_text()
    assert "To run it again" not in elsewhere
