"""Values of an SBML model changed: parameters, local ones too, sizes of compartments and start levels of species."""

from collections.abc import Mapping
from typing import Any

from advsci.errors import ConfigError
from advsci_circuits.formats.identifiers import import_libsbml

__all__ = ["value_of", "with_values"]


def value_of(sbml: str, name: str) -> float:
    """The value that a model gives a name.

    Parameters
    ----------
    sbml
        The model's text.
    name
        Identifier of a parameter, compartment or species, or ``reaction_parameter`` of a local one.

    Returns
    -------
    float
        Of species the start concentration.

    Raises
    ------
    ConfigError
        Nothing that can be set has this name.

    Examples
    --------
    >>> from advsci_circuits.formats.antimony import sbml_of
    >>> value_of(sbml_of("model m; A in cell; compartment cell=2; A=3; J: A->; k*A; k=0.5; end"), "k")
    0.5
    """
    document = import_libsbml().readSBMLFromString(sbml)
    element = _element(document.getModel(), name)
    if hasattr(element, "getSize"):
        return float(element.getSize())
    if hasattr(element, "getValue"):
        return float(element.getValue())
    if element.isSetInitialConcentration():
        return float(element.getInitialConcentration())
    return float(element.getInitialAmount()) / _size(document.getModel(), element)


def with_values(sbml: str, values: Mapping[str, float]) -> str:
    """A model with values set.

    Parameters
    ----------
    sbml
        The model's text.
    values
        New values by name, as `value_of` says them.

    Returns
    -------
    str
        The model's text.

    Raises
    ------
    ConfigError
        Nothing that can be set has one of the names.

    Examples
    --------
    >>> from advsci_circuits.formats.antimony import sbml_of
    >>> text = sbml_of("model m; A in cell; compartment cell=2; A=3; J: A->; k*A; k=0.5; end")
    >>> value_of(with_values(text, {"k": 0.1}), "k")
    0.1
    """
    library = import_libsbml()
    document = library.readSBMLFromString(sbml)
    model = document.getModel()
    for name, value in values.items():
        element = _element(model, name)
        if hasattr(element, "setSize"):
            element.setSize(value)
        elif hasattr(element, "setValue"):
            element.setValue(value)
        elif element.isSetInitialAmount():
            element.setInitialAmount(value * _size(model, element))
        else:
            element.setInitialConcentration(value)
    return library.writeSBMLToString(document)


def _size(model: Any, species: Any) -> float:
    compartment = model.getCompartment(species.getCompartment())
    return (compartment.getSize() if compartment is not None and compartment.isSetSize() else 1.0) or 1.0


def _element(model: Any, name: str) -> Any:
    """The element whose value a name means."""
    found = model.getParameter(name) or model.getSpecies(name) or model.getCompartment(name) or _local(model, name)
    if found is None:
        names = [p.getId() for p in model.getListOfParameters()] + [s.getId() for s in model.getListOfSpecies()]
        raise ConfigError(
            f"got the unknown parameter '{name}'; expected one of {', '.join(names[:12])}"
            f"{' and others' if len(names) > 12 else ''}. Try: {names[0] if names else 'another model'}."
        )
    if model.getInitialAssignment(name) is not None or model.getRule(name) is not None:
        raise ConfigError(
            f"got '{name}', which {'an initial assignment' if model.getRule(name) is None else 'a rule'} of the model "
            "sets; expected a value that nothing else sets. Try: what its formula uses."
        )
    return found


def _local(model: Any, name: str) -> Any | None:
    for reaction in model.getListOfReactions():
        law, start = reaction.getKineticLaw(), f"{reaction.getId()}_"
        if law is not None and name.startswith(start):
            found = law.getParameter(name[len(start) :]) or law.getLocalParameter(name[len(start) :])
            if found is not None:
                return found
    return None
