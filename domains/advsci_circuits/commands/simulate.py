"""``advsci-circuits simulate``: robustness of functions, and a time course."""

import json
from pathlib import Path

from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.commands.kinetics import kinetics_of
from advsci_circuits.config import Simulate
from advsci_circuits.dynamics.robustness import shares_of
from advsci_circuits.evaluation.pictures import time_course_figure
from advsci_circuits.formats import read

__all__ = ["run"]


def run(config: Simulate) -> Path:
    """Robustness of each function as JSON, and the time course; returns the JSON file.

    Parameters
    ----------
    config
        Settings of the command.
    """
    loaded = read(config.file)
    stream = Stream(config.seed)
    rows = shares_of(
        loaded.circuit, config.functions, config.sets, stream, logic=config.logic, source=config.source,
        output=config.output,
    )  # fmt: skip
    folder = Run(config.folder("circuits-simulate")).path
    facts = {name: {"share": share, "low": low, "high": high} for name, share, low, high in rows}
    path = folder / "functions.json"
    path.write_text(json.dumps({"circuit": str(loaded.circuit), "sets": config.sets, "functions": facts}, indent=2))
    figure = time_course_figure(loaded.circuit, kinetics_of(loaded, stream, config.logic), config.end, loaded.start)
    figure.savefig(folder / "time_course.png", dpi=120)
    return path
