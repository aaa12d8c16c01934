"""What must hold on an accelerator: the same training repeats bit for bit, and resumes so."""

import pytest
import torch
from toy_game import toy_data, toy_game, toy_solver

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
