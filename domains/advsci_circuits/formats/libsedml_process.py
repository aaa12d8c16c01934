"""A process of its own for libsedml: SED-ML text to plain facts and back, as JSON on standard input and output.

libsedml and libsbml register the same types: the one that is imported last takes the other's formulas over, also those
of whoever else uses it in the process. So nothing else runs here, and this file imports nothing of the package. A file
that crashes the parser ends this process alone.
"""

import json
import sys
from typing import Any

CVODE = "KISAO:0000019"
TIME = "urn:sedml:symbol:time"


def facts_of(text: str) -> dict[str, Any]:
    """What a SED-ML text says, or under ``error`` why libsedml refuses it.

    Parameters
    ----------
    text
        SED-ML.

    Returns
    -------
    dict
        ``models``, ``simulations``, ``tasks`` and ``data``, each a list of dicts.
    """
    import libsedml as library

    document = library.readSedMLFromString(text)
    if document.getNumErrors(library.LIBSEDML_SEV_ERROR) + document.getNumErrors(library.LIBSEDML_SEV_FATAL):
        first = document.getError(0)
        return {"error": f"line {first.getLine()}: {first.getMessage().strip().splitlines()[0]}"}
    models = [
        {
            "id": m.getId(), "source": m.getSource(), "language": m.getLanguage(),
            "changes": [
                {
                    "kind": c.getElementName(), "target": c.getTarget(),
                    "value": c.getNewValue() if c.getElementName() == "changeAttribute" else None,
                }
                for c in map(m.getChange, range(m.getNumChanges()))
            ],
        }
        for m in map(document.getModel, range(document.getNumModels()))
    ]  # fmt: skip
    simulations = [_simulation(s) for s in map(document.getSimulation, range(document.getNumSimulations()))]
    tasks = [_task(library, t) for t in map(document.getTask, range(document.getNumTasks()))]
    data = [
        {
            "id": d.getId(), "name": d.getName(),
            "formula": library.formulaToL3String(d.getMath()) if d.isSetMath() else "",
            "variables": [
                {"id": v.getId(), "symbol": v.getSymbol(), "target": v.getTarget()}
                for v in map(d.getVariable, range(d.getNumVariables()))
            ],
        }
        for d in map(document.getDataGenerator, range(document.getNumDataGenerators()))
    ]  # fmt: skip
    return {"models": models, "simulations": simulations, "tasks": tasks, "data": data}


def _steps(element: Any) -> int:
    """Number of steps, which versions before the fourth call points."""
    return int(element.getNumberOfSteps() if element.isSetNumberOfSteps() else element.getNumberOfPoints())


def _simulation(simulation: Any) -> dict[str, Any]:
    found = {"id": simulation.getId(), "kind": simulation.getElementName()}
    found["algorithm"] = simulation.getAlgorithm().getKisaoID() if simulation.isSetAlgorithm() else ""
    if found["kind"] == "uniformTimeCourse":
        found |= {
            "initial": simulation.getInitialTime(), "first": simulation.getOutputStartTime(),
            "last": simulation.getOutputEndTime(), "steps": _steps(simulation),
        }  # fmt: skip
    return found


def _task(library: Any, task: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"id": task.getId(), "kind": task.getElementName()}
    if found["kind"] == "task":
        return found | {"model": task.getModelReference(), "simulation": task.getSimulationReference()}
    if found["kind"] != "repeatedTask":
        return found
    ranges = []
    for span in map(task.getRange, range(task.getNumRanges())):
        told = {"id": span.getId(), "kind": span.getElementName()}
        if told["kind"] == "vectorRange":
            told["values"] = [float(value) for value in span.getValues()]
        elif told["kind"] == "uniformRange":
            told |= {"start": span.getStart(), "end": span.getEnd(), "steps": _steps(span), "type": span.getType()}
        ranges.append(told)
    changes = [
        {"target": c.getTarget(), "range": c.getRange(), "formula": library.formulaToL3String(c.getMath())}
        for c in map(task.getTaskChange, range(task.getNumTaskChanges()))
    ]
    subtasks = [task.getSubTask(k).getTask() for k in range(task.getNumSubTasks())]
    return found | {"reset": bool(task.getResetModel()), "ranges": ranges, "changes": changes, "subtasks": subtasks}


def text_of(facts: dict[str, Any]) -> str:
    """SED-ML Level 1 Version 4 of one time course, with its species as data, a plot and a report.

    Parameters
    ----------
    facts
        ``source``, ``level``, ``version`` and ``namespace`` of the SBML file, ``end``, ``steps``, and ``species``, a
        list of (identifier, name).

    Returns
    -------
    str
    """
    import libsedml as library

    document = library.SedDocument(1, 4)
    document.getNamespaces().add(facts["namespace"], "sbml")
    model = document.createModel()
    model.setId("model")
    model.setSource(facts["source"])
    model.setLanguage(f"urn:sedml:language:sbml.level-{facts['level']}.version-{facts['version']}")
    course = document.createUniformTimeCourse()
    course.setId("course")
    course.setInitialTime(0.0)
    course.setOutputStartTime(0.0)
    course.setOutputEndTime(facts["end"])
    course.setNumberOfSteps(facts["steps"])
    course.createAlgorithm().setKisaoID(CVODE)
    task = document.createTask()
    task.setId("task")
    task.setModelReference("model")
    task.setSimulationReference("course")
    _data(library, document, "time_axis", "time", "")
    plot, report = document.createPlot2D(), document.createReport()
    plot.setId("plot")
    report.setId("report")
    _set(report.createDataSet(), "set_time", "time", "time_axis")
    for number, (name, title) in enumerate(facts["species"], 1):
        target = f"/sbml:sbml/sbml:model/sbml:listOfSpecies/sbml:species[@id='{name}']"
        _data(library, document, f"data_{name}", title, target)
        curve = plot.createCurve()
        curve.setId(f"curve_{number}")
        curve.setName(title)
        curve.setXDataReference("time_axis")
        curve.setYDataReference(f"data_{name}")
        _set(report.createDataSet(), f"set_{number}", title, f"data_{name}")
    return library.writeSedMLToString(document)


def _data(library: Any, document: Any, name: str, title: str, target: str) -> None:
    """A data generator that is one variable of the task: a target, else the time."""
    data = document.createDataGenerator()
    data.setId(name)
    data.setName(title)
    variable = data.createVariable()
    variable.setId(f"variable_{name}")
    variable.setTaskReference("task")
    if target:
        variable.setTarget(target)
    else:
        variable.setSymbol(TIME)
    data.setMath(library.parseL3Formula(f"variable_{name}"))


def _set(data: Any, identifier: str, label: str, reference: str) -> None:
    data.setId(identifier)
    data.setLabel(label)
    data.setDataReference(reference)


if __name__ == "__main__":
    question = json.load(sys.stdin)
    answer = text_of(question["write"]) if "write" in question else facts_of(question["read"])
    json.dump(answer, sys.stdout)
