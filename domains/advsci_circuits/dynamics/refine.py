"""Kinetics of an accepted design, improved by gradient: further from the edge, within buildable ranges.

An oscillator is improved through its steady state: the real part of the leading pair of eigenvalues there is how fast
the cycle is approached and how far the Hopf point is. Implicit differentiation gives the steady state's own
derivative; no trajectory is differentiated.
"""

from dataclasses import replace

import torch
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.dynamics.fixed_points import fixed_points, newton, steady_state
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.racipe import DECAY, FOLD, RATE

__all__ = ["instability", "sharpen"]


def instability(model: HillModel, log_x: Tensor) -> Tensor:
    """Largest real part of the Jacobian's eigenvalues at the steady state near ``log_x``, over the mean decay rate.

    Parameters
    ----------
    model
        Models.
    """
    u = steady_state(model, log_x)
    _, slope = model.activity_and_slope(u)
    eye = torch.eye(model.genes, dtype=u.dtype, device=u.device)
    jacobian = model.decay[..., None] * (slope - eye)
    return torch.linalg.eigvals(jacobian).real.amax(-1) / model.decay.mean(-1)


def sharpen(model: HillModel, steps: int = 40, rate: float = 0.05) -> HillModel:
    """Kinetics with a more unstable steady state (a firmer oscillation); Hill exponents stay as they are.

    Rates, decays, thresholds and leaks move in logs within RACIPE's ranges (thresholds within a factor of ten). Models
    whose steady state is lost on the way return unchanged.

    Parameters
    ----------
    model
        The kinetics.
    steps
        Steps of Adam.
    rate
        Learning rate.
    """
    names = ("rate", "decay", "threshold", "leak")
    start = {name: getattr(model, name).clamp_min(1e-9).log() for name in names}
    free = {name: value.clone().requires_grad_() for name, value in start.items()}
    low = {
        "rate": torch.full_like(model.rate, RATE[0]).log(),
        "decay": torch.full_like(model.decay, DECAY[0]).log(),
        "threshold": start["threshold"] - 2.3,
        "leak": torch.full_like(model.leak, 1 / FOLD[1]).log(),
    }
    high = {
        "rate": torch.full_like(model.rate, RATE[1]).log(),
        "decay": torch.full_like(model.decay, DECAY[1]).log(),
        "threshold": start["threshold"] + 2.3,
        "leak": torch.zeros_like(model.leak),
    }
    points = fixed_points(model, Stream(3))
    u = points.log_x[torch.arange(len(model)), points.found.to(torch.int8).argmax(1)]
    optimiser = torch.optim.Adam(free.values(), lr=rate)
    best, best_value = model, torch.full((len(model),), -torch.inf, dtype=u.dtype)
    for _ in range(steps):
        now = replace(model, **{name: value.exp() for name, value in free.items()})
        with torch.no_grad():
            low_wall, high_wall = ((wall + side).mT.contiguous() for wall, side in zip(now.box(), (-1, 1), strict=True))
            held = replace(now, **{name: getattr(now, name).detach() for name in names})
            root, found = newton(held.field(), u.mT.contiguous(), low_wall, high_wall)
            u = torch.where(found[:, None], root.mT, u)
        value = instability(now, u)
        better = found & (value.detach() > best_value)
        best_value = torch.where(better, value.detach(), best_value)
        chosen = {}
        for name in names:
            new, old = getattr(held, name), getattr(best, name)
            chosen[name] = torch.where(better.view(-1, *[1] * (new.ndim - 1)), new, old)
        best = replace(model, **chosen)
        optimiser.zero_grad()
        (-value.sum()).backward()
        optimiser.step()
        with torch.no_grad():
            for name, parameter in free.items():
                parameter.copy_(torch.minimum(torch.maximum(parameter, low[name]), high[name]))
    return best
