"""``advsci-circuits simulate``: robustness of functions, and a time course."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from advsci.errors import ConfigError
from advsci.report import drawn
from advsci.report.figure import spell_out
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.config import Simulate
from advsci_circuits.dynamics.robustness import shares_of
from advsci_circuits.evaluation.pictures import time_course_figure
from advsci_circuits.formats import read
from advsci_circuits.formats.course import course_of

__all__ = ["place_of", "plan", "run"]


def run(config: Simulate, folder: Run) -> Path:
    """Robustness of each function as JSON, and the time course; returns the JSON file.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder.
    """
    loaded = read(config.file)
    stream, genes = Stream(config.seed), loaded.circuit.genes
    rows = shares_of(
        loaded.circuit, config.functions, config.sets, stream, logic=config.logic,
        source=place_of(genes, config.source, 0), output=place_of(genes, config.output, len(genes) - 1),
    )  # fmt: skip
    course = course_of(loaded, stream, config.end, config.logic)
    facts = {name: {"share": share, "low": low, "high": high} for name, share, low, high in rows}
    path = folder.path / "functions.json"
    path.write_text(json.dumps({"circuit": str(loaded.circuit), "sets": config.sets, "functions": facts}, indent=2))
    table = np.column_stack([course.times, course.levels])
    np.savetxt(folder.path / "time_course.csv", table, delimiter=",", header=",".join(["time", *genes]), comments="")
    with drawn("time course"):
        figure = time_course_figure(genes, course.times, course.levels)
        spell_out(figure)
        figure.savefig(folder.path / "time_course.png", dpi=120)
    return path


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
    circuit = read(config.file).circuit
    functions = ", ".join(config.functions)
    return {"genes": len(circuit), "regulations": len(circuit.edges), "functions": functions, "sets": config.sets}
