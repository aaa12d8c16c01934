"""Hill kinetics against the formulas, edge by edge, in every promoter logic."""

import numpy as np
import pytest
import torch

from advsci.streams import Stream
from advsci_circuits.dynamics import HillModel, racipe
from advsci_circuits.dynamics.hill import LOGICS

# three regulators of both signs, one, two repressors, none; then all genes repress, both signs, none, all activate
SIGNS = torch.tensor([[[1, -1, 1, 0], [0, 0, 0, -1], [-1, 0, -1, 0], [0, 0, 0, 0]]], dtype=torch.int8)
OTHER = torch.tensor([[[-1, -1, -1, -1], [1, -1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]], dtype=torch.int8)


def folds(model: HillModel, x: np.ndarray, member: int, gene: int) -> list[tuple[float, float, float]]:
    """Of each edge into a gene: its sign, (x / theta)^n and the leak."""
    signs, theta, n, leak = (
        getattr(model, name)[member, gene].numpy() for name in ("signs", "threshold", "cooperativity", "leak")
    )
    return [(s, (x[j] / theta[j]) ** n[j], leak[j]) for j, s in enumerate(signs) if s]


def activity(model: HillModel, x: np.ndarray, member: int, gene: int) -> float:
    """P of one gene, from its definition."""
    edges = folds(model, x, member, gene)
    if model.logic == "competitive":
        effects = [1 / leak if s > 0 else leak for s, _, leak in edges]
        bound = 1 + sum(f * z for f, (_, z, _) in zip(effects, edges, strict=True))
        return bound / (1 + sum(z for _, z, _ in edges)) / max([1.0, *effects])
    responses = [leak + (1 - leak) / (1 + z ** -float(s)) for s, z, leak in edges]
    if model.logic == "product":
        return float(np.prod(responses))
    return float(np.mean(responses)) if responses else 1.0


def kinetics(logic: str) -> tuple[HillModel, torch.Tensor]:
    """Two sets of parameters of two circuits, and concentrations near the thresholds."""
    model = racipe(torch.cat([SIGNS, OTHER]), 2, Stream(0), logic=logic)
    return model, model.threshold.mean(2) * (0.3 + 2.0 * Stream(1).uniform((4, 4), dtype=torch.float64))


@pytest.mark.parametrize("logic", LOGICS)
def test_activity_and_derivative_are_the_formulas(logic):
    model, x = kinetics(logic)
    exact = np.array([[activity(model, x[m].numpy(), m, i) for i in range(4)] for m in range(4)])
    assert np.allclose(model.log_activity(x.log()), np.log(exact), rtol=1e-10, atol=1e-12)
    assert np.allclose(model.field().activity(x.mT).mT, exact, rtol=1e-10)
    assert np.allclose(model.derivative(x), model.rate.numpy() * exact - (model.decay * x).numpy(), rtol=1e-9)
    for some in (model[:2], model[2:], model[1:2]):  # one topology for all, and alone
        m = len(some)
        rows = slice(2, 4) if some.signs[0].equal(OTHER[0]) else slice(0, 2) if m == 2 else slice(1, 2)
        assert np.allclose(some.field().activity(x[rows].mT).mT, exact[rows], rtol=1e-10)


@pytest.mark.parametrize("logic", LOGICS)
def test_slopes_are_the_derivatives_of_the_log_activity(logic):
    """The dense slopes, Newton's matrix of the field and the Jacobian against automatic differentiation."""
    model, x = kinetics(logic)
    u = x.log()
    exact = torch.stack(
        [torch.autograd.functional.jacobian(lambda v, k=k: model[k : k + 1].log_activity(v[None])[0], u[k])
         for k in range(4)]
    )  # fmt: skip
    found, slope = model.activity_and_slope(u)
    torch.testing.assert_close(slope, exact)
    residual, matrix = model.field().balance_and_matrix(u.mT)
    torch.testing.assert_close(matrix.movedim(-1, 0), torch.eye(4, dtype=torch.float64) - exact)
    torch.testing.assert_close(residual.mT, (model.rate / model.decay).log() + found - u)
    torch.testing.assert_close(model.field().balance(u.mT), residual)
    production = model.rate * found.exp()
    jacobian = production[:, :, None] * exact / x[:, None] - torch.diag_embed(model.decay)
    torch.testing.assert_close(model.jacobian(x), jacobian)
    taken = model.field().take(torch.tensor([3, 1])).activity(x[[3, 1]].mT).mT
    torch.testing.assert_close(taken, found.exp()[[3, 1]])


@pytest.mark.parametrize("logic", LOGICS)
def test_the_box_is_what_the_activities_reach_at_their_extremes(logic):
    """From g/k times the lowest activity to g/k; an inverter reaches both, alone."""
    model, _ = kinetics(logic)
    low, high = model.box()
    torch.testing.assert_close(high, (model.rate / model.decay).log())
    lowest = np.zeros((4, 4))
    for m in range(4):
        for gene in range(4):
            edges = folds(model, np.ones(4), m, gene)
            leaks = [leak for _, _, leak in edges]
            effects = [1.0, *(1 / leak if s > 0 else leak for s, _, leak in edges)]
            lowest[m, gene] = {
                "product": np.prod(leaks), "average": min([1.0, *leaks]), "competitive": min(effects) / max(effects)
            }[logic]  # fmt: skip
    assert np.allclose(low - high, np.log(lowest), rtol=1e-10, atol=1e-12)


def test_a_scaled_rate_acts_on_one_gene():
    model, _ = kinetics("product")
    scaled = model.scale_rate(2, torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64))
    factor = torch.ones(4, 4, dtype=torch.float64)
    factor[:, 2] = torch.arange(1.0, 5.0)
    torch.testing.assert_close(scaled.rate, model.rate * factor)
    assert scaled.genes == 4 and len(scaled) == 4
