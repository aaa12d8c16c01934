r"""Sparse reconstruction by FISTA (Beck and Teboulle 2009, SIAM J. Imaging Sci. 2:183).

:math:`\min_x \tfrac12\|Ax-y\|^2 + \lambda\|Tx\|_1` with an orthonormal :math:`T`: pixels, DCT or Haar wavelets.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.operators.sensing import dct, idct

__all__ = ["haar", "inverse_haar", "lasso"]

_HALF = 0.5**0.5


def _split(x: Tensor, axis: int) -> Tensor:
    even, odd = x.unflatten(axis, (-1, 2)).unbind(axis)
    return torch.cat([(even + odd) * _HALF, (even - odd) * _HALF], axis)


def _merge(x: Tensor, axis: int) -> Tensor:
    low, high = x.chunk(2, axis)
    return torch.stack([(low + high) * _HALF, (low - high) * _HALF], axis).flatten(axis - 1, axis)


def haar(x: Tensor, levels: int = 2) -> Tensor:
    """Orthonormal Haar transform.

    Parameters
    ----------
    x
        Images ``[..., h, w]``; both sides are divisible by ``2 ** levels``.
    levels
        Times that the coarse part is transformed again.

    Returns
    -------
    tensor [..., h, w]
        Coefficients, coarse ones in the upper left corner.

    Raises
    ------
    ConfigError
        An odd side at some level.
    """
    h, w = x.shape[-2:]
    if levels == 0:
        return x
    if h % 2 or w % 2:
        raise ConfigError(
            f"got an image of {h} x {w} for {levels} more Haar levels; expected even sides. Try: fewer levels."
        )
    out = _split(_split(x, -1), -2)
    out = out.clone()
    out[..., : h // 2, : w // 2] = haar(out[..., : h // 2, : w // 2], levels - 1)
    return out


def inverse_haar(c: Tensor, levels: int = 2) -> Tensor:
    """Inverse (and adjoint) of `haar`.

    Parameters
    ----------
    c
        Coefficients ``[..., h, w]``.
    levels
        As in `haar`.

    Returns
    -------
    tensor [..., h, w]
        Images.
    """
    h, w = c.shape[-2:]
    if levels == 0:
        return c
    out = c.clone()
    out[..., : h // 2, : w // 2] = inverse_haar(c[..., : h // 2, : w // 2], levels - 1)
    return _merge(_merge(out, -2), -1)


_TRANSFORMS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "pixel": (lambda x: x, lambda c: c.clamp(min=0.0)),
    "dct": (dct, idct),
    "haar": (haar, inverse_haar),
}


@torch.no_grad()
def lasso(
    operator: LinearOperator,
    y: Tensor,
    weight: float,
    *,
    transform: str = "dct",
    steps: int = 400,
    norm: float | None = None,
) -> Tensor:
    r"""Sparse reconstructions.

    Parameters
    ----------
    operator
        :math:`A`.
    y
        Data ``[n, *data_shape]``.
    weight
        :math:`\lambda`.
    transform
        ``"pixel"`` (which also keeps pixels non-negative), ``"dct"`` or ``"haar"``.
    steps
        Iterations of FISTA.
    norm
        Largest singular value of the operator; measured if omitted.

    Returns
    -------
    tensor [n, h, w]
        Reconstructions.

    Raises
    ------
    ConfigError
        Another transform.
    """
    if transform not in _TRANSFORMS:
        raise ConfigError(f"got transform '{transform}'; expected one of {sorted(_TRANSFORMS)}. Try: dct.")
    analyse, synthesise = _TRANSFORMS[transform]
    bound = 1.02 * (norm if norm is not None else operator.norm(dtype=y.dtype, device=y.device)) ** 2
    x = y.new_zeros(len(y), *operator.image_shape)
    ahead, t = x, 1.0
    for _ in range(steps):
        c = analyse(ahead - operator.adjoint(operator(ahead) - y) / bound)
        new = synthesise(torch.sign(c) * (c.abs() - weight / bound).clamp(min=0.0))
        t_new = (1.0 + (1.0 + 4.0 * t * t) ** 0.5) / 2.0
        ahead, x, t = new + (t - 1.0) / t_new * (new - x), new, t_new
    return x
