"""Sample grids: what a generator makes of the same latent vectors, step by step, as pictures in the run folder."""

from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci.files.pictures import open_picture
from advsci.games.adversarial import AdversarialGame
from advsci.nn.evaluation import evaluating
from advsci.report.figure import style
from advsci.streams import Stream
from advsci.training.data import Data, as_source
from advsci.training.run import Run
from advsci.training.trainer import Training

if TYPE_CHECKING:
    from advsci.report.report import Report

__all__ = ["SampleGrid", "add_grids", "tiled"]

_SHOWN = 4


class SampleGrid:
    """Callback of the Trainer that writes ``samples/step-N.png`` at logging steps, and ``samples/data.png`` once.

    The samples are those of the averaged generator, where it is averaged, always at the same latent vectors and
    conditions. Images of one or three channels are tiled; other samples are points in the plane of the data's first two
    principal directions. `training_section` shows the grids.

    Parameters
    ----------
    data
        What the game is trained on: conditions, the range of values, and the picture to compare with.
    run
        The training's run folder.
    count
        Samples in a grid.
    every
        Logging steps from one grid to the next.
    seed
        Root of the latent vectors, which do not touch those of the training.

    Raises
    ------
    ConfigError
        ``count`` or ``every`` is below 1; when called, the game is no `advsci.games.AdversarialGame`.

    Examples
    --------
    >>> import tempfile
    >>> from advsci import GAN, Run, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.report.grid import SampleGrid
    >>> from advsci.solvers import Alternating
    >>> x, run = Stream(0).normal((64, 2)), Run(tempfile.mkdtemp())
    >>> trainer = Trainer(4, 16, run=run, log_every=2, callbacks=[SampleGrid(x, run, count=20)], quiet=True)
    >>> _ = trainer.fit(GAN(MLP(2, 2), MLP(2, 1), Gaussian(2)), x, Alternating())
    >>> sorted(path.name for path in run.samples.iterdir())
    ['data.png', 'step-000000002.png', 'step-000000004.png']
    """

    def __init__(self, data: Data, run: Run | str | Path, *, count: int = 36, every: int = 1, seed: int = 0):
        if count < 1 or every < 1:
            raise ConfigError(f"got count={count}, every={every}; expected at least 1 of each. Try: count=36, every=1.")
        source = as_source(data)
        self.stream = Stream(seed).at("grid")
        self.batch = source[self.stream.at("data").permutation(len(source))[:count]]
        self.run = run if isinstance(run, Run) else Run(run)
        self.every = every

    def __call__(self, training: Training) -> None:
        game = training.game
        if not isinstance(game, AdversarialGame):
            raise ConfigError(f"got a {type(game).__name__}; expected an AdversarialGame. Try: a callback of your own.")
        if len(training.log) % self.every:
            return
        device = next(game.parameters()).device
        batch = {key: value.to(device) for key, value in self.batch.items()}
        averaged = training.averaged("generator")
        with evaluating(game, averaged), torch.no_grad():
            samples = game.samples(batch, game.draw(batch, self.stream.at("draw")), averaged)
        folder, data = self.run.samples, self.batch["x"]
        if not (folder / "data.png").exists():
            _write(folder / "data.png", data, data)
        _write(folder / f"step-{training.step:09d}.png", samples.cpu(), data)


def tiled(images: Tensor, low: float, high: float) -> np.ndarray:
    """Images side by side, in rows as in a square, one pixel apart.

    Parameters
    ----------
    images
        (n c h w), with one or three channels.
    low, high
        Values that are shown black and white.

    Returns
    -------
    numpy.ndarray
        (H W 3), uint8.

    Examples
    --------
    >>> tiled(torch.tensor([[[[-1.0]]], [[[1.0]]]]), -1.0, 1.0)[:, :, 0].tolist()
    [[0, 128, 255]]
    """
    n, _, h, w = images.shape
    columns = ceil(sqrt(n))
    rows = ceil(n / columns)
    shades = ((images.float() - low) / max(high - low, 1e-12)).clamp(0.0, 1.0).mul(255.0).round()
    page = torch.full((rows * (h + 1) - 1, columns * (w + 1) - 1, 3), 128.0)
    for i, image in enumerate(shades):
        top, left = (i // columns) * (h + 1), (i % columns) * (w + 1)
        page[top : top + h, left : left + w] = image.movedim(0, -1)
    return page.to(torch.uint8).numpy()


def add_grids(report: "Report", folder: Path) -> None:
    """Show the grids of a run folder, four of them at most, the first and the last among them, beside the data.

    Parameters
    ----------
    report
        Page to extend; nothing is added where there are none.
    folder
        The run folder.
    """
    from matplotlib.figure import Figure

    paths = sorted((folder / "samples").glob("step-*.png"))
    if not paths:
        return
    chosen = [paths[round(i)] for i in np.linspace(0, len(paths) - 1, min(_SHOWN, len(paths)))]
    named = [(f"step {int(path.stem.removeprefix('step-')):,}", path) for path in chosen]
    data = folder / "samples" / "data.png"
    named += [("data", data)] if data.exists() else []
    with style():
        figure = Figure(figsize=(2.1 * len(named), 2.3))
        for axis, (name, path) in zip(figure.subplots(1, len(named), squeeze=False)[0], named, strict=True):
            with open_picture(path) as image:
                axis.imshow(np.asarray(image.convert("RGB")))
            axis.set_title(name)
            axis.set_axis_off()
    report.figure(figure, "Samples at the same latent vectors along the training, and data.")


def _write(path: Path, samples: Tensor, data: Tensor) -> None:
    """One picture; an older one is replaced."""
    from matplotlib.figure import Figure
    from matplotlib.image import imsave

    if samples.dim() == 4 and samples.shape[1] in (1, 3):
        imsave(path, tiled(samples, float(data.min()), float(data.max())))
        return
    points = [_in_plane(x, data) for x in (data, samples)]
    with style():
        figure = Figure(figsize=(2.4, 2.4))
        axis = figure.subplots()
        for xy, colour in zip(points, ("0.75", "C0"), strict=True):
            axis.scatter(*xy, s=6, color=colour)
        figure.savefig(path, dpi=120, facecolor="white")


def _in_plane(samples: Tensor, data: Tensor) -> np.ndarray:
    """Both coordinates (2 n) along the first two principal directions of the data; of one number the second is 0."""
    flat, reference = (x.flatten(1).double() for x in (samples, data))
    directions = torch.linalg.svd(reference - reference.mean(0), full_matrices=False)[2][:2]
    xy = (flat - reference.mean(0)) @ directions.T
    return torch.nn.functional.pad(xy, (0, 2 - xy.shape[1])).T.numpy()
