"""Files of others: their own rate laws run as they are, their names survive, and what has no meaning is named."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_circuits.dynamics import integrate, racipe
from advsci_circuits.formats import read, write
from advsci_circuits.formats.identifiers import safe_ids
from advsci_circuits.graphs import Circuit, CircuitBatch

TIMES = np.linspace(0, 20, 41)

MODELS = {
    "constants": ("species A=3, B=1; a=4; J1: -> A; a/(1+B^3); J2: A -> ; A; J3: -> B; a/(1+A^3); J4: B -> ; B;", 2),
    "functions": ("function h(x, n) 1/(1+x^n); end model m species A=3, B=1; J1: -> A; 4*h(B, 2); J2: A -> ; A;"
                  "J3: -> B; 4*h(A, 2); J4: B -> ; B; end", 2),
    "rate rules": ("species A=2, B=1; A' = 3/(1+B^2) - A; B' = 2*A - B;", 2),
    "assignment rules": ("species A=2, B=1; total := 2*A + s; s = 1; A' = 3/(1+B^2) - A; B' = total - B;", 2),
    "time": ("species A=2, B=1; A' = 3/(1+B^2)*exp(-time/5) - A; B' = A*time - B;", 2),
    "piecewise": ("species A=1, B=1; J1: -> A; piecewise(5, B<1, 0.1); J2: A -> ; A;"
                  "J3: -> B; 5/(1+A^2); J4: B -> ; B;", 2),
    "compartment": ("compartment c = 2; species A in c, B in c; A = 3; B = 1; J1: -> A; 4/(1+B^2); J2: A -> ; A;"
                    "J3: -> B; 4/(1+A^2); J4: B -> ; B;", 2),
    "substance units": ("compartment c = 2; substanceOnly species A in c; species B in c; A = 3; B = 1;"
                        "J1: -> A; 4/(1+B^2); J2: A -> ; A; J3: -> B; 4/(1+A^2); J4: B -> ; B;", 2),
    "boundary": ("species A=3, $B=1; J1: -> A; 4/(1+B^2); J2: A -> ; A;", 1),
    "initial assignment": ("species A, B; k = 2; A = 3*k; B = k/2; A' = 3/(1+B^2) - A; B' = A - B;", 2),
    "stoichiometry": ("species A=3, B=1; J1: -> 2 A; 4/(1+B^2); J2: A -> ; A; J3: -> B; 4/(1+A^2); J4: B -> ; B;", 2),
}  # fmt: skip


def saved(folder: Path, text: str, ending: str = ".ant") -> Path:
    path = folder / f"model{ending}"
    path.write_text(text)
    return path


@pytest.mark.parametrize("kind", MODELS)
def test_foreign_kinetics_run_as_they_are(kind, tmp_path):
    """The file's own trajectory by libRoadRunner on its text, by ours on its laws, and through the reader."""
    pytest.importorskip("antimony")
    roadrunner = pytest.importorskip("roadrunner")
    text, edges = MODELS[kind]
    loaded = read(saved(tmp_path, text))
    assert loaded.model is None and loaded.own is not None and len(loaded.circuit.edges) == edges
    engine = roadrunner.RoadRunner(loaded.own.sbml)
    engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = 1e-10, 1e-12
    peer = np.asarray(engine.simulate(0, 20, 41, [f"[{i}]" for i in loaded.own.ids]))
    scale = np.abs(peer).max()
    assert np.abs(loaded.own.course(TIMES) - peer).max() < 1e-4 * scale
    step = 0.05 if kind == "piecewise" else 1e-4  # a law that jumps costs either solver digits
    found = loaded.own.by_laws(TIMES)
    if kind == "substance units":  # ours gives the symbol's value, an amount
        found = found / np.array([2.0 if i == "A" else 1.0 for i in loaded.own.ids])
    assert np.abs(found - peer).max() < step * scale
    if kind != "substance units":
        assert np.allclose(loaded.start, peer[0])


