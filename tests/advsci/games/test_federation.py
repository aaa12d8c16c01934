"""Federated play against closed forms: rounds of one step are pooled steps, FedProx's rest, sums that hide parts."""

import sys
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import cast

import pytest
import torch
from torch import nn

from advsci.errors import ConfigError
from advsci.games import GAN, Federation, Game, masked_sum
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.solvers import Alternating, Federated, Lookahead, Simultaneous
from advsci.streams import Stream
from advsci.training import FlowerSite, Sites, Trainer, flower_client

SGD = partial(torch.optim.SGD, lr=0.05)


class Tug(Game):
    """x pays half its square distance to the samples and the product with y, y gains it: the mean over samples."""

    def __init__(self):
        super().__init__()
        self.x, self.y = (nn.Linear(2, 1, bias=False, dtype=torch.float64) for _ in range(2))
        nn.init.constant_(self.x.weight, 1.0)
        nn.init.constant_(self.y.weight, -1.0)

    players = property(lambda self: {"x": self.x, "y": self.y})

    def draw(self, batch, stream):
        return {}

    def check(self, batch, draw):
        pass

    def terms(self, player, batch, draw):
        product = (self.x.weight * self.y.weight).sum()
        if player == "y":
            return {"value": 0.5 * self.y.weight.square().sum() - product}
        return {"own": 0.5 * (self.x.weight - batch["x"]).square().sum(1).mean(), "value": product}


def played(game, data, solver, steps, batch):
    """Full batches, so that the order of samples does not matter."""
    Trainer(steps, batch, quiet=True, device="cpu").fit(game, data, solver)
    return game


@pytest.mark.parametrize("rule", [Simultaneous, Alternating])
def test_rounds_of_one_step_are_pooled_steps(rule):
    data = {"a": Stream(0).normal((8, 2)).double(), "b": 3 + Stream(1).normal((8, 2)).double()}
    game = Federation({site: Tug() for site in data}, {"a": 8, "b": 24}, shared=("x", "y"))
    played(game, Sites(data), Federated(rule(SGD), every=1), 30, 8)
    pooled = played(Tug(), torch.cat([data["a"], *[data["b"]] * 3]), rule(SGD), 30, 32)
    for site in data:
        own = cast(Tug, game.games[site])
        torch.testing.assert_close(own.x.weight, pooled.x.weight, rtol=0, atol=1e-12)
    # y first hears of x where it is: only its own part differs between the rules
    torch.testing.assert_close(game.games["a"].y.weight, game.games["b"].y.weight, rtol=0, atol=1e-15)


def test_between_means_sites_go_their_own_way():
    data = {"a": torch.zeros(8, 2, dtype=torch.float64), "b": 4 * torch.ones(8, 2, dtype=torch.float64)}
    game = Federation({site: Tug() for site in data}, shared=("x",))
    played(game, Sites(data), Federated(Simultaneous(SGD), every=5), 9, 8)
    a, b = (cast(Tug, game.games[site]).x.weight for site in data)
    assert (b - a).abs().min() > 0.1
    at_five = Federation({site: Tug() for site in data}, shared=("x",))
    played(at_five, Sites(data), Federated(Simultaneous(SGD), every=5), 5, 8)
    a, b = (cast(Tug, at_five.games[site]).x.weight for site in data)
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    game.average()
    torch.testing.assert_close(game.games["a"].x.weight, game.games["b"].x.weight, rtol=0, atol=0)


def test_proximal_holds_a_site_back_to_its_closed_form():
    """From the mean 1 the site of samples m rests at (m + mu) / (1 + mu), with y silent at 0."""
    mu, data = 3.0, {"a": torch.full((4, 2), 5.0, dtype=torch.float64)}
    tug = Tug()
    nn.init.zeros_(tug.y.weight)
    tug.y.weight.requires_grad_(False)
    game = Federation({"a": tug}, shared=("x",), proximal=mu)
    game.silent.add("a/y")
    played(game, Sites(data), Federated(Simultaneous(SGD), every=10_000), 300, 4)
    torch.testing.assert_close(tug.x.weight, torch.full_like(tug.x.weight, (5 + mu) / (1 + mu)), rtol=0, atol=1e-9)


def test_a_masked_sum_is_the_sum_and_enough():
    vectors = [Stream(i).normal((50,)).double() for i in range(5)]
    torch.testing.assert_close(masked_sum(vectors, Stream(9)), sum(vectors), rtol=0, atol=5 / 2**33)
    data = {"a": torch.zeros(4, 2, dtype=torch.float64), "b": torch.ones(4, 2, dtype=torch.float64)}
    found = []
    for sum_of in (None, lambda vectors: masked_sum(vectors, Stream(3))):
        game = Federation({site: Tug() for site in data}, shared=("x",), sum_of=sum_of)
        found.append(played(game, Sites(data), Federated(Simultaneous(SGD), every=2), 10, 4).games["a"].x.weight)
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-8)


def test_a_federation_that_broke_goes_on_with_the_same_bits(tmp_path):
    data = {"a": Stream(0).normal((32, 2)), "b": Stream(1).normal((16, 2))}

    def trained(folder, breaks_at=None):
        games = {}
        for site in data:
            with Stream(0).at(site).seeded():
                games[site] = GAN(MLP(2, 2, 8), MLP(2, 1, 8), Gaussian(2))
        game = Federation(games, proximal=0.1)

        def breaks(training):
            if training.step == breaks_at:
                raise InterruptedError

        trainer = Trainer(13, 8, run=folder, quiet=True, device="cpu", checkpoint_every=6, log_every=1)
        solver = Federated(Simultaneous(), every=4)
        replace(trainer, callbacks=[breaks]).fit(game, Sites(data), solver)
        return game.state_dict()

    with pytest.raises(InterruptedError):
        trained(tmp_path / "parts", breaks_at=8)
    whole, parts = trained(tmp_path / "whole"), trained(tmp_path / "parts")
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name


