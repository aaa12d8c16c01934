"""A user's own function: Python code that looks at trajectories, found by the name of its entry point.

A package, anybody's, declares::

    [project.entry-points."advsci_circuits.rewards"]
    slow = "mine.rewards:slow"

and ``slow(times, x)`` gets times (t) and concentrations (b, t, n) from half the highest level on, and says of each of
the b models whether it does the job. Nothing in a settings file is ever imported: a setting names an entry point.
"""

from collections.abc import Callable
from importlib.metadata import entry_points

import torch
from jaxtyping import Bool
from torch import Tensor

from advsci.errors import ConfigError, DataError
from advsci_circuits.dynamics.explicit import integrate
from advsci_circuits.dynamics.hill import HillModel

__all__ = ["rewarded", "rewards"]

GROUP = "advsci_circuits.rewards"
"""The group of entry points."""
LIFETIMES, POINTS = 30, 151
"""Length of a trajectory in lifetimes of the slowest gene, and its points."""


def rewards(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The reward of that name.

    Parameters
    ----------
    name
        Name of an entry point in the group ``advsci_circuits.rewards``.

    Returns
    -------
    callable
        (times, x) -> one verdict per model.

    Raises
    ------
    ConfigError
        Where no installed package brings it.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise ConfigError(
            f"got the reward '{name}'; expected one that an installed package brings: "
            f"{', '.join(sorted(found)) or 'there is none'}. Try: an entry point in the group {GROUP}."
        )
    return found[name].load()


def rewarded(model: HillModel, name: str) -> Bool[Tensor, " b"]:
    """What a reward says of each model.

    Parameters
    ----------
    model
        The kinetics.
    name
        Name of the reward.

    Returns
    -------
    Tensor

    Raises
    ------
    ConfigError
        On an unknown reward.
    DataError
        Where the reward gives anything but one truth value per model.
    """
    judge = rewards(name)
    end = LIFETIMES / float(model.decay.min())
    times = torch.linspace(0, end, POINTS, dtype=model.rate.dtype, device=model.rate.device)
    x = integrate(model.field(), model.rate / model.decay * 0.5, times, rtol=1e-4, atol=1e-6)
    said = judge(times, x)
    if not isinstance(said, Tensor) or said.dtype != torch.bool or said.shape != x.shape[:1]:
        what = f"{said.dtype} of shape {tuple(said.shape)}" if isinstance(said, Tensor) else type(said).__name__
        raise DataError(
            f"got {what} from the reward '{name}'; expected a boolean tensor of shape ({len(x)},). Try: return x > y."
        )
    return said
