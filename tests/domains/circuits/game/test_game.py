"""The completion game: symmetry, hard samples, gradients, what the user fixed, and that training learns."""

import numpy as np
import pytest
import torch

from advsci.errors import CheckpointError, ConfigError, ShapeError
from advsci.physics import Multipliers, PhysicsInformedDiscriminator
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_circuits.baselines.redraw import redraw
from advsci_circuits.design.pool import Pool
from advsci_circuits.game.completion import CompletionGame
from advsci_circuits.game.condition import CONTENTS, WIDTH, condition_vector, contents_of
from advsci_circuits.game.discriminator import CircuitDiscriminator
from advsci_circuits.game.examples import find_examples
from advsci_circuits.game.feasibility import CircuitPhysics, buildable, excess_regulators, missing_feedback, unconnected
from advsci_circuits.game.generator import CompletionGenerator, hard_edges, totals
from advsci_circuits.game.sample import generate, likely_contents, sample
from advsci_circuits.game.surrogate import RobustnessSurrogate, SurrogateGame, surrogate_batch
from advsci_circuits.game.training import OneSize
from advsci_circuits.graphs import Circuit, CircuitBatch, canonical_keys, is_valid
from advsci_circuits.graphs.edges import edges_of, signs_of
from advsci_circuits.graphs.invariants import INVARIANTS, invariants
from advsci_circuits.graphs.variation import mutate, neighbours, random_circuits
from advsci_circuits.store import load_examples, load_generator, save_examples, save_generator


def circuits(count: int = 6, size: int = 5, width: int = 6):
    signs = torch.nn.functional.pad(random_circuits(size, count, np.random.default_rng(0)), (0, width - size) * 2)
    return signs, torch.full((count,), size)


def game(width: int = 6) -> CompletionGame:
    torch.manual_seed(0)
    physics = CircuitPhysics(RobustnessSurrogate(8, 1))
    critic = CircuitDiscriminator(8, 2, findings=4)
    judge = PhysicsInformedDiscriminator(critic, physics, (width, width, 2))
    return CompletionGame(CompletionGenerator(8, 2), judge, Multipliers(physics.names, allowed=0.1))


def test_the_players_know_no_gene_order():
    signs, sizes = circuits()
    x, condition = edges_of(signs), condition_vector(sizes.float(), functions="oscillation")
    order = torch.tensor([3, 0, 4, 2, 1, 5])
    swapped = x[:, order][:, :, order]
    critic = CircuitDiscriminator(8, 2)
    assert torch.allclose(critic(x, condition), critic(swapped, condition), atol=1e-5)
    generator, z = CompletionGenerator(8, 2), Stream(0).normal((6, 6, 4))
    unknown = Stream(1).uniform((6, 6, 6)) < 0.5
    logits = generator(x, unknown, z, condition)
    again = generator(swapped, unknown[:, order][:, :, order], z[:, order], condition)
    assert torch.allclose(logits[:, order][:, :, order], again, atol=1e-5)


def test_padding_changes_nothing():
    signs, sizes = circuits()
    condition = condition_vector(sizes.float())
    critic = CircuitDiscriminator(8, 2)
    small, wide = edges_of(signs), edges_of(torch.nn.functional.pad(signs, (0, 4, 0, 4)))
    assert torch.allclose(critic(small, condition), critic(wide, condition), atol=1e-5)
    mask = [torch.arange(w) < 5 for w in (6, 10)]
    a, b = (invariants(x, m.expand(6, -1)) for x, m in zip((small, wide), mask, strict=True))
    assert a.shape == (6, INVARIANTS) and torch.allclose(a, b, atol=1e-6)


