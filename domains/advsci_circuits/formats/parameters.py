"""Parameters by name: knock-downs, over-expression, inducers, and the one parameter that a diagram varies.

Hill kinetics use the names of the SBML files written here, genes by name or identifier:

- ``g_lacI`` production, ``k_lacI`` decay;
- ``K_tetR__lacI``, ``n_tetR__lacI``, ``leak_tetR__lacI``: threshold, exponent and leak of lacI's effect on tetR;
- several at once: ``K__lacI`` all thresholds of the regulator lacI (an inducer moves them), ``K_tetR`` all of tetR's
  promoter, ``g`` all productions (copies of the plasmid), and so on. Along a branch they are multiplied by a factor, 1
  in the circuit as it is.

A model of others has its own names.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, nan

import numpy as np
import torch

from advsci.errors import ConfigError
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.hill_family import HillFamily
from advsci_circuits.formats.identifiers import safe_ids
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.formats.own_model import OwnModel
from advsci_circuits.formats.set_values import value_of, with_values

__all__ = [
    "changed",
    "changed_model",
    "changed_own",
    "family_of",
    "kinetic",
    "place_of_name",
    "split_setting",
    "start_of",
]

KINDS = {"g": "rate", "k": "decay", "K": "threshold", "n": "cooperativity", "leak": "leak"}


def place_of_name(name: str, genes: Sequence[str]) -> tuple[str, tuple[int | None, ...]] | None:
    """The parameter of Hill kinetics that a name means.

    Parameters
    ----------
    name
        As in the description of this file.
    genes
        Names of the genes, in the model's order.

    Returns
    -------
    (parameter, place) or None
        As `HillFamily` takes them; None where the name means nothing.

    Examples
    --------
    >>> place_of_name("K_tetR__lacI", ["lacI", "tetR"])
    ('threshold', (1, 0))
    >>> place_of_name("K__lacI", ["lacI", "tetR"])
    ('threshold', (None, 0))
    """
    kind, _, rest = name.partition("_")
    if kind not in KINDS:
        return None
    if not rest:
        return (KINDS[kind], ()) if name == kind else None
    where = {word: k for k, word in enumerate(safe_ids(genes))} | {gene: k for k, gene in enumerate(genes)}
    if kind in ("g", "k"):
        return (KINDS[kind], (where[rest],)) if rest in where else None
    if rest in where:
        return KINDS[kind], (where[rest], None)
    if rest.startswith("_") and rest[1:] in where:
        return KINDS[kind], (None, where[rest[1:]])
    for cut in re.finditer("__", rest):
        target, source = rest[: cut.start()], rest[cut.end() :]
        if target in where and source in where:
            return KINDS[kind], (where[target], where[source])
    return None


def family_of(model: HillModel, name: str, genes: Sequence[str]) -> HillFamily:
    """Hill kinetics with the parameter of a name free.

    Parameters
    ----------
    model
        The kinetics; the first member counts.
    name
        The parameter's name.
    genes
        Names of the genes.

    Returns
    -------
    HillFamily

    Raises
    ------
    ConfigError
        There is no such parameter.
    """
    found = place_of_name(name, genes)
    if found is not None:
        try:
            return HillFamily(model[:1], *found)
        except ConfigError:
            found = None
    ids = safe_ids(genes)
    edges = [f"K_{ids[i]}__{ids[j]}" for i, j in (model.signs[0] != 0).nonzero().tolist()]
    raise ConfigError(
        f"got the parameter '{name}'; expected g_, k_ and a gene, or K_, n_, leak_ and a regulation as in "
        f"{', '.join(edges[:4])}. Try: g_{ids[0]}."
    )


def split_setting(words: str) -> tuple[str, float, bool]:
    """``NAME=VALUE`` or ``NAME=xFACTOR``, taken apart.

    Parameters
    ----------
    words
        What the user wrote.

    Returns
    -------
    (name, value, times)
        ``times``: the value multiplies what the model has.

    Raises
    ------
    ConfigError
        The words are something else.

    Examples
    --------
    >>> split_setting("g_lacI=x0.1")
    ('g_lacI', 0.1, True)
    """
    name, _, word = words.rpartition("=")
    times = word.startswith("x")
    try:
        value = float(word.removeprefix("x"))
    except ValueError:
        value = nan
    if not name or not isfinite(value) or value < 0:
        raise ConfigError(
            f"got '{words}'; expected NAME=VALUE or NAME=xFACTOR, not below zero. Try: g_lacI=x0.1 (a knock-down)."
        )
    return name, value, times


def changed_model(model: HillModel, genes: Sequence[str], settings: Sequence[str]) -> HillModel:
    """Hill kinetics with parameters set, of all members alike.

    Parameters
    ----------
    model
        Kinetics of any number of parameter sets of one circuit.
    genes
        Names of the genes.
    settings
        ``NAME=VALUE`` or ``NAME=xFACTOR`` each, in order.

    Returns
    -------
    HillModel

    Raises
    ------
    ConfigError
        A setting is malformed, or names no parameter.
    """
    for words in settings:
        name, value, times = split_setting(words)
        family = family_of(model, name, genes)
        if value == 0 and family.parameter in ("decay", "threshold"):
            raise ConfigError(f"got '{words}'; expected a value above zero. Try: {name}=x0.01.")
        old = getattr(model, family.parameter)
        # a gene that is knocked out keeps a trace, as steady states are sought in logarithms
        factor = max(value, 1e-9) if family.parameter == "rate" else value
        new = old * factor if times else old.new_full(old.shape, factor)
        model = replace(model, **{family.parameter: new.where(family.mask, old)})
    return model


def changed_own(own: OwnModel, settings: Sequence[str]) -> OwnModel:
    """An author's own model with parameters set.

    Parameters
    ----------
    own
        The model.
    settings
        ``NAME=VALUE`` or ``NAME=xFACTOR`` each, in order.

    Returns
    -------
    OwnModel

    Raises
    ------
    ConfigError
        A setting is malformed, or names no parameter.
    """
    values: dict[str, float] = {}
    for words in settings:
        name, value, times = split_setting(words)
        values[name] = value * (values.get(name, value_of(own.sbml, name)) if times else 1.0)
    return replace(own, sbml=with_values(own.sbml, values))


def changed(loaded: KineticCircuit, model: HillModel | None, settings: Sequence[str]) -> KineticCircuit:
    """A circuit with parameters, or start levels of its genes, set.

    Parameters
    ----------
    loaded
        What was read.
    model
        Its Hill kinetics, read or drawn; None for a model of others.
    settings
        ``NAME=VALUE`` or ``NAME=xFACTOR`` each; a gene's name is its start level.

    Returns
    -------
    KineticCircuit

    Raises
    ------
    ConfigError
        A setting is malformed, or names no parameter.
    """
    if model is None:
        assert loaded.own is not None, "a circuit has Hill kinetics or a model of its own"
        return replace(loaded, own=changed_own(loaded.own, settings))
    genes, start = loaded.circuit.genes, start_of(loaded, model)
    parameters = kinetic(settings, genes)
    levels = [words for words in settings if words not in parameters]
    for words in levels:
        name, value, times = split_setting(words)
        place = genes.index(name)
        start[place] = value * start[place] if times else value
    model = changed_model(model, genes, parameters)
    return replace(loaded, model=model, start=start if levels or loaded.start is not None else None)


def kinetic(settings: Sequence[str], genes: Sequence[str]) -> list[str]:
    """The settings that change parameters, not start levels.

    Parameters
    ----------
    settings
        ``NAME=VALUE`` or ``NAME=xFACTOR`` each.
    genes
        Names of the genes.

    Returns
    -------
    list of str
    """
    return [words for words in settings if split_setting(words)[0] not in genes]


def start_of(loaded: KineticCircuit, model: HillModel) -> np.ndarray:
    """Where a time course starts: the file's start levels, else a fifth to all of half the highest levels.

    Parameters
    ----------
    loaded
        What was read.
    model
        Its Hill kinetics.

    Returns
    -------
    array, shape [n]
        No symmetric start, which may never leave symmetry.
    """
    if loaded.start is not None:
        return np.array(loaded.start, float)
    start = 0.5 * model.rate[0] / model.decay[0] * torch.linspace(0.2, 1.0, model.genes, dtype=model.rate.dtype)
    return start.double().numpy()
