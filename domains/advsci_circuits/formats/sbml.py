"""SBML Level 3 Version 2 with Hill kinetics: every design opens, and runs, in the user's own simulator."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from advsci.errors import DataError, MissingDependencyError
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.formats.kinetics import Term, evaluate, influences, terms_of
from advsci_circuits.formats.untrusted import read_xml
from advsci_circuits.graphs.circuit import MAX_GENES, Circuit

__all__ = ["KineticCircuit", "read_sbml", "read_sbml_text", "sbml_ids", "write_sbml"]

NAMESPACE = "https://advsci.org/ns/hill"


@dataclass(frozen=True)
class KineticCircuit:
    """A circuit with, where the file carries them, its Hill kinetics and initial concentrations."""

    circuit: Circuit
    model: HillModel | None = None
    start: np.ndarray | None = None


def libsbml() -> Any:
    """The libsbml package, or the error that names its extra."""
    try:
        import libsbml as package
    except ImportError as error:
        raise MissingDependencyError.of("python-libsbml", "circuits") from error
    return package


def sbml_ids(genes: tuple[str, ...]) -> list[str]:
    """Distinct SBML identifiers for gene names."""
    ids: list[str] = []
    for gene in genes:
        word = re.sub(r"\W", "_", gene, flags=re.ASCII)
        word = word if re.match(r"[A-Za-z_]", word) else f"_{word}"
        stem, count = word, 1
        while word in ids:
            count += 1
            word = f"{stem}_{count}"
        ids.append(word)
    return ids


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
    model : HillModel
        Kinetics of one member, genes in the circuit's order.
    start : array, shape [n], optional
        Initial concentrations; one each where left out.

    Raises
    ------
    DataError
        Where model and circuit disagree.
    """
    n = len(circuit)
    if len(model) != 1 or model.genes != n or (model.signs[0].cpu().numpy() != circuit.signs).any():
        raise DataError(
            f"got a model of {len(model)} members and {model.genes} genes; expected one of the circuit's {n}"
        )
    sbml, ids = libsbml(), sbml_ids(circuit.genes)
    document = sbml.SBMLDocument(3, 2)
    m = document.createModel()
    m.setId(sbml_ids((circuit.name or "circuit",))[0])
    m.setName(circuit.name)
    words = " ".join(str(sign) for sign in circuit.signs.ravel())
    m.setAnnotation(f'<hill:kinetics xmlns:hill="{NAMESPACE}" logic="{model.logic}" signs="{words}"/>')
    cell = m.createCompartment()
    cell.setId("cell")
    cell.setConstant(True)
    cell.setSize(1.0)
    cell.setSpatialDimensions(3)

    def parameter(name: str, value: float):
        p = m.createParameter()
        p.setId(name)
        p.setConstant(True)
        p.setValue(float(value))

    signs = circuit.signs
    values = {
        k: getattr(model, k)[0].detach().cpu().numpy() for k in ("rate", "decay", "threshold", "cooperativity", "leak")
    }
    for i, gene in enumerate(ids):
        species = m.createSpecies()
        species.setId(gene)
        species.setName(circuit.genes[i])
        species.setCompartment("cell")
        species.setInitialConcentration(1.0 if start is None else float(start[i]))
        species.setHasOnlySubstanceUnits(False)
        species.setBoundaryCondition(False)
        species.setConstant(False)
        parameter(f"g_{gene}", values["rate"][i])
        parameter(f"k_{gene}", values["decay"][i])
        effects = [1.0]
        for j in np.flatnonzero(signs[i]):
            edge = f"{gene}__{ids[j]}"
            parameter(f"K_{edge}", values["threshold"][i, j])
            parameter(f"n_{edge}", values["cooperativity"][i, j])
            parameter(f"leak_{edge}", values["leak"][i, j])
            effects.append(1 / values["leak"][i, j] if signs[i, j] > 0 else values["leak"][i, j])
        if model.logic == "competitive":
            parameter(f"top_{gene}", max(effects))
    for i, gene in enumerate(ids):
        for kind, formula in (
            ("production", f"cell * g_{gene} * {_activity(model, signs, i, ids)}"),
            ("degradation", f"cell * k_{gene} * {gene}"),
        ):
            reaction = m.createReaction()
            reaction.setId(f"{kind}_{gene}")
            reaction.setReversible(False)
            role = reaction.createProduct() if kind == "production" else reaction.createReactant()
            role.setSpecies(gene)
            role.setStoichiometry(1.0)
            role.setConstant(True)
            if kind == "production":
                for j in np.flatnonzero(signs[i]):
                    if j != i:
                        reaction.createModifier().setSpecies(ids[j])
                if signs[i, i]:
                    reaction.createModifier().setSpecies(gene)
            law = reaction.createKineticLaw()
            tree = sbml.parseL3Formula(formula)
            if tree is None:
                raise DataError(f"got the formula '{formula}' that libsbml refuses: {sbml.getLastParseL3Error()}")
            law.setMath(tree)
    return sbml.writeSBMLToString(document)


