"""Ridge logistic regression by L-BFGS."""

import torch
from torch import nn

__all__ = ["logistic"]


def logistic(x: torch.Tensor, y: torch.Tensor, decay: float) -> nn.Linear:
    """Ridge logistic regression by L-BFGS.

    Parameters
    ----------
    x
        Features.
    y
        Labels, 0 or 1.
    decay
        Weight decay.
    """
    layer = nn.Linear(x.shape[1], 1, dtype=x.dtype)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        """The penalised cross entropy, its gradient computed."""
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(layer(x)[:, 0], y)
        loss = loss + decay * layer.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)  # type: ignore[arg-type]
    return layer
