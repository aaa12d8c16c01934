"""Stopping politely: SIGTERM and SIGINT end a training after its current step, with a checkpoint."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["StopRequest", "stop_on_signal"]


class StopRequest:
    """Whether somebody asked the training to stop, and who."""

    def __init__(self):
        self.signal: str | None = None


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Within the context the first SIGTERM or SIGINT only sets the request; a second one acts as usual.

    Signals reach the main thread only; elsewhere the context does nothing.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number, frame):
        request.signal = signal.Signals(number).name
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
