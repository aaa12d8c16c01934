"""Baselines: they learn a rule, know no gene order where they claim so, and searches spend what they are given."""

import numpy as np
import pytest
import torch

from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_circuits.baselines import (
    DiscreteDiffusion,
    GraphVAE,
    Judge,
    LinkPredictor,
    TreeSearch,
    evolution,
    from_generator,
    random_search,
    search,
)  # fmt: skip
from advsci_circuits.baselines.graph_vae import ordered
from advsci_circuits.baselines.search import Found
from advsci_circuits.game.condition import condition_vector
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.graphs import CircuitBatch, canonical_keys, is_valid
from advsci_circuits.graphs.edges import edges_of
from advsci_circuits.graphs.variation import random_circuits

RING = torch.tensor(-np.roll(np.eye(4), 1, 0)).to(torch.int8)


def batch(count: int = 64) -> dict[str, torch.Tensor]:
    """Repression rings of four genes, each with its genes in another order."""
    rng = np.random.default_rng(0)
    orders = [torch.from_numpy(rng.permutation(4)) for _ in range(count)]
    x = edges_of(torch.stack([RING[o][:, o] for o in orders]))
    return {"x": x, "condition": condition_vector(torch.full((count,), 4.0))}


def train(game, steps: int, rate: float = 5e-3) -> None:
    solver = Alternating(lambda p: torch.optim.Adam(p, lr=rate))
    Trainer(steps=steps, batch_size=32, device="cpu", quiet=True).fit(game, batch(), solver)


def rings(signs: torch.Tensor) -> float:
    keys = canonical_keys(CircuitBatch(signs, torch.full((len(signs),), 4)))
    return sum(key == canonical_keys([RING.numpy()])[0] for key in keys) / len(keys)


def test_diffusion_learns_the_ring():
    torch.manual_seed(0)
    game = DiscreteDiffusion(torch.tensor([0.75, 0.0, 0.25]), width=24, blocks=2, steps=12)
    before = rings(game.sample(torch.full((100,), 4), Stream(0)).signs)
    train(game, 150)
    assert rings(game.sample(torch.full((100,), 4), Stream(0)).signs) > max(0.5, 10 * before)


def test_diffusion_forgets_all_and_keeps_the_marginals():
    """With a guess that knows nothing (the marginals), reversed noise returns the marginals."""
    marginal = torch.tensor([0.6, 0.3, 0.1])
    game = DiscreteDiffusion(marginal, 8, 1)
    assert float(game.kept(torch.tensor(float(game.steps)))) == pytest.approx(0, abs=1e-12)
    with torch.no_grad():
        game.out.weight.zero_()
        game.out.bias.copy_(marginal.log())
    signs = game.sample(torch.full((2000,), 4), Stream(0)).signs
    shares = torch.stack([(signs == sign).double().mean() for sign in (0, 1, -1)])
    assert shares.tolist() == pytest.approx(marginal.tolist(), abs=0.01)


def test_the_graph_vae_learns_the_ring():
    torch.manual_seed(0)
    game = GraphVAE(4, latent=4, width=64)
    train(game, 300)
    assert rings(game.sample(100, Stream(0))) > 0.5


def test_one_order_for_all_reorderings():
    signs = random_circuits(4, 30, np.random.default_rng(0))
    x = ordered(edges_of(signs))
    order = torch.tensor([2, 0, 3, 1])
    again = ordered(edges_of(signs[:, order][:, :, order]))
    same = (x == again).flatten(1).all(1)
    assert same.double().mean() > 0.5 and (again.sum((1, 2)) == x.sum((1, 2))).all()


def test_the_link_predictor_knows_no_order_and_learns():
    torch.manual_seed(0)
    game, data = LinkPredictor(16, 2), batch()
    unknown = Stream(0).uniform((64, 4, 4)) < 0.3
    order = torch.tensor([2, 0, 3, 1])
    sizes = data["condition"][:, 0]
    logits = game(data["x"], unknown, sizes)[:, order][:, :, order]
    again = game(data["x"][:, order][:, :, order], unknown[:, order][:, :, order], sizes)
    assert torch.allclose(logits, again, atol=1e-5)
    train(game, 150)
    edge = (data["x"].sum(-1) > 0).flatten(1).to(torch.int8).argmax(1)
    one = torch.nn.functional.one_hot(edge, 16).bool().view(64, 4, 4)
    assert (game(data["x"], one, sizes)[one].argmax(-1) == 2).double().mean() > 0.9


def test_searches_judge_valid_classes_once_within_their_time():
    start = random_circuits(3, 50, np.random.default_rng(0))
    for propose in (random_search(3, Stream(0), 16), evolution(start, Stream(0), 16), TreeSearch(3, Stream(0), 8)):
        found = search(propose, Judge("bistability", Stream(1), 8), 0.3)
        assert 0.3 <= found.seconds < 3 and found.circuits
        signs = torch.stack([matrix for matrix, _ in found.circuits.values()])
        sizes = torch.full((len(signs),), 3)
        assert is_valid(CircuitBatch(signs, sizes)).all()
        assert canonical_keys(CircuitBatch(signs, sizes)) == list(found.circuits)


def test_the_generator_draws_a_third_of_the_best_again():
    """From the third turn on half of the circuits keep every pair of a parent that was not hidden."""
    torch.manual_seed(0)
    found = Found({b"": (RING, 0.5)})
    propose = from_generator(CompletionGenerator(8, 1), 4, None, Stream(3), each=40)
    plain = from_generator(CompletionGenerator(8, 1), 4, None, Stream(3), each=40, parents=0)
    again = propose(2, found)[20:]
    stays = Stream(3).at("generator", 2).at("hide").uniform((20, 4, 4)) >= 0.35
    assert (again == RING)[stays].all() and not (again == RING)[~stays].all()
    for signs in (propose(1, found), plain(2, found)):
        assert len(signs) == 40 and not (signs[20:] == RING)[stays].all()
