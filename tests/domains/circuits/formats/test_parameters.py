"""Parameters by name: what a setting means, on Hill kinetics and on models of others."""

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.formats.course import course_of
from advsci_circuits.formats.files import read, write
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.formats.parameters import changed, changed_model, place_of_name, split_setting
from advsci_circuits.formats.set_values import value_of, with_values
from advsci_circuits.formats.varied import range_of
from advsci_circuits.graphs import Circuit, CircuitBatch

CIRCUIT = Circuit.from_edges([("lacI", "tetR", -1), ("tetR", "lacI", -1), ("λ", "lacI", 1), ("a__b", "λ", 1)])
GENES = CIRCUIT.genes


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("g_lacI", ("rate", ("lacI",))),
        ("k_λ", ("decay", ("λ",))),
        ("K_tetR__lacI", ("threshold", ("tetR", "lacI"))),
        ("n__lacI", ("cooperativity", (None, "lacI"))),
        ("leak_lacI", ("leak", ("lacI", None))),
        ("K_λ__a__b", ("threshold", ("λ", "a__b"))),
        ("g", ("rate", ())),
        ("g_", None),
        ("g_none", None),
        ("Kd_lacI", None),
        ("K_lacI__none", None),
    ],
)
def test_names_mean_entries(name, wanted):
    found = place_of_name(name, GENES)
    if wanted is not None:
        kind, ends = wanted
        wanted = (kind, tuple(end if end is None else GENES.index(end) for end in ends))
    assert found == wanted


def test_names_are_those_of_the_written_file(tmp_path):
    libsbml = pytest.importorskip("libsbml")
    model = racipe(CircuitBatch.of([CIRCUIT]).signs, 1, Stream(0))
    path = write(CIRCUIT, tmp_path / "c.sbml", model)
    document = libsbml.readSBMLFromFile(str(path))
    names = [p.getId() for p in document.getModel().getListOfParameters()]
    # what the file calls a parameter sets the same entry here and, in the file, for any simulator
    for name in names:
        ours = changed_model(model, GENES, [f"{name}=x1.25"])
        text = path.read_text()
        (tmp_path / "d.sbml").write_text(with_values(text, {name: 1.25 * value_of(text, name)}))
        theirs = read(tmp_path / "d.sbml").model
        assert theirs is not None
        for kind in ("rate", "decay", "threshold", "cooperativity", "leak"):
            edge = CIRCUIT.signs != 0 if kind in ("threshold", "cooperativity", "leak") else slice(None)
            np.testing.assert_allclose(getattr(ours, kind)[0][edge], getattr(theirs, kind)[0][edge])


def test_settings_change_what_they_say_and_nothing_else():
    model = racipe(CircuitBatch.of([CIRCUIT]).signs, 5, Stream(0))
    lac = GENES.index("lacI")
    down = changed_model(model, GENES, ["g_lacI=x0.1", "K__lacI=x20", "n=2"])
    torch.testing.assert_close(down.rate[:, lac], 0.1 * model.rate[:, lac])
    others = [k for k in range(len(GENES)) if k != lac]
    torch.testing.assert_close(down.rate[:, others], model.rate[:, others])
    edge = torch.from_numpy(CIRCUIT.signs != 0)
    factor = torch.where(edge & (torch.arange(len(GENES)) == lac), 20.0, 1.0).double()
    torch.testing.assert_close(down.threshold[:, edge], (factor * model.threshold)[:, edge])
    assert (down.cooperativity[:, edge] == 2).all() and down.decay is model.decay
    # a gene that is knocked out is all but gone
    assert float(changed_model(model, GENES, ["g_lacI=0"]).rate[0, lac]) < 1e-6


def test_start_levels_are_settings_too():
    loaded = KineticCircuit(CIRCUIT)
    model = racipe(CircuitBatch.of([CIRCUIT]).signs, 1, Stream(0))
    course = course_of(changed(loaded, model, ["tetR=7", "λ=x0"]), Stream(0), end=1.0)
    assert course.levels[0, GENES.index("tetR")] == 7 and course.levels[0, GENES.index("λ")] == 0


@pytest.mark.parametrize("words", ["g_lacI", "g_lacI=", "g_lacI=y2", "=3", "g_lacI=-1", "g_lacI=nan"])
def test_malformed_settings_are_refused(words):
    with pytest.raises(ConfigError, match="Try:"):
        split_setting(words)


@pytest.mark.parametrize("words", ["k_lacI=0", "K__lacI=x0", "g_nobody=1", "K_tetR__tetR=1"])
def test_impossible_settings_are_refused(words):
    with pytest.raises(ConfigError, match="Try:"):
        changed_model(racipe(CircuitBatch.of([CIRCUIT]).signs, 1, Stream(0)), GENES, [words])


@pytest.mark.parametrize("words", ["g_lacI", "g_lacI=1", "g_lacI=2:1", "g_lacI=a:b", "g_lacI=1:inf", "=1:2"])
def test_malformed_ranges_are_refused(words):
    with pytest.raises(ConfigError, match="Try:"):
        range_of(words)


def test_values_of_models_of_others():
    pytest.importorskip("antimony")
    from advsci_circuits.formats.antimony import sbml_of

    text = sbml_of("model m; compartment c = 4; species A in c = 3; k = 0.5; b := 2*k; d = 2*k; J: A -> ; k*A; end")
    assert (value_of(text, "A"), value_of(text, "c"), value_of(text, "k")) == (3, 4, 0.5)
    new = with_values(text, {"A": 1.5, "k": 2.0})
    assert (value_of(new, "A"), value_of(new, "k")) == (1.5, 2)
    plain = sbml_of("model m; species A = 3, B = 1; J: A -> B; 2*A; end")
    for name, says in (("b", "a rule"), ("d", "an initial assignment"), ("zz", "unknown")):
        with pytest.raises(ConfigError, match=says):
            value_of(text, name)
    assert value_of(plain, "B") == 1