def test_events_run_where_libroadrunner_is(tmp_path):
    pytest.importorskip("antimony")
    pytest.importorskip("roadrunner")
    text = "species A=1, B=1; J1: -> A; 5/(1+B^2); J2: A -> ; A; J3: -> B; 5/(1+A^2); J4: B -> ; B; at (time>10): A=10;"
    loaded = read(saved(tmp_path, text))
    assert loaded.own is not None and loaded.own.events == 1
    path = loaded.own.course(TIMES)[:, loaded.own.ids.index("A")]
    assert path[19] < 5 < 6 < path[TIMES > 10].max()


def test_local_parameters_stay_local(tmp_path):
    """Two reactions each name their own V and h: with h = 2 B represses A, with h = -2 A activates B."""
    law = """<reaction id="{i}" reversible="false"><listOfProducts><speciesReference species="{t}"/></listOfProducts>
    <listOfModifiers><modifierSpeciesReference species="{s}"/></listOfModifiers><kineticLaw>
    <math xmlns="http://www.w3.org/1998/Math/MathML"><apply><divide/><ci>V</ci><apply><plus/><cn>1</cn><apply><power/>
    <ci>{s}</ci><ci>h</ci></apply></apply></apply></math><listOfParameters><parameter id="V" value="5"/>
    <parameter id="h" value="{h}"/></listOfParameters></kineticLaw></reaction>"""
    text = """<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2"
    version="4"><model id="m"><listOfCompartments><compartment id="c" size="1"/></listOfCompartments><listOfSpecies>
    <species id="A" compartment="c" initialConcentration="1"/><species id="B" compartment="c" initialConcentration="1"/>
    </listOfSpecies><listOfReactions>"""
    text += law.format(i="a", t="A", s="B", h=2) + law.format(i="b", t="B", s="A", h=-2)
    edges = read(saved(tmp_path, text + "</listOfReactions></model></sbml>", ".sbml")).circuit.edges
    assert set(edges) == {("B", "A", -1), ("A", "B", 1)}


@pytest.mark.parametrize(
    "genes",
    [("time", "pi"), ("cell", "g_time"), ("A", "g_A"), ("avogadro", "e"), ("λ", "μ"), ("1A", "2 B"), ("model", "end"),
     ("A", "k_B"), ("K_A__B", "A"), ("a b", "a_b")],
)  # fmt: skip
@pytest.mark.parametrize("ending", [".sbml", ".ant"])
def test_gene_names_that_collide_keep_their_dynamics(genes, ending, tmp_path):
    pytest.importorskip("antimony")
    roadrunner = pytest.importorskip("roadrunner")
    first, second = genes
    circuit = Circuit.from_edges([(first, second, -1), (second, first, -1)], list(genes))
    model = racipe(CircuitBatch.of([circuit]).signs, 1, Stream(3))
    start = np.array([30.0, 2.0])
    path = write(circuit, tmp_path / f"a{ending}", model, start)
    loaded = read(path)
    assert loaded.circuit == circuit and np.allclose(loaded.start, start)
    own = integrate(model.field(), torch.from_numpy(start)[None], torch.from_numpy(TIMES))[0].numpy()
    if loaded.own is not None:  # Antimony keeps no annotations: the laws run as anyone's
        assert np.abs(loaded.own.by_laws(TIMES) - own).max() < 1e-4 * own.max()
    else:
        assert loaded.model is not None and torch.allclose(loaded.model.rate, model.rate)
    text = path.read_text() if ending == ".sbml" else write(circuit, tmp_path / "b.sbml", model, start).read_text()
    engine = roadrunner.RoadRunner(text)
    peer = np.asarray(engine.simulate(0, 20, 41, [f"[{i}]" for i in safe_ids(genes)]))
    assert np.abs(own - peer).max() < 1e-4 * np.abs(peer).max()


