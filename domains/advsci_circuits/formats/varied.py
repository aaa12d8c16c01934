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
from advsci_circuits.formats.own_family import OwnFamily, own_branches
from advsci_circuits.formats.own_model import OwnModel
from advsci_circuits.formats.parameters import family_of

__all__ = ["Varied", "range_of", "varied"]


@dataclass(frozen=True)
class Varied:
    """One parameter of one model, free.

    Parameters
    ----------
    name
        The parameter's name.
    family
        The rate equations.
    value
        The model's own value.
    factor
        Whether the parameter is a factor on several entries, not a value.
    """

    name: str
    family: HillFamily | OwnFamily
    value: float
    factor: bool

    def branches(self, low: float, high: float, stream: Stream) -> list[Branch]:
        """Branches of steady states over a range.

        Parameters
        ----------
        low, high
            The range.
        stream
            Where starts of the searches come from.

        Returns
        -------
        list of Branch
            States are those that the rate equations follow; `levels` says what the genes are.

        Raises
        ------
        ConfigError
            The range is empty, or reaches zero for Hill kinetics.
        ConvergenceError
            No steady state was found.
        """
        if isinstance(self.family, OwnFamily):
            return own_branches(self.family, low, high, stream)
        if low <= 0:
            raise ConfigError(
                f"got the range {low:g}:{high:g} of {self.name}; expected one above zero. Try: {self.name}=0.1:10."
            )
        return hill_branches(self.family, low, high, stream)

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


def varied(name: str, genes: Sequence[str], model: HillModel | None, own: OwnModel | None) -> Varied:
    """A parameter by its name, free.

    Parameters
    ----------
    name
        The parameter's name.
    genes
        Names of the genes.
    model
        Hill kinetics, where there are any.
    own
        An author's own model, which is taken where there are none.

    Returns
    -------
    Varied

    Raises
    ------
    ConfigError
        There is no such parameter, or no model.
    DataError
        The own model has events, or its laws use the time.
    """
    if model is not None:
        family = family_of(model, name, genes)
        return Varied(name, family, family.value, family.factor)
    if own is None:
        raise ConfigError(f"got no kinetics to vary {name} of; expected a model. Try: a file with kinetics.")
    family = OwnFamily(own, name)
    return Varied(name, family, family.value, False)


def range_of(words: str) -> tuple[str, float, float]:
    """``NAME=LOW:HIGH``, taken apart.

    Parameters
    ----------
    words
        What the user wrote.

    Returns
    -------
    (name, low, high)

    Raises
    ------
    ConfigError
        The words are something else.

    Examples
    --------
    >>> range_of("g_lacI=0.1:10")
    ('g_lacI', 0.1, 10.0)
    """
    name, _, ends = words.rpartition("=")
    try:
        low, high = (float(end) for end in ends.split(":"))
    except ValueError:
        low = high = np.nan
    if not name or not np.isfinite([low, high]).all() or not low < high:
        raise ConfigError(f"got '{words}'; expected NAME=LOW:HIGH with LOW below HIGH. Try: g_lacI=0.1:10.")
    return name, low, high
