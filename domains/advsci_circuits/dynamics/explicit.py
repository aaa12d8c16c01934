"""An explicit adaptive solver in which every sample has its own step and leaves when it is finished.

Dormand & Prince 5(4) (1980, https://doi.org/10.1016/0771-050X(80)90013-3) with Hairer's fourth-order dense output.
Work shrinks with the batch: once a fifth of the samples have reached their end, the rest are packed together.
"""

import math
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.errors import ConvergenceError

__all__ = ["VectorField", "integrate"]


@runtime_checkable
class VectorField(Protocol):
    """An autonomous right-hand side on states [n, b], written to ``out``; it can be cut down to some of its batch."""

    def __call__(self, x: Float[Tensor, "n b"], out: Float[Tensor, "n b"] | None = None) -> Float[Tensor, "n b"]: ...

    def take(self, index: Int[Tensor, " k"]) -> "VectorField":
        """The field of some members.

        Parameters
        ----------
        index
            Which members of the batch.
        """
        ...


STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
DENSE = (
    -12715105075 / 11282082432,
    0.0,
    87487479700 / 32700410799,
    -10690763975 / 1880347072,
    701980252875 / 199316789632,
    -1453857185 / 822651844,
    69997945 / 29380423,
)
LOG_SAFETY, LOG_CHANGE = math.log(0.9), (math.log(0.2), math.log(5.0))


def integrate(
    field: VectorField,
    start: Float[Tensor, "b n"],
    times: Float[Tensor, " t"],
    rtol: float = 1e-6,
    atol: float = 1e-8,
    most_steps: int = 100_000,
) -> Float[Tensor, "b t n"]:
    """States at the given times, the first of which is the start.

    Parameters
    ----------
    field : VectorField
        The right-hand side.
    start : Float[Tensor, "b n"]
        Initial states.
    times : Float[Tensor, "t"]
        Increasing times; ``times[0]`` is that of ``start``.
    rtol, atol : float
        Tolerances of the root-mean-square local error.

    Raises
    ------
    ConvergenceError
        When a sample has not reached the end after ``most_steps`` steps.
    """
    # no graph is kept (use rk4_trajectory for gradients), which saves a fifth of the time of small batches
    with torch.inference_mode():
        states = _advance(field, start, times, rtol, atol, most_steps)
    return states.clone()


def _advance(field: VectorField, start: Tensor, times: Tensor, rtol: float, atol: float, most_steps: int) -> Tensor:
    b, n = start.shape
    dtype, device = start.dtype, start.device
    rows = [torch.tensor([row], dtype=dtype, device=device) for row in STAGES]
    error_row = torch.tensor([ERROR], dtype=dtype, device=device)
    dense_row = torch.tensor(DENSE, dtype=dtype, device=device)
    out = torch.empty(b, len(times), n, dtype=dtype, device=device)
    out[:, 0] = start
    begin, end = times[0], times[-1]
    if not b or len(times) == 1:
        return out

    alive = torch.arange(b, device=device)
    x = start.mT.contiguous()
    t = begin.expand(b).clone()
    slope = field(x)
    span = end - begin
    done = 1e-13 * span
    step = _first_step(field, x, slope, rtol, atol).clamp_max(span)
    saved = torch.ones(b, dtype=torch.long, device=device)
    # logarithm of the last accepted error, for the controller
    previous = torch.zeros(b, dtype=dtype, device=device)
    # outputs are interpolated and finished samples dropped once a block of steps, so host syncs are few
    block = 16 if n * b < 16_384 else 4
    for _ in range(0, most_steps, block):
        width = x.shape[1]
        # slopes of every step, the last of one being the first of the next, and where each step began
        k = torch.empty(block, 7, n, width, dtype=dtype, device=device)
        xs = torch.empty(block + 1, n, width, dtype=dtype, device=device)
        ts = torch.empty(block + 1, width, dtype=dtype, device=device)
        hs = torch.empty(block, width, dtype=dtype, device=device)
        xs[0], ts[0] = x, t
        states, moments, lengths = xs.unbind(0), ts.unbind(0), hs.unbind(0)
        for now, (h, stages, flat) in enumerate(zip(lengths, k.unbind(0), k.view(block, 7, -1).unbind(0), strict=True)):
            first, *others = stages.unbind(0)
            first.copy_(slope)
            remaining = end - t
            # a last step that would leave a sliver is taken in one
            torch.where(step * 1.01 >= remaining, remaining, step, out=h)
            new = x
            for stage, row in enumerate(rows):
                new = torch.addcmul(x, torch.mm(row, flat[: stage + 1]).view_as(x), h)
                field(new, others[stage])
            error = torch.mm(error_row, flat).view_as(x).mul_(h)
            scale = torch.maximum(x.abs(), new.abs()).mul_(rtol).add_(atol)
            size = error.div_(scale).square_().mean(0).clamp_min_(1e-20).log_().mul_(0.5)
            accept = size <= 0
            taken = accept.to(dtype)
            t = torch.addcmul(t, h, taken, out=moments[now + 1])
            x = torch.where(accept, new, x, out=states[now + 1])
            slope = torch.where(accept, others[-1], slope)
            # proportional-integral control after acceptance, plain after a rejection
            change = (previous - size).mul_(taken).mul_(0.04).sub_(size, alpha=0.17).add_(LOG_SAFETY)
            step = change.clamp_(*LOG_CHANGE).exp_().mul_(h)
            previous = torch.where(accept, size, previous)

        saved = _write_passed(out, alive, times, saved, xs, ts, hs, k, dense_row)
        index = (end - t > done).nonzero()[:, 0]
        if len(index) == 0:
            return out
        if len(index) < 0.8 * width:
            field, alive = field.take(index), alive[index]
            x, slope = x.index_select(1, index), slope.index_select(1, index)
            t, step, saved, previous = t[index], step[index], saved[index], previous[index]
    raise ConvergenceError(
        f"got {len(alive)} of {b} trajectories unfinished after {most_steps} steps; expected all at their end. "
        "Try: integrate_stiff, looser tolerances, or a shorter time."
    )