def test_the_critic_separates_what_colour_refinement_cannot():
    """Two triangles against a hexagon: all nodes alike to message passing."""
    triangles, hexagon = torch.kron(torch.eye(2), 1 - torch.eye(3)), torch.zeros(6, 6)
    for i in range(6):
        hexagon[i, (i + 1) % 6] = hexagon[(i + 1) % 6, i] = 1
    x = edges_of(torch.stack([triangles, hexagon]).to(torch.int8))
    network = CircuitDiscriminator(8, 2).network
    pooled = network(x, torch.ones(2, 6).bool(), torch.zeros(2, WIDTH))
    assert (pooled.sum((1, 2))[0] - pooled.sum((1, 2))[1]).abs().max() > 1e-3


def test_samples_are_hard_and_their_gradient_is_soft():
    logits = Stream(0).normal((4, 5, 5, 3)).requires_grad_()
    edges = hard_edges(logits, Stream(1).uniform((4, 5, 5, 3)))
    assert set(edges.detach().round(decimals=5).unique().tolist()) <= {0.0, 1.0} and (edges.sum(-1) < 1.001).all()
    (gradient,) = torch.autograd.grad(edges[..., 0].sum(), logits)
    assert gradient.abs().sum() > 0


def test_sampled_classes_follow_their_logits():
    logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(20_000, 1, 1, 3)
    edges = hard_edges(logits, Stream(0).uniform((20_000, 1, 1, 3)))
    assert edges.mean((0, 1, 2)).tolist() == pytest.approx([0.5, 0.3], abs=0.012)


def test_every_player_has_gradients_and_the_game_runs_on_meta():
    signs, sizes = circuits()
    batch = {"x": edges_of(signs), "condition": condition_vector(sizes.float(), functions="oscillation")}
    played = game()
    draw = played.draw(batch, Stream(0))
    played.check(batch, draw)
    for player in played.players:
        parameters = [p for p in played.parameters_of(player) if p.requires_grad]
        gradients = torch.autograd.grad(played.loss(player, batch, draw), parameters, allow_unused=True)
        assert sum(float(g.abs().sum()) for g in gradients if g is not None) > 0
    meta = game().to("meta")
    ghost = {name: tensor.to("meta") for name, tensor in batch.items()}
    for player in meta.players:
        assert meta.loss(player, ghost, meta.draw(ghost, Stream(0))).device.type == "meta"


def test_wrong_shapes_are_named_before_training():
    played = game()
    batch = {"x": torch.zeros(2, 6, 6), "condition": torch.zeros(2, 6)}
    with pytest.raises(ShapeError, match="circuits of shape"):
        played.check(batch, {})
    with pytest.raises(ConfigError, match="levitation"):
        condition_vector(torch.ones(1), functions="levitation")


def test_what_is_fixed_stays():
    torch.manual_seed(0)
    signs, sizes = circuits(8, 5, 5)
    known = torch.zeros(8, 5, 5, dtype=torch.bool)
    known[:, :3, :3] = True
    drawn = sample(CompletionGenerator(8, 1), condition_vector(sizes.float()), 5, Stream(0), fixed=signs, known=known)
    assert (drawn.signs[:, :3, :3] == signs[:, :3, :3]).all()


def test_contents_are_counted_asked_for_and_remembered():
    signs, sizes = torch.tensor([[[1, -1, 0], [0, 1, 0], [0, 1, 0]]], dtype=torch.int8), torch.tensor([3])
    contents = contents_of(signs, sizes)
    assert contents[0].tolist() == pytest.approx([4 / 3, 3 / 4, 2 / 3, 0, 0, 0, 1 / 3, 0])
    contents[0, 1] = torch.nan
    vector, kinds = condition_vector(sizes.float(), contents), len(CONTENTS)
    assert vector.shape == (1, WIDTH)
    assert vector[0, 1:4].tolist() == pytest.approx([4 / 3, 0, 2 / 3])
    assert vector[0, 1 + kinds : 4 + kinds].tolist() == [1, 0, 1]
    generator = CompletionGenerator(8, 1, known=3)
    generator.prior.copy_(torch.tensor([[3.0, 1], [4.0, 5], [4.0, 6]]) @ torch.eye(2, 1 + kinds))
    drawn = likely_contents(generator, torch.tensor([4, 3, 9, 4, 4]), Stream(0))
    assert drawn[1, 0] == 1 and drawn[2].isnan().all()
    # each real circuit once before any comes again
    assert sorted(drawn[[0, 3], 0].tolist()) == [5, 6] and drawn[4, 0] in (5, 6)


