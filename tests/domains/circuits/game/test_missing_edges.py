"""The link predictor: what is hidden from it, that it learns, when it answers, that generation does not notice it."""

import hashlib
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from advsci.errors import CheckpointError, DataError
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci_circuits.game.condition import condition_vector
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.missing_edges import FEW, LinkGame, complete, hidden_pairs, link_probabilities
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs import Circuit, CircuitBatch
from advsci_circuits.graphs.edges import edges_of
from advsci_circuits.store import load_generator, save_generator

RING = Circuit.from_edges([("A", "B", -1), ("B", "C", -1), ("C", "D", -1), ("D", "A", -1)])


ASKED = [(None, False), (None, True), ("oscillation", False)]


def linked(sure: int = 1) -> CompletionGenerator:
    """A generator whose link predictor always says class ``sure`` (of none, activation, repression)."""
    torch.manual_seed(0)
    generator = CompletionGenerator(8, 1, linked=True)
    assert generator.link_predictor is not None
    with torch.no_grad():
        generator.link_predictor.out.weight.zero_()
        generator.link_predictor.out.bias.copy_(20.0 * torch.eye(3)[sure])
    return generator


def test_one_to_few_pairs_are_hidden_edges_as_often_as_not():
    signs = torch.zeros(4000, 6, 6, dtype=torch.int8)
    signs[:, :5, :5] = (Stream(0).integers(5, (4000, 5, 5)) == 0).to(torch.int8)
    batch = {"x": edges_of(signs), "condition": condition_vector(torch.full((4000,), 5.0))}
    game = LinkGame(CompletionGenerator(8, 1, noise=0))
    draw = game.draw(batch, Stream(1))
    hidden = hidden_pairs(**batch, **{name: draw[name] for name in ("count", "edge", "order")})
    counts = hidden.sum((1, 2))
    assert not hidden[:, 5].any() and not hidden[:, :, 5].any()
    for k in range(1, FEW + 1):
        assert float((counts == k).double().mean()) == pytest.approx(1 / FEW, abs=0.04)
    # a fifth of the pairs are edges, but half of the hidden ones
    assert float((signs != 0)[hidden].double().mean()) == pytest.approx(0.5, abs=0.03)


def test_a_kind_that_runs_out_is_not_replaced_by_the_other():
    full = {
        "x": edges_of(torch.ones(200, 2, 2, dtype=torch.int8)),
        "condition": condition_vector(torch.full((200,), 2.0)),
    }
    game = LinkGame(CompletionGenerator(8, 1, noise=0))
    draw = game.draw(full, Stream(0))
    counts = hidden_pairs(**full, **{name: draw[name] for name in ("count", "edge", "order")}).sum((1, 2))
    wanted = ((draw["edge"] < 0.5) & (torch.arange(FEW) <= FEW * draw["count"][:, None])).sum(1)
    assert (counts == wanted).all() and (counts == 0).any()
    assert torch.isfinite(game.loss("links", full, draw))


def test_it_learns_a_rule_and_runs_on_meta():
    ring = torch.from_numpy(RING.signs.copy()).expand(64, 4, 4)
    batch = {"x": edges_of(ring), "condition": condition_vector(torch.full((64,), 4.0))}
    torch.manual_seed(0)
    game = LinkGame(CompletionGenerator(16, 2, noise=0))
    solver = Alternating(lambda p: torch.optim.AdamW(p, lr=5e-3))
    trainer = Trainer(steps=150, batch_size=32, device="cpu", quiet=True, ema=EMA(0.9, ("links",)))
    generator = CompletionGenerator(16, 2)
    generator.link_predictor = trainer.fit(game, batch, solver).averaged("links")
    found = complete(generator, RING, [("A", "B"), ("B", "A")])
    assert found.circuit == RING
    assert [(k.source, k.target) for k in found.links] == [("A", "B"), ("B", "A")]
    assert found.links[0].repression > 0.8 and found.links[1].none > 0.8
    meta = LinkGame(CompletionGenerator(8, 1, noise=0)).to("meta")
    ghost = {name: tensor.to("meta") for name, tensor in batch.items()}
    assert meta.loss("links", ghost, meta.draw(ghost, Stream(0))).device.type == "meta"


