r"""Wasserstein distances between samples: exact on a line, averaged over lines, exact in any dimension, and smoothed.

.. math:: W_p^p(\alpha, \beta) = \min_{\pi \in \Pi(\alpha, \beta)} \int |x - y|^p \, d\pi

Peyre & Cuturi 2019, arXiv 1803.00567. All return :math:`W_p`, not its power, except the Sinkhorn divergence.
"""

import torch
from jaxtyping import Float, Num
from torch import Tensor

from advsci.errors import ConfigError, ConvergenceError, ShapeError, needs
from advsci.metrics.distances import blocks, check_finite, check_samples, real_numbers, squared_distances
from advsci.streams import Stream

__all__ = [
    "directions",
    "exact_transport",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "wasserstein_1d",
]


def wasserstein_1d(
    x: Num[Tensor, "n *lines"],
    y: Num[Tensor, "m *lines"],
    p: float = 1.0,
    x_weight: Tensor | None = None,
    y_weight: Tensor | None = None,
) -> Float[Tensor, "*lines"]:
    r"""Exact :math:`W_p` on the line: :math:`(\int_0^1 |F^{-1}(u) - G^{-1}(u)|^p du)^{1/p}`.

    Differentiable in the samples. Further axes are separate problems.

    Parameters
    ----------
    x, y
        Samples along the first axis; their numbers may differ.
    p
        Order, at least 1.
    x_weight, y_weight
        Non-negative weights of shape (n,) and (m,), normalised; equal by default.

    Raises
    ------
    ConfigError
        If ``p`` is below 1.
    ShapeError
        If weights or further axes do not fit.
    """
    if p < 1:
        raise ConfigError(f"got order p = {p}; expected p >= 1. Try: p = 2.")
    if x.shape[1:] != y.shape[1:]:
        raise ShapeError(
            f"got samples of shapes {tuple(x.shape)} and {tuple(y.shape)}; expected equal further axes. Try: "
            "samples of one kind."
        )
    for values, weight in ((x, x_weight), (y, y_weight)):
        if weight is not None and weight.shape != values.shape[:1]:
            raise ShapeError(
                f"got weights of shape {tuple(weight.shape)}; expected one per sample, ({len(values)},). "
                "Try: weight.reshape(-1)."
            )
    if not (x.is_floating_point() and y.is_floating_point()):
        check_finite(x)
        check_finite(y)
    x, y = real_numbers(x), real_numbers(y)
    if len(x) == len(y) and x_weight is None and y_weight is None:
        return (x.sort(0).values - y.sort(0).values).abs().pow(p).mean(0).pow(1.0 / p)
    (a, a_mass), (b, b_mass) = _quantiles(x, x_weight), _quantiles(y, y_weight)
    levels = torch.cat([a_mass, b_mass]).sort(0).values.movedim(0, -1).contiguous()
    steps = levels.diff(dim=-1, prepend=torch.zeros_like(levels[..., :1]))
    gap = (_inverse(a, a_mass, levels) - _inverse(b, b_mass, levels)).abs().pow(p)
    return (gap * steps).sum(-1).pow(1.0 / p)