def _write_passed(
    out: Tensor, alive: Tensor, times: Tensor, saved: Tensor, xs: Tensor, ts: Tensor, hs: Tensor, k: Tensor, row: Tensor
) -> Tensor:
    """Write the outputs that a block of steps passes, by Hairer's interpolant; how many each sample has by then."""
    n, width = xs.shape[1:]
    upto = torch.searchsorted(times, ts[1:] + 1e-12 * (times[-1] - times[0]), right=True)
    passed = torch.diff(upto, dim=0, prepend=saved[None]).view(-1)
    cell = torch.repeat_interleave(passed)  # host sync: how many outputs this block passes
    if not cell.numel():
        return saved
    rank = torch.arange(cell.numel(), device=out.device) - (torch.cumsum(passed, 0) - passed)[cell]
    which = (upto.view(-1) - passed)[cell] + rank
    column = cell % width
    # of each step: value, rise and three slopes, [5, block * width, n]
    fifth = torch.einsum("d,kdnw->knw", row, k)
    parts = torch.stack([xs[:-1], xs[1:], k[:, 0], k[:, 6], fifth]).permute(0, 1, 3, 2).reshape(5, -1, n)
    x0, x1, f0, f1, fifth = parts.index_select(1, cell).unbind(0)
    hc = hs.view(-1)[cell]
    theta, hc = ((times[which] - ts[:-1].reshape(-1)[cell]) / hc)[:, None], hc[:, None]
    rise = x1 - x0
    bend = hc * f0 - rise
    inner = bend + theta * ((rise - hc * f1 - bend) + (1 - theta) * hc * fifth)
    out[alive[column], which] = x0 + theta * (rise + (1 - theta) * inner)
    return upto[-1]


def _first_step(field: VectorField, x: Tensor, slope: Tensor, rtol: float, atol: float) -> Tensor:
    """Hairer, Norsett & Wanner I, II.4: a step whose Euler error is about a hundredth of the tolerance."""
    scale = atol + rtol * x.abs()
    size = (x / scale).square().mean(0).sqrt()
    speed = (slope / scale).square().mean(0).sqrt()
    trial = torch.where((size < 1e-5) | (speed < 1e-5), 1e-6, 0.01 * size / speed.clamp_min(1e-300))
    bend = ((field(x + trial * slope) - slope) / scale).square().mean(0).sqrt() / trial
    largest = torch.maximum(speed, bend).clamp_min(1e-15)
    return torch.minimum(100 * trial, (0.01 / largest) ** 0.2)
