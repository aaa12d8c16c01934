"""The probe in every kind of adversarial game, and what an adversary reads of a domain against closed forms."""

import math

import pytest
import torch
from torch import nn

from advsci.diagnostics import Probe, chance_loss, judge
from advsci.games import GAN, Adversary, DomainAdversarial, Task
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.physics import Findings, Multipliers, Physics, PhysicsGAN, PhysicsInformedDiscriminator
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer


class Categorical(Adversary):
    def __init__(self, inputs: int, domains: int):
        super().__init__()
        self.head = nn.Linear(inputs, domains)

    def forward(self, features, batch):
        return nn.functional.cross_entropy(self.head(features), batch["domain"])


class Square(Adversary):
    """Predicts a number."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 1)

    def forward(self, features, batch):
        return (self.head(features)[:, 0] - batch["age"]).square().mean()


def test_chance_is_the_entropy_of_the_proportions_and_the_variance_of_a_number():
    domain = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    age = Stream(0).at("age").normal((100,)) * 3.0
    features, batch = Stream(0).at("f").normal((100, 3)), {"domain": domain, "age": age}
    entropy = -sum(p * math.log(p) for p in (0.6, 0.3, 0.1))
    assert float(chance_loss(Categorical(3, 3), features, batch)) == pytest.approx(entropy, abs=2e-3)
    assert float(chance_loss(Square(), features, batch)) == pytest.approx(float(age.var(unbiased=False)), rel=1e-4)


class Encoder(Task):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(4, 3), nn.Linear(3, 1)

    def draw(self, batch, stream):
        return {}

    def forward(self, batch, draw):
        features = self.encode(batch["x"])
        return features, {"task": (self.decode(features)[:, 0] - batch["x"][:, 0]).square().mean()}


@pytest.mark.parametrize(("strength", "verdict"), [(0.0, "readable domain"), (1.0, "healthy")])
def test_a_domain_is_readable_until_the_task_hides_it(strength, verdict):
    torch.manual_seed(0)
    domain = Stream(0).at("d").integers(2, (400,))
    x = Stream(0).at("x").normal((400, 4))
    x[:, 1] += 4.0 * domain
    data = {"x": x, "domain": domain}
    game = DomainAdversarial(Encoder(), {"batch": Categorical(3, 2)}, strength)
    trainer = Trainer(400, 64, log_every=20, callbacks=[Probe(data, held_out=data)], quiet=True, device="cpu")
    diagnosis = judge(trainer.fit(game, data, Simultaneous(adam(5e-3))).log)
    assert diagnosis.verdict == verdict, diagnosis.text()


class Positive(Physics):
    @property
    def names(self):
        return ("sign",)

    def forward(self, x, condition):
        return Findings({}, {"sign": -x[:, 0]})


def test_a_game_under_physics_is_read_like_any_other():
    torch.manual_seed(0)
    x = Stream(0).at("x").normal((600, 2)).abs()
    data = {"x": x, "condition": x[:, :1]}
    judge_ = PhysicsInformedDiscriminator(MLP(2, 1, 8, condition=2), Positive(), (2,))
    game = PhysicsGAN(MLP(2, 2, 8, condition=1), judge_, Gaussian(2), Multipliers(("sign",)))
    probe = Probe(data, samples=60)
    log = (
        Trainer(4, 32, log_every=2, callbacks=[probe], ema=EMA(), quiet=True, device="cpu")
        .fit(game, data, Simultaneous())
        .log
    )
    assert {"probe/coverage", "probe/signal", "probe/coupling", "probe/variance"} <= set(log[-1])
    assert "probe/on_r1" in log[0] and "probe/on_r1" not in log[1]


def test_reading_a_game_with_batch_norm_moves_no_statistics():
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
    game = GAN(generator, MLP(2, 1, 8), Gaussian(2))
    x = Stream(0).at("x").normal((600, 2))
    training = Trainer(2, 32, quiet=True, device="cpu").fit(game, x, Simultaneous())
    before, state = {k: v.clone() for k, v in game.state_dict().items()}, torch.get_rng_state()
    probe = Probe(x, samples=60, spectrum_every=1)
    first, second = probe(training), probe(training)
    assert first == second
    assert all(torch.equal(v, before[k]) for k, v in game.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state) and game.training


def test_few_data_are_said_before_the_training():
    with pytest.warns(UserWarning, match="learn by heart"):
        Probe(Stream(0).normal((100, 2)))