def test_few_open_pairs_are_its_own_many_are_the_generators():
    generator = linked()
    pairs = [("A", "C"), ("B", "D"), ("C", "A"), ("D", "B")]
    few = complete(generator, RING, pairs[:FEW])
    assert all(k.activation > 0.99 and k.sign == 1 for k in few.links)
    # everything else stays
    assert set(few.circuit.edges) == set(RING.edges) | {(s, t, 1) for s, t in pairs[:FEW]}
    assert all(k.activation < 0.99 for k in complete(generator, RING, pairs).links)
    generator.link_predictor = None
    assert all(k.activation < 0.99 for k in complete(generator, RING, pairs[:FEW]).links)


def test_what_the_circuit_says_of_an_open_pair_is_not_looked_at():
    torch.manual_seed(0)
    generator = CompletionGenerator(8, 1, linked=True)
    flipped = Circuit(RING.signs * (1 - 2 * (torch.arange(16).view(4, 4) == 4).numpy()), RING.genes)
    assert flipped.edges[0] == ("A", "B", 1)
    for pairs in ([("A", "B")], [("A", "B"), ("A", "C"), ("B", "D"), ("C", "A")]):
        assert complete(generator, RING, pairs) == complete(generator, flipped, pairs)


def test_every_missing_pair_is_asked_about_by_itself():
    generator = linked()
    found = complete(generator, RING)
    assert found.circuit == RING
    assert {(k.source, k.target) for k in found.links} == {
        (s, t) for s in "ABCD" for t in "ABCD" if (s, t, -1) not in RING.edges
    }
    assert all(k.activation > 0.99 for k in found.links)
    assert sorted(found.links, key=lambda k: k.none) == found.links


def test_padding_and_company_change_nothing():
    generator = linked()
    assert generator.link_predictor is not None
    torch.nn.init.normal_(generator.link_predictor.out.weight)
    batch = CircuitBatch.of([RING, RING], width=6)
    unknown = torch.zeros(2, 6, 6, dtype=torch.bool)
    unknown[0, 2, 0] = True
    unknown[1, :4, :4] = True  # the generator's: the two answer side by side
    both = link_probabilities(generator, batch, unknown)
    alone = link_probabilities(generator, CircuitBatch.of([RING]), unknown[:1, :4, :4])
    assert torch.allclose(both[0, :4, :4], alone[0], atol=1e-5)
    assert torch.allclose(both[1, :4, :4].sum(-1), torch.ones(4, 4))


def test_generation_from_nothing_is_the_same_bit_for_bit():
    torch.manual_seed(0)
    generator, sizes = CompletionGenerator(8, 1), 3 + Stream(0).integers(4, (80,))
    before = [generate(generator, sizes, Stream(1), function=wish, half=half) for wish, half in ASKED]
    generator.link_predictor = linked().link_predictor
    after = [generate(generator, sizes, Stream(1), function=wish, half=half) for wish, half in ASKED]
    assert all((a.signs == b.signs).all() for a, b in zip(before, after, strict=True))


def test_a_stored_generator_keeps_it_and_files_without_one_are_read(tmp_path):
    generator = linked(2)
    path = save_generator(generator, tmp_path / "model.safetensors", {})
    again = load_generator(path)[0].link_predictor
    assert again is not None and generator.link_predictor is not None
    for name, tensor in generator.link_predictor.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    # as earlier versions wrote it
    with safe_open(path, framework="pt") as file:
        tensors = {k: file.get_tensor(k) for k in file.keys() if not k.startswith("link_predictor")}
        shape = json.loads(file.metadata()["card"])["shape"]
    del shape["linked"]
    old = tmp_path / "old.safetensors"
    save_file(tensors, old, metadata={"shape": json.dumps(shape)})
    with pytest.raises(CheckpointError, match="sha256"):
        load_generator(old)
    (tmp_path / "sha256.json").write_text(json.dumps({"old": hashlib.sha256(old.read_bytes()).hexdigest()}))
    assert load_generator(old)[0].link_predictor is None


def test_what_cannot_be_completed_is_named():
    generator = linked()
    with pytest.raises(DataError, match="gene 'X'"):
        complete(generator, RING, [("A", "X")])
    with pytest.raises(DataError, match="no open pair"):
        complete(generator, RING, [])
    with pytest.raises(DataError, match="13 genes"):
        complete(generator, Circuit.from_edges([(f"G{i}", f"G{i + 1}", 1) for i in range(12)]))
