"""A stiff solver, batched, with a step of its own for every sample: Rodas4.

Hairer & Wanner, Solving Ordinary Differential Equations II, IV.7: a Rosenbrock method of order 4(3), L-stable, six
stages that share one matrix ``I/(h gamma) - J``. No Newton iteration, so nothing can fail to converge inside a step.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConvergenceError
from advsci_circuits.dynamics.hill import HillModel

__all__ = ["integrate_stiff"]

GAMMA = 0.25
A = (
    (),
    (1.544000000000000,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0),
)
C = (
    (),
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
)


def integrate_stiff(
    model: HillModel,
    start: Float[Tensor, "b n"],
    times: Float[Tensor, " t"],
    rtol: float = 1e-5,
    atol: float = 1e-7,
    most_steps: int = 50_000,
) -> Float[Tensor, "b t n"]:
    """States at the given times, for models whose rates span many decades.

    Steps end on the output times. Same arguments and errors as `integrate`, but of a `HillModel`, whose Jacobian is
    exact.

    Parameters
    ----------
    model
        The kinetics.
    start
        Initial concentrations.
    rtol
        Relative tolerance.
    atol
        Absolute tolerance.
    most_steps
        Steps after which it gives up.

    Raises
    ------
    ConvergenceError
        Trajectories are unfinished after the most steps.
    """
    b, n = start.shape
    out = torch.empty(b, len(times), n, dtype=start.dtype, device=start.device)
    out[:, 0] = start
    alive, x, t = torch.arange(b, device=start.device), start, times[0].expand(b).clone()
    target = torch.ones(b, dtype=torch.long, device=start.device)
    step = torch.full((b,), 1e-3, dtype=start.dtype, device=start.device) / model.decay.amax(1)
    eye = torch.eye(n, dtype=start.dtype, device=start.device)
    for _ in range(most_steps):
        if not len(alive):
            return out
        remaining = times[target] - t
        h = torch.minimum(step, remaining)
        w = eye / (GAMMA * h[:, None, None]) - model.jacobian(x)
        factors, pivots = torch.linalg.lu_factor_ex(w)[:2]
        stages: list[Tensor] = []
        for a, c in zip(A, C, strict=True):
            here = x + sum((weight * k for weight, k in zip(a, stages, strict=True)), torch.zeros_like(x))
            rhs = model.derivative(here)
            rhs = rhs + sum((weight * k for weight, k in zip(c, stages, strict=True)), torch.zeros_like(x)) / h[:, None]
            stages.append(torch.linalg.lu_solve(factors, pivots, rhs[..., None])[..., 0])
        new = (
            x + sum((weight * k for weight, k in zip(A[-1], stages[:5], strict=True)), torch.zeros_like(x)) + stages[5]
        )
        scale = atol + rtol * torch.maximum(x.abs(), new.abs())
        size = (stages[5] / scale).square().mean(1).sqrt().nan_to_num(1e3, 1e3).clamp_min(1e-10)
        accept = size <= 1
        arrived = accept & (h == remaining)
        x = torch.where(accept[:, None], new, x)
        t = torch.where(arrived, times[target], torch.where(accept, t + h, t))
        suggested = h * (0.9 * size**-0.25).clamp(0.2, 6.0)
        # a step cut short by an output says nothing against the longer one
        step = torch.where(arrived & (suggested < step), step, suggested)
        where = arrived.nonzero()[:, 0]
        out[alive[where], target[where]] = x[where]
        target = target + arrived.long()
        left = (target < len(times)).nonzero()[:, 0]
        if len(left) < len(alive):
            model, alive = model[left], alive[left]
            x, t, target, step = x[left], t[left], target[left], step[left]
    raise ConvergenceError(
        f"got {len(alive)} of {b} stiff trajectories unfinished after {most_steps} steps; expected all at their end. "
        "Try: looser tolerances, or a shorter time."
    )
