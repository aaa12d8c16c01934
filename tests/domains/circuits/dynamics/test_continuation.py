"""Branches of steady states against closed forms, and against the search that does not follow anything."""

import itertools
import math

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError, ConvergenceError
from advsci.streams import Stream
from advsci_circuits.dynamics.branches import all_branches, hill_branches, holds
from advsci_circuits.dynamics.continuation import follow
from advsci_circuits.dynamics.fixed_points import fixed_points
from advsci_circuits.dynamics.hill import LOGICS, HillModel
from advsci_circuits.dynamics.hill_family import PARAMETERS, HillFamily
from advsci_circuits.dynamics.racipe import racipe

TOGGLE = [[0, -1], [-1, 0]]


def ring(genes):
    return [[-1 if j == (i - 1) % genes else 0 for j in range(genes)] for i in range(genes)]


def hill(signs, rate, power, logic="product"):
    """x_i' = rate / (1 + x_j^power) - x_i for every repression."""
    signs = torch.tensor(signs, dtype=torch.int8)[None]
    one = torch.ones(1, signs.shape[1], signs.shape[1], dtype=torch.float64)
    return HillModel(signs, rate * one[:, 0], one[:, 0], one, power * one, 0 * one, logic)


def scalar(f, f_x, f_p):
    return lambda x, p: (np.array([f(x[0], p)]), np.array([[f_x(x[0], p)]]), np.array([f_p(x[0], p)]))


FOLD = scalar(lambda x, p: p - x**2, lambda x, p: -2 * x, lambda x, p: 1.0)
S_SHAPE = scalar(lambda x, p: p + x - x**3 / 3, lambda x, p: 1 - x**2, lambda x, p: 1.0)
PITCHFORK = scalar(lambda x, p: p * x - x**3, lambda x, p: p - 3 * x**2, lambda x, p: x)
TRANSCRITICAL = scalar(lambda x, p: p * x - x**2, lambda x, p: p - 2 * x, lambda x, p: x)
ISOLA = scalar(lambda x, p: 1 - x**2 - p**2, lambda x, p: -2 * x, lambda x, p: -2 * p)


def hopf_form(x, p):
    """r' = r (p - r^2), angle' = 1."""
    r = x @ x
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    return (p - r) * x + turn @ x, (p - r) * np.eye(2) - 2 * np.outer(x, x) + turn, x


@pytest.mark.parametrize(
    ("family", "start", "wanted"),
    [
        (FOLD, (1.0, 1.0), [("fold", 0.0, 0.0)]),
        (S_SHAPE, (-1.0, -2.1), [("fold", 2 / 3, -1.0), ("fold", -2 / 3, 1.0)]),
        (PITCHFORK, (-1.0, 0.0), [("branch point", 0.0, 0.0)]),
        (TRANSCRITICAL, (1.0, 1.0), [("branch point", 0.0, 0.0)]),
        (hopf_form, (-1.0, (0.0, 0.0)), [("hopf", 0.0, 0.0)]),
    ],
    ids=["fold", "two folds", "pitchfork", "transcritical", "hopf"],
)
def test_normal_forms(family, start, wanted):
    value, state = start
    branch = follow(family, np.atleast_1d(state), value, -1.5, 1.5, nonnegative=False)
    found = [(point.kind, point.value, point.state[0]) for point in branch.special]
    assert [kind for kind, *_ in found] == [kind for kind, *_ in wanted]
    np.testing.assert_allclose([row[1:] for row in found], [row[1:] for row in wanted], atol=1e-9)
    assert branch.stops == ("left the range", "left the range")
    assert sorted({abs(branch.values[0]), abs(branch.values[-1])}) == [1.5]  # it ends on the edge itself
    for x, p in zip(branch.states, branch.values, strict=True):
        np.testing.assert_allclose(family(x, p)[0], 0, atol=1e-11)


