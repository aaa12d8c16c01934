"""An exported generator samples what its game sampled; what was altered or does not fit is refused."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from advsci.errors import CheckpointError, ConfigError
from advsci.games import GAN
from advsci.latents import Gaussian, Latent, Mixture, Sphere, Truncated, Uniform
from advsci.nn import MLP, DCGANGenerator
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci.training.export import export_generator, load_generator
from advsci.training.weights import read_card, save_weights

LATENTS = [Gaussian(2), Uniform(2), Sphere(2), Truncated(2), Mixture(2, 3, 0.1)]


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(LATENTS), st.integers(0, 99))
def test_an_exported_generator_samples_what_its_game_samples(tmp_path_factory, latent, seed):
    torch.manual_seed(seed)
    game = GAN(MLP(2, 3, 8), MLP(3, 1, 8), latent)
    folder = tmp_path_factory.mktemp("made")
    export_generator(game, folder, program=False)
    made = load_generator(folder, MLP(2, 3, 8))
    assert torch.equal(made.sample(5, Stream(seed)), game.sample(5, Stream(seed)))
    assert not any(p.requires_grad for p in made.network.parameters())


def test_the_average_of_a_training_with_batch_norm(tmp_path):
    torch.manual_seed(0)
    game = GAN(DCGANGenerator(4, 1, 16, 4), nn.Sequential(nn.Flatten(), nn.Linear(256, 1)), Gaussian(4))
    data = Stream(0).uniform((16, 1, 16, 16)) * 2 - 1
    training = Trainer(3, 8, quiet=True, ema=EMA(0.5)).fit(game, data, Alternating())
    average = training.averaged("generator")
    path = export_generator(game, tmp_path, generator=average, card={"licence": "CC0"}, program=False)
    made = load_generator(path, DCGANGenerator(4, 1, 16, 4))
    assert torch.equal(made.sample(3, Stream(1)), game.sample(3, Stream(1), generator=average))
    assert made.card["licence"] == "CC0" and made.card["sample_shape"] == [1, 16, 16]


def test_the_program_needs_no_class_and_takes_any_number_of_samples(tmp_path):
    torch.manual_seed(0)
    game = GAN(MLP(2, 3, 8, condition=1), MLP(3, 1, 8, condition=1), Gaussian(2))
    condition = torch.tensor([[0.5]])
    export_generator(game, tmp_path, condition=condition.expand(2, 1))
    program = torch.export.load(tmp_path / "generator.pt2").module()
    made = load_generator(tmp_path, MLP(2, 3, 8, condition=1))
    for n in (2, 5, 64):
        z, c = game.latent.sample(n, Stream(0).at("latent")), condition.expand(n, 1)
        torch.testing.assert_close(program(z, c), made.sample(n, Stream(0), c))


def test_the_onnx_model_gives_what_the_network_gives(tmp_path):
    pytest.importorskip("onnxscript")
    from onnx.reference import ReferenceEvaluator

    torch.manual_seed(0)
    game = GAN(MLP(2, 3, 8, condition=1), MLP(3, 1, 8, condition=1), Gaussian(2))
    export_generator(game, tmp_path, condition=torch.tensor([[0.5], [0.1]]), program=False, onnx=True)
    z, c = Gaussian(2).sample(7, Stream(0)), torch.full((7, 1), 0.3)
    (made,) = ReferenceEvaluator(str(tmp_path / "generator.onnx")).run(
        None, {"input_0": z.numpy(), "input_1": c.numpy()}
    )
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(made), game.generator(z, c))


class Untraceable(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = MLP(2, 3, 4)

    def forward(self, z):
        return self.inner(z if z.sum().item() > 0 else -z)


def test_a_network_that_torch_cannot_export_still_gives_its_weights(tmp_path):
    game = GAN(Untraceable(), MLP(3, 1, 4), Gaussian(2))
    with pytest.warns(UserWarning, match="no program was written: torch.export failed on Untraceable"):
        path = export_generator(game, tmp_path)
    assert path.exists() and not (tmp_path / "generator.pt2").exists()


class Own(Latent):
    dim = 2

    def sample(self, n, stream, *, device="cpu", dtype=None):
        return stream.normal((n, 2), device=device, dtype=dtype)


def test_what_does_not_fit_is_refused_by_name(tmp_path):
    path = export_generator(GAN(MLP(2, 3, 8), MLP(3, 1, 8), Gaussian(2)), tmp_path, program=False)
    with pytest.raises(CheckpointError, match="got weights of a MLP that do not fit this MLP"):
        load_generator(path, MLP(2, 4, 8))
    with pytest.raises(ConfigError, match="got latent vectors of a Own"):
        export_generator(GAN(MLP(2, 3, 8), MLP(3, 1, 8), Own()), tmp_path / "own", program=False)
    card = read_card(path) | {"latent": {"kind": "Latent", "settings": {}}}
    save_weights(tmp_path / "foreign.safetensors", MLP(2, 3, 8), json.loads(json.dumps(card)))
    with pytest.raises(CheckpointError, match="whose latent vectors are unknown"):
        load_generator(tmp_path / "foreign.safetensors", MLP(2, 3, 8))
    assert load_generator(tmp_path / "foreign.safetensors", MLP(2, 3, 8), Own()).latent.dim == 2
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="was altered"):
        load_generator(path, MLP(2, 3, 8))