def read_sbml(path: str | Path) -> KineticCircuit:
    """The circuit, and where the file is one of ours the kinetics, of an SBML file (core, or the *qual* package).

    Raises
    ------
    DataError
        On entity declarations, errors of the XML or of SBML, events, algebraic rules, duplicate species, over 100
        species, influences whose sign changes with the state, or no regulation at all.
    """
    return read_sbml_text(read_xml(path), Path(path).stem)


def read_sbml_text(text: str, name: str = "circuit") -> KineticCircuit:
    """As `read_sbml`, of text that is known to declare no entities."""
    sbml = libsbml()
    document = sbml.readSBMLFromString(text)
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= sbml.LIBSBML_SEV_ERROR:
            message = error.getMessage().strip().splitlines()[0]
            if "uplicate" in error.getMessage() or error.getErrorId() == 10301:
                raise DataError(f"got a duplicate identifier (species?) in {name}: {message}; expected distinct ones")
            raise DataError(f"got SBML in {name} that libsbml refuses: {message} Try: validate the file")
    model = document.getModel()
    if model is None:
        raise DataError(f"got no model in {name}; expected SBML with one")
    if document.getPlugin("qual") is not None and model.getPlugin("qual").getNumQualitativeSpecies():
        from advsci_circuits.formats.qual import circuit_of_qual

        return KineticCircuit(circuit_of_qual(model, name))
    return _circuit_of_core(sbml, document, model, name)


