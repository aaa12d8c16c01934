"""A page that cannot be drawn costs a warning, never the work that it was to show."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["drawn"]


@contextmanager
def drawn(what: str) -> Iterator[None]:
    """Within the context any `Exception` becomes a warning on standard error; results are written before it.

    Parameters
    ----------
    what
        What is drawn, as ``"report"``, for the warning.

    Examples
    --------
    >>> with drawn("report"):
    ...     page = "drawn"
    >>> page
    'drawn'
    """
    try:
        yield
    except Exception as error:
        print(
            f"warning: the {what} could not be drawn ({type(error).__name__}: {error}); what was computed is written",
            file=sys.stderr,
        )
