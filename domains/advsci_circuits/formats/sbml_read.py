"""Reading SBML: our own files with their kinetics, models of others with theirs, logical models by their rules."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from advsci.errors import DataError
from advsci.files.xml_text import read_xml
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.formats.formula import check_supported, evaluate, names_in
from advsci_circuits.formats.identifiers import import_libsbml
from advsci_circuits.formats.influences import Term, influences, terms_of
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.formats.laws import plain_document
from advsci_circuits.formats.own_model import OwnModel
from advsci_circuits.formats.qual import circuit_of_qual
from advsci_circuits.formats.sbml_write import NAMESPACE
from advsci_circuits.graphs.circuit import MAX_GENES, Circuit

__all__ = ["read_sbml", "read_sbml_text"]


def read_sbml(path: str | Path) -> KineticCircuit:
    """The circuit and the kinetics of an SBML file (core, or the *qual* package).

    Parameters
    ----------
    path
        The file, also gzipped.

    Returns
    -------
    KineticCircuit
        With a `HillModel` where the file is one of ours, else with the author's `OwnModel`.

    Raises
    ------
    DataError
        On entity declarations, errors of the XML or of SBML, delays, algebraic rules, duplicate species, too many
        species, influences whose sign changes with the state, or no regulation at all.
    """
    path = Path(path)
    text = read_xml(path, expected="a circuit")
    return read_sbml_text(text, path.name.split(".")[0])


def read_sbml_text(text: str, name: str = "circuit") -> KineticCircuit:
    """As `read_sbml`, of text that is known to declare no entities.

    Parameters
    ----------
    text
        SBML.
    name
        The circuit's name where the model has none, and the file's in errors.

    Returns
    -------
    KineticCircuit

    Raises
    ------
    DataError
        libsbml refuses the text, an identifier occurs twice, or there is no model.
    """
    sbml = import_libsbml()
    document = sbml.readSBMLFromString(text)
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= sbml.LIBSBML_SEV_ERROR:
            message = error.getMessage().strip().splitlines()[0]
            if "uplicate" in error.getMessage() or error.getErrorId() == 10301:
                raise DataError(
                    f"got a duplicate identifier (species?) in {name}: {message}; expected distinct ones. "
                    "Try: rename one."
                )
            raise DataError(
                f"got SBML in {name} that libsbml refuses (line {error.getLine()}): {message}; expected valid SBML. "
                "Try: an SBML validator."
            )
    model = document.getModel()
    if model is None:
        raise DataError(f"got no model in {name}; expected SBML with one. Try: export the model again.")
    if document.getPlugin("qual") is not None and model.getPlugin("qual").getNumQualitativeSpecies():
        return KineticCircuit(circuit_of_qual(model, name))
    _refuse(model, name)
    plain = plain_document(text)
    return _circuit_of_core(plain.getModel(), text, name)


def _refuse(model: Any, name: str) -> None:
    """What cannot be read as a circuit, by name."""
    if model.getNumSpecies() > MAX_GENES:
        raise DataError(
            f"got {model.getNumSpecies()} genes (species) in {name}; expected at most {MAX_GENES}. Try: a sub-model."
        )
    ids = [s.getId() for s in model.getListOfSpecies()]
    twice = [i for i in ids if ids.count(i) > 1]
    if twice:
        raise DataError(f"got the duplicate species '{twice[0]}' in {name}; expected distinct ones. Try: rename one.")
    if any(rule.isAlgebraic() for rule in model.getListOfRules()):
        raise DataError(
            f"got an algebraic rule in {name}; expected rates and assignments. Try: solve it for a species."
        )
    for reaction in model.getListOfReactions():
        law = reaction.getKineticLaw()
        if law is None or law.getMath() is None:
            raise DataError(
                f"got the reaction '{reaction.getId()}' in {name} without a kinetic law; expected its rate. "
                "Try: add the law."
            )
        for reference in [*reaction.getListOfReactants(), *reaction.getListOfProducts()]:
            if model.getSpecies(reference.getSpecies()) is None:
                raise DataError(
                    f"got the unknown species '{reference.getSpecies()}' in reaction '{reaction.getId()}' of {name}; "
                    "expected a declared one. Try: declare it."
                )


def _circuit_of_core(model: Any, text: str, name: str) -> KineticCircuit:
    try:
        for owner in (*model.getListOfRules(), *(r.getKineticLaw() for r in model.getListOfReactions())):
            check_supported(owner.getMath())
    except DataError as error:
        error.args = (f"{name}: {error}",)
        raise
    values = _values(model)
    rules = {r.getVariable(): r.getMath() for r in model.getListOfRules() if r.isAssignment()}
    rates = {r.getVariable(): r.getMath() for r in model.getListOfRules() if r.isRate()}
    ids = [s.getId() for s in model.getListOfSpecies() if s.getId() not in rules]
    ids += [variable for variable in rates if variable not in ids and model.getCompartment(variable) is None]
    try:
        flows = _flows(model, ids, rates)

        def derived(state: dict[str, Any]) -> dict[str, Any]:
            """``state`` with the values that the rules give."""
            for _ in rules:  # at most as many passes as rules, in any order of dependence
                for variable, formula in rules.items():
                    state[variable] = evaluate(formula, state)
            return state

        edges = influences(flows, ids, values | dict.fromkeys(rules, 1.0), derived, _behind(rules))
    except DataError as error:
        error.args = (f"{name}: {error}",)
        raise
    ours = _annotation(model)
    if ours.get("logic") == "competitive":
        edges = _annotated_edges(ours, ids) or edges
    title = _titles(model, ids)
    unknown = next((edge for edge in edges if edge[2] == 0), None)
    if unknown:
        raise DataError(
            f"got the unknown sign of '{title[unknown[0]]}' on '{title[unknown[1]]}' in {name}: it depends on the "
            "state; "
            "expected one. Try: mass-action and enzyme models are no regulatory circuits; remove that influence."
        )
    touched = {end for source, target, _ in edges for end in (source, target)}
    kept = [i for i in ids if i in touched or flows.get(i)]
    circuit = Circuit.from_edges(
        [(title[s], title[t], sign) for s, t, sign in edges], [title[i] for i in kept], model.getName() or name
    )
    start = np.array([values[i] for i in kept])
    hill = _hill_of(ours, circuit, kept, values)
    own = None if hill is not None else OwnModel(text, tuple(kept), model.getNumEvents())
    return KineticCircuit(circuit, hill, start, own)


def _titles(model: Any, ids: list[str]) -> dict[str, str]:
    """Names of the species where they are distinct, else identifiers."""
    title = {}
    for i in ids:
        species = model.getSpecies(i)
        title[i] = (species.getName() if species is not None else "") or i
    return title if len(set(title.values())) == len(title) else {i: i for i in ids}


def _values(model: Any) -> dict[str, float]:
    """Compartments, parameters and start concentrations."""
    values = {c.getId(): c.getSize() if c.isSetSize() else 1.0 for c in model.getListOfCompartments()}
    values |= {p.getId(): p.getValue() if p.isSetValue() else 0.0 for p in model.getListOfParameters()}
    for species in model.getListOfSpecies():
        if species.isSetInitialConcentration():
            value = species.getInitialConcentration()
        elif species.isSetInitialAmount():
            value = species.getInitialAmount() / (values.get(species.getCompartment(), 1.0) or 1.0)
        else:
            value = 0.0
        values[species.getId()] = value
    return values


def _behind(rules: Mapping[str, Any]) -> dict[str, set[str]]:
    """All names on which each assigned name depends, through any number of rules."""
    found = {variable: names_in(formula) for variable, formula in rules.items()}
    for _ in rules:
        for names in found.values():
            names |= {below for name in list(names) for below in found.get(name, ())}
    return found


def _flows(model: Any, ids: list[str], rates: Mapping[str, Any]) -> dict[str, list[tuple[float, Term]]]:
    """What adds to and removes from each species."""
    flows: dict[str, list[tuple[float, Term]]] = {i: [] for i in ids}
    for variable, formula in rates.items():
        if variable in flows:
            flows[variable] += [(float(term.sign), term) for term in terms_of(formula)]
    for reaction in model.getListOfReactions():
        terms = terms_of(reaction.getKineticLaw().getMath())
        for role, sign in ((reaction.getListOfReactants(), -1.0), (reaction.getListOfProducts(), 1.0)):
            for reference in role:
                kept = flows.get(reference.getSpecies())
                species = model.getSpecies(reference.getSpecies())
                if kept is None or species.getBoundaryCondition() or species.getConstant():
                    continue
                amount = reference.getStoichiometry() if reference.isSetStoichiometry() else 1.0
                kept += [(sign * amount * term.sign, term) for term in terms]
    return flows


def _annotation(model: Any) -> dict[str, str]:
    """Attributes of our annotation; empty for files of others."""
    text = model.getAnnotationString() if model.isSetAnnotation() else ""
    found = re.search(rf'<hill:kinetics xmlns:hill="{re.escape(NAMESPACE)}"([^>]*)/>', text)
    return dict(re.findall(r'(\w+)="([^"]*)"', found[1])) if found else {}


def _annotated_edges(ours: Mapping[str, str], species: list[str]) -> list[tuple[str, str, int]]:
    """Edges as annotated: with competition the effect of a weak activator can change sign, its bound state does not."""
    words = ours.get("signs", "").split()
    n = len(species)
    if len(words) != n * n or not set(words) <= {"-1", "0", "1"}:
        raise DataError(
            f"got an annotation of {len(words)} signs for {n} species; expected {n * n} of -1, 0, 1. "
            "Try: remove the annotation, then the file is read as anyone's."
        )
    table = np.array(words, dtype=int).reshape(n, n)
    return [(species[j], species[i], int(table[i, j])) for i, j in np.argwhere(table)]


def _hill_of(ours: Mapping[str, str], circuit: Circuit, ids: list[str], values: dict[str, float]) -> HillModel | None:
    """Kinetics, where the annotation says that the file is one of ours."""
    logic = ours.get("logic")
    if logic is None:
        return None
    n = len(circuit)
    edge = {key: np.ones((n, n)) for key in ("K", "n", "leak")}
    try:
        for i, j in np.argwhere(circuit.signs):
            for key, table in edge.items():
                table[i, j] = values[f"{key}_{ids[i]}__{ids[j]}"]
        rate = np.array([[values[f"g_{i}"] for i in ids]])
        decay = np.array([[values[f"k_{i}"] for i in ids]])
    except KeyError as error:
        raise DataError(
            f"got no parameter {error} in {circuit.name}, whose annotation promises Hill kinetics; expected it. "
            "Try: remove the annotation, then the file is read as anyone's."
        ) from error
    tensors = [torch.from_numpy(edge[key][None]) for key in ("K", "n", "leak")]
    signs = torch.from_numpy(np.array(circuit.signs))[None]
    return HillModel(signs, torch.from_numpy(rate), torch.from_numpy(decay), *tensors, logic=logic)