def _circuit_of_core(sbml: Any, document: Any, model: Any, name: str) -> KineticCircuit:
    if model.getNumEvents():
        raise DataError(
            f"got {model.getNumEvents()} events in {name}; expected smooth kinetics. Try: remove the events"
        )
    count = model.getNumSpecies()
    if count > MAX_GENES:
        raise DataError(f"got {count} genes (species) in {name}; expected at most {MAX_GENES}. Try: a sub-model")
    ids = [model.getSpecies(i).getId() for i in range(count)]
    twice = [i for i in ids if ids.count(i) > 1]
    if twice:
        raise DataError(f"got the duplicate species '{twice[0]}' in {name}; expected distinct ones. Try: rename one")
    for converter in ("expandFunctionDefinitions", "expandInitialAssignments"):
        properties = sbml.ConversionProperties()
        properties.addOption(converter, True)
        document.convert(properties)
    model = document.getModel()
    values = {"": 0.0}
    for i in range(model.getNumCompartments()):
        compartment = model.getCompartment(i)
        values[compartment.getId()] = compartment.getSize() if compartment.isSetSize() else 1.0
    for i in range(model.getNumParameters()):
        parameter = model.getParameter(i)
        values[parameter.getId()] = parameter.getValue() if parameter.isSetValue() else 1.0
    for i in range(count):
        values[ids[i]] = _initial(model.getSpecies(i), values)
    rules, rates = {}, {}
    for i in range(model.getNumRules()):
        rule = model.getRule(i)
        if rule.isAlgebraic():
            raise DataError(f"got an algebraic rule in {name}; expected rates and assignments. Try: solve it")
        (rates if rule.isRate() else rules)[rule.getVariable()] = rule.getMath()
    flows: dict[str, list[tuple[float, Term]]] = {i: [] for i in ids if i not in rules}
    for variable, formula in rates.items():
        if variable in flows:
            flows[variable] += [(float(term.sign), term) for term in terms_of(formula)]
    for i in range(model.getNumReactions()):
        reaction = model.getReaction(i)
        law = reaction.getKineticLaw()
        if law is None or law.getMath() is None:
            raise DataError(
                f"got the reaction '{reaction.getId()}' without a kinetic law; expected rates. Try: add one"
            )
        for p in range(law.getNumLocalParameters()):
            values[law.getLocalParameter(p).getId()] = law.getLocalParameter(p).getValue()
        for p in range(law.getNumParameters()):
            values[law.getParameter(p).getId()] = law.getParameter(p).getValue()
        terms = terms_of(law.getMath())
        for role, sign in ((reaction.getListOfReactants(), -1.0), (reaction.getListOfProducts(), 1.0)):
            for reference in role:
                kept = flows.get(reference.getSpecies())
                species = model.getSpecies(reference.getSpecies())
                if kept is not None and not species.getBoundaryCondition() and not species.getConstant():
                    amount = reference.getStoichiometry() if reference.isSetStoichiometry() else 1.0
                    kept += [(sign * amount * term.sign, term) for term in terms]

    def derived(state: dict[str, Any]) -> dict[str, Any]:
        for _ in rules:  # at most as many passes as rules, in any order of dependence
            for variable, formula in rules.items():
                state[variable] = evaluate(formula, state)
        return state

    for variable in rules:
        values.setdefault(variable, 1.0)
    species = [i for i in ids if i not in rules]
    edges = influences(flows, species, values, derived)
    if _annotation(model).get("logic") == "competitive":
        edges = _annotated_edges(model, species) or edges
    unknown = next((edge for edge in edges if edge[2] == 0), None)
    if unknown:
        raise DataError(
            f"got the unknown sign of {unknown[0]} on {unknown[1]} in {name}: it depends on the state; expected one. "
            "Try: mass-action and enzyme models are no regulatory circuits; remove that influence"
        )
    touched = {end for source, target, _ in edges for end in (source, target)}
    kept = [i for i in species if i in touched or flows.get(i)]
    title = {i: model.getSpecies(i).getName() or i for i in kept}
    if len(set(title.values())) < len(title):
        title = {i: i for i in kept}
    circuit = Circuit.from_edges(
        [(title[s], title[t], sign) for s, t, sign in edges], [title[i] for i in kept], model.getName() or name
    )
    start = np.array([values[i] for i in kept])
    return KineticCircuit(circuit, _hill_of(model, circuit, kept, values), start)


def _initial(species: Any, values: dict[str, float]) -> float:
    if species.isSetInitialConcentration():
        return species.getInitialConcentration()
    if species.isSetInitialAmount():
        size = 1.0 if species.getHasOnlySubstanceUnits() else values.get(species.getCompartment(), 1.0)
        return species.getInitialAmount() / (size or 1.0)
    return 1.0


def _annotation(model: Any) -> dict[str, str]:
    """Attributes of our annotation; empty for files of others."""
    text = model.getAnnotationString() if model.isSetAnnotation() else ""
    found = re.search(rf'<hill:kinetics xmlns:hill="{re.escape(NAMESPACE)}"([^>]*)/>', text)
    return dict(re.findall(r'(\w+)="([^"]*)"', found[1])) if found else {}


def _annotated_edges(model: Any, species: list[str]) -> list[tuple[str, str, int]]:
    """Edges as annotated: with competition the effect of a weak activator can change sign, its bound state does not."""
    words = _annotation(model).get("signs", "").split()
    n = len(species)
    if len(words) != n * n or not set(words) <= {"-1", "0", "1"}:
        raise DataError(f"got an annotation of {len(words)} signs for {n} species; expected {n * n} of -1, 0, 1")
    table = np.array(words, dtype=int).reshape(n, n)
    return [(species[j], species[i], int(table[i, j])) for i, j in np.argwhere(table)]


def _hill_of(model: Any, circuit: Circuit, ids: list[str], values: dict[str, float]) -> HillModel | None:
    """Kinetics, where the annotation says that the file is one of ours."""
    logic = _annotation(model).get("logic")
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
            f"got no parameter {error} in {circuit.name}, whose annotation promises Hill kinetics"
        ) from error
    tensors = [torch.from_numpy(edge[key][None]) for key in ("K", "n", "leak")]
    signs = torch.from_numpy(np.array(circuit.signs))[None]
    return HillModel(signs, torch.from_numpy(rate), torch.from_numpy(decay), *tensors, logic=logic)
