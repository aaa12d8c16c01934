r"""What physics says of a sample: residuals that should vanish, and limits that should hold.

A `Physics` is the part of a discriminator that is not learned. It maps samples and conditions to named numbers a
sample, in units of their own tolerance, so that no weight has to be tuned:

* a residual r is met where :math:`|r| \le 1`,
* a limit c holds where :math:`c \le 0`, and :math:`c = 1` is as bad as a residual of 1.

It is differentiable in the samples, by autograd or by an implicit-function backward of its own
(`advsci.physics.implicit_root`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError

__all__ = ["Findings", "Physics", "residual_features"]


@dataclass(frozen=True)
class Findings:
    """What physics found of n samples.

    Attributes
    ----------
    residuals
        Name -> (n), in units of the tolerance; met where the absolute value is at most 1.
    limits
        Name -> (n), in units of the tolerance; holds where not positive.
    quantities
        Name -> (n ...), whatever else was computed (in the units that the physics states): for reports, never for
        losses.

    Examples
    --------
    >>> import torch
    >>> from advsci.physics import Findings
    >>> Findings({"mass": torch.zeros(4)}).residuals["mass"].shape
    torch.Size([4])
    """

    residuals: Mapping[str, Tensor]
    limits: Mapping[str, Tensor] = field(default_factory=dict)
    quantities: Mapping[str, Tensor] = field(default_factory=dict)

    def detach(self) -> "Findings":
        """The same numbers without their graph."""
        return Findings(
            *({k: v.detach() for k, v in m.items()} for m in (self.residuals, self.limits, self.quantities))
        )

    @property
    def violations(self) -> dict[str, Float[Tensor, " n"]]:
        r"""How far each sample is from meeting each: :math:`r^2` of the residuals, :math:`\max(c, 0)^2` of the
        limits.
        """
        squares = {name: r.square() for name, r in self.residuals.items()}
        return squares | {name: c.clamp_min(0.0).square() for name, c in self.limits.items()}

    @property
    def feasible(self) -> Float[Tensor, " n"]:
        """1 where every limit holds, else 0."""
        first = next(iter({**self.residuals, **self.limits}.values()))
        held = [(c <= 0.0).to(first.dtype) for c in self.limits.values()]
        return torch.stack([torch.ones_like(first), *held]).prod(0)


class Physics(nn.Module, ABC):
    """The law that samples have to obey under their conditions.

    A subclass names its residuals and limits, and states inputs and outputs with their units in its docstring.

    Examples
    --------
    >>> import torch
    >>> from advsci.physics import Findings, Physics
    >>> class Mass(Physics):
    ...     names = ("mass",)
    ...     def forward(self, x, condition=None):
    ...         return Findings({"mass": x.sum(1) - 1.0})
    >>> Mass()(torch.full((3, 2), 0.5)).residuals["mass"]
    tensor([0., 0., 0.])
    """

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the residuals, then of the limits, in the order of `Findings.violations`."""

    @abstractmethod
    def forward(self, x: Float[Tensor, "n ..."], condition: Float[Tensor, "n k"] | None) -> Findings:
        """Evaluate the law; differentiable in ``x``.

        Parameters
        ----------
        condition
            Conditions of the samples (n ...), or None.

        Returns
        -------
        Findings
            Residuals and limits by name.
        """


def residual_features(findings: Findings) -> Float[Tensor, "n k"]:
    r"""What a critic is shown of the physics: :math:`e^{-|r|}` and :math:`e^{-\max(c, 0)}`, 1 where the law is obeyed.

    Bounded and steepest near 0, so a discriminator sees small residuals and is not blinded by large ones (PID-GAN, Daw
    et al. 2021, arXiv 2106.02993, eq. 8).

    Parameters
    ----------
    findings
        What the physics found.

    Raises
    ------
    ShapeError
        There is no finding, or one that is not one number per sample.
    """
    columns = [torch.exp(-r.abs()) for r in findings.residuals.values()]
    columns += [torch.exp(-c.clamp_min(0.0)) for c in findings.limits.values()]
    if not columns or any(c.dim() != 1 for c in columns):
        raise ShapeError(
            f"got findings of shapes {[tuple(c.shape) for c in columns]}; expected at least one, and one number a "
            f"sample in each. "
            "Try: reduce each residual over everything but the batch axis."
        )
    return torch.stack(columns, 1)
