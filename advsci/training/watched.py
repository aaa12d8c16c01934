"""Watching trainings from outside: a function that is told every record of whatever is trained within a context."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["tell_watcher", "watched_by"]

Watcher = Callable[[Mapping[str, float | int]], None]

_present: ContextVar[Watcher | None] = ContextVar("who watches the trainings", default=None)


@contextmanager
def watched_by(watcher: Watcher | None) -> Iterator[None]:
    """Within the context ``watcher`` is told every record of every training, in whatever command.

    Unlike a logger, what the watcher raises ends the training; so a sweep gives a hopeless training up.

    Parameters
    ----------
    watcher
        Takes a record: ``"step"``, ``"player/term"`` and what callbacks measured -> value. None watches nothing.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Alternating
    >>> game, seen = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2)), []
    >>> with watched_by(lambda record: seen.append(record["step"])):
    ...     training = Trainer(4, 16, log_every=2, quiet=True).fit(game, Stream(0).normal((64, 2)), Alternating())
    >>> seen
    [2, 4]
    """
    token = _present.set(watcher)
    try:
        yield
    finally:
        _present.reset(token)


def tell_watcher(record: Mapping[str, float | int]) -> None:
    """What `Trainer.fit` does with every record, after it is written.

    Parameters
    ----------
    record
        The record.
    """
    watcher = _present.get()
    if watcher is not None:
        watcher(record)
