"""An explicit adaptive solver in which every sample has its own step and leaves when it is finished.

Dormand & Prince 5(4) (1980, https://doi.org/10.1016/0771-050X(80)90013-3) with Hairer's fourth-order dense output.
Work shrinks with the batch: once a fifth of the samples have reached their end, the rest are packed together.
"""

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

    def take(self, index: Int[Tensor, " k"]) -> "VectorField": ...


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
    b, n = start.shape
    dtype, device = start.dtype, start.device
    rows = [torch.tensor([row], dtype=dtype, device=device) for row in STAGES]
    error_row = torch.tensor([ERROR], dtype=dtype, device=device)
    dense_row = torch.tensor([DENSE], dtype=dtype, device=device)
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
    step = _first_step(field, x, slope, rtol, atol).clamp_max(span)
    saved = torch.ones(b, dtype=torch.long, device=device)
    previous = torch.ones(b, dtype=dtype, device=device)
    # outputs are interpolated and finished samples dropped once a block of steps, so host syncs are few
    block = 16 if n * b < 16_384 else 4
    for _ in range(0, most_steps, block):
        width = x.shape[1]
        k = torch.empty(block, 7, n, width, dtype=dtype, device=device)
        xs = torch.empty(block + 1, n, width, dtype=dtype, device=device)
        ts = torch.empty(block + 1, width, dtype=dtype, device=device)
        hs = torch.empty(block, width, dtype=dtype, device=device)
        xs[0], ts[0] = x, t
        for now in range(block):
            remaining = end - t
            # a last step that would leave a sliver is taken in one
            h = hs[now].copy_(torch.where(step * 1.01 >= remaining, remaining, step))
            stages, flat = k[now].unbind(0), k[now].view(7, -1)
            stages[0].copy_(slope)
            new = x
            for stage, row in enumerate(rows):
                new = torch.addcmul(x, torch.mm(row, flat[: stage + 1]).view_as(x), h)
                field(new, stages[stage + 1])
            error = torch.mm(error_row, flat).view_as(x).mul_(h)
            scale = torch.maximum(x.abs(), new.abs()).mul_(rtol).add_(atol)
            size = error.div_(scale).square_().mean(0).sqrt_().clamp_min_(1e-10)
            accept = size <= 1
            t = torch.where(accept, torch.where(h == remaining, end, t + h), t)
            x = torch.where(accept, new, x)
            slope = torch.where(accept, stages[6], slope)
            xs[now + 1], ts[now + 1] = x, t
            # proportional-integral control after acceptance, plain after a rejection
            factor = 0.9 * torch.where(accept, (previous / size) ** 0.04, 1.0) * size**-0.17
            step = h * factor.clamp_(0.2, 5.0)
            previous = torch.where(accept, size, previous)

        upto = torch.searchsorted(times, ts[1:] + 1e-12 * span, right=True)
        passed = torch.diff(upto, dim=0, prepend=saved[None]).view(-1)
        cell = torch.repeat_interleave(passed)  # host sync: how many outputs this block passes
        if cell.numel():
            rank = torch.arange(cell.numel(), device=device) - (torch.cumsum(passed, 0) - passed)[cell]
            which = (upto.view(-1) - passed)[cell] + rank
            row, column = cell // width, cell % width
            hc = hs.view(-1)[cell]
            theta = (times[which] - ts[:-1].reshape(-1)[cell]) / hc
            parts = k.permute(0, 3, 1, 2)[row, column]
            x0, x1 = xs.permute(0, 2, 1)[row, column], xs.permute(0, 2, 1)[row + 1, column]
            theta, hc = theta[:, None], hc[:, None]
            f0, f1, fifth = hc * parts[:, 0], hc * parts[:, 6], hc * (dense_row @ parts)[:, 0]
            rise = x1 - x0
            bend = f0 - rise
            inner = bend + theta * ((rise - f1 - bend) + (1 - theta) * fifth)
            out[alive[column], which] = x0 + theta * (rise + (1 - theta) * inner)
            saved = upto[-1]

        index = (t < end).nonzero()[:, 0]
        if len(index) == 0:
            return out
        if len(index) < 0.8 * width:
            field, alive = field.take(index), alive[index]
            x, slope = x.index_select(1, index), slope.index_select(1, index)
            t, step, saved, previous = t[index], step[index], saved[index], previous[index]
    raise ConvergenceError(
        f"got {len(alive)} of {b} trajectories unfinished after {most_steps} steps; expected all at their end. "
        "Try: integrate_stiff, looser tolerances, or a shorter time"
    )


def _first_step(field: VectorField, x: Tensor, slope: Tensor, rtol: float, atol: float) -> Tensor:
    """Hairer, Norsett & Wanner I, II.4: a step whose Euler error is about a hundredth of the tolerance."""
    scale = atol + rtol * x.abs()
    size = (x / scale).square().mean(0).sqrt()
    speed = (slope / scale).square().mean(0).sqrt()
    trial = torch.where((size < 1e-5) | (speed < 1e-5), 1e-6, 0.01 * size / speed.clamp_min(1e-300))
    bend = ((field(x + trial * slope) - slope) / scale).square().mean(0).sqrt() / trial
    largest = torch.maximum(speed, bend).clamp_min(1e-15)
    return torch.minimum(100 * trial, (0.01 / largest) ** 0.2)
