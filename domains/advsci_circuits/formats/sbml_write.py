"""Writing SBML Level 3 Version 2 with Hill kinetics: every design opens, and runs, in the user's own simulator."""

from typing import Any

import numpy as np

from advsci.errors import DataError
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.formats.identifiers import import_libsbml, safe_ids
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["NAMESPACE", "write_sbml"]

NAMESPACE = "https://advsci.org/ns/hill"
"""Of the annotation that says: this file is ours, and its kinetics are Hill's."""


def _activity(model: HillModel, signs: np.ndarray, i: int, ids: list[str]) -> str:
    """The promoter activity of gene i as a formula."""
    regulators = np.flatnonzero(signs[i])
    if not len(regulators):
        return "1"
    pairs = [(f"{ids[i]}__{ids[j]}", ids[j], signs[i, j]) for j in regulators]
    ratio = {edge: f"({x} / K_{edge})^n_{edge}" for edge, x, _ in pairs}
    if model.logic == "competitive":
        fold = {edge: (f"1 / leak_{edge}" if sign > 0 else f"leak_{edge}") for edge, _, sign in pairs}
        bound = " + ".join(f"({fold[edge]}) * {ratio[edge]}" for edge, _, _ in pairs)
        free = " + ".join(ratio[edge] for edge, _, _ in pairs)
        return f"(1 + {bound}) / (1 + {free}) / top_{ids[i]}"
    responses = [
        f"(leak_{edge} + (1 - leak_{edge}) * "
        + (f"{ratio[edge]} / (1 + {ratio[edge]}))" if sign > 0 else f"1 / (1 + {ratio[edge]}))")
        for edge, _, sign in pairs
    ]
    if model.logic == "average":
        return f"({' + '.join(responses)}) / {len(responses)}"
    return " * ".join(responses)


def write_sbml(circuit: Circuit, model: HillModel, start: np.ndarray | None = None) -> str:
    """SBML text of one circuit with one parameter set.

    Parameters
    ----------
    circuit
        The circuit; its gene names become the species' names, their identifiers are `safe_ids`.
    model : HillModel
        Kinetics of one member, genes in the circuit's order.
    start : array, shape [n], optional
        Initial concentrations; one each where left out.

    Returns
    -------
    str

    Raises
    ------
    DataError
        Where model and circuit disagree.
    """
    if len(model) != 1 or model.genes != len(circuit) or (model.signs[0].cpu().numpy() != circuit.signs).any():
        raise DataError(
            f"got a model of {len(model)} members and {model.genes} genes; expected one of the circuit's "
            f"{len(circuit)} with its signs. Try: racipe(CircuitBatch.of([circuit]).signs, 1, Stream(0))."
        )
    sbml, ids = import_libsbml(), safe_ids(circuit.genes)
    document = sbml.SBMLDocument(3, 2)
    m = document.createModel()
    m.setId(safe_ids((circuit.name or "circuit",), ids)[0])
    m.setName(circuit.name)
    words = " ".join(str(sign) for sign in circuit.signs.ravel())
    m.setAnnotation(f'<hill:kinetics xmlns:hill="{NAMESPACE}" logic="{model.logic}" signs="{words}"/>')
    cell = m.createCompartment()
    cell.setId("cell")
    cell.setConstant(True)
    cell.setSize(1.0)
    cell.setSpatialDimensions(3)
    for i, gene in enumerate(ids):
        _species(m, gene, circuit.genes[i], 1.0 if start is None else float(start[i]))
        _parameters(m, model, circuit.signs, i, ids)
    for i, gene in enumerate(ids):
        activity = _activity(model, circuit.signs, i, ids)
        production = _reaction(sbml, m, f"production_{gene}", f"cell * g_{gene} * {activity}")
        product = production.createProduct()
        for j in np.flatnonzero(circuit.signs[i]):
            production.createModifier().setSpecies(ids[j])
        degradation = _reaction(sbml, m, f"degradation_{gene}", f"cell * k_{gene} * {gene}")
        for role in (product, degradation.createReactant()):
            role.setSpecies(gene)
            role.setStoichiometry(1.0)
            role.setConstant(True)
    return sbml.writeSBMLToString(document)


def _species(m: Any, identifier: str, name: str, start: float) -> None:
    species = m.createSpecies()
    species.setId(identifier)
    species.setName(name)
    species.setCompartment("cell")
    species.setInitialConcentration(start)
    species.setHasOnlySubstanceUnits(False)
    species.setBoundaryCondition(False)
    species.setConstant(False)


def _parameters(m: Any, model: HillModel, signs: np.ndarray, i: int, ids: list[str]) -> None:
    """The parameters of gene i and of its promoter."""
    names = ("rate", "decay", "threshold", "cooperativity", "leak")
    rate, decay, threshold, power, leak = (getattr(model, name)[0].detach().cpu().numpy() for name in names)
    values = {f"g_{ids[i]}": rate[i], f"k_{ids[i]}": decay[i]}
    effects = [1.0]
    for j in np.flatnonzero(signs[i]):
        edge = f"{ids[i]}__{ids[j]}"
        values |= {f"K_{edge}": threshold[i, j], f"n_{edge}": power[i, j], f"leak_{edge}": leak[i, j]}
        effects.append(1 / leak[i, j] if signs[i, j] > 0 else leak[i, j])
    if model.logic == "competitive":
        values[f"top_{ids[i]}"] = max(effects)
    for name, value in values.items():
        parameter = m.createParameter()
        parameter.setId(name)
        parameter.setConstant(True)
        parameter.setValue(float(value))


def _reaction(sbml: Any, m: Any, identifier: str, formula: str) -> Any:
    reaction = m.createReaction()
    reaction.setId(identifier)
    reaction.setReversible(False)
    tree = sbml.parseL3Formula(formula)
    if tree is None:
        raise DataError(
            f"got the formula '{formula}' that libsbml refuses ({sbml.getLastParseL3Error()}); expected SBML's infix. "
            "Try: plain letters and digits as gene names."
        )
    reaction.createKineticLaw().setMath(tree)
    return reaction
