"""How the settings say that a game of this domain is played: who moves how, for how long, and from where."""

from collections.abc import Collection
from typing import Any

import torch

from advsci.schedules import Schedule
from advsci.solvers import Alternating, Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import Run, Trainer
from advsci_singlecell.config import Settings

__all__ = ["solver_of", "trainer_of"]


def solver_of(
    settings: Settings, adversaries: Collection[str], schedule: Schedule, rates: tuple[float, float]
) -> Alternating | Simultaneous:
    """The solver: Adam for all.

    Parameters
    ----------
    settings
        Learning rate, whether the players take turns, and how often the adversaries move in one.
    adversaries
        Names of the adversaries.
    schedule
        Factor of the learning rates over the training.
    rates
        Learning rates of the task and of the adversaries, over that of the settings.

    Returns
    -------
    Alternating or Simultaneous
        The solver.
    """
    task, against = (adam(factor * settings.rate, (0.5, 0.99)) for factor in rates)
    movers = {**dict.fromkeys(adversaries, against), "task": task}
    if settings.play == "turns":
        return Alternating(movers, schedule, moves=dict.fromkeys(adversaries, settings.moves))
    return Simultaneous(movers, schedule)


def trainer_of(
    settings: Settings,
    cells: int,
    stream: Stream,
    *,
    device: str | torch.device | None,
    quiet: bool,
    run: Run | None,
    **more: Any,
) -> Trainer:
    """The trainer of an embedding.

    Parameters
    ----------
    settings
        Steps and cells per step.
    cells
        How many cells there are.
    stream
        Source of the seed.
    device
        Torch device; None: an accelerator if there is one.
    quiet
        Whether to print nothing.
    run
        Folder for checkpoints, every 100 steps; None: none are written.
    more
        Further arguments of `advsci.training.Trainer`.

    Returns
    -------
    Trainer
        Not yet run.
    """
    if run is not None:
        more |= {"run": run, "checkpoint_every": 100}
    steps, size = settings.training(cells)
    return Trainer(
        steps=steps,
        batch_size=min(size, cells),
        seed=stream.at("training").key() % 2**31,
        device=device,
        log_every=min(50, steps),
        quiet=quiet,
        title="embedding",
        **more,
    )