def test_motifs_are_counted_whatever_the_order_of_genes():
    # a two-gene loop that drives a third gene of each: one mutual pair, one triangle, two genes on a cycle
    signs = torch.tensor([[[0, 1, 0], [-1, 0, 0], [1, 1, 0]]], dtype=torch.int8)
    found = dict(zip(CONTENTS[3:], contents_of(signs, torch.tensor([3]))[0, 3:].tolist(), strict=True))
    assert list(found.values()) == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3, 2 / 3])
    many, sizes = circuits(8)
    order = torch.tensor([3, 0, 4, 2, 1, 5])
    assert torch.allclose(contents_of(many, sizes), contents_of(many[:, order][:, :, order], sizes))


def test_the_generator_is_told_what_is_left_of_a_wish():
    signs, sizes = circuits(4)
    condition = condition_vector(sizes.float(), contents_of(signs, sizes))
    unknown = (torch.arange(6) < 5).float()[None, :, None] * (torch.arange(6) < 5).float()[None, None]
    edges, unknown = edges_of(signs), unknown.expand(4, 6, 6)
    left = totals(0 * edges, unknown, condition)[:, len(CONTENTS) :]
    asked = contents_of(signs, sizes)
    assert torch.allclose(left[:, 0], asked[:, 0] / 5) and torch.allclose(left[:, 2], asked[:, 1])
    assert totals(edges, 0 * unknown, condition)[:, len(CONTENTS) :].abs().max() < 1e-5


def test_batches_hold_one_size_and_lose_nobody():
    signs = torch.nn.functional.pad(circuits(4, 3, 6)[0], (0, 0))
    data = {"x": edges_of(torch.cat([signs, circuits(8, 5, 6)[0]])), "condition": torch.zeros(12, WIDTH)}
    data["condition"][:, 0] = torch.tensor([3.0] * 4 + [5.0] * 8)
    source = OneSize(data)
    small, large = source[torch.arange(12)], source[torch.arange(11, -1, -1)]
    assert small["x"].shape == (12, 3, 3, 2) and large["x"].shape == (12, 5, 5, 2)
    kept = {row.numpy().tobytes() for batch in (small, large) for row in batch["x"]}
    whole = {row[:n, :n].numpy().tobytes() for row, n in zip(data["x"], [3] * 4 + [5] * 8, strict=True)}
    assert kept == whole


def test_something_is_always_hidden_and_never_padding():
    signs, sizes = circuits(200, 5, 6)
    batch = {"x": edges_of(signs), "condition": condition_vector(sizes.float())}
    played = game()
    draw = played.draw(batch, Stream(0))
    judged = played.complete(batch, draw)[2].sum((1, 2))
    assert judged.min() >= 1 and judged.max() <= 13  # at odds of up to a quarter each of 25 pairs
    played.adversarial = 0.0
    unknown = played.complete(batch, draw)[2]
    counts = unknown.sum((1, 2))
    assert counts.min() >= 1 and not unknown[:, 5].any() and not unknown[:, :, 5].any()
    assert (counts == 25).any() and (counts <= 3).double().mean() > 0.1


def test_generation_is_valid_of_the_asked_sizes_and_repeatable():
    torch.manual_seed(0)
    generator = CompletionGenerator(8, 1)
    sizes = 2 + Stream(0).integers(5, (60,))
    batch = generate(generator, sizes, Stream(1), tries=30)
    assert is_valid(batch).double().mean() > 0.9 and (batch.sizes == sizes).all()
    assert not batch.signs[~(batch.mask[:, :, None] & batch.mask[:, None])].any()
    assert (generate(generator, sizes, Stream(1), tries=30).signs == batch.signs).all()


