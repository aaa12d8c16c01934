"""Truth tables and users' rewards: gates whose answer is known, and errors that name what is wrong."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch

from advsci.cli import run_app
from advsci.errors import ConfigError, DataError
from advsci.streams import Stream
from advsci_circuits.cli import app
from advsci_circuits.design.posterior import Budget, design
from advsci_circuits.dynamics import reward
from advsci_circuits.dynamics.functions import check_function, is_directed, shows
from advsci_circuits.dynamics.logic import follows_table, inputs_of
from advsci_circuits.dynamics.racipe import racipe

SMALL = Budget(models=500, chains=8, steps=8, rounds=1, first_sets=8, sets=20, fit_steps=4)
NOT = np.array([[0, 0], [-1, 0]])
"""Gene 1 represses gene 2."""
NOR = np.array([[0, 0, 0], [0, 0, 0], [-1, -1, 0]])


def models(signs: np.ndarray, sets: int = 200):
    """Random kinetics of one circuit."""
    return racipe(torch.from_numpy(signs.astype(np.int8))[None], sets, Stream(0))


def test_a_gate_follows_its_own_table_and_no_other():
    inverter = models(NOT)
    right, wrong = follows_table(inverter, "10"), follows_table(inverter, "01")
    assert float(right.double().mean()) > 0.3 and not bool(wrong.any())
    gate = models(NOR)
    shares = {table: float(follows_table(gate, table).double().mean()) for table in ("1000", "0001", "0110")}
    assert shares["1000"] > 0.15  # NOR: on where both inputs are low
    # two repressors of one promoter multiply: the output falls with each input, and can do nothing else
    assert shares["0001"] == 0 and shares["0110"] == 0


def test_an_inverter_follows_its_table_where_its_levels_say_so():
    """The output of an inverter is explicit: rate times the Hill response of the input's level, over the decay."""
    model = models(NOT, 50)
    levels = []
    for factor in (0.1, 10.0):
        driven = model.scale_rate(0, factor)
        x = torch.stack([driven.rate[:, 0] / driven.decay[:, 0], torch.zeros(50, dtype=driven.rate.dtype)], 1)
        for _ in range(2):  # the second gene acts on nothing: one application of the production settles it
            x = (driven.derivative(x) + driven.decay * x) / driven.decay
        levels.append(x[:, 1])
    assert torch.equal(follows_table(model, "10"), levels[0] > 2 * levels[1])


@pytest.mark.parametrize("table", ["", "0", "011", "1111", "0000", "01a0", "01" * 8])
def test_what_is_no_table_is_named(table):
    with pytest.raises(ConfigError, match=r"truth table|Try:"):
        inputs_of(table)


def test_places_and_names_are_checked_before_anything_is_simulated():
    assert is_directed("logic:0001") and is_directed("reward:x") and not is_directed("oscillation")
    with pytest.raises(ConfigError, match="2 inputs for 2 genes"):
        check_function("logic:0001", 2)
    with pytest.raises(ConfigError, match="there is none"):
        check_function("reward:nobody's", 3)
    with pytest.raises(ConfigError, match="logic:TABLE"):
        check_function("flying", 3)


def test_designs_for_a_table_follow_it():
    found = design(None, "logic:10", Stream(0), max_genes=3, best=1, budget=SMALL)
    assert found.proposals and all(p.share > 0 for p in found.proposals)
    best = torch.from_numpy(found.proposals[0].circuit.signs.copy())[None]
    assert bool(follows_table(racipe(best, 100, Stream(9)), "10").any())


def high(times: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """A reward: the last gene ends above its start."""
    assert len(times) == x.shape[1]
    return x[:, -1, -1] > x[:, 0, -1]


def never(times: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """A reward that gives numbers."""
    return x[:, -1, 0]


@pytest.fixture
def installed(monkeypatch):
    """Two rewards, as a package would bring them."""
    here = [EntryPoint(n, f"{__name__}:{n}", reward.GROUP) for n in ("high", "never")]
    monkeypatch.setattr(reward, "entry_points", lambda group: here if group == reward.GROUP else [])
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[self.name])


def test_a_reward_is_found_by_its_name_and_decides(installed):
    model = models(NOT, 60)
    said = shows("reward:high", model, Stream(1))
    assert said.dtype == torch.bool and 0 < float(said.double().mean()) < 1
    # repressed from half its highest level on, the output mostly falls; what rises is repressed little
    exact = model.derivative(model.rate / model.decay * 0.5)[:, 1] > 0
    assert float((said == exact).double().mean()) > 0.6
    with pytest.raises(DataError, match="float"):
        shows("reward:never", model, Stream(1))
    found = design(None, "reward:high", Stream(0), max_genes=3, best=1, budget=SMALL)
    assert found.proposals[0].share > 0


def test_the_command_takes_one_goal(installed, capsys):
    assert run_app(app, ["design", "--reward", "high", "--table", "10"]) == 2
    assert run_app(app, ["design", "--reward", "nobody"]) == 2
    assert run_app(app, ["design", "--table", "012"]) == 2
    assert "high, never" in capsys.readouterr().err
