r"""What is asked of the generator: a task (area fraction, severity, strain), and a character of the texture.

A wanted coefficient of friction is the dimensionless task

.. math:: A = \frac{(\mu - \alpha) P}{\tau_0}, \qquad A H/P, \qquad P/E^*,

and the character says which of the many textures that meet it is wanted.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci_friction.surfaces.textures import FAMILIES, LAYOUT

__all__ = ["CONDITION", "SEVERITY", "STRAIN", "Character", "Request", "condition_of", "persson_reduced_load"]

SEVERITY = (1.0, 300.0)
"""Range of :math:`A H / P`, hardness over mean contact pressure: below 1 nothing carries the load."""
STRAIN = (1e-5, 1e-2)
"""Range of :math:`P / E^*`."""
CONDITION = 5 + len(FAMILIES) + LAYOUT
"""Length of a condition."""


@dataclass(frozen=True)
class Character:
    """Which of the many textures that meet a task.

    Attributes
    ----------
    family
        (n) index in `FAMILIES`.
    layout
        (n l) its counts of waves or pillars, as numbers in [0, 1].
    log_reduced_load
        (n) :math:`\\log P/(E^* h')`, and with it the rms slope.
    growth
        (n) :math:`\\log_4 A(4P)/A(P)`, and with it friction at a second load.
    severity
        (n) :math:`A H / P`: the hardness that its pressures stay below, over the mean contact pressure.
    """

    family: Int[Tensor, " n"]
    layout: Float[Tensor, "n l"]
    log_reduced_load: Float[Tensor, " n"]
    growth: Float[Tensor, " n"]
    severity: Float[Tensor, " n"]


def condition_of(area: Float[Tensor, " n"], strain: Float[Tensor, " n"], asked: Character) -> Float[Tensor, "n c"]:
    r"""What a design is conditioned on, as numbers of order 1.

    Area fraction A, severity :math:`A H / P`, strain :math:`P / E^*`, log load, growth, family (one-hot), layout.
    `Request.of` takes a condition apart again.

    Parameters
    ----------
    area
        Wanted area fraction of the contact.
    asked
        Which wishes were made (n k), bool.
    """
    low, high = (torch.tensor(SEVERITY).log(), torch.tensor(STRAIN).log())
    numbers = [
        torch.logit(area, eps=1e-4),
        2.0 * (asked.severity.clamp(*SEVERITY).log() - low[0]) / (low[1] - low[0]) - 1.0,
        2.0 * (strain.clamp(*STRAIN).log() - high[0]) / (high[1] - high[0]) - 1.0,
        asked.log_reduced_load - persson_reduced_load(area) + 0.5,
        4.0 * (asked.growth - 0.65),
    ]
    one_hot = math.sqrt(len(FAMILIES)) * torch.nn.functional.one_hot(asked.family, len(FAMILIES))
    return torch.cat([torch.stack(numbers, 1), one_hot.to(area.dtype), 2.0 * asked.layout - 1.0], 1)


def persson_reduced_load(area: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    r""":math:`\log x` for an area fraction by Persson's law :math:`A = \mathrm{erf}(\sqrt2 x)`."""
    return (torch.erfinv(area) / math.sqrt(2.0)).log()


@dataclass(frozen=True)
class Request:
    """A condition taken apart, as tensors: what `condition_of` was given, the family as shares (one-hot)."""

    area: Float[Tensor, " n"]
    severity: Float[Tensor, " n"]
    strain: Float[Tensor, " n"]
    log_reduced_load: Float[Tensor, " n"]
    growth: Float[Tensor, " n"]
    share: Float[Tensor, "n f"]
    layout: Float[Tensor, "n l"]

    @classmethod
    def of(cls, condition: Float[Tensor, "n c"]) -> "Request":
        """The request that a condition states."""
        numbers, share, layout = condition.split([5, len(FAMILIES), LAYOUT], 1)
        area = torch.sigmoid(numbers[:, 0])

        def unscale(x: Tensor, limits: tuple[float, float]) -> Tensor:
            """``x`` in [-1, 1] as a number between the ``limits``, on a logarithmic scale."""
            low, high = torch.tensor(limits).log()
            return (low + 0.5 * (x + 1.0) * (high - low)).exp()

        return cls(
            area,
            unscale(numbers[:, 1], SEVERITY),
            unscale(numbers[:, 2], STRAIN),
            numbers[:, 3] + persson_reduced_load(area) - 0.5,
            0.25 * numbers[:, 4] + 0.65,
            share / math.sqrt(len(FAMILIES)),
            0.5 * (layout + 1.0),
        )
