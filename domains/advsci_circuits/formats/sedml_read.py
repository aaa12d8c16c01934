"""Reading SED-ML: one experiment on one SBML file beside it; everything else is refused by name.

Read are uniform time courses and steady states, changes of attributes that are values (parameters, start levels,
compartments), and one repeated task that sets one of them to the values of a range.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import ConfigError, DataError
from advsci.files.xml_text import read_xml
from advsci_circuits.formats.experiment import Experiment
from advsci_circuits.formats.identifiers import import_libsbml
from advsci_circuits.formats.libsedml_process import TIME
from advsci_circuits.formats.own_model import OwnModel
from advsci_circuits.formats.sedml_write import ask_libsedml
from advsci_circuits.formats.set_values import value_of, with_values

__all__ = ["read_sedml"]

Facts = dict[str, Any]

STOCHASTIC = ("27", "29", "38", "39", "241")
"""Next reaction, direct, sorting direct, tau leaping and Gillespie-like methods, in the ontology of algorithms."""
MOST_POINTS, MOST_RUNS = 100_000, 1000
"""Output times, and runs of a repeated task."""
ELEMENT = re.compile(
    r"/sbml:sbml/sbml:model"
    r"(?P<reactions>/sbml:listOfReactions/sbml:reaction\[@id=(?P<q>['\"])(?P<reaction>\w+)(?P=q)\]/sbml:kineticLaw)?"
    r"(/(descendant::)?sbml:listOf(Local)?(Parameters|Species|Compartments))?"
    r"/(descendant::)?sbml:(localParameter|parameter|species|compartment)\[@id=(?P<r>['\"])(?P<id>\w+)(?P=r)\]"
    r"(/@(?P<attribute>value|size|initialConcentration|initialAmount))?"
)
"""What a target may be: a parameter, species or compartment by its identifier, and the attribute that is its value."""


def read_sedml(path: str | Path) -> Experiment:
    """The experiment of a SED-ML file.

    Parameters
    ----------
    path
        The file, also gzipped; the SBML file that it names stands beside it.

    Returns
    -------
    Experiment

    Raises
    ------
    DataError
        On anything that libsedml refuses, links elsewhere, models that are not there or not SBML, and whatever is not
        supported, by its name.
    ConfigError
        A course that the simulation cannot take, such as one of no points.
    MissingDependencyError
        libsedml is not installed.
    """
    path = Path(path)
    facts = ask_libsedml({"read": read_xml(path, expected="a simulation experiment")})
    if "error" in facts:
        raise DataError(
            f"got SED-ML in {path.name} that libsedml refuses ({facts['error']}); expected valid SED-ML. "
            "Try: export it again."
        )
    try:
        return _experiment(facts, path)
    except (DataError, ConfigError) as error:
        raise type(error)(f"{path.name}: {error}") from error


def _experiment(facts: Facts, path: Path) -> Experiment:
    tasks = facts["tasks"]
    plain = [task for task in tasks if task["kind"] == "task"]
    repeated = [task for task in tasks if task["kind"] == "repeatedTask"]
    if len(plain) + len(repeated) != len(tasks) or len(plain) != 1 or len(repeated) > 1:
        kinds = ", ".join(f"'{task['id']}' ({task['kind']})" for task in tasks) or "none"
        raise _unsupported(f"the tasks {kinds}", "one task, and at most one repeated task of it")
    (task,) = plain
    text = _model_text({model["id"]: model for model in facts["models"]}, task["model"], path)
    simulation = next((s for s in facts["simulations"] if s["id"] == task["simulation"]), None)
    if simulation is None:
        raise _unsupported(f"the simulation '{task['simulation']}' that is not there", "one that is")
    parameter, values = _range(repeated[0], task, text) if repeated else ("", ())
    ids, labels = _recorded(facts["data"], text)
    return Experiment(OwnModel(text, ids, _events(text)), labels, _times(simulation), parameter, values)


def _unsupported(got: str, expected: str) -> DataError:
    return DataError(f"got {got}; expected {expected}. Try: a SED-ML file with one uniform time course.")


def _model_text(models: dict[str, Facts], name: str, path: Path) -> str:
    """The SBML text of a model, with its changes and those of the models that it is made from."""
    chain: list[Facts] = []
    while True:
        if name not in models or models[name] in chain:
            why = "is made from itself" if name in models else "is not there"
            raise _unsupported(f"the model '{name}' that {why}", "a model")
        model = models[name]
        chain.append(model)
        if model["language"] and "sbml" not in model["language"].lower():
            raise _unsupported(f"the language {model['language']} of the model '{name}'", "SBML")
        name = model["source"].removeprefix("#")
        if name not in models:
            break
    text = _beside(chain[-1]["source"], path)
    for model in reversed(chain):
        for change in model["changes"]:
            text = _changed(change, text)
    return text


def _beside(source: str, path: Path) -> str:
    """The text of an SBML file in the folder of the experiment."""
    if re.match(r"(?i)[a-z][a-z0-9+.-]*:", source) or source.startswith(("/", "\\")):
        raise _unsupported(f"the link {source}", "the name of an SBML file beside the SED-ML file")
    file = path.parent / source
    if not file.resolve().is_relative_to(path.parent.resolve()):
        raise _unsupported(f"the model {source} outside of the folder", "an SBML file beside the SED-ML file")
    text = read_xml(file, expected="the model of the experiment")
    document = import_libsbml().readSBMLFromString(text)
    if document.getModel() is None:
        raise DataError(f"got no SBML model in {file.name}; expected one. Try: check the model's source.")
    return text


def _changed(change: Facts, text: str) -> str:
    """The model after one change."""
    if change["kind"] != "changeAttribute":
        raise _unsupported(f"the change '{change['kind']}' of {change['target']}", "changes of attributes")
    name, attribute = _named(change["target"])
    if not attribute:
        raise _unsupported(f"the change of {change['target']}", "one of an attribute that is a value")
    try:
        value = float(change["value"])
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise DataError(f"got the new value '{change['value']}' of {name}; expected a number. Try: 1.5.")
    return with_values(text, {name: _as_level(text, name, attribute, value)})


def _as_level(text: str, name: str, attribute: str, value: float) -> float:
    """A start amount as the concentration that `with_values` takes."""
    if attribute != "initialAmount":
        return value
    document = import_libsbml().readSBMLFromString(text)
    species = document.getModel().getSpecies(name)
    size = document.getModel().getCompartment(species.getCompartment()) if species is not None else None
    return value / (size.getSize() if size is not None and size.isSetSize() and size.getSize() else 1.0)


def _named(target: str) -> tuple[str, str]:
    """The name of what an XPath means, and the attribute."""
    found = ELEMENT.fullmatch(re.sub(r"\s", "", target))
    if found is None:
        raise _unsupported(f"the target {target}", "a parameter, species or compartment by its id")
    name = f"{found['reaction']}_{found['id']}" if found["reaction"] else found["id"]
    return name, found["attribute"] or ""


def _times(simulation: Facts) -> np.ndarray | None:
    """Output times; None for a steady state."""
    if simulation["kind"] == "steadyState":
        return None
    if simulation["kind"] != "uniformTimeCourse":
        got = f"the simulation '{simulation['id']}' ({simulation['kind']})"
        raise _unsupported(got, "uniformTimeCourse or steadyState")
    if simulation["initial"] != 0:
        raise _unsupported(f"the initial time {simulation['initial']:g}", "a course from time 0")
    if re.sub(r"\D", "", simulation["algorithm"]).lstrip("0") in STOCHASTIC:
        got = f"the stochastic algorithm {simulation['algorithm']}"
        raise _unsupported(got, "a deterministic one, such as KISAO:0000019")
    first, last, steps = (simulation[key] for key in ("first", "last", "steps"))
    if not (0 <= first < last < np.inf and 1 <= steps <= MOST_POINTS):
        raise _unsupported(f"{steps} steps from {first:g} to {last:g}", f"1 to {MOST_POINTS:,} steps forward in time")
    return np.linspace(first, last, steps + 1)


def _range(repeated: Facts, task: Facts, text: str) -> tuple[str, tuple[float, ...]]:
    """The parameter that a repeated task sets, and its values."""
    parts = repeated["subtasks"], repeated["ranges"], repeated["changes"]
    if [len(part) for part in parts] != [1, 1, 1] or repeated["subtasks"] != [task["id"]]:
        got = ", ".join(f"{len(part)} {what}" for part, what in zip(parts, ("tasks", "ranges", "changes"), strict=True))
        raise _unsupported(f"the repeated task '{repeated['id']}' of {got}", "one of each")
    if not repeated["reset"]:
        raise _unsupported(f"the repeated task '{repeated['id']}' that goes on from run to run", "resetModel='true'")
    (change,), (span,) = repeated["changes"], repeated["ranges"]
    if change["formula"] != span["id"]:
        raise _unsupported(f"the formula {change['formula']}", "the value of the range")
    name, _ = _named(change["target"])
    value_of(text, name)  # or says that there is no such parameter
    if span["kind"] == "vectorRange":
        values = tuple(span["values"])
    elif span["kind"] == "uniformRange":
        if not 1 <= span["steps"] <= MOST_RUNS:
            raise _unsupported(f"{span['steps']} runs", f"1 to {MOST_RUNS}")
        log = span["type"] == "log"
        if log and min(span["start"], span["end"]) <= 0:
            raise _unsupported("a logarithmic range that reaches zero", "one above zero")
        values = tuple((np.geomspace if log else np.linspace)(span["start"], span["end"], span["steps"] + 1).tolist())
    else:
        raise _unsupported(f"the range '{span['id']}' ({span['kind']})", "a uniform or vector range")
    if not 1 <= len(values) <= MOST_RUNS + 1 or not np.isfinite(values).all():
        raise _unsupported(f"{len(values)} runs", f"1 to {MOST_RUNS} at finite values")
    return name, values


def _recorded(data: list[Facts], text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Identifiers and labels of what the data generators record, the time left out."""
    found: dict[str, str] = {}
    for one in data:
        if [one["formula"]] != [variable["id"] for variable in one["variables"]]:
            raise _unsupported(f"the data generator '{one['id']}' ({one['formula']})", "one variable, as it is")
        (variable,) = one["variables"]
        if variable["symbol"] == TIME:
            continue
        if variable["symbol"]:
            raise _unsupported(f"the symbol {variable['symbol']}", "the time or a target")
        name, _ = _named(variable["target"])
        found.setdefault(name, one["name"] or name)
    ids = tuple(found)
    if not ids:
        raise _unsupported("no data generator of a species or parameter", "at least one")
    document = import_libsbml().readSBMLFromString(text)
    unknown = [i for i in ids if document.getModel().getElementBySId(i) is None]
    if unknown:
        raise DataError(f"got the unknown '{unknown[0]}' in a data generator; expected a species. Try: check its id.")
    labels = tuple(found.values())
    return ids, labels if len(set(labels)) == len(labels) else ids


def _events(text: str) -> int:
    document = import_libsbml().readSBMLFromString(text)
    return document.getModel().getNumEvents()
