"""``advsci-circuits design``: search for circuits with a function, write the best and a page."""

import sys
from pathlib import Path
from typing import Any

from advsci.errors import ConfigError, DataError
from advsci.files import read_json
from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.config import Design
from advsci_circuits.data.real import published_keys
from advsci_circuits.design.posterior import Budget, design
from advsci_circuits.design.rules import Rules
from advsci_circuits.evaluation.page import designs_section, search_section
from advsci_circuits.formats import KineticCircuit, read
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.graphs.messengers import without_messengers
from advsci_circuits.looks import looks_real
from advsci_circuits.store import load_likelihood, load_surrogates, save_designs
from advsci_datasets.circuits import load_gates

__all__ = ["function_of", "gates_of", "kept_part", "plan", "run"]

FRONT = (0.0, 0.5, 0.75)
"""Weights of the likelihood that the page compares."""


def run(config: Design, folder: Run) -> Path | int:
    """Search, write every design as SBML and GraphML, and a page; returns the page, or 1 where nothing shows the
    function.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder.

    Returns
    -------
    Path or int
        The page, or the exit status 1.
    """
    keep, told = (None, "") if config.keep is None else kept_part(read(config.keep))
    rules = Rules(config.regulators, config.dual, keep, gates_of(config.parts))
    likelihood, _ = load_likelihood(config.model)
    function = function_of(config)
    search = design(
        likelihood, function, Stream(config.seed), max_genes=config.max_genes, min_genes=config.min_genes,
        rules=rules, weight=config.weight, goal=config.goal, best=config.best, logic=config.logic,
        budget=Budget(config.models, config.chains, config.steps, sets=config.sets),
        fronts=FRONT if config.front else (), surrogates=load_surrogates(config.surrogates)[0],
    )  # fmt: skip
    if not search.proposals:
        print(
            f"no design shows {function} in any of {config.sets} parameter sets. "
            "Try: --max-genes, --regulators, a lower --weight, or more --models.",
            file=sys.stderr,
        )
        return 1
    known = published_keys()
    save_designs(folder.path, search, function, known)
    with drawn("report"):
        page = Report(f"Circuits for {function}", f"{search.judged} circuits judged, {search.models} models simulated")
        designs_section(page, search.proposals, function, known, looks_real)
        search_section(page, search.facts, told)
        page.write(folder.report)
    return folder.report if folder.report.is_file() else folder.path / "designs.json"


def function_of(config: Design) -> str:
    """What the designs must do, as `advsci_circuits.dynamics.functions.shows` names it.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        On a truth table and a reward at once.
    """
    if config.table is not None and config.reward is not None:
        raise ConfigError("got --table and --reward; expected one of them. Try: leave one out.")
    if config.table is not None:
        return f"logic:{config.table}"
    return config.function if config.reward is None else f"reward:{config.reward}"


def kept_part(loaded: KineticCircuit) -> tuple[Circuit, str]:
    """The user's circuit as a part of designs: messengers of a kinetic model are joined with their proteins.

    Parameters
    ----------
    loaded
        What the file holds.

    Returns
    -------
    (circuit, words)
        The circuit of genes, and what was joined, in words.
    """
    if loaded.own is None:
        return loaded.circuit, ""
    circuit, pairs = without_messengers(loaded.circuit)
    said = ", ".join(f"{messenger} with {protein}" for messenger, protein in pairs)
    return circuit, f"Joined to one gene each: {said}." if pairs else ""


def gates_of(parts: Path | str | None) -> list[dict[str, Any]] | None:
    """Repressors at hand.

    Parameters
    ----------
    parts
        None: no limit; ``"cello"``: the measured gates in ``$ADVSCI_DATA``; else a JSON file, a list of objects with
        the names ``gate`` and, where known, ``ucf`` (the collection it belongs to).

    Returns
    -------
    list of dict, or None

    Raises
    ------
    DataError
        Where the file is missing or holds something else.
    """
    if parts is None or parts == "cello":
        return None if parts is None else load_gates()
    gates = read_json(parts, list, expected='a JSON list like [{"gate": "A1_AmtR"}]')
    if not all(isinstance(g, dict) and "gate" in g for g in gates):
        raise DataError(f'got {parts}; expected a JSON list like [{{"gate": "A1_AmtR"}}]. Try: --parts cello.')
    return gates


def plan(config: Design) -> dict[str, object]:
    """What would be searched, without simulating.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    keep, told = (None, "") if config.keep is None else kept_part(read(config.keep))
    return {
        "function": function_of(config),
        "genes": f"{config.min_genes} to {config.max_genes}",
        "kept": "nothing" if keep is None else f"{len(keep.edges)} regulations {told}".strip(),
        "simulated models": config.models,
    }