def test_what_makes_no_federation_is_named():
    with pytest.raises(ConfigError, match="a game per site"):
        Federation({})
    with pytest.raises(ConfigError, match="a number for each of"):
        Federation({"a": Tug()}, {"b": 3})
    with pytest.raises(ConfigError, match="missing at a site, or of another shape"):
        Federation({"a": Tug()}, shared=("generator",))
    with pytest.raises(ConfigError, match="expected a Federation"):
        Federated(Simultaneous()).bind(Tug())
    with pytest.raises(ConfigError, match="every=0"):
        Federated(Lookahead(Simultaneous()), every=0)


def in_rounds(sites, rounds):
    """What a server does: the weighted mean of the vectors, again and again."""
    total, mean = sum(site.samples for site in sites), sites[0].numbers()
    for _ in range(rounds):
        sent = [(site.round(mean)[0], site.samples / total) for site in sites]
        mean = [sum(weight * vector for vector, weight in sent)]
    for site in sites:
        site.finish(mean)


@pytest.mark.parametrize("shared", [("x",), ("x", "y")])
def test_rounds_over_a_wire_are_rounds_in_one_process(shared):
    data = {"a": Stream(0).normal((8, 2)).double(), "b": 3 + Stream(1).normal((8, 2)).double()}
    game = Federation({site: Tug() for site in data}, shared=shared, proximal=0.3)
    played(game, Sites(data), Federated(Alternating(SGD), every=3), 9, 8)
    sites = [
        FlowerSite(Tug(), x, Alternating(SGD), Trainer(9, 8, quiet=True, device="cpu"), every=3, shared=shared,
                   proximal=0.3)
        for x in data.values()
    ]  # fmt: skip
    in_rounds(sites, 3)
    for site, own in zip(sites, game.games.values(), strict=True):
        for player in ("x", "y"):
            found, expected = (cast(nn.Linear, g.players[player]).weight for g in (site.game, cast(Tug, own)))
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-15)


def test_a_site_says_what_went_wrong_and_ends():
    site = FlowerSite(
        Tug(), torch.ones(8, 2).double(), Simultaneous(SGD), Trainer(2, 8, quiet=True), shared=("x",), every=1
    )
    for _ in range(2):
        mean = site.round(site.numbers())
    with pytest.raises(ConfigError, match="after all 2 steps"):
        site.round(mean)
    with pytest.raises(ConfigError, match="finite numbers"):
        site.round([mean[0][:1]])
    with pytest.raises(ConfigError, match="whole rounds"):
        FlowerSite(Tug(), torch.ones(8, 2), Simultaneous(SGD), Trainer(5, 8), every=2)
    broken = FlowerSite(
        Tug(), torch.ones(8, 3).double(), Simultaneous(SGD), Trainer(2, 8, quiet=True), shared=("x",), every=1
    )
    with pytest.raises(RuntimeError, match="size"):
        broken.round(broken.numbers())


@pytest.mark.parametrize("real", [False, True])
def test_flowers_client_hands_arrays_on(monkeypatch, real):
    if real:
        pytest.importorskip("flwr")
    else:
        flower = ModuleType("flwr.client")
        flower.NumPyClient = object
        monkeypatch.setitem(sys.modules, "flwr", ModuleType("flwr"))
        monkeypatch.setitem(sys.modules, "flwr.client", flower)
    site = FlowerSite(
        Tug(), torch.ones(8, 2).double(), Simultaneous(SGD), Trainer(2, 8, quiet=True, device="cpu"), every=1,
        shared=("x",), measure=lambda game: game.x.weight.sum().item(),
    )  # fmt: skip
    client = flower_client(site)
    start = client.get_parameters({})
    sent, count, said = client.fit(start, {})
    assert count == 8 and said == {} and sent[0].shape == (2,) and (sent[0] != start[0]).all()
    assert client.evaluate(sent, {}) == (pytest.approx(sent[0].sum()), 8, {})
    site.finish(sent)
    torch.testing.assert_close(site.game.x.weight.flatten(), torch.tensor(sent[0]), rtol=0, atol=0)


class Remembering(nn.Module):
    """A layer that carries its site's samples along, as a table that is no part of its state."""

    def __init__(self, table: torch.Tensor):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("table", table, persistent=False)

    def forward(self, z):
        return self.layer(z)


def test_what_a_site_keeps_beside_the_state_of_a_network_stays_there():
    tables = {"north": torch.ones(5, 2), "south": torch.zeros(3, 2)}
    games = {site: GAN(Remembering(table), nn.Linear(2, 1), Gaussian(2)) for site, table in tables.items()}
    game = Federation(games)
    with torch.no_grad():
        games["north"].generator.layer.weight.fill_(1.0)
        games["south"].generator.layer.weight.fill_(3.0)
    game.average()
    for site, own in games.items():
        assert torch.equal(own.generator.layer.weight, torch.full((2, 2), 2.0))
        assert torch.equal(own.generator.table, tables[site])
