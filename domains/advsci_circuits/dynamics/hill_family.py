"""Hill kinetics with one parameter free, and the exact derivatives that following a branch needs.

With ``f_i = g_i P_i(x) - k_i x_i``, ``D_ij = d log P_i / d log x_j`` and r the activity of one regulator,

- production g: ``df_i = P_i``; decay k: ``df_i = -x_i``;
- threshold K: ``df_i = -g_i P_i D_ij / K_ij``, as P depends on ``x_j / K_ij`` alone;
- exponent n: ``df_i = g_i P_i D_ij log(x_j / K_ij) / n_ij``, as it depends on ``n_ij log(x_j / K_ij)`` alone;
- leak l: by the promoter logic.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from advsci.errors import ConfigError
from advsci_circuits.dynamics.curve import Rates, Vector
from advsci_circuits.dynamics.hill import FLOOR, HillModel

__all__ = ["PARAMETERS", "HillFamily"]

PARAMETERS = ("rate", "decay", "threshold", "cooperativity", "leak")
"""What can be free: one entry, or several of a kind times one factor."""


@dataclass(frozen=True)
class HillFamily:
    """One model as a family of rate equations.

    Parameters
    ----------
    model : HillModel
        One member, in double precision.
    parameter : {"rate", "decay", "threshold", "cooperativity", "leak"}
        Which kind is free.
    place
        (gene,) of a rate or decay, (target, regulator) of the others: this entry *is* the value. Where an end is None,
        or nothing is given, all entries that match are multiplied by the value: thresholds of (None, regulator) times
        a factor are what an inducer of the regulator does.

    Raises
    ------
    ConfigError
        More than one member, an unknown parameter, or a place without a regulation.

    Examples
    --------
    >>> import torch
    >>> from advsci import Stream
    >>> from advsci_circuits.dynamics import racipe
    >>> toggle = torch.tensor([[[0, -1], [-1, 0]]], dtype=torch.int8)
    >>> family = HillFamily(racipe(toggle, 1, Stream(0)), "rate", (0,))
    >>> [part.shape for part in family(np.ones(2), 3.0)]
    [(2,), (2, 2), (2,)]
    """

    model: HillModel
    parameter: str = "rate"
    place: tuple[int | None, ...] = ()

    def __post_init__(self):
        if len(self.model) != 1 or self.parameter not in PARAMETERS:
            raise ConfigError(
                f"got {len(self.model)} models and the parameter '{self.parameter}'; expected one model and one of "
                f"{', '.join(PARAMETERS)}. Try: HillFamily(model[:1], 'rate', (0,))."
            )
        wanted = 1 if self.parameter in PARAMETERS[:2] else 2
        there = not self.place or (len(self.place) == wanted and bool(self.mask.any()))
        if not there:
            raise ConfigError(
                f"got the place {self.place} of '{self.parameter}'; expected "
                f"{'a gene' if wanted == 1 else 'the target and the regulator of a regulation'}. Try: another place."
            )

    @cached_property
    def mask(self) -> Bool[Tensor, "..."]:
        """Entries that are free."""
        whole = self.model.signs != 0 if self.parameter in PARAMETERS[2:] else torch.ones_like(self.model.rate).bool()
        if not self.place:
            return whole
        one = torch.zeros_like(whole)
        try:
            one[(0, *(slice(None) if end is None else end for end in self.place))] = True
        except IndexError:
            return one
        return one & whole

    @property
    def factor(self) -> bool:
        """Whether the parameter is a common factor, not a value."""
        return not self.place or None in self.place

    @property
    def value(self) -> float:
        """The model's own value of the parameter: one where it is a common factor."""
        return 1.0 if self.factor else float(getattr(self.model, self.parameter)[(0, *self.place)])

    def at(self, value: float) -> HillModel:
        """The model with the parameter set.

        Parameters
        ----------
        value
            The parameter, or the common factor.
        """
        old = getattr(self.model, self.parameter)
        new = old * value if self.factor else torch.full_like(old, value)
        return replace(self.model, **{self.parameter: torch.where(self.mask, new, old)})

    def __call__(self, x: Vector, value: float) -> Rates:
        """``f``, ``df/dx`` and ``df/dp``.

        Parameters
        ----------
        x : array, shape [n]
            Concentrations.
        value
            The parameter, or the common factor.
        """
        model = self.at(value)
        levels = torch.from_numpy(np.asarray(x, float))[None].to(model.rate).clamp_min(FLOOR)
        activity, slope = model.activity_and_slope(levels.log())
        production = model.rate * activity.exp()
        jacobian = production[..., None] * slope / levels[:, None] - torch.diag_embed(model.decay)
        part = self._part(model, levels, activity.exp(), production, slope)
        if self.factor:
            part = part * getattr(self.model, self.parameter)
        part = torch.where(self.mask, part, 0.0)
        along = part[0] if part.ndim == 2 else part[0].sum(1)
        given = torch.from_numpy(np.asarray(x, float)).to(model.rate)
        return (production[0] - model.decay[0] * given).numpy(), jacobian[0].numpy(), along.numpy()

    def _part(self, model: HillModel, x: Tensor, activity: Tensor, production: Tensor, slope: Tensor) -> Tensor:
        """``df_i`` by each entry of the parameter."""
        if self.parameter == "rate":
            return activity
        if self.parameter == "decay":
            return -x
        if self.parameter == "threshold":
            return -production[..., None] * slope / model.threshold
        if self.parameter == "cooperativity":
            return production[..., None] * slope * (x[:, None].log() - model.threshold.log()) / model.cooperativity
        return production[..., None] * self._by_leak(model, x)

    @staticmethod
    def _by_leak(model: HillModel, x: Tensor) -> Tensor:
        """``d log P_i / d l_ij``."""
        edge, up = model.signs != 0, model.signs > 0
        ratio = model.cooperativity * (x[:, None].log() - model.threshold.log())
        leak = torch.where(edge, model.leak, 1.0)
        if model.logic == "competitive":
            z = torch.where(edge, ratio.exp(), 0.0)
            fold = torch.where(up, 1 / leak, leak)
            change = torch.where(up, -1 / leak**2, 1.0)
            top = fold.amax(-1, keepdim=True)
            highest = (fold == top) & (top > 1)
            return change * (z / (1 + (fold * z).sum(-1, keepdim=True)) - torch.where(highest, 1 / fold, 0.0))
        bound = (model.signs * ratio).sigmoid()
        response = leak + (1 - leak) * bound
        if model.logic == "product":
            return (1 - bound) / response
        return (1 - bound) / torch.where(edge, response, 0.0).sum(-1, keepdim=True).clamp_min(FLOOR)
