"""The verdict on records with one disease each, and the probe in a real game."""

import math

import pytest
import torch
from torch import nn

from advsci.diagnostics import Probe, judge
from advsci.errors import ConfigError, DataError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.solvers import Simultaneous
from advsci.streams import Stream
from advsci.training import EMA, Trainer, Training

HEALTHY = {
    "accuracy": 0.55,
    "signal": 0.5,
    "coupling": 0.0,
    "frechet": 0.005,
    "precision": 0.95,
    "recall": 0.94,
    "density": 0.97,
    "coverage": 0.94,
    "precision_ceiling": 0.97,
    "recall_ceiling": 0.97,
    "density_ceiling": 1.0,
    "coverage_ceiling": 0.97,
    "slope_real": 3.0,
    "slope_fake": 3.0,
    "slope_between": 4.0,
    "effective_rank": 1.8,
    "rank_limit": 2.0,
    "input_condition": 1.2,
    "variance": 1.0,
    "averaged_variance": 1.0,
}
DISEASES = {
    "dead generator": {"variance": 1e-12, "coverage": 0.0, "density": 0.0},
    "overfitting discriminator": {"memorised": 0.8},
    "batch coupling": {"coupling": 0.2},
    "saturation": {"accuracy": 1.0, "signal": 0.001},
    "fooled FID": {"coverage": 0.3, "density": 0.2, "recall": 0.6},
    "mode dropping": {"coverage": 0.5, "frechet": 0.2, "density": 1.4},
    "shrunken samples": {"recall": 0.0, "density": 17.0, "variance": 0.21, "averaged_variance": 0.21, "frechet": 0.6},
    "manifold collapse": {"coverage": 0.2, "density": 0.2, "frechet": 0.2, "precision": 0.5, "recall": 0.3},
    "junk": {"precision": 0.4, "density": 0.4, "coverage": 0.83, "frechet": 0.2},
    "rank collapse": {
        "effective_rank": 1.0,
        "coverage": 0.82,
        "precision": 0.5,
        "density": 0.7,
        "recall": 0.7,
        "frechet": 0.1,
    },
    "ill-conditioned input": {"input_condition": 1e8, "coverage": 0.8, "precision": 0.5, "recall": 0.5, "frechet": 1.0},
}


def records(changes, n=24):
    return [
        {"step": i, **{f"probe/{k}": v for k, v in (HEALTHY | changes).items()}, "probe/position_0": 0.01}
        for i in range(n)
    ]


def test_singular_data_are_no_divergence():
    assert judge(records({"input_condition": float("inf")})).verdict == "healthy"
    assert judge(records({"slope_fake": float("inf")})).verdict == "divergence"


def test_a_healthy_run_is_called_healthy():
    diagnosis = judge(records({}))
    assert diagnosis.verdict == "healthy"
    assert diagnosis.findings == ()
    assert "Healthy" in diagnosis.text()


@pytest.mark.parametrize("disease", DISEASES)
def test_each_disease_is_named_with_evidence_and_advice(disease):
    diagnosis = judge(records(DISEASES[disease]))
    assert diagnosis.verdict == disease
    assert diagnosis.findings[0].evidence and diagnosis.findings[0].advice
    assert disease in diagnosis.text()


def test_samples_of_a_narrower_gaussian_are_shrunken_and_those_of_the_data_are_not():
    """In 32 dimensions half the data's deviation gives full coverage and a density beyond the data's."""

    def verdict(scale):
        x = Stream(0).normal((400, 32))
        game = GAN(nn.Linear(32, 32, bias=False), MLP(32, 1, 4), Gaussian(32))
        nn.init.eye_(game.generator.weight).data.mul_(scale)
        probe = Probe(x, held_out=x, samples=200, jacobians=0)
        solver = Simultaneous()
        solver.bind(game)
        record = probe(Training(game, solver))
        return judge([{"step": i, **record} for i in range(8)]), record

    shrunken, record = verdict(0.5)
    assert [finding.name for finding in shrunken.findings] == ["shrunken samples"]
    assert record["probe/coverage"] > 0.9 and record["probe/density"] > 2.0
    assert record["probe/averaged_variance"] == pytest.approx(0.25, rel=0.1)
    assert "24 % of the data's variance" in shrunken.text()
    assert verdict(1.0)[0].verdict == "healthy"


def test_growth_without_bound_is_an_exploding_critic_and_a_steep_but_steady_one_is_not():
    def grown(factor):
        history = records({})
        for i, record in enumerate(history):
            record["probe/slope_real"] = 500.0 * factor**i
        return judge(history).verdict

    assert grown(1.2) == "exploding critic"
    assert grown(1.0) == "healthy"


