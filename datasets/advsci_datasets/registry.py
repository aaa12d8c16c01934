"""The registry of data sets: where each comes from, under which licence, and how its files are found and checked.

A data set is *embedded* (in the package), *prepared* (one file ready to load, in the folder that ``ADVSCI_DATA``
names), or made from *originals* that are fetched from their public address into a cache folder. Every file that is used
is checked against its sha256 first. The entries stand in registry.toml.
"""

import difflib
import hashlib
import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from advsci.errors import DataError
from advsci.files.plain import read_json

__all__ = ["DataSet", "File", "cache_folder", "check", "data_folder", "datasets", "fetch", "find", "prepared", "verify"]

PACKAGE = Path(__file__).parent
State = Literal["ok", "absent", "altered"]


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Attributes
    ----------
    path
        Relative to the folder it lives in.
    sha256
        Empty where the hash of the original is not known: it is recorded at the first download and checked from then.
    size
        Bytes; 0 if not known.
    urls
        Public addresses, tried in this order.
    """

    path: str
    sha256: str = ""
    size: int = 0
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """What is known about a data set; ``kind`` says which loader reads it.

    Parameters
    ----------
    name, description, source
        What it is called, what it holds, and where it comes from.
    kind
        ``"images"``, ``"cells"``, ``"surfaces"``, ``"friction"`` or ``"circuits"``.
    licence, citation
        On what terms it may be used, and what to cite.
    embedded
        Whether it comes with the package.
    prepared, originals
        The file in our form, and the public files that it was made from.

    Examples
    --------
    >>> from advsci_datasets import find
    >>> find("digits").licence
    'MIT'
    """

    name: str
    kind: str
    description: str
    licence: str
    citation: str
    source: str
    embedded: bool = False
    prepared: File | None = None
    originals: tuple[File, ...] = ()

    def card(self) -> str:
        """The data card: what it is, where it comes from, on what terms, and how its files are known.

        Returns
        -------
        str
            Markdown.

        Examples
        --------
        >>> from advsci_datasets import find
        >>> print(find("digits").card().splitlines()[0])
        # digits
        """
        files = [("prepared", self.prepared)] if self.prepared else []
        files += [("original", file) for file in self.originals]
        got = "comes with the package" if self.embedded else "`advsci datasets fetch`" if self.originals else "prepared"
        lines = [f"# {self.name}", "", self.description + ".", ""]
        lines += ["| | |", "|---|---|", f"| kind | {self.kind} |", f"| source | {self.source} |"]
        lines += [f"| licence | {self.licence} |", f"| cite | {self.citation} |", f"| how to get it | {got} |"]
        for kind, file in files:
            size = f", {file.size:,} bytes" if file.size else ""
            known = f"sha256 {file.sha256}" if file.sha256 else "sha256 recorded at the first download"
            lines.append(f"| {kind} file | `{file.path}`{size}; {known} |")
        return "\n".join(lines) + "\n"

    def here(self) -> bool:
        """Whether this machine has it, prepared or with all originals; nothing is read."""
        made = self.prepared_path()
        return (
            bool(made and made.exists())
            or bool(self.originals)
            and all(self.cached_path(f).exists() for f in self.originals)
        )

    def prepared_path(self) -> Path | None:
        """Where the prepared file lies or would lie; None without one, or without a folder of prepared files."""
        folder = PACKAGE if self.embedded else data_folder()
        return folder / self.prepared.path if folder and self.prepared else None

    def cached_path(self, file: File) -> Path:
        """Where the original ``file`` of this data set lies once it is fetched."""
        return cache_folder() / self.name / file.path


@cache
def datasets() -> dict[str, DataSet]:
    """All registered data sets by name.

    Examples
    --------
    >>> from advsci_datasets import datasets
    >>> datasets()["digits"].kind
    'images'
    """
    return _read((PACKAGE / "registry.toml").read_text(encoding="utf-8"))


def _read(text: str) -> dict[str, DataSet]:
    found = {}
    for entry in tomllib.loads(text)["dataset"]:
        files = {"prepared": entry.pop("prepared", None), "originals": entry.pop("originals", ())}
        made = File(**files["prepared"]) if files["prepared"] else None
        originals = tuple(File(**(f | {"urls": tuple(f["urls"])})) for f in files["originals"])
        found[entry["name"]] = DataSet(**entry, prepared=made, originals=originals)
    return found


def find(name: str) -> DataSet:
    """The entry of that name; a `DataError` suggests the nearest.

    Raises
    ------
    DataError
        There is no such data set.

    Examples
    --------
    >>> from advsci_datasets import find
    >>> find("digits").embedded
    True
    """
    if name in datasets():
        return datasets()[name]
    close = difflib.get_close_matches(name, datasets(), n=1, cutoff=0.4)
    instead = close[0] if close else "advsci datasets list"
    raise DataError(f"got the data set '{name}'; expected one of {', '.join(sorted(datasets()))}. Try: {instead}.")


def data_folder() -> Path | None:
    """The folder of prepared files that ``ADVSCI_DATA`` names, if it is set."""
    named = os.environ.get("ADVSCI_DATA")
    return Path(named).expanduser() if named else None


def cache_folder() -> Path:
    """Where fetched originals are kept: ``ADVSCI_CACHE``, or the user's cache folder."""
    named = os.environ.get("ADVSCI_CACHE")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "advsci"


