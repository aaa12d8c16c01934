"""SBML-qual: logical models as transitions with signed inputs."""

from typing import Any

import numpy as np

from advsci.errors import DataError
from advsci_circuits.formats.sbml import libsbml, sbml_ids
from advsci_circuits.graphs.circuit import MAX_GENES, Circuit

__all__ = ["circuit_of_qual", "write_sbml_qual"]


def circuit_of_qual(model: Any, name: str) -> Circuit:
    """The circuit of a libsbml model with the *qual* package; signs are the inputs' own.

    Raises
    ------
    DataError
        On an input whose sign is dual, unknown or missing, or over 100 species.
    """
    sbml, qual = libsbml(), model.getPlugin("qual")
    if qual.getNumQualitativeSpecies() > MAX_GENES:
        raise DataError(f"got {qual.getNumQualitativeSpecies()} genes in {name}; expected at most {MAX_GENES}")
    species = [qual.getQualitativeSpecies(i) for i in range(qual.getNumQualitativeSpecies())]
    ids = [s.getId() for s in species]
    twice = [i for i in ids if ids.count(i) > 1]
    if twice:
        raise DataError(f"got the duplicate species '{twice[0]}' in {name}; expected distinct ones. Try: rename one")
    title = {s.getId(): s.getName() or s.getId() for s in species}
    if len(set(title.values())) < len(title):
        title = {i: i for i in ids}
    known = {sbml.INPUT_SIGN_POSITIVE: 1, sbml.INPUT_SIGN_NEGATIVE: -1}
    edges = []
    for t in range(qual.getNumTransitions()):
        transition = qual.getTransition(t)
        targets = [transition.getOutput(i).getQualitativeSpecies() for i in range(transition.getNumOutputs())]
        for i in range(transition.getNumInputs()):
            source = transition.getInput(i)
            sign = known.get(source.getSign()) if source.isSetSign() else None
            for target in targets:
                regulator = source.getQualitativeSpecies()
                if regulator not in title or target not in title:
                    raise DataError(
                        f"got the unknown species {regulator} or {target} in {name}; expected a declared one"
                    )
                if sign is None:
                    raise DataError(
                        f"got the unknown sign of {regulator} on {target} in {name}; expected positive or negative. "
                        "Try: set the input's sign"
                    )
                edges.append((title[regulator], title[target], sign))
    return Circuit.from_edges(edges, [title[i] for i in ids], model.getName() or name)


def write_sbml_qual(circuit: Circuit) -> str:
    """SBML-qual text: a gene is on when any activator and no repressor is on (unregulated genes are inputs)."""
    sbml, ids = libsbml(), sbml_ids(circuit.genes)
    document = sbml.SBMLDocument(sbml.QualPkgNamespaces(3, 1, 1))
    document.setPackageRequired("qual", True)
    model = document.createModel()
    model.setId(sbml_ids((circuit.name or "circuit",))[0])
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
