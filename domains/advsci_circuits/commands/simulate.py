"""``advsci-circuits simulate``: robustness of functions, a time course, steady states along one parameter."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import ConfigError
from advsci.report import drawn
from advsci.report.figure import spell_out
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.config import Simulate
from advsci_circuits.dynamics.robustness import shares_of
from advsci_circuits.evaluation.diagram import diagram_of
from advsci_circuits.evaluation.pictures import bifurcation_figure, time_course_figure
from advsci_circuits.formats import read
from advsci_circuits.formats.course import course_of
from advsci_circuits.formats.files import circuit_of
from advsci_circuits.formats.parameters import changed_model, kinetic
from advsci_circuits.formats.sedml_read import read_sedml
from advsci_circuits.formats.varied import asked

__all__ = ["place_of", "plan", "run"]


def run(config: Simulate, folder: Run) -> Path:
    """Robustness of each function as JSON, the time course, the branches asked for; returns the first.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder.
    """
    experiment = read_sedml(config.file) if ".sedml" in config.file.suffixes else None
    read_in = read(config.file) if experiment is None else circuit_of(experiment, config.file)
    stream, genes = Stream(config.seed), read_in.circuit.genes
    loaded, model, free = asked(read_in, stream, config.set, config.vary, config.logic)
    course = course_of(loaded, stream, config.end, config.logic)
    rows = shares_of(
        loaded.circuit, config.functions, config.sets, stream, logic=config.logic,
        source=place_of(genes, config.source, 0), output=place_of(genes, config.output, len(genes) - 1),
        change=None if model is None else lambda sets: changed_model(sets, genes, kinetic(config.set, genes)),
    )  # fmt: skip
    facts = {name: {"share": share, "low": low, "high": high} for name, share, low, high in rows}
    told = {"circuit": str(loaded.circuit), "sets": config.sets, "set": list(config.set), "functions": facts}
    path = folder.path / "functions.json"
    path.write_text(json.dumps(told, indent=2))
    _table(folder.path / "time_course.csv", ["time", *genes], np.column_stack([course.times, course.levels]))
    if experiment is not None:
        _table(folder.path / "experiment.csv", *experiment.changed(config.set).table)
    diagram = None
    if free is not None:
        diagram = diagram_of(free, genes, stream.at("branches"))
        (folder.path / "branches.json").write_text(json.dumps(diagram.facts(), indent=1))
        (folder.path / "branches.csv").write_text(diagram.table(), encoding="utf-8")
    with drawn("time course"):
        _save(time_course_figure(genes, course.times, course.levels), folder.path / "time_course.png")
        if diagram is not None:
            _save(bifurcation_figure(diagram), folder.path / "branches.png")
    return path


def _table(path: Path, header: Sequence[str], rows: np.ndarray) -> None:
    np.savetxt(path, rows, delimiter=",", header=",".join(header), comments="")


def _save(figure: Any, path: Path) -> None:
    spell_out(figure)
    figure.savefig(path, dpi=120)


def place_of(genes: Sequence[str], name: str | None, default: int) -> int:
    """The place of a gene.

    Parameters
    ----------
    genes
        Names.
    name
        The gene, or None.
    default
        What None stands for.

    Raises
    ------
    ConfigError
        On a gene that the circuit does not have.
    """
    if name is None:
        return default
    if name not in genes:
        raise ConfigError(f"got the unknown gene '{name}'; expected one of {', '.join(genes)}. Try: {genes[0]}.")
    return list(genes).index(name)


def plan(config: Simulate) -> dict[str, object]:
    """The circuit and the functions, without simulating.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    loaded, _, _ = asked(read(config.file), Stream(config.seed), config.set, config.vary, config.logic)
    circuit = loaded.circuit
    functions = ", ".join(config.functions)
    return {"genes": len(circuit), "regulations": len(circuit.edges), "functions": functions, "sets": config.sets}
