"""One process at a time works in a run folder: a lock that the system releases when its process dies."""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from advsci.errors import CheckpointError
from advsci.files.writing import write_whole

__all__ = ["locked"]

_LOCK, _OWNER = ".lock", ".owner.json"
_held: dict[Path, int] = {}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The lock of ``folder``, held within the context; the process that holds it already may enter again.

    Parameters
    ----------
    folder
        An existing folder.

    Raises
    ------
    CheckpointError
        Another process works in the folder: the message says which, on which host, and since when.
    """
    folder = folder.resolve()
    if _held.get(folder):
        _held[folder] += 1
        try:
            yield
        finally:
            _held[folder] -= 1
        return
    lock = FileLock(str(folder / _LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise CheckpointError(
            f"{folder} is in use by {_owner(folder)}; expected a folder that no other process works in. "
            "Try: another --out, or wait until that process has ended."
        ) from None
    except OSError as error:
        raise CheckpointError(
            f"got no lock on {folder}: {error}; expected a folder that can be written. Try: another --out."
        ) from error
    _held[folder] = 1
    try:
        owner = {"pid": os.getpid(), "host": platform.node(), "since": time.time()}
        write_whole(folder / _OWNER, json.dumps(owner))
        yield
    finally:
        del _held[folder]
        (folder / _OWNER).unlink(missing_ok=True)
        lock.release()


def _owner(folder: Path) -> str:
    """The process that holds the lock, in words."""
    try:
        owner = json.loads((folder / _OWNER).read_text())
        age = max(0, time.time() - owner["since"])
        return f"process {owner['pid']} on {owner['host']}, since {age / 60:.0f} minutes"
    except Exception:  # whatever it holds, somebody has the folder
        return "another process"
