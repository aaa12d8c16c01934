"""``advsci datasets``: what is registered, where it is on this machine, and whether it is what it should be."""

from pydantic import Field

from advsci.config import Config

__all__ = ["Fetch", "List", "Verify", "fetch", "list_", "verify"]


class List(Config):
    """List the registered data sets, and where this machine has them."""

    kind: str = Field(default="", description="Only this kind: images, cells, surfaces, friction, circuits.")


class Fetch(Config):
    """Fetch a data set's public originals into the cache folder (ADVSCI_CACHE), checking their sha256."""

    name: str = Field(description="A registered name.")


class Verify(Config):
    """Read the data files that this machine has in full and compare them with the registry."""

    name: str = Field(default="", description="Only this data set.")


def list_(config: List) -> None:
    """Print one line a data set, with its description under it."""
    from advsci_datasets.registry import datasets

    chosen = [entry for entry in datasets().values() if config.kind in ("", entry.kind)]
    width = max((len(entry.name) for entry in chosen), default=0)
    for entry in chosen:
        print(f"{entry.name:{width}}  {entry.kind:9} {_where(entry):9} {entry.licence}")
        print(f"{'':{width}}  {entry.description}")


def _where(entry) -> str:
    if entry.embedded:
        return "embedded"
    if entry.here():
        return "here"
    return "fetchable" if entry.originals else "absent"


def fetch(config: Fetch) -> None:
    """Download what is missing and print where it lies; what is embedded or prepared need not be fetched."""
    from advsci_datasets import registry

    made = registry.prepared(config.name)
    for path in [made] if made else registry.fetch(config.name).values():
        print(path)


def verify(config: Verify) -> int:
    """Print the state of every file that is here (of one data set: all its files); exit code 1 if one is altered."""
    from advsci_datasets import registry

    chosen = [registry.find(config.name)] if config.name else list(registry.datasets().values())
    states = [(path, state) for entry in chosen for path, state in registry.verify(entry)]
    for path, state in states:
        if config.name or state != "absent":
            print(f"{state:8} {path}")
    altered = [path for path, state in states if state == "altered"]
    if altered:
        print(f"{len(altered)} altered: delete them and fetch them again")
    return int(bool(altered))
