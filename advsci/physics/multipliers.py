r"""Weights of constraints as players: augmented Lagrangian.

For constraints in the mean, :math:`g_j = E\,v_j - \epsilon_j \le 0`, the generator minimises and the multipliers
maximise

.. math:: L_\rho(\lambda) = \sum_j \frac{\max(0, \lambda_j + \rho g_j)^2 - \lambda_j^2}{2 \rho}.

Gradient ascent with rate :math:`\rho` is the classical update :math:`\lambda \leftarrow \max(0, \lambda + \rho g)`. A
constraint that holds with room costs nothing and its multiplier returns to 0; no weight is tuned by hand. (Rockafellar
1973; Nocedal and Wright, Numerical Optimization, section 17.4.)
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.processes import shared_mean

__all__ = ["Multipliers", "augmented_lagrangian"]


def augmented_lagrangian(g: Float[Tensor, "*k"], multiplier: Float[Tensor, "*k"], rho: float) -> Float[Tensor, "*k"]:
    r""":math:`[\max(0, \lambda + \rho g)^2 - \lambda^2] / 2\rho` of constraints :math:`g \le 0`.

    Its derivative is :math:`\max(0, \lambda + \rho g)` in g and :math:`\max(g, -\lambda/\rho)` in :math:`\lambda`.

    Parameters
    ----------
    multiplier
        The price :math:`\lambda` of each constraint.
    """
    return ((multiplier + rho * g).clamp_min(0.0).square() - multiplier.square()) / (2.0 * rho)


class Multipliers(nn.Module):
    r"""One multiplier a named constraint, as parameters of a player.

    Parameters
    ----------
    names
        Names of the constraints.
    rho
        Penalty :math:`\rho`; the best ascent rate under SGD.
    allowed
        :math:`\epsilon`: what the mean violation may be, one number for all or one a name.
    start
        Multipliers at the start.

    Raises
    ------
    ConfigError
        ``rho`` is not positive, or there is no name.

    Examples
    --------
    >>> multipliers = Multipliers(["load"], allowed=0.1)
    >>> terms = multipliers({"load": torch.tensor([0.0, 0.1])})
    >>> float(terms["load"].detach())  # holds: costs nothing
    0.0
    """

    couples_batch = gathers = True  # a price is a function of the mean violation

    def __init__(
        self, names: Sequence[str], *, rho: float = 1.0, allowed: float | Mapping[str, float] = 0.0, start: float = 0.0
    ):
        super().__init__()
        if rho <= 0.0 or not names:
            raise ConfigError(
                f"got rho={rho} for constraints {list(names)}; expected rho > 0 and at least one name. Try: rho=1.0."
            )
        self.names = tuple(names)
        self.rho = rho
        allowed = allowed if isinstance(allowed, Mapping) else dict.fromkeys(names, allowed)
        self.allowed = {name: float(allowed[name]) for name in names}
        self.values = nn.ParameterDict({name: nn.Parameter(torch.tensor(float(start))) for name in names})

    @torch.no_grad()
    def clip(self) -> None:
        """Keep every multiplier non-negative, whatever optimizer moves it."""
        for value in self.values.values():
            value.clamp_(min=0.0)

    def forward(self, violations: Mapping[str, Float[Tensor, " n"]]) -> dict[str, Float[Tensor, ""]]:
        """The terms of the Lagrangian that the generator minimises; the multipliers minimise their negative.

        Parameters
        ----------
        violations
            Name to violation of each sample (n), positive where the constraint is broken.

        Raises
        ------
        ConfigError
            The violation of a constraint is missing.
        """
        missing = [name for name in self.names if name not in violations]
        if missing:
            raise ConfigError(
                f"got violations of {sorted(violations)}; expected {missing} too. Try: the physics' names."
            )
        return {
            name: augmented_lagrangian(
                shared_mean(violations[name].mean()) - self.allowed[name], self.values[name], self.rho
            )
            for name in self.names
        }
