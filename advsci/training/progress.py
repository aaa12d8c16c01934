"""Progress of a training: a rich bar on a terminal, a plain line every few seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from advsci import output

__all__ = ["Show", "show_progress"]


class Show(Protocol):
    """Takes the step that was done and the text to show beside it."""

    def __call__(self, step: int, text: str = "") -> None: ...


@contextmanager
def show_progress(total: int, title: str, *, start: int = 0, every: float = 5.0, quiet: bool = False) -> Iterator[Show]:
    """Within the context, the yielded function shows progress on standard error, at most a few times a second.

    Parameters
    ----------
    total
        Steps in all.
    title
        What stands before the numbers.
    start
        Steps that are done already.
    every
        Seconds between two lines.
    quiet
        Show nothing, as under a command's ``--quiet``.
    """
    if quiet or output.quiet():
        yield lambda step, text="": None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress, TextColumn

        columns = (*Progress.get_default_columns(), TextColumn("{task.fields[text]}"))
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total, completed=start, text="")
            yield lambda step, text="": bar.update(task, completed=step, text=text)
    else:
        begin = time.monotonic()
        shown = begin

        def line(step: int, text: str = "") -> None:
            """Print that ``step`` is reached, with ``text``, unless the last line is too recent."""
            nonlocal shown
            now = time.monotonic()
            if now - shown >= every or step == total:
                shown = now
                rate = (step - start) / max(now - begin, 1e-9)
                print(f"{title}: step {step}/{total}, {rate:.1f} steps/s {text}", file=sys.stderr, flush=True)

        yield line
