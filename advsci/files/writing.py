"""Files are written whole: under another name, synced, then renamed; a link in the way is replaced, never followed."""

import os
from pathlib import Path

from advsci.errors import AdvsciError, CheckpointError

__all__ = ["append_line", "write_whole"]

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


def write_whole(path: str | Path, content: bytes | str, error: type[AdvsciError] = CheckpointError) -> Path:
    """Write a file; an older one is replaced only by a complete new one, and what it linked to is not touched.

    Parameters
    ----------
    path
        The file; its folder is made.
    content
        All of it; text is stored in UTF-8.
    error
        The kind of error that is raised.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AdvsciError
        It cannot be written; an older file is intact.

    Examples
    --------
    >>> import tempfile
    >>> write_whole(tempfile.mkdtemp() + "/note.txt", "whole").read_text()
    'whole'
    """
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)  # of a crash, or a link that somebody laid there
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as problem:
        try:
            partial.unlink(missing_ok=True)
        except OSError:
            pass
        raise error(
            f"got {path}, which cannot be written ({problem}); expected a writable disk with {len(content) / 1e6:.1f} "
            "MB free. Try: another folder, or free space."
        ) from problem
    return path


def append_line(path: str | Path, line: str, error: type[AdvsciError] = CheckpointError) -> None:
    """Add one line to a file that is no link.

    Parameters
    ----------
    path
        The file; it is made where it is missing.
    line
        Text without its end of line.
    error
        The kind of error that is raised.

    Raises
    ------
    AdvsciError
        It cannot be written, or is a link.
    """
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NO_FOLLOW, 0o666), "a") as file:
            file.write(line + "\n")
    except OSError as problem:
        raise error(
            f"got {path}, which cannot be written ({problem}); expected a writable disk. Try: free space and resume; "
            "the checkpoints are intact."
        ) from problem
