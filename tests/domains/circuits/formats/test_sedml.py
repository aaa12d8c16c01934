"""SED-ML: what is written runs elsewhere and comes back; experiments of others run; the rest is refused by name."""

import re
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from advsci.cli import run_app
from advsci.errors import AdvsciError, DataError
from advsci.streams import Stream
from advsci_circuits.cli import app
from advsci_circuits.dynamics.explicit import integrate
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.formats.antimony import sbml_of
from advsci_circuits.formats.files import read, write
from advsci_circuits.formats.sedml_read import read_sedml
from advsci_circuits.formats.sedml_write import ask_libsedml
from advsci_circuits.graphs import Circuit, CircuitBatch

for name in ("libsbml", "libsedml", "antimony"):  # not imported: libsedml would take libsbml's types over
    if find_spec(name) is None:
        pytest.skip(f"needs {name}", allow_module_level=True)

TOGGLE = """model toggle
  compartment cell = 2; species A in cell = 3, B in cell = 1; a = 4; d := 2*a
  J1: -> A; cell*a/(1 + B^3); J2: A -> ; cell*k*A; k = 1; J3: -> B; cell*a/(1 + A^3); J4: B -> ; cell*B
end"""
PLAIN = '<task id="task" modelReference="model" simulationReference="sim"/>'
REPEATED = """<repeatedTask id="scan" range="r" resetModel="true"><listOfRanges>RANGE</listOfRanges><listOfChanges>
  <setValue modelReference="model" range="r"
   target="/sbml:sbml/sbml:model/sbml:listOfParameters/sbml:parameter[@id='a']">
  <math xmlns="http://www.w3.org/1998/Math/MathML"><ci> r </ci></math></setValue></listOfChanges>
  <listOfSubTasks><subTask order="0" task="task"/></listOfSubTasks></repeatedTask>"""
VECTOR = '<vectorRange id="r"><value>0.5</value><value>1</value></vectorRange>'
LOG = '<uniformRange id="r" start="0.5" end="8" numberOfSteps="2" type="log"/>'
COURSE = """<uniformTimeCourse id="sim" initialTime="0" outputStartTime="0" outputEndTime="10" numberOfSteps="20">
  <algorithm kisaoID="KISAO:0000019"/></uniformTimeCourse>"""
STEADY = '<steadyState id="sim"><algorithm kisaoID="KISAO:0000407"/></steadyState>'
MODEL = '<model id="model" language="urn:sedml:language:sbml" source="toggle.xml"/>'


def changed(target, value):
    """The model with one attribute changed."""
    change = f'<changeAttribute target="/sbml:sbml/sbml:model/{target}" newValue="{value}"/>'
    return MODEL.replace("/>", f"><listOfChanges>{change}</listOfChanges></model>")


def document(model=MODEL, simulation=COURSE, tasks=PLAIN, target="sbml:listOfSpecies/sbml:species[@id='A']", math=""):
    math = math or "<ci> v </ci>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <sedML xmlns="http://sed-ml.org/sed-ml/level1/version4" xmlns:sbml="http://www.sbml.org/sbml/level3/version2/core"
     level="1" version="4"><listOfModels>{model}</listOfModels><listOfSimulations>{simulation}</listOfSimulations>
    <listOfTasks>{tasks}</listOfTasks><listOfDataGenerators>
    <dataGenerator id="x"><math xmlns="http://www.w3.org/1998/Math/MathML">{math}</math><listOfVariables>
    <variable id="v" taskReference="task" target="/sbml:sbml/sbml:model/{target}"/></listOfVariables></dataGenerator>
    </listOfDataGenerators></sedML>"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "toggle.xml").write_text(sbml_of(TOGGLE))

    def make(**parts):
        (tmp_path / "it.sedml").write_text(document(**parts))
        return tmp_path / "it.sedml"

    return make


