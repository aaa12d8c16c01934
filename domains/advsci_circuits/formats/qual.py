"""SBML-qual: logical models. Signs are computed from the rules; where there is none the declared ones are taken."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from advsci.errors import DataError
from advsci_circuits.formats.formula import evaluate, names_in
from advsci_circuits.formats.identifiers import import_libsbml, safe_ids
from advsci_circuits.formats.truth_table import table_signs, truth_columns
from advsci_circuits.graphs.circuit import MAX_GENES, Circuit

__all__ = ["circuit_of_qual", "write_sbml_qual"]


def circuit_of_qual(model: Any, name: str) -> Circuit:
    """The circuit of a libsbml model with the *qual* package.

    Parameters
    ----------
    model
        The libsbml model.
    name
        The circuit's name where the model has none, and the file's in errors.

    Returns
    -------
    Circuit

    Raises
    ------
    DataError
        On levels beyond one, an influence whose sign is dual, unknown or missing, or too many species.
    """
    qual = model.getPlugin("qual")
    if qual.getNumQualitativeSpecies() > MAX_GENES:
        raise DataError(
            f"got {qual.getNumQualitativeSpecies()} genes in {name}; expected at most {MAX_GENES}. Try: a sub-model."
        )
    species = list(qual.getListOfQualitativeSpecies())
    ids = [s.getId() for s in species]
    twice = [i for i in ids if ids.count(i) > 1]
    if twice:
        raise DataError(f"got the duplicate species '{twice[0]}' in {name}; expected distinct ones. Try: rename one.")
    several = [s for s in species if s.isSetMaxLevel() and s.getMaxLevel() > 1]
    if several:
        raise DataError(
            f"got '{several[0].getId()}' with levels 0 to {several[0].getMaxLevel()} in {name}; expected on and off. "
            "Try: the model's Boolean form."
        )
    title = {s.getId(): s.getName() or s.getId() for s in species}
    if len(set(title.values())) < len(title):
        title = {i: i for i in ids}
    edges = []
    for transition in qual.getListOfTransitions():
        targets = [output.getQualitativeSpecies() for output in transition.getListOfOutputs()]
        signs = _declared(transition) if not transition.getNumFunctionTerms() else _computed(transition, name)
        for regulator, sign in signs.items():
            for target in targets:
                if regulator not in title or target not in title:
                    raise DataError(
                        f"got the unknown species {regulator} or {target} in {name}; expected a declared one. "
                        "Try: declare it."
                    )
                if sign not in (-1, 1):
                    raise DataError(
                        f"got the unknown sign of {regulator} on {target} in {name}; expected positive or negative. "
                        "Try: a rule in which it acts one way, or the input's sign."
                    )
                edges.append((title[regulator], title[target], sign))
    return Circuit.from_edges(edges, [title[i] for i in ids], model.getName() or name)


def _declared(transition: Any) -> dict[str, int]:
    sbml = import_libsbml()
    known = {sbml.INPUT_SIGN_POSITIVE: 1, sbml.INPUT_SIGN_NEGATIVE: -1}
    return {s.getQualitativeSpecies(): known.get(s.getSign(), 0) for s in transition.getListOfInputs()}


def _computed(transition: Any, name: str) -> dict[str, int]:
    """Signs from the truth table of the function terms; the first term that holds gives the level, else the default."""
    inputs = list(transition.getListOfInputs())
    names = list(dict.fromkeys(source.getQualitativeSpecies() for source in inputs))
    columns = truth_columns(names, f"transition '{transition.getId()}' of {name}")
    values: Mapping[str, Any] = {name: column.astype(float) for name, column in columns.items()}
    # an input's identifier stands for its threshold
    values = values | {s.getId(): float(s.getThresholdLevel()) for s in inputs if s.isSetId()}
    default = transition.getDefaultTerm()
    rows = 1 << len(names)
    level = np.full(rows, float(default.getResultLevel()) if default is not None else 0.0)
    for term in reversed(list(transition.getListOfFunctionTerms())):
        strange = names_in(term.getMath()) - set(values)
        if strange:
            raise DataError(
                f"got '{min(strange)}' in a rule of transition '{transition.getId()}' of {name}; expected its inputs "
                "only. "
                "Try: add it to the inputs."
            )
        level = np.where(np.broadcast_to(evaluate(term.getMath(), values), rows), term.getResultLevel(), level)
    return table_signs(level > 0, names)


def write_sbml_qual(circuit: Circuit) -> str:
    """SBML-qual text: a gene is on when any activator and no repressor is on (unregulated genes are inputs).

    Parameters
    ----------
    circuit
        The circuit.
    """
    sbml, ids = import_libsbml(), safe_ids(circuit.genes)
    document = sbml.SBMLDocument(sbml.QualPkgNamespaces(3, 1, 1))
    document.setPackageRequired("qual", True)
    model = document.createModel()
    model.setId(safe_ids((circuit.name or "circuit",), ids)[0])
    model.setName(circuit.name)
    cell = model.createCompartment()
    cell.setId("cell")
    cell.setConstant(True)
    qual = model.getPlugin("qual")
    for gene, title in zip(ids, circuit.genes, strict=True):
        species = qual.createQualitativeSpecies()
        species.setId(gene)
        species.setName(title)
        species.setCompartment("cell")
        species.setConstant(False)
        species.setMaxLevel(1)
    for i, gene in enumerate(ids):
        regulators = np.flatnonzero(circuit.signs[i])
        if not len(regulators):
            continue
        transition = qual.createTransition()
        transition.setId(f"t_{gene}")
        for j in regulators:
            source = transition.createInput()
            source.setId(f"in_{gene}__{ids[j]}")
            source.setQualitativeSpecies(ids[j])
            source.setTransitionEffect(sbml.INPUT_TRANSITION_EFFECT_NONE)
            source.setSign(sbml.INPUT_SIGN_POSITIVE if circuit.signs[i, j] > 0 else sbml.INPUT_SIGN_NEGATIVE)
            source.setThresholdLevel(1)
        output = transition.createOutput()
        output.setId(f"out_{gene}")
        output.setQualitativeSpecies(gene)
        output.setTransitionEffect(sbml.OUTPUT_TRANSITION_EFFECT_ASSIGNMENT_LEVEL)
        default = transition.createDefaultTerm()
        default.setResultLevel(0)
        on = " || ".join(f"({ids[j]} >= 1)" for j in regulators if circuit.signs[i, j] > 0)
        off = [f"({ids[j]} < 1)" for j in regulators if circuit.signs[i, j] < 0]
        term = transition.createFunctionTerm()
        term.setResultLevel(1)
        term.setMath(sbml.parseL3Formula(" && ".join(([f"({on})"] if on else []) + off)))
    return sbml.writeSBMLToString(document)
