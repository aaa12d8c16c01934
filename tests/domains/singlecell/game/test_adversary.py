"""The conditional adversary: who is compared with whom, and how much each counts."""

import torch

from advsci.games import DomainAdversarial
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci_singlecell.game.adversary import CategoricalAdversary, ContinuousAdversary, support, support_weights
from advsci_singlecell.game.biology import Biology
from advsci_singlecell.game.networks import Encoder


def design():
    """Group 0 in batches 0 and 1 (40 and 10 cells), group 1 in batch 0 only (20 cells)."""
    group = torch.tensor([0] * 50 + [1] * 20)
    batch = torch.tensor([0] * 40 + [1] * 10 + [0] * 20)
    return torch.nn.functional.one_hot(group, 2).float(), batch


def test_support_and_weights():
    membership, batch = design()
    present = support(membership, batch, 2)
    assert present.tolist() == [[True, True], [True, False]]
    weight, allowed = support_weights(membership, batch, present, largest=10.0)
    assert torch.allclose(weight[:40].sum(), weight[40:50].sum())  # batches count alike within a group
    assert (weight[50:] == 0).all() and not allowed[50:, 1].any()
    clamped, _ = support_weights(membership, batch, present, largest=2.0)
    assert float(clamped.max()) == 2.0


def test_a_type_of_one_batch_has_no_gradient():
    membership, batch = design()
    weight, allowed = support_weights(membership, batch, support(membership, batch, 2))
    z = torch.randn(70, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    data = {"batch": batch, "membership": membership, "weight": weight, "allowed": allowed}
    CategoricalAdversary(3, 2, 2)(z, data).backward()
    assert z.grad is not None and (z.grad[50:] == 0).all() and (z.grad[:50] != 0).any()


def test_fully_masked_is_silent():
    membership, batch = design()
    rows = slice(50, 70)
    weight, allowed = support_weights(membership, batch, support(membership, batch, 2))
    data = {"batch": batch[rows], "membership": membership[rows], "weight": weight[rows], "allowed": allowed[rows]}
    assert float(CategoricalAdversary(3, 2, 2)(torch.randn(20, 3), data).detach()) == 0.0


def game_on(device: str):
    with torch.device(device):
        encoder, head = Encoder(5, width=8), torch.nn.Linear(5, 3)
        adversaries = {
            "batch": CategoricalAdversary(5, 2, 2),
            "cycle": ContinuousAdversary(5, 2, 1, target="phase", condition="membership"),
        }
        task = Biology(encoder, head)
    batch = {
        "anchor": torch.ones(6, 5, device=device),
        "batch": torch.zeros(6, dtype=torch.int64, device=device),
        "membership": torch.ones(6, 2, device=device),
        "weight": torch.ones(6, device=device),
        "allowed": torch.ones(6, 2, dtype=torch.bool, device=device),
        "posterior": torch.ones(6, 3, device=device),
        "phase": torch.ones(6, 1, device=device),
    }
    return DomainAdversarial(task, adversaries, 0.1), batch


def test_a_step_never_leaves_the_device():
    game, batch = game_on("meta")
    game.progress = game.progress.to("meta")
    solver = Alternating(torch.optim.SGD, moves={"batch": 2})
    solver.bind(game)
    terms = solver.step(game, lambda: (batch, game.draw(batch, Stream(0))))
    assert all(t.device.type == "meta" for part in terms.values() for t in part.values())


def test_a_new_encoder_is_the_identity():
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    assert torch.equal(Encoder(5)(x), x)


def test_reversal_and_play_in_turn_agree_on_the_encoder():
    game, batch = game_on("cpu")
    torch.nn.init.normal_(
        game.task.encoder.correction.network[-1].weight
        if hasattr(game.task.encoder.correction, "network")
        else next(game.task.encoder.parameters())
    )
    parameters = list(game.task.parameters())
    turn = torch.autograd.grad(game.loss("task", batch, {}), parameters, allow_unused=True)
    joint = torch.autograd.grad(sum(game.joint_terms(batch, {}).values()), parameters, allow_unused=True)
    for a, b in zip(turn, joint, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
