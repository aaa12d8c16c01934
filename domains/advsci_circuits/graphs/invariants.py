"""Numbers of a signed graph that no renaming of genes changes, differentiable in soft edges.

Closed walks of either sign up to length five (feedback), the eight signed feed-forward and the four signed cyclic
triads, spectral moments of the magnetic Laplacian (direction as a phase), moments of the signed in- and out-degrees.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci_circuits.graphs.cycles import signed_closed_walks

__all__ = ["INVARIANTS", "invariants"]

LONGEST = 5
MOMENTS = 6
INVARIANTS = 2 * LONGEST + 12 + MOMENTS + 12


def invariants(edges: Float[Tensor, "b n n 2"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b f"]:
    """Permutation-invariant, differentiable features of a signed digraph, compressed to comparable size.

    Parameters
    ----------
    edges
        Circuits as edges (activation, repression).
    mask
        Which places hold a gene.
    """
    n = edges.shape[1]
    activation, repression = edges[..., 0], edges[..., 1]
    signed = activation - repression
    features = [signed_closed_walks(signed, LONGEST)]

    loopless = 1 - torch.eye(n, dtype=edges.dtype, device=edges.device)
    kinds = (activation * loopless, repression * loopless)
    triads = []
    for a in kinds:
        for b in kinds:
            path = a @ b
            triads += [(path * c).sum((1, 2)) for c in kinds]
    p, m = kinds
    pp, pm, mm = p @ p, p @ m, m @ m
    triads += [(x * y.mT).sum((1, 2)) / 3 for x, y in ((pp, p), (pp, m), (pm, m), (mm, m))]
    features.append(torch.stack(triads, -1))

    # magnetic Laplacian with charge 1/4: an edge one way is a quarter turn, both ways are real
    either = (activation + repression) * loopless
    size = mask.sum(1).to(edges.dtype)
    real = either * either.mT
    turn = (either - either.mT) / 2
    degree = (either + either.mT).sum(2).div(2).clamp_min(1e-3).rsqrt()
    real, turn = (degree[:, :, None] * matrix * degree[:, None] for matrix in (real, turn))
    # moments of the Hermitian matrix R + iT: traces of its powers, kept as real pairs
    power, phase, moments = real, turn, []
    for k in range(1, MOMENTS + 1):
        if k > 1:
            power, phase = power @ real - phase @ turn, power @ turn + phase @ real
        moments.append(power.diagonal(dim1=1, dim2=2).sum(1) / size)
    features.append(torch.stack(moments, -1))

    degrees = torch.cat([edges.sum(2), edges.sum(1)], -1)  # in +, in -, out +, out -
    first = degrees.sum(1) / size[:, None]
    second = degrees.square().sum(1) / size[:, None]
    third = (degrees * degrees.roll(1, -1)).sum(1) / size[:, None]
    features.append(torch.cat([first, second, third], -1))
    values = torch.cat(features, -1)
    return values / (1 + values.abs()).sqrt()
