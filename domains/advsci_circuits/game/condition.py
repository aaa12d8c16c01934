"""What a user asks of a circuit, as the vector that both players see: size, density and function."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.errors import ConfigError

__all__ = ["CONDITIONED", "WIDTH", "condition_vector", "genes_mask"]

CONDITIONED = ("oscillation", "tristability", "adaptation")
"""Functions that the generator can be asked for."""
WIDTH = 3 + len(CONDITIONED)


def condition_vector(
    sizes: Tensor, density: Tensor | None = None, functions: Sequence[str | None] | str | None = None
) -> Float[Tensor, "b c"]:
    """``[genes, edges a gene, whether that is given, one flag a function]``.

    Parameters
    ----------
    sizes : Tensor, shape [b]
        Genes of each circuit.
    density : Tensor, shape [b], optional
        Edges a gene; free where left out or NaN.
    functions : function name for all, or one (or None) each

    Raises
    ------
    ConfigError
        On a function that the generator does not know.
    """
    out = torch.zeros(len(sizes), WIDTH, device=sizes.device)
    out[:, 0] = sizes
    if density is not None:
        given = ~density.isnan()
        out[:, 1], out[:, 2] = torch.where(given, density, 0.0), given.to(out.dtype)
    wanted = [functions] * len(sizes) if functions is None or isinstance(functions, str) else list(functions)
    for row, function in enumerate(wanted):
        if function is None:
            continue
        if function not in CONDITIONED:
            raise ConfigError(f"got the function '{function}'; expected one of {', '.join(CONDITIONED)}")
        out[row, 3 + CONDITIONED.index(function)] = 1.0
    return out


def genes_mask(condition: Float[Tensor, "b c"], width: int) -> Bool[Tensor, "b n"]:
    """Which of ``width`` places hold a gene."""
    return torch.arange(width, device=condition.device) < condition[:, :1]
