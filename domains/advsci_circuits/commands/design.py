"""``advsci-circuits design``: search for circuits with a function, write the best and a page."""

import json
from pathlib import Path
from typing import Any

from advsci.errors import DataError
from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.config import Design
from advsci_circuits.data.real import published_keys
from advsci_circuits.design.search import design
from advsci_circuits.evaluation.page import designs_section
from advsci_circuits.formats import read
from advsci_circuits.store import load_generator, save_designs
from advsci_datasets.circuits import load_gates

__all__ = ["gates_of", "run"]


def run(config: Design, folder: Run) -> Path:
    """Search, write every design as SBML and GraphML, and a page; returns the page.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder.
    """
    gates = gates_of(config.parts)
    keep = read(config.keep).circuit if config.keep is not None else None
    generator, _ = load_generator(config.model)
    search = design(
        generator, config.function, Stream(config.seed), max_genes=config.max_genes, min_genes=config.min_genes,
        keep=keep, proposals=config.proposals, refine=config.refine, best=config.best, sets=config.sets,
        logic=config.logic, gates=gates,
    )  # fmt: skip
    save_designs(folder.path, search.proposals, config.function)
    with drawn("report"):
        page = Report(
            f"Circuits for {config.function}", f"{search.judged} circuits judged, {search.models} models simulated"
        )
        designs_section(page, search.proposals, config.function, published_keys())
        page.write(folder.report)
    return folder.report


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
    try:
        gates = json.loads(Path(parts).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise DataError(
            f'got no parts in {parts} ({why}); expected a JSON list like [{{"gate": "A1_AmtR"}}]. Try: --parts cello.'
        ) from error
    if not isinstance(gates, list) or not all(isinstance(g, dict) and "gate" in g for g in gates):
        raise DataError(f'got {parts}; expected a JSON list like [{{"gate": "A1_AmtR"}}]. Try: --parts cello.')
    return gates
