r"""What an adversary reads of the domain from features that should hide it.

Against the loss :math:`L` of an adversary stands its *chance* :math:`L_0`: the least that it reaches if the features
say nothing, so that one constant serves all samples. For cross-entropy :math:`L_0` is the entropy of the domains'
proportions, for a squared error the variance. The share that is read is :math:`1 - L / L_0`: 0 where the domain is
hidden from this adversary, 1 where it is known.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.games.domain_adversarial import Adversary
from advsci.games.game import Batch

__all__ = ["chance_loss"]


def chance_loss(
    adversary: Adversary, features: Float[Tensor, "n d"], batch: Batch, *, steps: int = 20
) -> Float[Tensor, ""]:
    r""":math:`L_0 = \min_c L_{dom}(c, a)`: the adversary's loss on the best constant features.

    Parameters
    ----------
    adversary
        The adversary as it is; its parameters are not moved.
    features
        What it is shown; the search for the constant starts at their mean.
    batch
        The batch that the features come from, which holds the domains.
    steps
        Iterations of L-BFGS.

    Returns
    -------
    Tensor
        0-dim, in the unit of the adversary's loss.
    """
    constant = features.detach().mean(0).requires_grad_()
    optimizer = torch.optim.LBFGS([constant], max_iter=steps, line_search_fn="strong_wolfe")
    best: list[Tensor] = []

    def closure() -> Tensor:
        """The adversary's loss at the constant features, its gradient computed."""
        with torch.enable_grad():
            loss = adversary(constant.expand_as(features), batch)
        (constant.grad,) = torch.autograd.grad(loss, constant)
        best.append(loss.detach())
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]
    return torch.stack(best).nan_to_num(torch.inf).min()