def _quantiles(x: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Samples in order, and the mass up to and with each."""
    values, order = x.sort(0)
    if weight is None:
        mass = torch.arange(1, len(x) + 1, dtype=x.dtype, device=x.device) / len(x)
        return values, mass.reshape(-1, *[1] * (x.ndim - 1)).expand_as(values)
    mass = (weight / weight.sum())[order].cumsum(0)
    return values, (mass / mass[-1:]).clamp(max=1.0)


def _inverse(values: Tensor, mass: Tensor, levels: Tensor) -> Tensor:
    """The quantile function at each level, along the last axis."""
    values, mass = values.movedim(0, -1).contiguous(), mass.movedim(0, -1).contiguous()
    where = torch.searchsorted(mass, levels).clamp(max=values.shape[-1] - 1)
    return values.gather(-1, where)


def directions(count: int, d: int, stream: Stream, *, device=None, dtype=torch.float64) -> Float[Tensor, "d count"]:
    """Unit vectors, uniform on the sphere.

    Parameters
    ----------
    count
        How many.
    d
        Dimensions.
    stream
        Which directions.
    device
        Where they lie; None: the CPU.
    dtype
        Their type.

    Returns
    -------
    Tensor
        Unit vectors as columns (d count).
    """
    raw = stream.normal((d, count), device=device or "cpu", dtype=dtype)
    return raw / raw.norm(dim=0, keepdim=True)


def sliced_wasserstein(
    x: Num[Tensor, "n d"],
    y: Num[Tensor, "m d"],
    lines: Float[Tensor, "d count"],
    p: float = 2.0,
    chunk: int = 32,
) -> Float[Tensor, ""]:
    r""":math:`(\mathrm{mean}_\theta\, W_p^p(\theta \cdot x, \theta \cdot y))^{1/p}` over the given `directions`.

    Bonneel et al. 2015 (J. Math. Imaging Vis. 51). Lines are taken ``chunk`` at a time: memory does not grow with
    their number.

    Parameters
    ----------
    x
        Samples (n d).
    y
        Samples (m d), to compare with.
    lines
        Unit vectors as columns (d count), from `directions`.
    p
        Order of the distance.
    chunk
        Lines per pass: memory, not the result, depends on it.

    Returns
    -------
    Tensor
        A number.

    Raises
    ------
    ShapeError
        The directions have not as many components as the samples have features.

    Examples
    --------
    >>> import torch
    >>> from advsci import Stream
    >>> from advsci.metrics import directions, sliced_wasserstein
    >>> x = Stream(0).normal((50, 2), dtype=torch.float64)
    >>> bool(sliced_wasserstein(x, x, directions(16, 2, Stream(1))) < 1e-9)
    True
    """
    check_samples(x, y)
    if lines.shape[0] != x.shape[1]:
        raise ShapeError(
            f"got directions of {lines.shape[0]} components for {x.shape[1]} features; expected as many. "
            "Try: directions=None."
        )
    x, y = real_numbers(x), real_numbers(y)
    centre = y.detach().mean(0)  # far from the origin a projection would round what the sets differ by
    x, y = x - centre, y - centre
    powers = [wasserstein_1d(x @ part, y @ part, p).pow(p) for part in lines.to(x).split(chunk, 1)]
    return torch.cat(powers).mean().pow(1.0 / p)


@torch.no_grad()
def exact_transport(
    x: Num[Tensor, "n d"],
    y: Num[Tensor, "m d"],
    p: float = 2.0,
    x_weight: Float[Tensor, " n"] | None = None,
    y_weight: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, ""]:
    r"""Exact :math:`W_p` by linear programming, on the processor: about :math:`n^3` operations, :math:`n m` memory.

    Equal numbers of equally weighted samples are an assignment problem, solved with scipy; other cases need POT.

    Parameters
    ----------
    x
        Samples (n d).
    y
        Samples (m d), to compare with.
    p
        Order of the distance.
    x_weight
        Masses of ``x`` (n); None: equal ones.
    y_weight
        Masses of ``y`` (m); None: equal ones.

    Returns
    -------
    Tensor
        A number, in float64.

    Raises
    ------
    MissingDependencyError
        If POT is needed and not installed.

    Examples
    --------
    >>> import torch
    >>> from advsci.metrics import exact_transport
    >>> x = torch.tensor([[0.0], [1.0]])
    >>> exact_transport(x, x + 3.0).item()
    3.0
    """
    check_samples(x, y)
    if x.is_meta:
        return x.new_empty((), dtype=torch.float64)
    centre = x.double().mean(0)
    cost = squared_distances(x.double() - centre, y.double() - centre).pow(p / 2).cpu().numpy()
    if len(x) == len(y) and x_weight is None and y_weight is None:
        from scipy.optimize import linear_sum_assignment

        row, column = linear_sum_assignment(cost)
        total = float(cost[row, column].mean())
    else:
        with needs("POT", "test"):
            import ot
        a, b = (torch.ones(len(s)) if w is None else w for s, w in ((x, x_weight), (y, y_weight)))
        a, b = ((w.double() / w.double().sum()).cpu() for w in (a, b))
        plan = ot.emd(a.numpy(), b.numpy(), cost, numItermax=10_000_000)
        total = float((plan * cost).sum())
    return torch.tensor(total, dtype=torch.float64, device=x.device).pow(1.0 / p)


@torch.no_grad()
def sinkhorn_divergence(
    x: Num[Tensor, "n d"],
    y: Num[Tensor, "m d"],
    blur: float,
    p: float = 2.0,
    *,
    tolerance: float = 1e-9,
    iterations: int = 5000,
) -> Float[Tensor, ""]:
    r"""Entropic transport without its bias: zero exactly for equal sets, between MMD and :math:`W_p^p`.

    .. math:: S = \mathrm{OT}_\epsilon(x, y) - \tfrac12 \mathrm{OT}_\epsilon(x, x) - \tfrac12 \mathrm{OT}_\epsilon(y, y)

    with :math:`\epsilon = \mathrm{blur}^p`.

    Costs are :math:`|x - y|^p` (not halved). Iterated on the potentials in the log domain, so a small blur does not
    underflow; costs are computed again for each block of rows, so memory does not grow with the number of pairs.
    Feydy et al. 2019, arXiv 1810.08278, equation 3.

    Parameters
    ----------
    blur
        Length below which differences are smoothed, in the units of the samples.
    tolerance
        Largest change of a potential in the last iteration, relative to the largest cost plus :math:`\epsilon`.

    Raises
    ------
    ConfigError
        The blur is not positive.
    ConvergenceError
        If ``iterations`` were not enough.
    """
    check_samples(x, y)
    if blur <= 0:
        raise ConfigError(f"got blur = {blur}; expected a positive length. Try: a tenth of the data's spread.")
    x, y = x.double(), y.double()
    centre = x.mean(0)
    x, y = x - centre, y - centre
    settings = (blur**p, p, tolerance, iterations)
    return _entropic(x, y, *settings) - 0.5 * _entropic(x, x, *settings) - 0.5 * _entropic(y, y, *settings)


def _entropic(x: Tensor, y: Tensor, epsilon: float, p: float, tolerance: float, iterations: int) -> Tensor:
    r""":math:`\mathrm{OT}_\epsilon` against the product measure: the mean of its two potentials (the dual value)."""
    f, g = x.new_zeros(len(x)), x.new_zeros(len(y))
    same = x is y
    scale = 4.0 * max(x.square().sum(1).amax(), y.square().sum(1).amax()) if not x.is_meta else 1.0
    scale = scale ** (p / 2) + epsilon
    annealed = float(scale) if not x.is_meta else epsilon
    for _ in range(iterations if not x.is_meta else 1):
        annealed = max(epsilon, 0.5 * annealed)  # coarse first: large steps while the potentials are far off
        new_f = _soft_minimum(x, y, g, annealed, p)
        new_f = 0.5 * (f + new_f) if same else new_f  # the averaged iteration settles fast where both potentials agree
        new_g = new_f if same else _soft_minimum(y, x, new_f, annealed, p)
        moved = torch.maximum((new_f - f).abs().amax(), (new_g - g).abs().amax())
        f, g = new_f, new_g
        if x.is_meta or (annealed == epsilon and bool(moved <= tolerance * scale)):
            return f.mean() + g.mean()
    raise ConvergenceError(
        f"got a change of {float(moved):.2g} in the last of {iterations} Sinkhorn iterations; "
        f"expected at most {float(tolerance * scale):.2g}. Try: a larger blur, a larger tolerance or more iterations."
    )


def _soft_minimum(x: Tensor, y: Tensor, potential: Tensor, epsilon: float, p: float) -> Tensor:
    r""":math:`-\epsilon \log \frac1m \sum_j \exp((g_j - |x_i - y_j|^p) / \epsilon)`."""
    out = x.new_empty(len(x))
    shift = torch.log(torch.tensor(float(len(y)), dtype=x.dtype, device=x.device))
    for rows in blocks(len(x), len(y)):
        cost = squared_distances(x[rows], y)
        if x is y:
            cost.diagonal(rows.start).zero_()
        cost = cost if p == 2 else cost.pow(p / 2)
        out[rows] = -epsilon * (((potential - cost) / epsilon).logsumexp(1) - shift)
    return out