SAME = {("A", "B", -1), ("B", "A", -1)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.topo", "Source\tTarget\tInteraction\r\nA\tB\t2\r\nB\tA\t2\r\n"),
        ("a.topo", "A B 2\nB A 2\n"),
        ("a.tpo", "Source Target Type\nA B 2\nB A 2\n"),
        ("a.sif", "A inhibits B\nB inhibits A\n"),
        ("a.sif", "A\t-|\tB\nB\t-|\tA\n"),
        ("a.bnet", "\ufeffA, !B\nB, !A\n"),
        ("a.bnet", "A*= not B\nB*= not A\n"),
        ("a.bnet", "targets, factors\nA, ~B\nB, !(A)\n"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_lists_of_edges_and_rules(name, text, packed, tmp_path):
    path = tmp_path / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    circuit = read(path).circuit
    assert set(circuit.edges) == SAME and circuit.name == "a"


def test_rules_keep_self_loops_and_lists_refuse_what_they_cannot_hold(tmp_path):
    assert set(read(saved(tmp_path, "A, A\nB, !A | B", ".bnet")).circuit.edges) == {
        ("A", "A", 1), ("A", "B", -1), ("B", "B", 1)
    }  # fmt: skip
    lonely = Circuit.from_edges([("A", "B", 1)], ["A", "B", "C"])
    with pytest.raises(DataError, match="'C'.*graphml"):
        write(lonely, tmp_path / "a.topo")
    assert read(write(lonely, tmp_path / "a.sif")).circuit == lonely


def test_cytoscape_names_and_words(tmp_path):
    text = """<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">
    <key attr.name="name" attr.type="string" for="node" id="name"/>
    <key attr.name="shared name" attr.type="string" for="node" id="shared name"/>
    <key attr.name="interaction" attr.type="string" for="edge" id="interaction"/><graph edgedefault="directed" id="net">
    <node id="62"><data key="name">A</data><data key="shared name">x</data></node>
    <node id="64"><data key="name">B</data><data key="shared name">y</data></node>
    <edge id="70" source="62" target="64"><data key="interaction">inhibits</data></edge>
    <edge id="71" source="64" target="62"><data key="interaction">inhibits</data></edge></graph></graphml>"""
    assert set(read(saved(tmp_path, text, ".graphml")).circuit.edges) == SAME


def test_qualitative_signs_are_computed_from_the_rules(tmp_path):
    circuit = Circuit.from_edges([("A", "B", -1), ("B", "A", -1), ("B", "B", 1)])
    path = write(circuit, tmp_path / "a.qual.sbml")
    lying = path.read_text().replace('qual:sign="negative"', 'qual:sign="positive"')
    path.write_text(lying)
    assert set(read(path).circuit.edges) == set(circuit.edges)
    path.write_text(lying.replace('qual:maxLevel="1"', 'qual:maxLevel="2"', 1))
    with pytest.raises(DataError, match="levels 0 to 2"):
        read(path)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.topo", "source target type\nA B 5\nB A 2", "type 5 on A -> B in line 2 of a.topo"),
        ("a.sif", "A binds B", "'binds' on A -> B in line 1 of a.sif"),
        ("a.bnet", "lacI-1, !tet R\ntet R, !lacI-1", "rule of 'lacI-1'.*no spaces"),
        ("a.bnet", "A, A & !B | !A & B\nB, A", "'A' on 'A' in a"),
        ("a.bnet.gz", "not packed", "gzip"),
        ("a.ant", "species A, B; A' = B/(1+B^2)^2 - A; B' = A - B; A=1; B=1", "'B' on 'A' in a"),
    ],
)
def test_errors_say_which_and_where(name, text, words, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words):
        read(tmp_path / name)


def test_a_bomb_in_gzip_is_not_unpacked(tmp_path):
    (tmp_path / "a.topo.gz").write_bytes(gzip.compress(b"A B 1\n" * 5_000_000))
    with pytest.raises(DataError, match="over 20,000,000 bytes"):
        read(tmp_path / "a.topo.gz")
