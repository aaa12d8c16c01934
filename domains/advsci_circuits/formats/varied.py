"""One parameter of whatever model a file holds, free: what a bifurcation diagram is drawn of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_circuits.dynamics.branches import hill_branches
from advsci_circuits.dynamics.continuation import Branch
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.hill_family import HillFamily
from advsci_circuits.formats.course import kinetics_of
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.formats.own_family import OwnFamily, own_branches
from advsci_circuits.formats.parameters import changed, family_of

__all__ = ["Varied", "asked", "range_of", "varied"]


@dataclass(frozen=True)
class Varied:
    """One parameter of one model, free within a range.

    Parameters
    ----------
    name
        The parameter's name.
    family
        The rate equations.
    low, high
        The range.
    """

    name: str
    family: HillFamily | OwnFamily
    low: float
    high: float

    @property
    def value(self) -> float:
        """The model's own value."""
        return self.family.value

    @property
    def factor(self) -> bool:
        """Whether the parameter is a factor on several entries, not a value."""
        return isinstance(self.family, HillFamily) and self.family.factor

    def branches(self, stream: Stream) -> list[Branch]:
        """Branches of steady states over the range.

        Parameters
        ----------
        stream
            Where starts of the searches come from.

        Returns
        -------
        list of Branch
            States are those that the rate equations follow; `levels` says what the genes are.

        Raises
        ------
        ConvergenceError
            No steady state was found.
        """
        if isinstance(self.family, OwnFamily):
            return own_branches(self.family, self.low, self.high, stream)
        return hill_branches(self.family, self.low, self.high, stream)

    def levels(self, branch: Branch) -> np.ndarray:
        """Levels of the circuit's genes along a branch.

        Parameters
        ----------
        branch
            The branch.

        Returns
        -------
        array, shape [p, genes]
        """
        if isinstance(self.family, OwnFamily):
            pairs = zip(branch.states, branch.values, strict=True)
            return np.array([self.family.levels(x, float(value)) for x, value in pairs])
        return branch.states


def varied(
    name: str, loaded: KineticCircuit, model: HillModel | None, span: tuple[float, float] | None = None
) -> Varied:
    """A parameter of a circuit by its name, free; nothing is simulated.

    Parameters
    ----------
    name
        The parameter's name.
    loaded
        The circuit.
    model
        Its Hill kinetics, read or drawn; None for a model of others.
    span
        Ends of the range; None: a tenth to ten times the own value.

    Returns
    -------
    Varied

    Raises
    ------
    ConfigError
        There is no such parameter, no model, or the range reaches zero for Hill kinetics.
    DataError
        The own model has events, or its laws use the time.
    """
    if model is not None:
        family = family_of(model, name, loaded.circuit.genes)
    elif loaded.own is not None:
        family = OwnFamily(loaded.own, name)
    else:
        raise ConfigError(f"got no kinetics to vary {name} of; expected a model. Try: a file with kinetics.")
    low, high = span or (0.1 * family.value, 10 * family.value)
    if model is not None and low <= 0:
        raise ConfigError(f"got the range {low:g}:{high:g} of {name}; expected one above zero. Try: {name}=0.1:10.")
    return Varied(name, family, low, high)


def asked(
    loaded: KineticCircuit, stream: Stream, settings: Sequence[str], vary: str | None, logic: str = "product"
) -> tuple[KineticCircuit, HillModel | None, Varied | None]:
    """A circuit with parameters set, its kinetics, and the parameter to vary: every name is looked up.

    Parameters
    ----------
    loaded
        What was read.
    stream
        Where drawn kinetics come from.
    settings
        ``NAME=VALUE`` or ``NAME=xFACTOR`` each, in order.
    vary
        ``NAME=LOW:HIGH``, or None.
    logic
        Promoter logic of drawn kinetics.

    Returns
    -------
    circuit, kinetics, varied
        Kinetics are None for a model of others, ``varied`` where nothing varies.

    Raises
    ------
    ConfigError
        The words are malformed, or name no parameter.
    DataError
        The parameter of a model that cannot be followed is to vary.
    """
    model = kinetics_of(loaded, stream, logic)
    if settings:
        loaded = changed(loaded, model, settings)
        model = loaded.model
    if vary is None:
        return loaded, model, None
    name, span = range_of(vary)
    return loaded, model, varied(name, loaded, model, span)


def range_of(words: str) -> tuple[str, tuple[float, float]]:
    """``NAME=LOW:HIGH``, taken apart.

    Parameters
    ----------
    words
        What the user wrote.

    Returns
    -------
    (name, (low, high))

    Raises
    ------
    ConfigError
        The words are something else.

    Examples
    --------
    >>> range_of("g_lacI=0.1:10")
    ('g_lacI', (0.1, 10.0))
    """
    name, _, ends = words.rpartition("=")
    try:
        low, high = (float(end) for end in ends.split(":"))
    except ValueError:
        low = high = np.nan
    if not name or not np.isfinite([low, high]).all() or not low < high:
        raise ConfigError(f"got '{words}'; expected NAME=LOW:HIGH with LOW below HIGH. Try: g_lacI=0.1:10.")
    return name, (low, high)
