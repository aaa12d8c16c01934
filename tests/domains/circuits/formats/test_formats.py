"""Every format round-trips; SBML runs in libRoadRunner; strangers' files are refused by name."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_circuits.dynamics import integrate, racipe
from advsci_circuits.dynamics.hill import LOGICS
from advsci_circuits.formats import (
    from_networkx,
    read,
    read_bnet,
    rule_signs,
    to_networkx,
    write,
    write_bnet,
    write_sbml,
)
from advsci_circuits.graphs import Circuit, CircuitBatch, canonical_keys


def feed_forward() -> Circuit:
    edges = [("LacI", "TetR", -1), ("TetR", "λ cI", -1), ("λ cI", "LacI", -1), ("LacI", "LacI", 1), ("TetR", "GFP", 1)]
    return Circuit.from_edges([*edges, ("λ cI", "TetR", 1)], name="ring with a reporter")


def kinetics(circuit: Circuit, logic: str = "product", seed: int = 0):
    return racipe(CircuitBatch.of([circuit]).signs, 1, Stream(seed), logic=logic)


@pytest.mark.parametrize("ending", [".sbml", ".ant", ".qual.sbml", ".graphml", ".nt"])
def test_files_round_trip_with_names(ending, tmp_path):
    circuit = feed_forward()
    path = write(circuit, tmp_path / f"a{ending}", kinetics(circuit))
    back = read(path).circuit
    assert set(back.edges) == set(circuit.edges) and set(back.genes) == set(circuit.genes)


@pytest.mark.parametrize("ending", [".bnet", ".topo", ".sif"])
def test_plain_text_round_trips(ending, tmp_path):
    rng = np.random.default_rng(0)
    for _ in range(10):
        circuit = Circuit(rng.choice([-1, 0, 1], p=[0.4, 0.2, 0.4], size=(4, 4)))
        back = read(write(circuit, tmp_path / f"a{ending}")).circuit
        assert set(back.edges) == set(circuit.edges)


def test_networkx_round_trips():
    circuit = feed_forward()
    assert from_networkx(to_networkx(circuit)) == circuit


@pytest.mark.parametrize("logic", LOGICS)
def test_sbml_runs_in_libroadrunner_and_comes_back(logic, tmp_path):
    roadrunner = pytest.importorskip("roadrunner")
    circuit = feed_forward()
    for seed in range(4):
        model = kinetics(circuit, logic, seed)
        start = np.array([3.0, 10.0, 1.0, 0.5])
        path = write(circuit, tmp_path / "a.sbml", model, start)
        engine = roadrunner.RoadRunner(str(path))
        engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = 1e-10, 1e-12
        peer = np.asarray(engine.simulate(0, 50, 51))[:, 1:]
        own = integrate(
            model.field(), torch.from_numpy(start)[None], torch.linspace(0, 50, 51).double(), rtol=1e-9, atol=1e-11
        )[0].numpy()
        assert np.abs(own - peer).max() / np.abs(peer).max() < 1e-5
        back = read(path)
        assert back.model is not None and back.start is not None
        assert np.allclose(back.start, start)
        order = [back.circuit.genes.index(gene) for gene in circuit.genes]
        assert torch.allclose(back.model.rate[0, order], model.rate[0])
        x = torch.rand(1, 4, dtype=torch.float64) * 50
        again = back.model.derivative(x[:, np.argsort(order)])[:, order]
        assert torch.allclose(again, model.derivative(x))


def test_signs_come_from_the_rules():
    assert rule_signs("a & !b | c & b") == {"a": 1, "b": 0, "c": 1}
    assert rule_signs("a & b | a & !b") == {"a": 1}  # b is written, but has no effect
    assert rule_signs("(a & !b) | (!a & b)") == {"a": 0, "b": 0}
    assert rule_signs("!(!x | y)") == {"x": 1, "y": -1}
    assert rule_signs("1") == {}


def test_the_installed_pyboolnet_repository_reads():
    pyboolnet = pytest.importorskip("pyboolnet")
    folder = Path(pyboolnet.__file__).parent / "repository"
    circuit = read_bnet(folder / "raf" / "raf.bnet")
    assert set(circuit.edges) == {
        ("Erk", "Erk", 1), ("Mek", "Erk", 1), ("Raf", "Erk", 1), ("Erk", "Mek", 1), ("Mek", "Mek", 1),
        ("Raf", "Mek", 1),
        ("Erk", "Raf", -1), ("Raf", "Raf", -1),
    }  # fmt: skip


def test_a_foreign_model_gives_its_regulation(tmp_path):
    """The repressilator with mRNA and protein, rate rules in Antimony, an assignment rule and a function."""
    text = """
    function hill(x, n)
      1 / (1 + x^n)
    end
    model elowitz
      total := 216 + leak
      mA' = total * hill(C, n) - mA;  A' = 5*(mA - A)
      mB' = total * hill(A, n) - mB;  B' = 5*(mB - B)
      mC' = total * hill(B, n) - mC;  C' = 5*(mC - C)
      leak = 0.2; n = 2; mA = 1; mB = 0; mC = 0; A = 0; B = 0; C = 0
      species mA, mB, mC, A, B, C
    end
    """
    path = tmp_path / "elowitz.ant"
    path.write_text(text)
    edges = set(read(path).circuit.edges)
    assert edges == {
        ("C", "mA", -1), ("A", "mB", -1), ("B", "mC", -1), ("mA", "A", 1), ("mB", "B", 1), ("mC", "C", 1)
    }  # fmt: skip


BOMB = '<?xml version="1.0"?><!DOCTYPE sbml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><sbml>&b;</sbml>'


def sbml_of(circuit: Circuit) -> str:
    return write_sbml(circuit, kinetics(circuit))


@pytest.mark.parametrize(
    ("ending", "text", "words"),
    [
        (".sbml", lambda: BOMB, "DOCTYPE"),
        (".graphml", lambda: BOMB, "DOCTYPE"),
        (".sbml", lambda: "", "empty file"),
        (".sbml", lambda: "<sbml", "does not parse"),
        (".exe", lambda: "x", "unknown ending"),
        (".bnet", lambda: "A, B &\nB, A", "rule needs"),
        (".bnet", lambda: "A, B\nA, !B", "duplicate"),
        (".bnet", lambda: "A, (B & !C) | (!B & C)\nB, A\nC, A", "unknown sign"),
        (".bnet", lambda: "A, 1\nB, 1", "empty graph"),
        (".bnet", lambda: "\n".join(f"G{i}, G{(i + 1) % 500}" for i in range(500)), "500 genes"),
        (".bnet", lambda: "A, " + "(" * 5000 + "B" + ")" * 5000 + "\nB, A", "nested"),
        (".bnet", lambda: "A, B; import os\nB, A", "character"),
        (".topo", lambda: "A B 3", "sRACIPE"),
        (".topo", lambda: "A B", "source target type"),
        (".graphml", lambda: "<graphml><graph>", "does not parse"),
        (".nt", lambda: "nonsense", "does not parse"),
        (".ant", lambda: 'import "other.ant"\nA -> B; k', "import"),
        (".ant", lambda: "A -> -> ", "does not parse"),
        (".ant", lambda: "species A, B; A' = B/(1+B^2)^2 - A; B' = A - B; A=1; B=1", "unknown sign"),
        (".ant", lambda: "species A; A' = 1 - delay(A, 2); A = 1", "delay"),
        (".ant", lambda: "\n".join(f"species S{i}; S{i}' = S{(i + 1) % 500} - S{i}" for i in range(500)), "500 genes"),
    ],
)
def test_bad_files_are_refused_by_name(ending, text, words, tmp_path):
    path = tmp_path / f"bad{ending}"
    path.write_text(text())
    with pytest.raises(DataError, match=words):
        read(path)


def test_duplicate_species_are_refused(tmp_path):
    text = sbml_of(Circuit.from_edges([("A", "B", 1), ("B", "A", -1)])).replace('species id="B"', 'species id="A"')
    path = tmp_path / "twice.sbml"
    path.write_text(text)
    with pytest.raises(DataError, match="duplicate"):
        read(path)


def test_qualitative_inputs_without_sign_are_refused(tmp_path):
    path = write(feed_forward(), tmp_path / "a.qual.sbml")
    text = path.read_text().replace('qual:sign="negative"', 'qual:sign="unknown"')
    path.write_text(re.sub("<qual:functionTerm .*?</qual:functionTerm>", "", text, flags=re.DOTALL))
    with pytest.raises(DataError, match="unknown sign"):
        read(path)


def test_written_rules_have_exactly_the_signs():
    circuit = feed_forward()
    again = read_bnet(write_bnet(Circuit(circuit.signs)))
    assert canonical_keys([again]) == canonical_keys([circuit])