def test_a_swinging_mean_is_an_oscillation_and_a_drift_is_not():
    history = records({})
    for i, record in enumerate(history):
        record["probe/position_0"] = math.sin(i)
    assert judge(history).verdict == "oscillation"
    for record in history:
        record |= {"probe/stable_rate": 1e-4, "probe/rate": 1e-3}
    assert "beyond the largest stable one" in judge(history).text()
    for i, record in enumerate(history):
        record["probe/position_0"] = 0.1 * i
    assert judge(history).verdict == "healthy"


def test_samples_far_from_the_data_that_cannot_have_moved_are_an_idle_generator():
    far = {"coverage": 0.05, "density": 0.1, "precision": 0.1, "recall": 0.1, "frechet": 3.0, "accuracy": 0.9}
    assert judge(records(far | {"pace": 1e-4})).verdict == "idle generator"
    assert judge(records(far | {"pace": 1e-1})).verdict == "manifold collapse"
    assert judge(records(far | {"pace": 1e-4, "variance": 5e-4})).verdict == "idle generator"
    assert judge(records(far | {"pace": 1e-4, "variance": 1e-12})).verdict == "dead generator"


def test_a_run_that_stopped_on_a_number_that_is_not_finite_is_known_by_its_records():
    assert judge([*records({}), {"step": 30, "diverged/generator/objective": 1}]).verdict == "divergence"
    assert judge([{"step": i, "critic/gradient_norm": 1e3**i} for i in range(8)]).verdict == "divergence"
    assert "generator/objective was not finite" in judge([{"step": 3, "generator/objective": math.inf}]).text()


def test_advice_does_not_name_what_is_on():
    sick = DISEASES["saturation"]
    assert "relativistic" in judge(records(sick)).text()
    on = judge(records(sick | {"on_non_saturating": 1.0, "on_r1": 1.0})).text()
    assert "relativistic" not in on and "a stronger R1" in on and "a penalty" not in on


def domain_records(read, n=12):
    return [{"step": i, "probe/loss_batch": 2.0 * (1.0 - read), "probe/chance_batch": 2.0} for i in range(n)]


def test_a_domain_that_is_read_is_said_and_so_is_an_adversary_that_does_not_listen():
    assert judge(domain_records(0.5)).verdict == "readable domain"
    assert "50 %" in judge(domain_records(0.5)).text()
    assert judge(domain_records(-0.3)).verdict == "deaf adversary"
    calm = judge(domain_records(0.01))
    assert calm.verdict == "healthy" and "batch reads 1 % of its domain" in calm.text()


def test_a_vanished_gradient_is_seen_without_a_probe():
    history = [{"step": i, "generator/gradient_norm": 10.0**-i} for i in range(12)]
    assert judge(history).verdict == "vanishing signal"
    unprobed = judge([{"step": 1, "generator/gradient_norm": 1.0}])
    assert unprobed.verdict == "unknown" and "Probe" in unprobed.text()


def test_causes_come_before_symptoms():
    sick = judge(records({"coupling": 0.5, "coverage": 0.3, "frechet": 0.3}))
    assert [finding.name for finding in sick.findings] == ["batch coupling", "mode dropping"]


def test_a_probe_reads_a_real_game_and_leaves_its_training_alone():
    def play(callbacks):
        torch.manual_seed(0)
        game = GAN(MLP(3, 2, 8), MLP(2, 1, 8), Gaussian(3))
        x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
        trainer = Trainer(6, 16, ema=EMA(0.9), log_every=2, callbacks=callbacks, quiet=True, device="cpu")
        return game, trainer.fit(game, x, Simultaneous())

    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(1))
    plain, _ = play([])
    probed, training = play([Probe(x, held_out=x, samples=50, spectrum_every=2)])
    for a, b in zip(plain.parameters(), probed.parameters(), strict=True):
        assert torch.equal(a, b)
    record = training.log[-1]
    for name in (*HEALTHY, "memorised", "position_0", "position_1", "stable_rate", "rotation"):
        assert math.isfinite(record[f"probe/{name}"])
    assert record["probe/rank_limit"] == 2.0
    assert "probe/stable_rate" not in training.log[1]


def test_errors_say_what_was_expected(games):
    with pytest.raises(DataError, match="no records"):
        judge([])
    with pytest.raises(DataError, match="20"):
        Probe(torch.zeros(3, 2))
    with pytest.raises(ConfigError, match="AdversarialGame"):
        game = games.zero_sum(lambda x, y: x * y)
        Probe(torch.randn(40, 2))(Training(game, Simultaneous()))
