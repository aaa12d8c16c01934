"""Where a run was made: versions of what is installed, the state of the code, the command line."""

import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import torch

import advsci

__all__ = ["environment", "git_state"]


def environment() -> dict[str, Any]:
    """What a later reader needs to run the same again, as plain data.

    Returns
    -------
    dict
        ``python``, ``system``, ``machine``, ``threads``, ``accelerator``, ``command`` (the words of the command
        line), ``git`` (`git_state` of the current folder and of advsci's source), ``packages`` (name -> version of
        every installed requirement of advsci).
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "accelerator": accelerator.type if accelerator is not None else None,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "git": {"here": git_state(Path.cwd()), "advsci": git_state(Path(advsci.__file__).parent)},
        "packages": _packages(),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the repository that a folder lies in, and whether its files differ from it; None without one.

    Parameters
    ----------
    folder
        Any folder.

    Returns
    -------
    dict or None
        ``commit`` (hash) and ``changed`` (whether a tracked file differs).
    """

    def git(*words: str) -> str:
        """What git prints for these ``words``."""
        command = ["git", "-C", str(folder), "--no-optional-locks", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        return {
            "commit": git("rev-parse", "HEAD"),
            "changed": bool(git("status", "--porcelain", "--untracked-files=no", "--", ".")),
        }
    except (OSError, subprocess.SubprocessError):
        return None


def _packages() -> dict[str, str]:
    from packaging.requirements import Requirement

    found = {"advsci": advsci.__version__}
    for requirement in map(Requirement, requires("advsci") or ()):
        try:
            found[requirement.name] = version(requirement.name)
        except PackageNotFoundError:
            continue
    return dict(sorted(found.items()))
