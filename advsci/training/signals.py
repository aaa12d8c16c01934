"""Stopping politely: SIGTERM and SIGINT end a training after its current step, with a checkpoint."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from advsci.errors import Stopped

__all__ = ["StopRequest", "stop_on_signal", "stopped_by_sigterm"]


class StopRequest:
    """Whether somebody asked the training to stop, and who.

    Attributes
    ----------
    signal
        Name of the signal, or None.
    checkpoint
        Whether SIGUSR1 asked for a checkpoint (as SLURM does before the end of a job); who writes it sets it back.
    """

    def __init__(self):
        self.signal: str | None = None
        self.checkpoint = False


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Within the context the first SIGTERM or SIGINT only sets the request; a second one acts as before the context.
    SIGUSR1 asks for a checkpoint.

    Signals reach the main thread only; elsewhere the context does nothing.

    Yields
    ------
    StopRequest
        The request, for a loop to look at between its steps.
    """
    request = StopRequest()

    def ask(number, frame):
        """Note the signal ``number``; a second one acts as before. ``frame`` is not used."""
        request.signal = signal.Signals(number).name
        signal.signal(number, before[number])

    def save(number, frame):
        """Ask for a checkpoint, whatever ``number`` and ``frame``."""
        request.checkpoint = True

    handlers: dict[int, Callable[[int, Any], None]] = {signal.SIGTERM: ask, signal.SIGINT: ask}
    if hasattr(signal, "SIGUSR1"):
        handlers[signal.SIGUSR1] = save
    with _handlers(handlers) as before:
        yield request


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Within the context SIGTERM raises `advsci.errors.Stopped`, as Ctrl-C raises KeyboardInterrupt; once."""

    def stop(number, frame):
        """End by `Stopped`; a second signal ``number`` acts as before. ``frame`` is not used."""
        signal.signal(number, before[number])
        raise Stopped("SIGTERM")

    with _handlers({signal.SIGTERM: stop}) as before:
        yield


@contextmanager
def _handlers(handlers: dict[int, Callable[[int, Any], None]]) -> Iterator[dict[int, Any]]:
    """Handlers of signals within the context, in the main thread; yields those that were there before."""
    if threading.current_thread() is not threading.main_thread():
        yield {}
        return
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        signal.signal(number, handler)
    try:
        yield before
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
