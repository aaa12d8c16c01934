"""What must hold on an accelerator: the same training repeats bit for bit, and resumes so."""

import pytest
import torch
from toy_game import toy_data, toy_game, toy_solver

from advsci.diagnostics import Probe
from advsci.games import GAN
from advsci.latents import Gaussian, Mixture
from advsci.nn import MLP, spectral_norm
from advsci.solvers import Simultaneous
from advsci.streams import Stream
from advsci.training import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


def train(run=None, steps=100):
    trainer = Trainer(steps=steps, batch_size=32, device="cuda", run=run, quiet=True, checkpoint_every=20)
    return trainer.fit(toy_game(), toy_data(), toy_solver())


def test_training_repeats_bit_for_bit():
    a, b = train(), train()
    assert a.log == b.log
    torch.testing.assert_close(a.game.state_dict(), b.game.state_dict(), rtol=0, atol=0)


def test_resume_equals_uninterrupted(tmp_path):
    whole = train()

    def stop(training):
        if training.step == 50:
            raise KeyboardInterrupt

    trainer = Trainer(
        steps=100, batch_size=32, device="cuda", run=tmp_path, quiet=True, checkpoint_every=20, callbacks=[stop]
    )
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(toy_game(), toy_data(), toy_solver())
    resumed = train(tmp_path)
    torch.testing.assert_close(resumed.game.state_dict(), whole.game.state_dict(), rtol=0, atol=0)


def test_a_prior_is_the_same_on_the_device_and_a_layer_there_keeps_its_vector_there():
    latent = Mixture(2, components=3, spread=0.0)
    here = {tuple(z.tolist()) for z in latent.sample(50, Stream(1))}
    there = {tuple(z.tolist()) for z in latent.sample(50, Stream(2), device="cuda").cpu()}
    assert here == there
    layer = spectral_norm(torch.nn.Linear(3, 2, device="cuda"))
    assert layer(torch.ones(4, 3, device="cuda")).device.type == "cuda"


def test_a_probe_reads_a_game_on_the_device():
    x = Stream(0).normal((600, 2))
    game = GAN(MLP(2, 2, 8), MLP(2, 1, 8), Gaussian(2))
    trainer = Trainer(4, 32, device="cuda", log_every=2, quiet=True, callbacks=[Probe(x, samples=60, spectrum_every=1)])
    assert "probe/stable_rate" in trainer.fit(game, x, Simultaneous()).log[-1]
