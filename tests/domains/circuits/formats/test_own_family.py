"""Models of others along a parameter: exact derivatives, conservation, branches, and refusals by name."""

import numpy as np
import pytest

pytest.importorskip("libsbml")
pytest.importorskip("antimony")

from advsci.errors import AdvsciError, ConfigError, DataError
from advsci.streams import Stream
from advsci_circuits.formats.antimony import sbml_of
from advsci_circuits.formats.derivative import PARTIALS, value_and_slope
from advsci_circuits.formats.formula import FUNCTIONS, TIME, evaluate
from advsci_circuits.formats.identifiers import import_libsbml
from advsci_circuits.formats.own_family import OwnFamily, own_branches
from advsci_circuits.formats.own_model import OwnModel

FORMULAS = """x*y - y/x + 2; -x; x^y; x^2; pow(x, 3); exp(-x); ln(x); log10(y); log(3, x*y); log(x, y); sqrt(x)
    root(3, x); sin(x); cos(x*y); tan(x/2); sinh(x); cosh(y); tanh(x); arctan(x); arcsin(x/3); arccos(x/3); abs(-x*y)
    floor(x) + x; ceil(x)*y; max(x, y, x*y); min(x, 2*y); piecewise(x^2, x < y, y^2); piecewise(x^2, x > y, y^2)
    x/(1 + (y/2)^3); pi*x + time*y; piecewise(x, lt(x, y) && (x > 0), not(x == y), y, 3); true + x; x*y*x/y^2
    root(x, y); x^-1.5; max(3, x); (x > y) + x; piecewise(1, x < 0, x^3)"""


@pytest.mark.parametrize("words", [w.strip() for w in FORMULAS.replace("\n", ";").split(";")])
def test_derivatives_of_formulas_are_those_of_differences(words):
    tree = import_libsbml().parseL3Formula(words)
    here = {"x": 1.3, "y": 2.1, TIME: 0.7}
    value, slope = value_and_slope(tree, here, {"x": np.array([1.0, 0.0]), "y": np.array([0.0, 1.0])})
    assert value == pytest.approx(float(evaluate(tree, here)), rel=1e-14)
    for k, name in enumerate("xy"):
        step = 1e-5
        ends = [float(evaluate(tree, here | {name: here[name] + side * step})) for side in (1, -1)]
        assert (np.zeros(2) + slope)[k] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-7, abs=1e-8)


def test_every_function_that_is_read_has_a_derivative():
    assert PARTIALS.keys() == FUNCTIONS.keys()


def test_a_constant_exponent_needs_no_logarithm():
    value, slope = value_and_slope(import_libsbml().parseL3Formula("x^2"), {"x": 0.0}, {"x": np.ones(1)})
    assert value == 0 and slope == np.zeros(1)


TOGGLE = """model toggle
  compartment cell = 2; species A in cell = 1, B in cell = 0.1; a = 3; b = 3; n = 2
  J1: -> A; cell*a/(1 + B^n); J2: A -> ; cell*A; J3: -> B; cell*made; J4: B -> ; cell*B
  made := b/(1 + A^n)
end"""


def own(text, *ids):
    return OwnModel(sbml_of(text), ids)


def test_folds_of_a_toggle_in_another_s_words():
    (branch,) = own_branches(OwnFamily(own(TOGGLE, "A", "B"), "a"), 0.1, 30.0, Stream(0), starts=1)
    assert [point.kind for point in branch.special] == ["fold", "fold"]
    for point in branch.special:
        x, y = point.state
        assert abs(4 * x**2 * y**2 / ((1 + x**2) * (1 + y**2)) - 1) < 1e-6
        assert abs(point.value - x * (1 + y**2)) < 1e-9


def test_hopf_point_of_a_repressilator_in_another_s_words():
    ring = """model ring
      A = 1; B = 1.1; C = 0.9; a = 1; n = 4
      A' = a/(1 + C^n) - A; B' = a/(1 + A^n) - B; C' = a/(1 + B^n) - C
    end"""
    branch, *rest = own_branches(OwnFamily(own(ring, "A", "B", "C"), "a"), 0.5, 5.0, Stream(0), starts=1)
    (point,) = branch.special
    assert not rest and point.kind == "hopf" and abs(point.value - 2) < 1e-6
    assert abs(point.period - 2 * np.pi / np.sqrt(3)) < 1e-6


def test_what_reactions_conserve_is_kept():
    # Goldbeter and Koshland (1981): W + Wp = 1; halfway exactly where both rates are equal
    cycle = """model cycle
      species W = 0.7, Wp = 0.3; v = 1; u = 1; K = 0.1
      J1: W -> Wp; v*W/(K + W); J2: Wp -> W; u*Wp/(K + Wp)
    end"""
    family = OwnFamily(own(cycle, "W", "Wp"), "v")
    (branch,) = own_branches(family, 0.25, 4.0, Stream(0), starts=2)
    assert branch.states.shape[1] == 1 and branch.stable.all() and not branch.special
    for x, v in zip(branch.states, branch.values, strict=True):
        w, wp = family.levels(x, v)
        assert w + wp == pytest.approx(1, abs=1e-12)
        assert v * w / (0.1 + w) == pytest.approx(wp / (0.1 + wp), rel=1e-9)


@pytest.mark.parametrize(
    ("text", "name", "error", "says"),
    [
        (TOGGLE, "A", ConfigError, "one of a, b, n"),
        (TOGGLE, "made", ConfigError, "one of"),
        (TOGGLE, "cell", ConfigError, "one of"),
        (TOGGLE.replace("n = 2", "n = 2; at (time > 3): A = 2"), "a", DataError, "events"),
        (TOGGLE.replace("cell*a/", "cell*a*time/"), "a", DataError, "time"),
        (TOGGLE.replace("b = 3;", "b = 2*a;"), "a", DataError, "initial assignment of 'b'"),
        ("model m; A = 1; A' = 2 - A; end", "a", ConfigError, "without any"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(text, name, error, says):
    with pytest.raises(error, match=says) as caught:
        OwnFamily(own(text, "A"), name)
    assert "Try:" in str(caught.value)


def test_a_model_without_steady_states_says_so():
    with pytest.raises(AdvsciError, match="no steady state"):
        own_branches(OwnFamily(own("model m; A = 1; k = 1; A' = k; end", "A"), "k"), 0.5, 2.0, Stream(0), starts=1)