def test_every_stop_has_its_name():
    closed = follow(ISOLA, np.ones(1), 0.0, -1.5, 1.5, nonnegative=False)
    assert closed.stops == ("closed curve", "closed curve")
    assert sorted(round(point.value, 9) for point in closed.special) == [-1, 1]
    np.testing.assert_allclose(closed.values**2 + closed.states[:, 0] ** 2, 1, atol=1e-11)
    assert (closed.values[0], *closed.states[0]) == (closed.values[-1], *closed.states[-1])
    down = follow(TRANSCRITICAL, np.ones(1), 1.0, -1.5, 1.5)
    assert down.stops == ("a level fell below zero", "left the range") and down.states.min() >= -1e-9
    # x' = sqrt(p) - x ends at p = 0 with a vertical tangent of which no step is short enough
    with np.errstate(invalid="ignore"):
        root = scalar(lambda x, p: np.sqrt(p) - x, lambda x, p: -1.0, lambda x, p: 0.5 / np.sqrt(p))
        assert follow(root, np.ones(1), 1.0, -1.0, 2.0).stops == ("step too small", "left the range")
    with pytest.raises(ConfigError, match="Try:"):
        follow(FOLD, np.ones(1), 3.0, -1.0, 2.0)
    with pytest.raises(ConvergenceError, match="Try:"):
        follow(scalar(lambda x, p: 1 + x**2 + p**2, lambda x, p: 2 * x, lambda x, p: 2 * p), np.ones(1), 0.0, -1.0, 1.0)


@pytest.mark.parametrize(("power", "most"), [(2.0, 2.0), (3.0, 3 * 2 ** -(4 / 3)), (4.0, 4 * 3 ** -(5 / 4))])
def test_the_symmetric_toggle_has_its_pitchfork_where_the_formula_says(power, most):
    found = hill_branches(HillFamily(hill(TOGGLE, 1.0, power)), 0.2, 5.0, Stream(0), values=3)
    assert len(found) == 2
    for branch in found:
        (point,) = branch.special
        assert point.kind == "branch point" and abs(point.value - most) < 1e-6
    straight, forked = found if np.ptp(found[0].states @ [1, -1]) < 1e-6 else found[::-1]
    assert (straight.stable == (straight.values < most - 1e-9)).sum() >= len(straight.values) - 1
    # on the arms x y = 1 for an exponent of two
    if power == 2:
        np.testing.assert_allclose(forked.states.prod(1), 1, rtol=1e-9)


def test_folds_of_the_toggle_that_is_driven_on_one_side():
    # x = a / (1 + y^2), y = b / (1 + x^2): a fold where (n y^n / (1 + y^n)) (n x^n / (1 + x^n)) = 1
    (branch,) = hill_branches(HillFamily(hill(TOGGLE, 3.0, 2.0), "rate", (0,)), 0.1, 30.0, Stream(0), values=5)
    assert [point.kind for point in branch.special] == ["fold", "fold"]
    for point in branch.special:
        slopes = 2 * point.state**2 / (1 + point.state**2)
        assert abs(slopes.prod() - 1) < 1e-6
        assert abs(point.value - point.state[0] * (1 + point.state[1] ** 2)) < 1e-9
        np.testing.assert_array_equal(branch.states[point.index], point.state)
    between = slice(branch.special[0].index + 1, branch.special[1].index)
    assert not branch.stable[between].any() and branch.stable[[0, -1]].all()


@pytest.mark.parametrize(("genes", "power"), [(3, 3), (3, 4), (3, 5), (5, 2), (5, 3)])
def test_hopf_point_of_the_symmetric_repressilator(genes, power):
    # n x^n / (1 + x^n) = sec(pi / m), and the pair is +- i tan(pi / m)
    secant = 1 / math.cos(math.pi / genes)
    x = (secant / (power - secant)) ** (1 / power)
    (branch,) = hill_branches(HillFamily(hill(ring(genes), 1.0, float(power))), 0.1, 30.0, Stream(0), values=3)
    first = branch.special[0] if branch.values[0] < branch.values[-1] else branch.special[-1]
    assert first.kind == "hopf" and abs(first.value - x * (1 + x**power)) < 1e-6
    assert abs(first.period - 2 * math.pi / math.tan(math.pi / genes)) < 1e-6
    assert (branch.stable == (branch.values < first.value - 1e-9)).sum() >= len(branch.values) - 1


