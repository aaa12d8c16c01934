"""Rejection samples the product of likelihood and success exactly, within the rules, and says when it cannot."""

import pytest
import torch

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_circuits.design import draws
from advsci_circuits.design.draws import draw
from advsci_circuits.design.likelihood import SizeLikelihood
from advsci_circuits.design.rules import Rules
from advsci_circuits.design.surrogates import log_success
from advsci_circuits.game.surrogate import RobustnessSurrogate


class Sparse(RobustnessSurrogate):
    """Guesses that a share of ``top / edges`` of the parameter sets shows the function."""

    def __init__(self, top: float):
        super().__init__(4, 1, functions=1)
        self.top = top

    def forward(self, x, condition):
        share = self.top / x.sum((1, 2, 3)).clamp_min(1)
        return share.sqrt()[:, None, None].expand(-1, 2, 1)


@pytest.fixture(scope="module")
def likelihood():
    with Stream(0).seeded():
        return SizeLikelihood(3, 16).eval()


def test_log_success_is_its_formula():
    signs = torch.tensor([[[0, 1], [-1, 0]], [[1, 1], [-1, 1]]], dtype=torch.int8)
    share = torch.tensor([0.06 / 2, 0.06 / 4])
    expected = torch.sigmoid(6 * (share / 0.015).log()).log()
    assert torch.allclose(log_success(Sparse(0.06), signs, 0.015), expected, atol=1e-5)
    assert float(log_success(Sparse(0.06), signs, 0.015)[1]) == pytest.approx(-0.6931, abs=1e-3)  # at the goal


def test_draws_follow_the_product_of_likelihood_and_success(likelihood):
    surrogate, rules = Sparse(0.08), Rules(4, dual=True)
    found = draw(likelihood, surrogate, 4000, Stream(1))
    assert found.shape == (4000, 3, 3) and bool(rules.allow(found).all())
    many = likelihood.sample(40_000, Stream(2))
    many = many[rules.allow(many)]
    weight = log_success(surrogate, many, 0.015).double().exp()
    for count in range(2, 10):
        exact = float((weight * ((many != 0).sum((1, 2)) == count)).sum() / weight.sum())
        share = float(((found != 0).sum((1, 2)) == count).double().mean())
        assert share == pytest.approx(exact, abs=0.03)


def test_rules_hold_and_streams_repeat(likelihood):
    one, two = (draw(likelihood, Sparse(0.5), 50, Stream(3), rules=Rules(2)) for _ in range(2))
    assert torch.equal(one, two) and bool(Rules(2).allow(one).all())
    assert not torch.equal(one, draw(likelihood, Sparse(0.5), 50, Stream(4), rules=Rules(2)))


def test_a_function_that_is_too_rare_is_named(likelihood, monkeypatch):
    monkeypatch.setattr(draws, "MOST", 2)
    with pytest.raises(DataError, match="of 4000 circuits of 3 genes .* Try: fewer circuits"):
        draw(likelihood, Sparse(1e-3), 500, Stream(0))
