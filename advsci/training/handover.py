"""Handing over a training instead of going on with it: how a command's own code gives back its trained networks.

A checkpoint holds numbers, not the code that builds the networks. The command that trained them has that code, so it
is called once more with its settings and stopped where the training in question stands restored
(`advsci.commands.reopened`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advsci.training.data import Source

if TYPE_CHECKING:
    from advsci.training.trainer import Training

__all__ = ["Handover", "hand_over", "handed_over"]


@dataclass
class Handover:
    """The training in one folder, once it is reached.

    Attributes
    ----------
    folder
        Run folder of the wanted training.
    training
        The training at its newest checkpoint; None while it has not been reached.
    source
        Its data.
    """

    folder: Path
    training: "Training | None" = None
    source: Source | None = None


class _Reached(BaseException):
    """Ends the command; no `Exception`, so that nothing in between takes it for a failure."""


_wanted: ContextVar[Handover] = ContextVar("the training that is to be handed over")


@contextmanager
def handed_over(folder: Path) -> Iterator[Handover]:
    """Within the context the training whose run folder is ``folder`` is handed over, and ends the block.

    Parameters
    ----------
    folder
        Run folder of a training, as the block will name it.

    Yields
    ------
    Handover
        Holds the training after the block; None where the block never reached it.
    """
    handover = Handover(folder.resolve())
    token = _wanted.set(handover)
    try:
        yield handover
    except _Reached:
        pass
    finally:
        _wanted.reset(token)


def hand_over(folder: Path | None, training: "Training", source: Source) -> None:
    """What `Trainer.fit` does once its training is restored: nothing, unless this training is wanted.

    Parameters
    ----------
    folder
        The training's run folder, or None.
    training, source
        The training and its data.
    """
    handover = _wanted.get(None)
    if handover is not None and folder is not None and folder.resolve() == handover.folder:
        handover.training, handover.source = training, source
        raise _Reached
