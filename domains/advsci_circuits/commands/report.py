"""``advsci-circuits report``: a page on one circuit."""

import json
from pathlib import Path

from advsci.errors import ConvergenceError
from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.config import WriteReport
from advsci_circuits.dynamics.functions import FUNCTIONS
from advsci_circuits.dynamics.robustness import shares_of
from advsci_circuits.evaluation.diagram import diagram_of
from advsci_circuits.evaluation.page import circuit_section
from advsci_circuits.formats import read
from advsci_circuits.formats.course import course_of
from advsci_circuits.formats.identifiers import safe_ids
from advsci_circuits.formats.parameters import changed_model, kinetic
from advsci_circuits.formats.varied import asked, varied
from advsci_circuits.looks import looks

__all__ = ["plan", "run"]


def run(config: WriteReport, folder: Run) -> Path:
    """A page on one circuit: drawing, feedback, time course, bifurcation, robustness; returns the page.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder.
    """
    stream = Stream(config.seed)
    loaded, model, free = asked(read(config.file), stream, config.set, config.vary)
    circuit, genes = loaded.circuit, loaded.circuit.genes
    course = course_of(loaded, stream)
    rows = shares_of(
        circuit, FUNCTIONS if len(circuit) > 1 else FUNCTIONS[:3], config.sets, stream,
        change=None if model is None else lambda sets: changed_model(sets, genes, kinetic(config.set, genes)),
    )  # fmt: skip
    if free is None and model is not None:
        free = varied(f"g_{safe_ids(genes)[0]}", loaded, model)
    try:
        diagram = None if free is None else diagram_of(free, genes, stream.at("branches"))
    except ConvergenceError:
        if config.vary is not None:
            raise
        diagram = None  # nobody asked for it, and the rest of the page stands without
    path = folder.path / "functions.json"
    path.write_text(json.dumps({name: {"share": s, "low": a, "high": b} for name, s, a, b in rows}, indent=2))
    with drawn("report"):
        page = Report(circuit.name, f"{len(circuit)} genes, {len(circuit.edges)} regulations")
        circuit_section(page, loaded, course, rows, diagram, looks(circuit))
        page.write(folder.report)
    return folder.report if folder.report.is_file() else path


def plan(config: WriteReport) -> dict[str, object]:
    """The circuit that the page would be about.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    loaded, _, _ = asked(read(config.file), Stream(config.seed), config.set, config.vary)
    circuit = loaded.circuit
    return {"genes": len(circuit), "regulations": len(circuit.edges), "parameter sets per function": config.sets}