def test_training_completes_a_rule():
    """Rings of repression only: after training, the one hidden edge of a ring comes back with its sign."""
    ring = torch.tensor(-np.roll(np.eye(4), 1, 0)).to(torch.int8).expand(64, 4, 4)
    batch = {"x": edges_of(ring), "condition": condition_vector(torch.full((64,), 4.0))}
    torch.manual_seed(0)
    physics = CircuitPhysics()
    judge = PhysicsInformedDiscriminator(CircuitDiscriminator(8, 1, 4), physics, (4, 4, 2))
    played = CompletionGame(CompletionGenerator(16, 2), judge, adversarial=0.0)
    solver = Alternating(lambda p: torch.optim.Adam(p, lr=5e-3))
    Trainer(steps=150, batch_size=32, device="cpu", quiet=True).fit(played, batch, solver)
    unknown = torch.zeros(64, 4, 4, dtype=torch.bool)
    unknown[:, 1, 0] = True
    logits = played.generator(batch["x"], unknown, Stream(0).normal((64, 4, 4)), batch["condition"])
    assert (logits[:, 1, 0].argmax(-1) == 2).double().mean() > 0.9


def test_physics_limits_are_counts_and_vanish_on_good_circuits():
    star = torch.zeros(6, 6, dtype=torch.int8)
    star[0] = 1
    ring = torch.tensor(-np.roll(np.eye(3), 1, 0)).to(torch.int8)
    batch = CircuitBatch.of([star.numpy(), ring.numpy()], width=6)
    x = edges_of(batch.signs)
    assert excess_regulators(x).tolist() == [2, 0]
    assert unconnected(edges_of(batch.signs * 0), batch.mask).tolist() == [6, 3]
    condition = condition_vector(batch.sizes.float(), functions="oscillation")
    assert missing_feedback(x, condition)[1] == 0
    gates = [{"gate": g, "ucf": "Eco1"} for g in "ABC"]
    assert buildable(batch, gates).tolist() == [False, True]
    assert buildable(batch, gates[:2]).tolist() == [False, False]
    findings = CircuitPhysics(RobustnessSurrogate(8, 1))(x, condition)
    assert tuple(findings.violations) == CircuitPhysics().names


def test_the_surrogate_learns_a_share():
    signs, sizes = circuits(128, 3, 3)
    shares = (signs > 0).sum((1, 2)).double()[:, None].expand(-1, 3) / 9
    torch.manual_seed(0)
    surrogate = RobustnessSurrogate(16, 1)
    data = surrogate_batch(signs, sizes, shares)
    solver = Alternating(lambda p: torch.optim.Adam(p, lr=3e-3))
    training = Trainer(steps=150, batch_size=64, device="cpu", quiet=True, log_every=10).fit(
        SurrogateGame(surrogate), data, solver
    )
    assert training.log[-1]["surrogate/squared_error"] < 0.2 * training.log[0]["surrogate/squared_error"]


def test_examples_are_judged_new_and_never_forbidden():
    signs = random_circuits(3, 50, np.random.default_rng(0))
    assert is_valid(CircuitBatch(signs, torch.full((50,), 3))).all()
    mutants = mutate(signs, np.random.default_rng(1))
    assert (mutants != signs).flatten(1).any(1).double().mean() > 0.5
    forbidden = set(canonical_keys(CircuitBatch(signs, torch.full((50,), 3))))
    found = find_examples(3, 40, Stream(0), rounds=2, sets=8, forbidden=forbidden.__contains__)
    keys = canonical_keys(CircuitBatch(found.signs, found.sizes))
    assert len(set(keys)) == len(keys) and not forbidden & set(keys)


