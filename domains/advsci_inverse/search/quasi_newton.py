r"""L-BFGS on many problems at once: every row has its own history, step and acceptance.

With the pairs :math:`s_i = z_{i+1}-z_i`, :math:`y_i = g_{i+1}-g_i` of the last steps the direction is
:math:`-H_k g_k` by the two-loop recursion (Nocedal and Wright 2006, algorithm 7.4). A row whose trial point does not
decrease its value enough (Armijo) stays where it is and tries half the step next time, so that no row waits for
another and a step costs one evaluation.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["lbfgs"]


def _direction(slope: Tensor, steps: Tensor, changes: Tensor) -> Tensor:
    """``-H g`` from pairs ``[memory, n, k]``, oldest first; pairs of zeros are skipped."""
    product = (steps * changes).sum(-1)
    rho = torch.where(product > 0, 1 / product.clamp(min=1e-30), 0.0)
    q, weights = slope, []
    for s, y, r in zip(reversed(steps), reversed(changes), reversed(rho), strict=True):
        weights.append(r * (s * q).sum(-1))
        q = q - weights[-1][:, None] * y
    newest = torch.where(product[-1] > 0, product[-1] / changes[-1].square().sum(-1).clamp(min=1e-30), 0.0)
    plain = 1 / slope.norm(dim=-1).clamp(min=1.0)  # before the first pair: a step of at most unit length
    r = q * torch.where(newest > 0, newest, plain)[:, None]
    for s, y, rh, a in zip(steps, changes, rho, reversed(weights), strict=True):
        r = r + (a - rh * (y * r).sum(-1))[:, None] * s
    return -r


@torch.no_grad()
def lbfgs(
    value_and_gradient: Callable[[Tensor], tuple[Tensor, Tensor]],
    z: Float[Tensor, "n k"],
    *,
    steps: int = 60,
    memory: int = 8,
) -> tuple[Float[Tensor, "n k"], Float[Tensor, " n"]]:
    """Minimise each row's value from ``z``: the end points and their values, never above those of the start.

    Parameters
    ----------
    value_and_gradient
        ``z [n, k] -> (f [n], grad f [n, k])``, rows independent of each other.
    steps
        Evaluations.
    memory
        Pairs kept a row.

    Returns
    -------
    (points, values)
        End points (n k) and their values (n).
    """
    value, slope = value_and_gradient(z)
    pairs = z.new_zeros(2, memory, *z.shape)
    length = torch.ones_like(value)
    for _ in range(steps):
        direction = _direction(slope, pairs[0], pairs[1])
        descent = (direction * slope).sum(-1)
        downhill = descent < 0
        direction = torch.where(downhill[:, None], direction, -slope)
        descent = torch.where(downhill, descent, -slope.square().sum(-1))
        new = z + length[:, None] * direction
        value_new, slope_new = value_and_gradient(new)
        accept = value_new <= value + 1e-4 * length * descent
        pair = torch.stack([new - z, slope_new - slope])[:, None]
        curved = accept & ((pair[0] * pair[1]).sum((0, -1)) > 1e-12)
        pairs = torch.where(curved[:, None], torch.cat([pairs[:, 1:], pair], 1), pairs)
        z = torch.where(accept[:, None], new, z)
        value = torch.where(accept, value_new, value)
        slope = torch.where(accept[:, None], slope_new, slope)
        length = torch.where(accept, 1.0, length / 2)
    return z, value