def prepared(name: str) -> Path | None:
    """The checked path of an embedded or prepared data set, or None where this machine does not have it.

    Parameters
    ----------
    name
        A registered name.

    Returns
    -------
    Path or None
        The file.

    Examples
    --------
    >>> from advsci_datasets import prepared
    >>> prepared("digits").suffix
    '.npz'
    """
    entry = find(name)
    path = entry.prepared_path()
    if entry.prepared is None or path is None or not path.exists():
        return None
    check(path, entry.prepared)
    return path


def fetch(name: str) -> dict[str, Path]:
    """The originals of a data set, downloaded where the cache lacks them; paths by file name.

    Raises
    ------
    DataError
        If there are none to fetch, no address answers, or what came is not what was expected.
    """
    entry = find(name)
    if not entry.originals:
        where = f"a file {entry.prepared.path} in the folder that ADVSCI_DATA names" if entry.prepared else "no file"
        raise DataError(f"'{name}' has no public file to fetch; expected {where}. Try: its source, {entry.source}.")
    return {Path(file.path).name: _fetch(entry, file) for file in entry.originals}


def verify(entry: DataSet) -> Iterator[tuple[Path, State]]:
    """The state of every file of a data set on this machine, each read in full.

    Parameters
    ----------
    entry
        A registered data set.

    Returns
    -------
    iterator of tuple
        Pairs of path and state: ``"ok"``, ``"absent"``, ``"altered"``.
    """
    made = entry.prepared_path()
    files = [(made, entry.prepared)] if made and entry.prepared else []
    files += [(entry.cached_path(f), f) for f in entry.originals]
    for path, file in files:
        if not path.exists():
            yield path, "absent"
            continue
        try:
            check(path, file)
        except DataError:
            yield path, "altered"
        else:
            yield path, "ok"


def check(path: Path, file: File) -> None:
    """A `DataError` unless the file at ``path`` is, byte for byte, the registered one.

    Raises
    ------
    DataError
        The file has another size or hash than recorded.
    """
    expected = file.sha256 or _recorded().get(f"{path.parent.name}/{path.name}", "")
    try:
        size = path.stat().st_size
        if file.size and size != file.size:
            kind = "truncated" if size < file.size else "altered"
            raise DataError(
                f"{path} is {kind}: got {size} bytes, expected {file.size}. Try: delete it and fetch it again."
            )
        with path.open("rb") as stream:
            got = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error}; expected a readable file. Try: check its permissions, or fetch it again."
        ) from None
    if expected and got != expected:
        raise DataError(f"{path} is altered: got sha256 {got}, expected {expected}. Try: delete it and fetch it again.")


def _fetch(entry: DataSet, file: File) -> Path:
    path = entry.cached_path(file)
    if path.exists():
        check(path, file)
        return path
    import pooch

    failures = []
    for url in file.urls:
        try:
            got = pooch.retrieve(
                url,
                known_hash=f"sha256:{file.sha256}" if file.sha256 else None,
                fname=path.name,
                path=path.parent,
                downloader=pooch.HTTPDownloader(timeout=60),  # type: ignore[arg-type]
            )
        except Exception as error:  # whatever a downloader raises: connection, status, hash, disk
            failures.append(f"{url}: {error}")
            continue
        try:
            check(Path(got), file)
        except DataError as error:
            path.unlink()
            failures.append(f"{url}: {error}")
            continue
        if not file.sha256:
            _record(path)
        return path
    raise DataError(
        f"'{entry.name}' could not be fetched: {'; '.join(failures)}; expected one of its addresses to "
        f"answer. Try: again with a network, or put the file at {path}."
    )


def _record_path() -> Path:
    return cache_folder() / "sha256.json"


def _recorded() -> dict[str, str]:
    path = _record_path()
    return read_json(path) if path.exists() else {}


def _record(path: Path) -> None:
    with path.open("rb") as stream:
        recorded = _recorded() | {f"{path.parent.name}/{path.name}": hashlib.file_digest(stream, "sha256").hexdigest()}
    temporary = _record_path().with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(recorded, indent=1, sort_keys=True))
    temporary.replace(_record_path())
