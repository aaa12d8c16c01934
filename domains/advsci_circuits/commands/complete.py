"""``advsci-circuits complete``: which open pairs of a circuit or a large network are regulations."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from advsci.errors import ConfigError
from advsci.training import Run
from advsci_circuits.config import Complete
from advsci_circuits.formats import read, write
from advsci_circuits.game.missing_edges import LARGEST, complete
from advsci_circuits.networks.completing import complete_network
from advsci_circuits.store import load_generator, load_networks

__all__ = ["plan", "run"]


def run(config: Complete, folder: Run) -> Path:
    """Probabilities of the open pairs as JSON, likeliest edge first, and the completed circuit; returns the JSON.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder.

    Raises
    ------
    ConfigError
        A pair is not source:target.
    """
    circuit = read(config.file).circuit
    pairs = [tuple(word.split(":")) for word in config.open]
    odd = next((word for word, pair in zip(config.open, pairs, strict=True) if len(pair) != 2), None)
    if odd is not None:
        raise ConfigError(f"got the pair '{odd}'; expected source:target. Try: --open lacI:tetR.")
    asked = [(s, t) for s, t in pairs] or None
    if len(circuit) <= LARGEST:
        found = complete(load_generator(config.model)[0], circuit, asked)
    else:
        found = complete_network(load_networks(config.model)[0], circuit, asked)
    told: dict[str, object] = {"circuit": str(found.circuit), "links": [asdict(k) for k in found.links[: config.best]]}
    if found.warning:
        told["warning"] = found.warning
        print(f"warning: {found.warning}", file=sys.stderr)
    path = folder.path / "links.json"
    path.write_text(json.dumps(told, indent=2))
    if pairs:
        write(found.circuit, folder.path / f"completed.{config.format}")
    return path


def plan(config: Complete) -> dict[str, object]:
    """The circuit and what is open, without completing.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    circuit = read(config.file).circuit
    return {"genes": len(circuit), "regulations": len(circuit.edges), "open pairs": len(config.open) or "all"}
