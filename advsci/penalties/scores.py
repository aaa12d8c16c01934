"""One discriminator pass over real and generated samples, and its input gradients on demand."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError, ShapeError
from advsci.processes import gathered, several_processes

__all__ = ["Scores", "compares_samples", "couples_batch", "input_gradient"]


def input_gradient(discriminator: Callable[[Tensor], Tensor], x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
    r""":math:`\nabla_x D(x_i)` of each sample, differentiable in D's parameters (and in x where x is).

    Parameters
    ----------
    discriminator
        Samples to logits.
    """
    if not x.requires_grad:
        x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gradient


def couples_batch(module: nn.Module) -> bool:
    """Whether a sample's output depends on the other samples of its batch (batch norm, minibatch statistics).

    Only then may real and generated samples not share one pass. A module of one's own says so by ``couples_batch =
    True``.
    """
    return any(map(compares_samples, module.modules()))


def compares_samples(part: object) -> bool:
    """Whether a layer, objective or penalty by itself compares the samples of a batch: what ``couples_batch`` says.

    Parameters
    ----------
    part
        A layer (not what it is made of), an objective, a penalty or a game.
    """
    return bool(getattr(part, "couples_batch", isinstance(part, nn.modules.batchnorm._BatchNorm)))


class Scores:
    """What a discriminator says of a batch: logits, and gradients with respect to its input on demand.

    Real and generated samples go through the network together unless it couples the samples of a batch; the gradients
    of both sets then come from one differentiation. Everything stays differentiable.

    Parameters
    ----------
    network
        The discriminator; called as ``network(x)`` or ``network(x, condition)``, returns n or n x 1 logits.
    real, fake
        Equally many samples of equal shape.
    condition
        Shared by the real and the generated sample of the same index.
    gradients
        Whether a penalty will ask for gradients: the input is then made a leaf before the pass, which saves a second
        one.
    draw
        The random numbers of this evaluation, for penalties that interpolate or perturb.

    Attributes
    ----------
    fake, fake_logits
        The generated samples, and D at them (n).
    has_real
        Whether data were shown too: only then may `real` and `real_logits` be read.
    fake_weight
        Weights of the generated samples in expectations over the generator's distribution, (n); None for equal ones.
    """

    def __init__(
        self,
        network: nn.Module,
        real: Float[Tensor, "n ..."] | None,
        fake: Float[Tensor, "n ..."],
        condition: Tensor | None = None,
        *,
        real_weight: Float[Tensor, " n"] | None = None,
        fake_weight: Float[Tensor, " n"] | None = None,
        together: bool = True,
        gradients: bool = False,
        draw: Mapping[str, Tensor] | None = None,
    ):
        self.network = network
        self.condition = condition
        self.real_weight, self.fake_weight = real_weight, fake_weight
        self.draw = draw or {}
        self.couples_batch = couples_batch(network)
        self._n = fake.shape[0]
        self.has_real = real is not None
        points: tuple[Tensor, ...]
        conditions: tuple[Tensor | None, ...]
        if real is None:
            points, conditions = (fake,), (condition,)
            self._real, self.fake = None, fake
        elif together and not self.couples_batch:
            both = torch.cat([real, fake])
            points = (both if both.requires_grad or not gradients else both.requires_grad_(),)
            conditions = (None if condition is None else torch.cat([condition, condition]),)
            self._real, self.fake = real, fake
        else:
            points = tuple(x if x.requires_grad or not gradients else x.detach().requires_grad_() for x in (real, fake))
            conditions = (condition, condition)
            self._real, self.fake = points
        self._points, self._conditions = points, conditions
        self._input_gradients: tuple[Tensor, ...] | None = None
        self._logits = tuple(self._score(x, c) for x, c in zip(points, conditions, strict=True))
        self._real_logits = None if real is None else self._logits[0][: self._n]
        self.fake_logits = self._logits[-1][-self._n :]

    def _score(self, x: Tensor, condition: Tensor | None) -> Tensor:
        logits = self.network(x) if condition is None else self.network(x, condition)
        if logits.numel() != x.shape[0]:
            raise ShapeError(
                f"the discriminator got {x.shape[0]} samples of shape {tuple(x.shape[1:])} and returned "
                f"{tuple(logits.shape)}; "
                f"expected one logit a sample: ({x.shape[0]},) or ({x.shape[0]}, 1). Try: end it with Linear(..., 1)."
            )
        return logits.reshape(-1)

    def discriminator(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
        """Logits at other points, under this batch's condition.

        Parameters
        ----------
        x
            Samples (n ...).
        """
        return self._score(x, self.condition)

    def _shown(self, value: Tensor | None) -> Tensor:
        if value is None:
            raise ConfigError(
                "got a pass over generated samples alone; expected one over data too. "
                "Try: an objective with uses_real_in_generator = True."
            )
        return value

    def _gradients(self) -> tuple[Tensor, ...]:
        if self._input_gradients is None:  # by hand: torch.compile does not trace the lock of a cached_property
            points, every = self._points, self._logits
            if not all(x.requires_grad for x in points):  # nobody had announced it: a second pass
                points = tuple(x if x.requires_grad else x.detach().requires_grad_() for x in points)
                every = tuple(self._score(x, c) for x, c in zip(points, self._conditions, strict=True))
            total = torch.stack([logits.sum() for logits in every]).sum()
            self._input_gradients = torch.autograd.grad(total, points, create_graph=True)
        return self._input_gradients

    @property
    def real(self) -> Float[Tensor, "n ..."]:
        """The data that were shown.

        Raises
        ------
        ConfigError
            None were: the generator's loss asked for no scores of them.
        """
        return self._shown(self._real)

    @property
    def real_logits(self) -> Float[Tensor, " n"]:
        """D at the data (n); a `ConfigError` where none were shown."""
        return self._shown(self._real_logits)

    @property
    def spread(self) -> Float[Tensor, ""]:
        """Standard deviation over all entries of the real samples, of all processes together."""
        x = self.real.detach()
        return gathered(x).std() if several_processes() else x.std()

    @property
    def has_gradients(self) -> bool:
        """Whether some penalty has asked for input gradients, which then come for free."""
        return self._input_gradients is not None

    @property
    def real_gradient(self) -> Float[Tensor, "n ..."]:
        """Gradient of D with respect to its input, at the data."""
        return self._gradients()[0][: self._n]

    @property
    def fake_gradient(self) -> Float[Tensor, "n ..."]:
        """Gradient of D with respect to its input, at the generated samples."""
        return self._gradients()[-1][-self._n :]
