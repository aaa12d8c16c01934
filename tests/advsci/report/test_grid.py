"""Grids show the samples that the training has, at the same latent vectors, and the page shows the grids."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from advsci import GAN, Run, Stream, Trainer
from advsci.errors import ConfigError
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.report import Report, training_section
from advsci.report.grid import SampleGrid, tiled
from advsci.solvers import Alternating
from advsci.training import EMA, Training


class Painter(nn.Module):
    """The latent vector as the pixels of a 2 x 2 image, times a shade that is learned."""

    def __init__(self):
        super().__init__()
        self.shade = nn.Parameter(torch.ones(()))

    def forward(self, z):
        return (self.shade * z).reshape(-1, 1, 2, 2)


def test_tiles_stand_where_a_reader_looks_for_them():
    page = tiled(torch.linspace(0.0, 1.0, 5).reshape(5, 1, 1, 1).expand(5, 3, 2, 2), 0.0, 1.0)
    assert page.shape == (5, 8, 3)
    assert [int(page[r, c, 0]) for r, c in ((0, 0), (0, 3), (0, 6), (3, 0), (3, 3), (3, 6))] == [
        0,
        64,
        128,
        191,
        255,
        128,
    ]


def test_a_training_leaves_grids_of_its_average_and_is_not_touched(tmp_path):
    x = Stream(0).normal((40, 1, 2, 2)).clamp(-1.0, 1.0)

    def play(run, callbacks):
        torch.manual_seed(0)
        game = GAN(Painter(), nn.Sequential(nn.Flatten(), MLP(4, 1, 4)), Gaussian(4))
        trainer = Trainer(6, 8, ema=EMA(0.5), run=run, log_every=2, callbacks=callbacks, quiet=True, device="cpu")
        return trainer.fit(game, x, Alternating())

    plain = play(tmp_path / "plain", [])
    run = Run(tmp_path / "seen")
    grid = SampleGrid(x, run, count=4, every=2)
    seen = play(run, [grid])
    assert torch.equal(plain.game.generator.shade, seen.game.generator.shade)
    assert sorted(p.name for p in run.samples.iterdir()) == ["data.png", "step-000000002.png", "step-000000006.png"]
    draw = seen.game.draw(grid.batch, grid.stream.at("draw"))
    with torch.no_grad():
        expected = tiled(
            seen.averaged("generator")(draw["latent"]), float(grid.batch["x"].min()), float(grid.batch["x"].max())
        )
    assert np.array_equal(np.asarray(Image.open(run.samples / "step-000000006.png").convert("RGB")), expected)
    page = training_section(Report("A run"), run.path).html()
    assert "Samples at the same latent vectors" in page
    assert "Samples at the same latent vectors" not in training_section(Report("A run"), tmp_path / "plain").html()


def test_samples_that_are_no_images_are_points(tmp_path):
    x = Stream(0).normal((40, 1))
    game = GAN(MLP(2, 1, 4), MLP(1, 1, 4), Gaussian(2))
    SampleGrid(x, tmp_path)(Training(game, Alternating(), step=3))
    assert Image.open(tmp_path / "samples" / "step-000000003.png").size == (288, 288)


def test_what_has_no_grid_is_named(tmp_path):
    with pytest.raises(ConfigError, match="got count=0"):
        SampleGrid(torch.zeros(4, 2), tmp_path, count=0)
