"""What a large network says of a pair of genes without looking at the pair: short walks, the edge back, distance.

With B the adjacency (rows are targets), S its signs, both without loops and without hidden edges, the walks between
target i and source j are counted by ``BB``, ``(BB)'``, ``BB'`` (shared regulators), ``B'B`` (shared targets) and
``BB'B``: the regulators of i and what else they regulate together with j (walks of length three, as Kovacs et al. 2019
have it for proteins, https://doi.org/10.1038/s41467-019-09177-y). The positive and the negative walks count apart.
"""

import torch
from jaxtyping import Float, Int8
from torch import Tensor

__all__ = ["PAIRS", "pair_features"]

PAIRS = 18
"""Numbers per pair."""


def pair_features(signs: Int8[Tensor, "b n n"]) -> Float[Tensor, "b n n 18"]:
    """Of each pair (target, source) what the rest of the network says.

    Parameters
    ----------
    signs
        Sign matrices; a pair that is asked about must be zero in them.

    Returns
    -------
    Tensor
        The edge back, activating and repressing; log(1 + positive walks) and the same of negative ones, for five kinds
        of walk; two kinds normalised by degrees; joined by at most one, two, three links; whether it is a loop.

    Examples
    --------
    >>> chain = torch.tensor([[[0, 0, 0], [1, 0, 0], [0, -1, 0]]], dtype=torch.int8)  # 0 -> 1 -| 2
    >>> pair_features(chain)[0, 2, 0, 3] == torch.tensor(2.0).log()  # one negative walk from 0 to 2
    tensor(True)
    """
    n = signs.shape[1]
    own = torch.eye(n, device=signs.device)
    s = signs.to(torch.get_default_dtype()) * (1 - own)
    b = s.abs()
    found = [(s.mT > 0).to(s.dtype), (s.mT < 0).to(s.dtype)]
    ss, bb = s @ s, b @ b
    shared_s, shared_b = s @ s.mT, b @ b.mT
    walks = ((ss, bb), (ss.mT, bb.mT), (shared_s, shared_b), (s.mT @ s, b.mT @ b), (shared_s @ s, shared_b @ b))
    for signed, every in walks:
        found += [((every + signed) / 2).log1p(), ((every - signed) / 2).log1p()]
    into, out = b.sum(2).clamp_min(1).rsqrt(), b.sum(1).clamp_min(1).rsqrt()
    even = into[:, :, None] * b * out[:, None, :]
    found += [even @ even, even @ even.mT @ even]
    near = ((b + b.mT) > 0).to(s.dtype)
    reach = near
    for _ in range(3):
        found.append(reach)
        reach = ((reach @ near + reach) > 0).to(s.dtype)
    found.append(own.expand_as(s))
    return torch.stack(found, -1)
