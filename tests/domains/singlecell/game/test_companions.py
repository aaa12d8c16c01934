"""Cycle consistency and the orthogonal batch encoder on cases whose value is known, and the ablations in a training."""

import numpy as np
import pytest
import torch

from advsci.games import DomainAdversarial
from advsci.solvers import Simultaneous
from advsci.streams import Stream
from advsci_singlecell.config import Settings
from advsci_singlecell.game.adversary import CategoricalAdversary
from advsci_singlecell.game.biology import Biology
from advsci_singlecell.game.companions import Cycle, OrthogonalBatch, cross_correlation
from advsci_singlecell.game.networks import Encoder
from advsci_singlecell.game.priors import Spread, VampPrior
from advsci_singlecell.model.corrector import BatchCorrector


def rows(n=64, d=4):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(0))


def test_a_cell_never_hops_to_its_own_batch():
    number = torch.arange(300) % 3
    hop = Cycle(4, 3, weight=1.0).draw({"batch": number}, Stream(0))["hop"]
    assert ((number + hop) % 3 != number).all() and len(torch.unique(hop)) == 2


def test_a_decoder_that_ignores_the_batch_closes_the_cycle():
    cycle = Cycle(4, 2, weight=3.0)
    for parameter in cycle.decoder.parameters():
        torch.nn.init.zeros_(parameter)
    z, number = rows(), torch.arange(64) % 2
    batch = {"batch": number, "anchor": z + 2.0}
    terms = cycle(z, lambda x: x, batch, cycle.draw(batch, Stream(0)))
    assert float(terms["cycle"].detach()) == 0.0 and float(terms["reconstruction"].detach()) == pytest.approx(
        12.0, rel=1e-5
    )


def test_cross_correlation_is_numpys():
    z, u = rows(d=3), rows(d=2) ** 2 + rows(d=3)[:, :2]
    both = np.corrcoef(np.concatenate([z, u], axis=1).T)[:3, 3:]
    np.testing.assert_allclose(cross_correlation(z, u).numpy(), both, atol=1e-5)


def test_the_batch_encoder_learns_the_batch_and_leaves_the_embedding_alone():
    x, number = rows(), torch.arange(64) % 2
    x[:, 0] += 4.0 * number
    companion = OrthogonalBatch(4, 2, weight=1.0)
    batch, optimizer = {"components": x, "batch": number}, torch.optim.Adam(companion.parameters(), 1e-2)
    z = x[:, 1:].clone().requires_grad_()
    first = None
    for _ in range(100):
        terms = companion(z, lambda s: s, batch, {})
        first = first if first is not None else {k: float(v.detach()) for k, v in terms.items()}
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
    assert float(terms["batch encoder"].detach()) < 0.2 * first["batch encoder"]
    assert float(terms["orthogonality"].detach()) < first["orthogonality"]


@pytest.mark.parametrize(
    "changes",
    [
        {"prior": "gaussian"},
        {"prior": "vamp"},
        {"cycle": 0.1},
        {"orthogonality": 0.1},
        {"discrepancy": 0.1},
        {"play": "reversal", "strength": 0.1},
    ],
    ids=str,
)
def test_every_ablation_trains_and_changes_the_embedding(changes):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5)) + 6.0 * np.eye(5)[np.arange(200) % 3]
    batch = np.repeat(["a", "b"], 100)
    plain, changed = (
        BatchCorrector(Settings(steps=10, **c)).fit_transform(x, batch=batch) for c in ({"strength": 0.1}, changes)
    )
    assert np.isfinite(changed).all() and (plain != changed).any()
    assert np.linalg.norm(plain - changed) < np.linalg.norm(plain)


def test_a_step_with_all_ablations_never_leaves_the_device():
    with torch.device("meta"):
        task = Biology(
            Encoder(4, width=8),
            discrepancy=0.1,
            batches=2,
            prior=VampPrior(torch.ones(3, 4)),
            spread=Spread(4),
            companions={"cycle": Cycle(4, 2, weight=0.1), "orthogonal": OrthogonalBatch(4, 2, weight=0.1)},
        )
        game = DomainAdversarial(task, {"batch": CategoricalAdversary(4, 2, 2)}, 0.1)
        batch = {key: torch.ones(6, 4) for key in ("anchor", "untold", "components")} | {
            "batch": torch.zeros(6, dtype=torch.int64),
            "membership": torch.ones(6, 2),
            "weight": torch.ones(6),
            "allowed": torch.ones(6, 2, dtype=torch.bool),
        }
    game.progress = game.progress.to("meta")
    solver = Simultaneous(torch.optim.SGD)
    solver.bind(game)
    terms = solver.step(game, lambda: (batch, game.draw(batch, Stream(0))))
    assert all(t.device.type == "meta" for part in terms.values() for t in part.values())
    assert {"prior", "cycle", "orthogonality", "discrepancy"} <= set().union(*terms.values())
