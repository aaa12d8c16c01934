"""The net under every reader: whatever a library raises on a bad file is said in the words of this package."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from advsci.errors import AdvsciError, DataError

__all__ = ["reading"]


@contextmanager
def reading(path: str | Path, expected: str, try_: str, error: type[AdvsciError] = DataError) -> Iterator[None]:
    """A block in which any exception, running out of memory or of stack too, becomes one that names the file.

    Parameters
    ----------
    path
        The file that is read.
    expected
        What it should be, as ``"an npz of designs"``.
    try_
        The advice, without a full stop.
    error
        The kind of error that is raised.

    Raises
    ------
    AdvsciError
        Of the kind ``error``, where the block raised anything; an error of this package passes as it is.

    Examples
    --------
    >>> with reading("map.npz", "a map", "save it again"):
    ...     {}["heights"]
    Traceback (most recent call last):
    advsci.errors.DataError: map.npz: got KeyError: 'heights'; expected a map. Try: save it again.
    """
    try:
        yield
    except AdvsciError:
        raise
    except FileNotFoundError:
        raise error(f"{path}: got no such file; expected {expected}. Try: {try_}.") from None
    except MemoryError:
        raise error(f"{path}: got more than fits into memory; expected {expected} that does. Try: {try_}.") from None
    except RecursionError:
        raise error(f"{path}: got something nested too deep; expected {expected}. Try: {try_}.") from None
    except Exception as problem:  # every library has kinds of its own; each means that the file is not sound
        said = " ".join(f"{type(problem).__name__}: {problem}".split())[:300].rstrip(". ")
        raise error(f"{path}: got {said}; expected {expected}. Try: {try_}.") from problem
