"""What a user asks of a circuit, as the vector that both players see: size, contents and function."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int8
from torch import Tensor

from advsci.errors import ConfigError

__all__ = ["CONDITIONED", "CONTENTS", "WIDTH", "condition_vector", "contents", "contents_of", "genes_mask", "scaled"]

CONDITIONED = ("oscillation", "tristability", "adaptation")
"""Functions that the generator can be asked for."""
CONTENTS = (
    "edges a gene", "share of activation", "self-loops a gene", "mutual pairs a gene", "triangles a gene",
    "share of genes without regulator", "share of genes without target", "share of genes on a cycle of two or more",
)  # fmt: skip
"""What of a circuit can be asked for in numbers: density, signs, motifs."""
WIDTH = 1 + 2 * len(CONTENTS) + len(CONDITIONED)


def contents_of(signs: Int8[Tensor, "b n n"], sizes: Tensor) -> Float[Tensor, "b k"]:
    """The `CONTENTS` of circuits.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    sizes
        Number of genes of each circuit.
    """
    mask = torch.arange(signs.shape[1], device=signs.device) < sizes[:, None]
    return contents(torch.stack([signs > 0, signs < 0], -1).to(torch.get_default_dtype()), mask)


def contents(edges: Float[Tensor, "b n n 2"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b k"]:
    """The `CONTENTS` of circuits given as edges (activation, repression).

    Parameters
    ----------
    mask
        Which places hold a gene.
    """
    n = edges.shape[1]
    edge, gene = edges.sum(-1), mask.to(edges.dtype)
    total = edge.sum((1, 2))
    off = edge * (1 - torch.eye(n, dtype=edge.dtype, device=edge.device))
    either = (off + off.mT).clamp_max(1.0)
    reach = off
    for _ in range(max(n - 1, 1).bit_length()):
        reach = (reach + reach @ reach).clamp_max(1.0)
    counts = [
        total,
        total - off.sum((1, 2)),
        (off * off.mT).sum((1, 2)) / 2,
        ((either @ either) * either).sum((1, 2)) / 6,
        ((edge.sum(2) == 0) * gene).sum(1),
        ((edge.sum(1) == 0) * gene).sum(1),
        reach.diagonal(dim1=1, dim2=2).sum(1),
    ]
    edges_a_gene, *rest = (count / gene.sum(1) for count in counts)
    return torch.stack([edges_a_gene, edges[..., 0].sum((1, 2)) / total.clamp_min(1), *rest], -1)


def condition_vector(
    sizes: Tensor, contents: Tensor | None = None, functions: Sequence[str | None] | str | None = None
) -> Float[Tensor, "b c"]:
    """``[genes, contents, one flag a content: whether it is given, one flag a function]``.

    Parameters
    ----------
    sizes : Tensor, shape [b]
        Genes of each circuit.
    contents : Tensor, shape [b, contents], optional
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
            raise ConfigError(
                f"got the function '{function}'; expected one of {', '.join(CONDITIONED)}. Try: oscillation."
            )
        out[row, 1 + 2 * kinds + CONDITIONED.index(function)] = 1.0
    return out


def scaled(condition: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    """The condition in numbers near one, as networks take it."""
    return torch.cat([condition[:, :1] / 8, condition[:, 1:2] / 2, condition[:, 2:]], 1)


def genes_mask(condition: Float[Tensor, "b c"], width: int) -> Bool[Tensor, "b n"]:
    """Which of ``width`` places hold a gene.

    Parameters
    ----------
    condition
        What is asked of each circuit, as `advsci_circuits.game.condition.condition_vector` has it.
    """
    return torch.arange(width, device=condition.device) < condition[:, :1]
