"""What a user asks of a circuit, as the vector that both players see: size, contents and function."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int8
from torch import Tensor

from advsci.errors import ConfigError

__all__ = ["CONDITIONED", "CONTENTS", "WIDTH", "condition_vector", "contents_of", "genes_mask", "scaled"]

CONDITIONED = ("oscillation", "tristability", "adaptation")
"""Functions that the generator can be asked for."""
CONTENTS = ("edges a gene", "share of activation", "self-loops a gene")
"""What of a circuit can be asked for in numbers."""
WIDTH = 1 + 2 * len(CONTENTS) + len(CONDITIONED)


def contents_of(signs: Int8[Tensor, "b n n"], sizes: Tensor) -> Float[Tensor, "b 3"]:
    """The `CONTENTS` of circuits."""
    edges = (signs != 0).sum((1, 2))
    loops = (signs.diagonal(dim1=1, dim2=2) != 0).sum(1)
    return torch.stack([edges / sizes, (signs > 0).sum((1, 2)) / edges.clamp_min(1), loops / sizes], -1)


def condition_vector(
    sizes: Tensor, contents: Tensor | None = None, functions: Sequence[str | None] | str | None = None
) -> Float[Tensor, "b c"]:
    """``[genes, contents, one flag a content: whether it is given, one flag a function]``.

    Parameters
    ----------
    sizes : Tensor, shape [b]
        Genes of each circuit.
    contents : Tensor, shape [b, 3], optional
        Its `CONTENTS`; free where left out or NaN.
    functions : function name for all, or one (or None) each

    Raises
    ------
    ConfigError
        On a function that the generator does not know.
    """
    kinds = len(CONTENTS)
    out = torch.zeros(len(sizes), WIDTH, device=sizes.device)
    out[:, 0] = sizes
    if contents is not None:
        out[:, 1 : 1 + kinds] = contents.nan_to_num(0.0)
        out[:, 1 + kinds : 1 + 2 * kinds] = (~contents.isnan()).to(out.dtype)
    wanted = [functions] * len(sizes) if functions is None or isinstance(functions, str) else list(functions)
    for row, function in enumerate(wanted):
        if function is None:
            continue
        if function not in CONDITIONED:
            raise ConfigError(f"got the function '{function}'; expected one of {', '.join(CONDITIONED)}")
        out[row, 1 + 2 * kinds + CONDITIONED.index(function)] = 1.0
    return out


def scaled(condition: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    """The condition in numbers near one, as networks take it."""
    return torch.cat([condition[:, :1] / 8, condition[:, 1:2] / 2, condition[:, 2:]], 1)


def genes_mask(condition: Float[Tensor, "b c"], width: int) -> Bool[Tensor, "b n"]:
    """Which of ``width`` places hold a gene."""
    return torch.arange(width, device=condition.device) < condition[:, :1]
