"""A folder that came from elsewhere must not lead out of itself."""

import os
from pathlib import Path

from advsci.errors import AdvsciError, DataError

__all__ = ["refuse_links"]


def refuse_links(folder: str | Path, error: type[AdvsciError] = DataError) -> None:
    """Refuse a folder in which a symbolic link leads to something outside it.

    A folder may itself be reached by links; what is inside may not leave it: writing to such a file would write
    elsewhere, and reading it would read elsewhere.

    Parameters
    ----------
    folder
        Walked to its last subfolder; links are not followed.
    error
        The kind of error that is raised.

    Raises
    ------
    AdvsciError
        Names the link and where it leads.

    Examples
    --------
    >>> import tempfile
    >>> refuse_links(tempfile.mkdtemp())
    """
    root = Path(folder).resolve()
    for where, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(where) / name
            if path.is_symlink() and not _inside(path, root):
                raise error(
                    f"got the link {path}, which leads to {os.readlink(path)}; expected a folder that does not lead "
                    "out of itself. Try: remove the link, or put the file in its place."
                )


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a circle of links
        return False
