"""How much memory one file may fill: a header of a hundred bytes can declare terabytes."""

import os
from pathlib import Path

from advsci.errors import DataError

__all__ = ["memory_budget", "require_room"]

_SHARE = 0.8
_LARGEST = 2**38


def memory_budget() -> int:
    """Most bytes that one file may fill: four fifths of the memory that this process can still have.

    Returns
    -------
    int
        Bytes: of what the machine has free, the control group and the limit of the address space allow, the least.

    Examples
    --------
    >>> memory_budget() > 2**20
    True
    """
    free = [_LARGEST, _free_of_machine(), _free_of_group(), _free_of_address_space()]
    return int(_SHARE * max(0, min(free)))


def require_room(path: str | Path, size: int, what: str = "it", budget: int | None = None) -> None:
    """Refuse a file that declares more bytes than it may fill, before any of them is made.

    Parameters
    ----------
    path
        The file.
    size
        Bytes that it declares.
    what
        What declares them, for the message.
    budget
        Most bytes; None takes `memory_budget`.

    Raises
    ------
    DataError
        ``size`` is larger than the budget, or negative.
    """
    budget = memory_budget() if budget is None else budget
    if not 0 <= size <= budget:
        raise DataError(
            f"{path}: got {what} of {size / 1e9:,.3g} GB declared; expected at most {budget / 1e9:,.3g} GB, what fits "
            "into memory. Try: a part of it, or a machine with more memory."
        )


def _free_of_machine() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            kilobytes = next(line.split()[1] for line in file if line.startswith("MemAvailable"))
        return 1024 * int(kilobytes)
    except (OSError, StopIteration, ValueError):
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (ValueError, OSError, AttributeError):  # no such figure on this system
            return _LARGEST


def _free_of_group() -> int:
    try:
        folder = Path("/sys/fs/cgroup")
        return int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())
    except (OSError, ValueError):  # no control group, or "max"
        return _LARGEST


def _free_of_address_space() -> int:
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit == resource.RLIM_INFINITY:
            return _LARGEST
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return limit - pages * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError, ValueError):
        return _LARGEST
