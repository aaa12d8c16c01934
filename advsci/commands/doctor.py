"""``advsci doctor``: what this installation can do, and what to do about the rest."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import advsci
from advsci.config import Config
from advsci.output import tell
from advsci.parts import parts

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["Check", "Doctor", "checks", "run"]


class Doctor(Config):
    """Report versions, devices, optional packages and data folders, and what to do about what is missing.

    Example: advsci doctor
    """


_OURS = ("bench", "docs", "test")
"""Extras for work on advsci itself: a user misses nothing without them."""


class Check(NamedTuple):
    """One finding; ``advice`` is empty where there is nothing to do."""

    subject: str
    state: Literal["ok", "missing", "problem"]
    found: str
    advice: str = ""


def run(config: Doctor) -> int:
    """Print all checks; the exit code is 1 if one is a problem (a missing optional package is none).

    Parameters
    ----------
    config
        The settings of the command.

    Returns
    -------
    int
        The exit status.
    """
    found = list(checks())
    width = max(len(check.subject) for check in found)
    facts = {"checks": [check._asdict() for check in found]}
    for check in found:
        tell(f"{check.state:8} {check.subject:{width}}  {check.found}", facts)
        if check.advice:
            tell(f"{'':8} {'':{width}}  -> {check.advice}")
    return int(any(check.state == "problem" for check in found))


def checks() -> Iterator[Check]:
    """Every check, in the order of the report."""
    yield Check("advsci", "ok", f"{advsci.__version__} on Python {platform.python_version()}, {platform.platform()}")
    yield from _devices()
    yield from _packages()
    yield from _folders()


def _devices() -> Iterator[Check]:
    import torch

    threads, cores = torch.get_num_threads(), os.cpu_count() or 1
    yield Check("torch", "ok", f"{torch.__version__}, {threads} of {cores} CPU threads")
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if accelerator is None:
        yield Check("accelerator", "missing", "none: everything runs on the CPU")
        return
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    yield Check("accelerator", "ok", f"{accelerator.type}: {', '.join(names) or torch.accelerator.device_count()}")


def _packages() -> Iterator[Check]:
    """Installed versions against the requirements of the core and of each extra that users install."""
    from importlib import metadata

    from packaging.requirements import Requirement

    declared = [r for r in map(Requirement, metadata.requires("advsci") or []) if r.name != "advsci"]
    for extra in ["", *(metadata.metadata("advsci").get_all("Provides-Extra") or [])]:
        requirements = [r for r in declared if _belongs(r, extra)]
        versions = {r.name: _version(r.name) for r in requirements}
        absent = [name for name, version in versions.items() if version is None]
        stale = [f"{r.name} {v}, expected {r.specifier}" for r in requirements if _violates(r, v := versions[r.name])]
        target = f"advsci[{extra}]" if extra else "advsci"
        if not requirements or extra in _OURS:
            continue
        elif stale:
            yield Check(target, "problem", "; ".join(stale), f"pip install --upgrade '{target}'")
        elif absent:
            state = "missing" if extra else "problem"
            yield Check(target, state, f"no {', '.join(absent)}", f"pip install '{target}'")
        else:
            yield Check(target, "ok", f"{len(requirements)} packages")


def _belongs(requirement: "Requirement", extra: str) -> bool:
    marker = requirement.marker
    always = marker is None or marker.evaluate({"extra": ""})
    return always if not extra else not always and marker is not None and marker.evaluate({"extra": extra})


def _version(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _violates(requirement: "Requirement", version: str | None) -> bool:
    return version is not None and not requirement.specifier.contains(version, prereleases=True)


def _folders() -> Iterator[Check]:
    data = os.environ.get("ADVSCI_DATA")
    if not data:
        yield Check("ADVSCI_DATA", "missing", "not set: data sets are fetched or embedded", "advsci datasets list")
    elif not Path(data).is_dir():
        yield Check("ADVSCI_DATA", "problem", f"{data} is no folder", "point it at a folder of data sets, or unset it")
    else:
        yield Check("ADVSCI_DATA", "ok", data)
    caches = {f"cache of {name}": load().cache_folder() for name, load in parts("registry").items()}
    for name, folder in {**caches, "runs": Path.cwd() / "runs"}.items():
        existing = next(p for p in (folder, *folder.parents) if p.exists())
        free = shutil.disk_usage(existing).free
        if not os.access(existing, os.W_OK):
            yield Check(name, "problem", f"{folder} cannot be written", "choose another folder")
        elif free < 1e9:
            yield Check(name, "problem", f"{folder}: {free / 1e9:.1f} GB free", "free some space: checkpoints need it")
        else:
            yield Check(name, "ok", f"{folder}: {free / 1e9:.0f} GB free")