def reference(times, a=4.0, start=(3.0, 1.0)):
    """A(t) of the toggle, by another solver."""
    from scipy.integrate import solve_ivp

    found = solve_ivp(
        lambda t, x: [a / (1 + x[1] ** 3) - x[0], a / (1 + x[0] ** 3) - x[1]], (0, times[-1]), start, "DOP853", times,
        rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    return found.y[0]


def test_what_is_written_is_valid_and_comes_back(tmp_path):
    ring = Circuit.from_edges([("lacI", "time", -1), ("time", "λ", -1), ("λ", "lacI", -1)])
    model, start = racipe(CircuitBatch.of([ring]).signs, 1, Stream(0)), np.array([1.0, 20.0, 3.0])
    path = write(ring, tmp_path / "course.sedml", model, start)
    text = path.read_text(encoding="utf-8")
    assert "error" not in ask_libsedml({"read": text})
    assert 'level="1" version="4"' in text and text.count("<curve ") == 3 and text.count("<dataSet ") == 4
    found = read_sedml(path)
    assert found.labels == ring.genes and found.times is not None and len(found.times) == 401
    ours = integrate(model.field(), torch.from_numpy(start)[None], torch.from_numpy(found.times), 1e-9, 1e-11)[0]
    np.testing.assert_allclose(found.run()[0], ours, rtol=1e-5, atol=1e-6)
    # the circuit, with its kinetics, is that of the file beside it
    assert set(read(path).circuit.edges) == set(ring.edges) and read(path).model is not None


def test_a_course_of_others_and_its_changes(place):
    for parts, a, start in (
        ({}, 4, (3, 1)),
        ({"model": changed("sbml:listOfParameters/sbml:parameter[@id='a']/@value", "2.5")}, 2.5, (3, 1)),
        ({"model": changed("sbml:listOfSpecies/sbml:species[@id='A']/@initialConcentration", "0.5")}, 4, (0.5, 1)),
        ({"model": changed("sbml:listOfSpecies/sbml:species[@id='A']/@initialAmount", "1")}, 4, (0.5, 1)),
        ({"simulation": COURSE.replace('outputStartTime="0"', 'outputStartTime="2"')}, 4, (3, 1)),
        ({"simulation": COURSE.replace("numberOfSteps", "numberOfPoints")}, 4, (3, 1)),
        (
            {
                "model": MODEL + '<model id="other" language="urn:sedml:language:sbml" source="#model"/>',
                "tasks": PLAIN.replace('"model"', '"other"'),
            },
            4,
            (3, 1),
        ),
    ):
        text = place(**parts)
        if "numberOfPoints" in text.read_text():  # as Level 1 Version 3 calls it
            text.write_text(text.read_text().replace("version4", "version3").replace('version="4"', 'version="3"'))
        found = read_sedml(text)
        assert found.times is not None and found.times[0] in (0, 2) and len(found.times) == 21
        np.testing.assert_allclose(found.run()[0, :, 0], reference(found.times, a, start), rtol=1e-5)


def test_a_steady_state_and_a_scan(place):
    (level,) = read_sedml(place(simulation=STEADY)).run()[0, 0]
    assert level == pytest.approx(reference(np.array([0.0, 200.0]))[-1], rel=1e-6)
    header, rows = read_sedml(place(tasks=PLAIN + REPEATED.replace("RANGE", VECTOR))).table
    assert header == ["a", "time", "A"] and rows.shape == (42, 3)
    np.testing.assert_allclose(rows[21:, 2], reference(rows[21:, 1], 1.0), rtol=1e-5)
    header, rows = read_sedml(place(tasks=PLAIN + REPEATED.replace("RANGE", LOG), simulation=STEADY)).table
    assert header == ["a", "A"]
    np.testing.assert_allclose(rows[:, 0], [0.5, 2, 8])
    np.testing.assert_allclose(rows[:, 1], [reference(np.array([0.0, 300.0]), a)[-1] for a in rows[:, 0]], rtol=1e-6)


PARAMETER = "sbml:listOfParameters/sbml:parameter[@id='a']"


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"model": MODEL.replace("toggle.xml", "http://example.org/x.xml")}, "link http://example.org"),
        ({"model": MODEL.replace("toggle.xml", "urn:miriam:biomodels.db:BIOMD01")}, "link urn:miriam"),
        ({"model": MODEL.replace("toggle.xml", "/etc/passwd")}, "link /etc/passwd"),
        ({"model": MODEL.replace("toggle.xml", "../toggle.xml")}, "outside of the folder"),
        ({"model": MODEL.replace("toggle.xml", "none.xml")}, "none.xml"),
        ({"model": MODEL.replace("toggle.xml", "#model")}, "made from itself"),
        ({"model": MODEL.replace("sbml", "cellml")}, "language urn:sedml:language:cellml"),
        ({"tasks": PLAIN.replace('"model"', '"gone"')}, "'gone' that is not there"),
        ({"tasks": PLAIN.replace('"sim"', '"gone"')}, "'gone' that is not there"),
        ({"tasks": PLAIN + PLAIN.replace('"task"', '"two"')}, r"'two' \(task\)"),
        ({"model": changed("sbml:listOfReactions/sbml:reaction[@id='J1']", "1")}, "target .*J1"),
        ({"model": changed("sbml:listOfParameters/sbml:parameter[@name='a']/@value", "1")}, "target .*@name"),
        ({"model": changed(PARAMETER + "/@constant", "1")}, "target .*@constant"),
        ({"model": changed(PARAMETER + "/@value", "many")}, "new value 'many'"),
        ({"model": changed(PARAMETER.replace("'a'", "'zz'") + "/@value", "1")}, "unknown parameter 'zz'"),
        ({"model": changed(PARAMETER.replace("'a'", "'d'") + "/@value", "1")}, "a rule"),
        ({"model": re.sub('changeAttribute(.*) newValue="1"', r"removeXML\1", changed(PARAMETER, "1"))}, "removeXML"),
        ({"simulation": '<oneStep id="sim" step="1"><algorithm kisaoID="KISAO:0000019"/></oneStep>'}, "oneStep"),
        ({"simulation": COURSE.replace("0000019", "0000029")}, "stochastic algorithm KISAO:0000029"),
        ({"simulation": COURSE.replace('initialTime="0"', 'initialTime="1"').replace('StartTime="0"', 'StartTime="1"')},
         "initial time 1"),
        ({"simulation": COURSE.replace('"20"', '"2000000000"')}, "2000000000 steps"),
        ({"simulation": COURSE.replace('"10"', '"-1"')}, "steps from 0 to -1"),
        ({"tasks": PLAIN + REPEATED.replace("RANGE", LOG).replace('"2"', '"2000000"')}, "2000000 runs"),
        ({"tasks": PLAIN + REPEATED.replace("RANGE", VECTOR).replace('"true"', '"false"')}, "goes on from run to run"),
        ({"tasks": PLAIN + REPEATED.replace("RANGE", VECTOR).replace("<ci> r </ci>", "<cn> 3 </cn>")}, "formula 3"),
        ({"tasks": PLAIN + REPEATED.replace("RANGE", VECTOR).replace("'a'", "'zz'")}, "unknown parameter 'zz'"),
        ({"target": "sbml:listOfSpecies/sbml:species[@id='Z']"}, "unknown 'Z'"),
        ({"math": "<apply><plus/><ci> v </ci><cn> 1 </cn></apply>"}, "data generator 'x'"),
    ],
    ids=lambda value: re.sub(r"\W+", " ", value)[:24] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_name(place, parts, says):
    with pytest.raises(AdvsciError, match=says) as caught:
        read_sedml(place(**parts))
    assert "Try:" in str(caught.value)


