"""A trained game out of a run folder: the command that trained it is called again, up to where its training stands.

Nothing in the folder is changed: the command works in a copy. It reads the data of the run, which must be as they were.
"""

import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from advsci.config import RunConfig
from advsci.errors import ConfigError
from advsci.files.links import refuse_links
from advsci.files.named import reading
from advsci.files.plain import read_json

if TYPE_CHECKING:
    from torch import nn

    from advsci.latents import Latent
    from advsci.training import Generator
    from advsci.training.handover import Handover

__all__ = ["load", "reopened"]

_RUN = "the run folder of a command"
_LEFT_OUT = ("ablation", "samples", "export", "*.html")


def reopened(folder: str | Path, stage: str | None = None, *, best: bool = False) -> "Handover":
    """The training of a command's run, with game, averages and data.

    Parameters
    ----------
    folder
        Run folder of a command, finished or not.
    stage
        Which of its trainings, by the name of the subfolder, "" for the folder itself; None where there is only one.
    best
        The checkpoint that an external metric found best, in place of the newest one.

    Returns
    -------
    Handover
        Its ``training`` stands at the checkpoint; its ``source`` gives batches.

    Raises
    ------
    ConfigError
        The folder holds no run of an installed command, no such training or no checkpoint of it, or the data have
        changed.
    """
    from advsci.cli import found_command
    from advsci.report import adversarial_trainings
    from advsci.training.handover import handed_over
    from advsci.training.opening import OpenRun

    folder = Path(folder)
    refuse_links(folder, ConfigError)
    with reading(folder, _RUN, "the folder that it printed, or that --out named", ConfigError):
        command = str(read_json(folder / "run.json", expected=_RUN, error=ConfigError)["command"])
        settings = read_json(folder / "config.json", expected=_RUN, error=ConfigError)
    known = [name for name in adversarial_trainings(folder) if name.split("/")[0] not in _LEFT_OUT]
    name = _chosen(folder, known, stage)
    schema, function = found_command(command)
    with TemporaryDirectory() as scratch:
        copy = Path(scratch) / "run"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT, ".lock", ".owner.json"))
        place = copy / name
        if best and (place / "best").is_dir():
            shutil.rmtree(place / "checkpoints")
            (place / "best").rename(place / "checkpoints")
        here = {"device": None} if "device" in settings else {}
        config = schema.model_validate(settings | here | {"out": copy, "overwrite": False})
        assert isinstance(config, RunConfig)
        with handed_over(place) as handover, redirect_stdout(StringIO()):
            function(config, OpenRun(copy))
    if handover.training is None or not handover.training.step:
        raise ConfigError(
            f"got {folder / name}, of which {command} found no checkpoint; expected a training that has one. "
            "Try: the command that made the run, again."
        )
    return handover


def load(
    folder: str | Path,
    network: "nn.Module | None" = None,
    latent: "Latent | None" = None,
    *,
    stage: str | None = None,
    best: bool = False,
) -> "Generator":
    """A trained generator for inference, in one line.

    Parameters
    ----------
    folder
        Run folder of a command; or, with ``network``, that of a `Trainer`, or what `export_generator` wrote.
    network
        Made as the generator that was trained; takes over its weights, averaged where they were. Not needed for the
        run of a command, which makes it.
    latent
        The prior, where it is none of `advsci.latents`.
    stage
        As in `reopened`.
    best
        The checkpoint that an external metric found best, in place of the newest one.

    Returns
    -------
    Generator
        With ``sample(n, stream)``; in evaluation mode and frozen.

    Raises
    ------
    ConfigError
        As `reopened`; or the game has no generator of latent vectors.
    CheckpointError
        The weights cannot be read or do not fit ``network``.

    Examples
    --------
    >>> import tempfile, advsci
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Alternating
    >>> folder = tempfile.mkdtemp()
    >>> trainer = Trainer(2, 16, run=folder, quiet=True)
    >>> _ = trainer.fit(GAN(MLP(2, 3), MLP(3, 1), Gaussian(2)), Stream(0).normal((64, 3)), Alternating())
    >>> advsci.load(folder, MLP(2, 3)).sample(5, Stream(1)).shape
    torch.Size([5, 3])
    """
    from advsci.games import GAN
    from advsci.training import Generator
    from advsci.training.export import generator_of_run, load_generator

    folder = Path(folder)
    if network is not None:
        place = folder / stage if stage else folder
        exported = not (place / "checkpoints").is_dir()
        return load_generator(folder, network, latent) if exported else generator_of_run(place, network, latent, best)
    training = reopened(folder, stage, best=best).training
    assert training is not None
    game = training.game
    if not isinstance(game, GAN):
        raise ConfigError(
            f"got a run of a {type(game).__name__}; expected a GAN, whose generator takes latent vectors. "
            f"Try: advsci.commands.reopened.reopened('{folder}'), for the game itself."
        )
    card = {"step": training.step, "run": folder.name}
    return Generator(training.averaged("generator").eval().requires_grad_(False), latent or game.latent, card)


def _chosen(folder: Path, known: list[str], stage: str | None) -> str:
    """The name of the training that is meant."""
    if stage is None and len(known) == 1:
        return known[0]
    if stage is not None and stage in known:
        return stage
    what = f"stage '{stage}' of {folder}" if stage is not None else f"{folder}"
    there = ", ".join(repr(name) for name in known) or "no training of a game"
    raise ConfigError(
        f"got {what}, which holds {there}; expected one of its trainings to be named. "
        f"Try: {f'stage {known[0]!r}' if known else 'a run folder of a command that trains a game'}."
    )