def test_neighbours_are_all_single_changes_outside_what_is_kept():
    signs, sizes = circuits(2, 3, 4)
    near = neighbours(CircuitBatch(signs, sizes))
    assert len(near) == 2 * 2 * 9 and ((near.signs != signs.repeat_interleave(18, 0)).sum((1, 2)) == 1).all()
    assert len({matrix.numpy().tobytes() for matrix in near.signs}) == 36
    kept = neighbours(CircuitBatch(signs, sizes), fixed_genes=2)
    assert len(kept) == 2 * 2 * 5 and (kept.signs[:10, :2, :2] == signs[0, :2, :2]).all()


def test_a_pool_judges_each_class_once_and_pools_its_models():
    signs, sizes = circuits(30, 3, 3)
    pool = Pool("bistability")
    pool.judge(CircuitBatch(signs, sizes), Stream(0), 20)
    classes = len(set(canonical_keys(CircuitBatch(signs, sizes))))
    pool.judge(CircuitBatch(signs[:, [2, 0, 1]][:, :, [2, 0, 1]], sizes), Stream(1), 20)
    assert len(pool) == classes and pool.models == 20 * classes
    pool.again(3, Stream(2), 40)
    assert pool.models == 20 * classes + 120 and sorted(t for _, t in pool.hits.values())[-3:] == [60] * 3
    first = pool.keys(pool.best(1))[0]
    assert pool.hits[first][0] / pool.hits[first][1] >= max(h / t for h, t in pool.hits.values()) - 0.35


def test_designs_keep_the_users_circuit_and_are_ranked():
    torch.manual_seed(0)
    plasmid = Circuit.from_edges([("LacI", "TetR", -1), ("TetR", "LacI", 1)])
    search = redraw(
        CompletionGenerator(8, 1), "oscillation", Stream(0), max_genes=4, keep=plasmid, proposals=60, refine=1, best=3,
        sets=40, first_sets=10,
    )  # fmt: skip
    assert search.judged > 10 and len(search.proposals) == 3
    for proposal in search.proposals:
        assert proposal.circuit.genes[:2] == plasmid.genes and len(proposal.circuit) <= 4
        assert (proposal.circuit.signs[:2, :2] == plasmid.signs).all()
        assert proposal.low <= proposal.share <= proposal.high
    lows = [proposal.low for proposal in search.proposals]
    assert lows == sorted(lows, reverse=True)
    with pytest.raises(ConfigError, match="room"):
        redraw(CompletionGenerator(8, 1), "oscillation", Stream(0), max_genes=1, min_genes=1, keep=plasmid)


def test_designs_from_repressors_alone():
    torch.manual_seed(0)
    gates = [{"gate": g} for g in "ABC"]
    search = redraw(
        CompletionGenerator(8, 1), "oscillation", Stream(0), max_genes=3, proposals=150, refine=1, best=2, sets=40,
        first_sets=10, gates=gates, temperature=1.5,
    )  # fmt: skip
    assert all((proposal.circuit.signs <= 0).all() for proposal in search.proposals)


def test_models_are_stored_and_strangers_refused(tmp_path):
    torch.manual_seed(0)
    generator = CompletionGenerator(8, 1)
    path = save_generator(generator, tmp_path / "g.safetensors", {"seed": 3})
    again, facts = load_generator(path)
    assert facts == {"seed": 3}
    for name, tensor in generator.state_dict().items():
        assert (again.state_dict()[name] == tensor).all()
    judged = find_examples(3, 12, Stream(0), rounds=1, sets=8)
    again = load_examples(save_examples(judged, tmp_path / "e.safetensors"))
    assert (again.signs == judged.signs).all() and (again.shares == judged.shares).all()
    with pytest.raises(CheckpointError, match="judged"):
        load_examples(path)
    (tmp_path / "bad").write_bytes(path.read_bytes()[:100])
    for stranger in (tmp_path / "bad", tmp_path / "none"):
        with pytest.raises(CheckpointError):
            load_generator(stranger)
    assert (
        signs_of(edges_of(torch.tensor([[[1, -1], [0, 0]]], dtype=torch.int8)))[0, 0] == torch.tensor([1, -1])
    ).all()