def test_hostile_and_broken_files_are_refused(tmp_path):
    for text, says in (
        ('<!DOCTYPE a [<!ENTITY b "c">]><sedML/>', "DOCTYPE"),
        ("<sedML", "does not parse"),
        ("<a/>", "libsedml refuses"),
        ("<a>" * 400 + "</a>" * 400, "nested"),
        (" " * 20_000_001, "bytes"),
    ):
        (tmp_path / "it.sedml").write_text(text)
        with pytest.raises(DataError, match=says):
            read_sedml(tmp_path / "it.sedml")
    (tmp_path / "it.sedml").write_text(document())
    for model, says in (("<sbml/>", "no SBML model"), ('<!DOCTYPE a [<!ENTITY b "c">]><sbml/>', "DOCTYPE")):
        (tmp_path / "toggle.xml").write_text(model)
        with pytest.raises(DataError, match=says):
            read_sedml(tmp_path / "it.sedml")
    (tmp_path / "toggle.xml").unlink()
    (tmp_path / "secret").mkdir()
    (tmp_path / "toggle.xml").symlink_to("/etc/hostname")
    with pytest.raises(DataError, match="outside"):
        read_sedml(tmp_path / "it.sedml")


def test_the_commands(tmp_path, place):
    place()
    assert run_app(app, ["export", str(tmp_path / "toggle.xml"), str(tmp_path / "out.sedml")]) == 0
    assert (tmp_path / "out.sbml").is_file()
    words = ["simulate", str(tmp_path / "out.sedml"), "--sets", "10", "--functions", "bistability", "--set", "a=2"]
    assert run_app(app, [*words, "--out", str(tmp_path / "s")]) == 0
    found = np.genfromtxt(tmp_path / "s" / "experiment.csv", delimiter=",", names=True)
    np.testing.assert_allclose(found["A"], reference(found["time"], 2.0), rtol=1e-5)