@pytest.mark.parametrize("logic", LOGICS)
def test_derivatives_are_exact(logic):
    signs = torch.tensor([[[1, -1, 0], [-1, 0, 1], [1, 1, -1]]], dtype=torch.int8)
    model, x = racipe(signs, 1, Stream(1), logic=logic), np.array([0.5, 2.0, 7.0])
    places = {"rate": [(1,)], "decay": [(0,)]}
    for parameter in PARAMETERS:
        for place in [*places.get(parameter, [(0, 1), (2, 0), (2, 2)]), ()]:
            family = HillFamily(model, parameter, place)
            value = torch.tensor(1.1 * family.value, dtype=torch.float64)
            f, jacobian, slope = family(x, float(value))
            np.testing.assert_allclose(f, family.at(float(value)).derivative(torch.from_numpy(x)[None])[0], rtol=1e-9)

            def rates(value, parameter=parameter, place=place):
                """f at the state, differentiable in the parameter."""
                entries = getattr(model, parameter)
                mask = torch.zeros_like(entries)
                if place:
                    mask[(0, *place)] = 1
                new = entries * (1 - mask) + value * mask if place else entries * value
                changed = HillModel(**{**vars(model), parameter: new})
                levels = torch.from_numpy(x)[None]
                return (changed.rate * changed.log_activity(levels.log()).exp() - changed.decay * levels)[0]

            exact = torch.autograd.functional.jacobian(rates, value)
            np.testing.assert_allclose(slope, exact, rtol=1e-9, atol=1e-12, err_msg=f"{parameter} {place}")
            by_state = torch.autograd.functional.jacobian(
                lambda levels, family=family, value=value: (
                    (changed := family.at(float(value))).rate * changed.log_activity(levels.log()[None]).exp()
                    - changed.decay * levels
                )[0],
                torch.from_numpy(x),
            )
            np.testing.assert_allclose(jacobian, by_state, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("place", [("decay", (7,)), ("threshold", (0, 0)), ("rate", (0, 1)), ("colour", ())])
def test_a_place_without_a_parameter_is_refused(place):
    with pytest.raises(ConfigError, match="Try:"):
        HillFamily(hill(TOGGLE, 1.0, 2.0), *place)


def test_branches_and_the_search_for_steady_states_agree():
    signs = torch.tensor([[[1, -1, 0], [-1, 1, -1], [0, -1, 1]]], dtype=torch.int8)
    compared = 0
    for seed in range(2):
        family = HillFamily(racipe(signs, 1, Stream(seed)), "rate", (0,))
        found = hill_branches(family, 1.0, 100.0, Stream(5))
        for value in (8.3, 44.0):
            model = family.at(value)
            points = fixed_points(model, Stream(9), starts=60, confirm=1)
            states = points.log_x[0, points.found[0]].exp().numpy()
            # every state that the search finds lies on a branch
            assert all(any(holds(branch, family, x, value) for branch in found) for x in states)
            # and as often as branches pass the value the search finds a state, of the same stability
            passes = [
                (bool(b.stable[k]), b) for b in found for k, (one, two) in enumerate(itertools.pairwise(b.values))
                if (one - value) * (two - value) < 0
            ]  # fmt: skip
            assert len(passes) == len(states)
            assert sum(stable for stable, _ in passes) == int(points.stable_count)
            compared += len(states)
    assert compared > 8


def test_crossing_branches_are_found_from_the_straight_one():
    found = all_branches(PITCHFORK, [(-1.0, np.zeros(1)), (0.5, np.zeros(1))], -1.0, 1.0, nonnegative=False)
    assert len(found) == 2
    np.testing.assert_allclose(found[1].states[:, 0] ** 2, found[1].values, atol=1e-9)
