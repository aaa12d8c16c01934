"""The law of parts: k micro-batches give what one batch gives, for whatever is a mean over samples."""

from functools import partial

import pytest
import torch
from divided_games import COUPLED, MEANS, SECOND_ORDER, play, sgd
from torch import nn

from advsci.errors import ConfigError
from advsci.games import GAN
from advsci.games.coupling import coupling
from advsci.latents import Gaussian
from advsci.nn import MLP, Pieces
from advsci.penalties import DRAGAN, R1
from advsci.solvers import Balanced, Simultaneous
from advsci.solvers.accumulation import Parts, over_parts
from advsci.streams import Stream
from advsci.training import Trainer


@pytest.mark.parametrize("parts", [2, 8])
@pytest.mark.parametrize("name", MEANS)
def test_parts_of_a_batch_add_up_to_the_whole(name, parts):
    """Four steps: parameters, running statistics and buffers; 8 parts of a batch of 8 are single samples."""
    whole, divided = play(MEANS[name], steps=4), play(MEANS[name], steps=4, accumulate=parts)
    for key, value in whole.items():
        torch.testing.assert_close(divided[key], value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", COUPLED)
def test_what_compares_samples_is_refused_by_name(name):
    wanted = {
        "weights of samples": "weight", "weights, relativistic": "weight", "DRAGAN": "DRAGAN",
        "conditioning": "JacobianConditioning", "kernel MMD": "KernelMMD", "kernel MMD, weights": "KernelMMD, weight",
        "linear IPM": "MomentMatching", "MMD of features": "MomentMatching", "physics": "Multipliers",
        "weak form": "WeakForm", "weak form, weights": "WeakForm, weight", "batch norm": "SharedBatchNorm",
        "batch norm, one pass": "SharedBatchNorm",
    }  # fmt: skip
    with pytest.raises(ConfigError, match=f"accumulate=2 with {wanted[name]},"):
        play(COUPLED[name], accumulate=2)


def test_batch_norm_is_refused_by_name():
    discriminator = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    game = GAN(MLP(2, 2), discriminator, Gaussian(2), penalties=(R1(), DRAGAN()))
    assert coupling(game) == ["BatchNorm1d", "DRAGAN"]
    assert coupling(game, processes=True) == ["BatchNorm1d"]


def test_a_generator_of_weighted_samples_is_refused_by_name():
    generator = Pieces(2, MLP(2, 2, 4), pieces=4, size=0.3, seed=0)
    game = GAN(generator, MLP(2, 1, 4), Gaussian(generator.latent))
    assert coupling(game) == ["Pieces"] and coupling(game, processes=True) == []


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_rules_that_differentiate_the_field_are_refused_by_name(name):
    with pytest.raises(ConfigError, match="which does more with a batch"):
        play(SECOND_ORDER[name], accumulate=2)
    with pytest.raises(ConfigError, match="for Balanced"):
        game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
        Trainer(1, 8, accumulate=2, quiet=True).fit(game, Stream(0).normal((16, 2)), Balanced(sgd))


def test_a_batch_that_does_not_divide_is_refused():
    game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    with pytest.raises(ConfigError, match="batch_size=8 on 3 parts; expected a multiple of 3. Try: 6"):
        Trainer(1, 8, accumulate=3, quiet=True).fit(game, Stream(0).normal((16, 2)), Simultaneous(sgd))


def test_the_memory_of_a_part_is_enough():
    """No evaluation sees more than its part."""
    seen = []

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = MLP(2, 1)

        def forward(self, x):
            seen.append(len(x))
            return self.inner(x)

    game = GAN(MLP(2, 2), Watched(), Gaussian(2))
    trainer = Trainer(1, 32, accumulate=8, quiet=True, callbacks=[lambda _: seen.append(0)])
    first = len(seen)
    trainer.fit(game, Stream(0).normal((64, 2)), Simultaneous(partial(torch.optim.SGD, lr=0.1)))
    played = seen[first:][-9:-1]  # the eight parts before the callback; data and samples share a pass
    assert played == [8] * 8


def test_parts_are_averaged_in_any_nesting():
    batch, draw = Parts([{"x": torch.tensor(1.0)}, {"x": torch.tensor(3.0)}]), Parts([{}, {}])
    game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    found = over_parts(lambda b, d: ({"a": {"b": b["x"]}}, [b["x"], None]), game, batch, draw)
    assert found == ({"a": {"b": 2.0}}, [2.0, None])
    assert over_parts(lambda b, d: b["x"], game, {"x": torch.tensor(5.0)}, {}) == 5.0
