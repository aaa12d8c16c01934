"""Exponential moving average of a player's parameters: on low-dimensional data worth more than any change of loss."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from advsci.schedules import Schedule, as_schedule
from advsci.sharded import parted, pieces

__all__ = ["EMA", "Averaged"]


@dataclass(frozen=True)
class EMA:
    r"""What to average and how: :math:`\bar\theta \leftarrow \beta \bar\theta + (1 - \beta) \theta` after every step.

    Parameters
    ----------
    decay
        :math:`\beta`, a number or a schedule. It is lowered to :math:`(1 + t)/(10 + t)` in the first steps t, so that
        the random start is forgotten.
    of
        Names of the players to average.

    Examples
    --------
    >>> from advsci import EMA
    >>> EMA(0.99, of=("generator",)).of
    ('generator',)
    """

    decay: float | Schedule = 0.999
    of: tuple[str, ...] = ("generator",)


class Averaged:
    """A frozen copy of a module, in evaluation mode, that follows it by exponential averaging; buffers are copied."""

    def __init__(self, module: nn.Module, decay: float | Schedule):
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        self.decay = as_schedule(decay)
        self.follow(module)

    def follow(self, module: nn.Module) -> None:
        """Take ``module`` as what is averaged from now on, once its tensors have been replaced by others.

        Parameters
        ----------
        module
            Of the structure of the average.
        """
        self._source: list[Tensor] = list(module.parameters())
        self._average: list[Tensor] = list(self.module.parameters())
        self._buffers = list(zip(self.module.buffers(), module.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int, progress: float) -> None:
        """Follow the module after step ``step`` (from 1).

        Parameters
        ----------
        progress
            Share of the training that is done, in [0, 1].
        """
        decay = min(self.decay(progress), (1.0 + step) / (10.0 + step))
        torch._foreach_lerp_(pieces(self._average), pieces(self._source), 1.0 - decay)
        for average, buffer in self._buffers:
            average.copy_(buffer)

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged parameters and the buffers."""
        return self.module.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over an average that `state_dict` gave.

        Parameters
        ----------
        state
            What `state_dict` gave.
        """
        self.module.load_state_dict(parted(state, self.module.state_dict()))
