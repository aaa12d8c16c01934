"""``advsci datasets``: what is registered, where it is on this machine, and whether it is what it should be."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from advsci.config import Config
from advsci.errors import DataError
from advsci.files.manifest import manifest_of, record_manifest, verify_manifest
from advsci.output import tell
from advsci.parts import parts

__all__ = ["Card", "Fetch", "List", "Verify", "card", "fetch", "list_", "verify"]


class List(Config):
    """List the registered data sets, and where this machine has them.

    Example: advsci datasets list
    """

    kind: str = Field(default="", description="Only this kind: images, cells, surfaces, friction, circuits.")


class Fetch(Config):
    """Fetch a data set's public originals into the cache folder (ADVSCI_CACHE), checking their sha256.

    Example: advsci datasets fetch mnist28
    """

    name: str = Field(description="A registered name.")


class Card(Config):
    """Print the data card of a data set: what it holds, source, licence, citation, and the hashes of its files.

    Example: advsci datasets card digits
    """

    name: str = Field(description="A registered name.")


class Verify(Config):
    """Read data files in full and compare them with the registry; files of yours with the manifest beside them.

    Example: advsci datasets verify cells.zarr --record
    """

    name: str = Field(default="", description="Only this data set, or a file or folder of yours.")
    record: bool = Field(
        default=False, description="Write the manifest of a file or folder of yours: what it holds now is right."
    )


def list_(config: List) -> None:
    """Print one line per data set, with its description under it.

    Parameters
    ----------
    config
        Which kind.
    """
    chosen = [entry for _, entry in _entries() if config.kind in ("", entry.kind)]
    width = max((len(entry.name) for entry in chosen), default=0)
    places = {entry.name: _where(entry) for entry in chosen}
    facts = {
        entry.name: {"kind": entry.kind, "where": places[entry.name], "licence": entry.licence} for entry in chosen
    }
    for entry in chosen:
        tell(f"{entry.name:{width}}  {entry.kind:9} {places[entry.name]:9} {entry.licence}", {"datasets": facts})
        tell(f"{'':{width}}  {entry.description}")


def card(config: Card) -> None:
    """Print the card as Markdown.

    Parameters
    ----------
    config
        Which data set.
    """
    text = _found(config.name)[1].card()
    tell(text.rstrip("\n"), {"card": text})


def _entries() -> Iterator[tuple[Any, Any]]:
    """(registry, entry) of every data set of every installed package."""
    for load in parts("registry").values():
        registry = load()
        for entry in registry.datasets().values():
            yield registry, entry


def _found(name: str) -> tuple[Any, Any]:
    """Registry and entry of one data set; a registry that has it not says what it has."""
    entries = {entry.name: (registry, entry) for registry, entry in _entries()}
    if name in entries:
        return entries[name]
    close = difflib.get_close_matches(name, entries, n=1, cutoff=0.0)
    raise DataError(
        f"name: got '{name}'; expected a registered data set, or for verify a file that is there. "
        f"Try: {close[0] if close else 'advsci datasets list'}."
    )


def _where(entry) -> str:
    if entry.embedded:
        return "embedded"
    if entry.here():
        return "here"
    return "fetchable" if entry.originals else "absent"


def fetch(config: Fetch) -> None:
    """Download what is missing and print where it lies; what is embedded or prepared need not be fetched.

    Parameters
    ----------
    config
        Which data set.
    """
    registry, entry = _found(config.name)
    made = registry.prepared(entry.name)
    paths = [made] if made else list(registry.fetch(entry.name).values())
    for path in paths:
        tell(str(path), {"paths": paths})


def verify(config: Verify) -> int:
    """Print the state of every file that is here (of one data set, or of your own files: all of them).

    Parameters
    ----------
    config
        Which data set, or all; or a path of yours.

    Returns
    -------
    int
        The exit status: 1 if a file is altered, or differs from your manifest in any way.

    Raises
    ------
    DataError
        No such data set or path, or no manifest beside it.
    """
    registered = {entry.name for _, entry in _entries()}
    if config.name and config.name not in registered and (config.record or _yours(Path(config.name))):
        return _verify_own(Path(config.name), config.record)
    chosen = [_found(config.name)] if config.name else list(_entries())
    states: list[tuple[Any, str]] = [
        (path, state) for registry, entry in chosen for path, state in registry.verify(entry)
    ]
    shown = {str(path): state for path, state in states if config.name or state != "absent"}
    for path, state in shown.items():
        tell(f"{state:8} {path}", {"files": shown})
    altered = [path for path, state in states if state == "altered"]
    if altered:
        tell(f"{len(altered)} altered: delete them and fetch them again")
    return int(bool(altered))


def _yours(path: Path) -> bool:
    return path.exists() or manifest_of(path).is_file()


def _verify_own(path: Path, record: bool) -> int:
    if record:
        manifest = record_manifest(path)
        tell(f"recorded {manifest}", {"manifest": manifest})
        return 0
    if not manifest_of(path).is_file():
        raise DataError(
            f"name: got {path} without a manifest beside it; expected {manifest_of(path).name}. "
            f"Try: advsci datasets verify {path} --record, while it is whole."
        )
    states = list(verify_manifest(path))
    wrong = [(name, state) for name, state in states if state != "ok"]
    for name, state in wrong:
        tell(f"{state:8} {name}")
    right = len(states) - len(wrong)
    tell(f"{right} of {len(states)} files are as they were recorded", {"files": dict(states)})
    return int(bool(wrong))
