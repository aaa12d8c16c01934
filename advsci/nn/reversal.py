r"""Gradient reversal: the identity forward, :math:`-\lambda` times the gradient backward.

Ganin et al. 2016, arXiv 1505.07818, section 4.2. Written as algebra on a detached copy,
:math:`d + \lambda (d - x)` with :math:`d = \mathrm{stop}(x)`, it is exact in eager mode, under ``torch.compile``,
``torch.func.grad`` and ``vmap``, and in double backward, where a custom autograd function is not.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.schedules import Schedule, as_schedule

__all__ = ["GradientReversal", "reverse_gradient"]


def reverse_gradient(x: Float[Tensor, "*shape"], lam: "float | Tensor" = 1.0) -> Float[Tensor, "*shape"]:
    r"""``x`` itself, with its gradient multiplied by :math:`-\lambda`.

    Parameters
    ----------
    x
        Any tensor.
    lam
        :math:`\lambda`, a number or a 0-dim tensor; 0 stops the gradient.

    Returns
    -------
    Tensor
        A tensor equal to ``x``.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import reverse_gradient
    >>> x = torch.ones(2, requires_grad=True)
    >>> reverse_gradient(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """
    d = x.detach()
    return d + lam * (d - x)


class GradientReversal(nn.Module):
    """`reverse_gradient` as a layer whose strength follows a schedule.

    Parameters
    ----------
    strength
        A number, or a schedule of the training's progress such as `advsci.schedules.DannRamp`.

    Notes
    -----
    Set ``progress`` (a buffer in [0, 1]) with ``layer.progress.fill_(t)`` where no game does it.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import GradientReversal
    >>> x = torch.ones(2, requires_grad=True)
    >>> GradientReversal(0.5)(x).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """

    progress: Tensor

    def __init__(self, strength: float | Schedule = 1.0):
        super().__init__()
        self.strength = strength
        self.register_buffer("progress", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself; its gradient comes back reversed, at this moment's strength."""
        return reverse_gradient(x, as_schedule(self.strength)(self.progress))
