"""The interface of penalties: a weighted scalar added to a player's loss, read from the pass that the loss made
anyway.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from advsci.streams import Stream

__all__ = ["Pass", "Penalty", "RandomPenalty", "StatefulPenalty"]


@runtime_checkable
class Pass(Protocol):
    """What every penalty may read: the penalised network and the random numbers of this evaluation."""

    network: nn.Module
    draw: Mapping[str, Tensor]


class Penalty(ABC):
    """A weighted penalty on one player of a GAN.

    A penalty of the discriminator reads an `advsci.penalties.scores.Scores`, one of the generator an
    `advsci.penalties.Generated`; one that needs only the network's weights (`OrthogonalRegularisation`, `Damping`)
    serves both. Penalties are differentiable in the parameters of both players.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from advsci.penalties import Penalty
    >>> class SmallLogits(Penalty):
    ...     name = "small_logits"
    ...     def __call__(self, scores, progress):
    ...         return 0.01 * scores.real_logits.square().mean()
    >>> SmallLogits().name
    'small_logits'
    """

    name: str
    gradients: bool = False
    """Whether it reads the gradients of D at the batch's own points. One that does and does not say so costs a second
    pass."""
    active: bool = True
    """Whether it adds anything at this step of the training."""
    couples_batch: bool = False
    """Whether it is no mean over samples, so that two half batches do not make a whole."""
    gathers: bool = False
    """Whether one that is none sees the samples of all processes (`advsci.processes.shared_mean`)."""

    @abstractmethod
    def __call__(self, made: "Pass", progress: Tensor) -> Float[Tensor, ""]:
        """The weighted penalty at this point of the training."""


class RandomPenalty(Penalty):
    """A penalty with random numbers of its own."""

    @abstractmethod
    def draw(self, x: Tensor, stream: Stream) -> dict[str, Tensor]:
        """Its random numbers for a batch ``x`` of data (a generator's: of latent vectors), keyed ``"name/what"``.

        Parameters
        ----------
        stream
            Where the random numbers come from.
        """


class StatefulPenalty(Penalty, nn.Module):
    """A penalty with running statistics: buffers of the game, so that a checkpoint holds them.

    The statistics follow only when a player has moved, never within an evaluation: the loss stays a function of
    (parameters, buffers, batch, draw). A subclass implements ``forward(made, progress)``, which leaves in the buffer
    ``last`` what it found: means over its samples.
    """

    last: Tensor

    __call__ = nn.Module.__call__

    @abstractmethod
    def follow(self) -> None:
        """Update the running statistics from the last evaluation; called after the penalised player has moved."""
