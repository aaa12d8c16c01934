"""The steady state that a circuit reaches from where it is."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.dynamics.explicit import integrate
from advsci_circuits.dynamics.fixed_points import fixed_points, newton
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.stability import is_stable

__all__ = ["settle"]


def settle(model: HillModel, start: Float[Tensor, "b n"]) -> tuple[Float[Tensor, "b n"], Bool[Tensor, " b"]]:
    """The attracting steady state that the trajectory from ``start`` reaches, and whether it reaches one.

    Where the only steady state of the whole box attracts (most models; the index theorem vouches) it is the answer;
    elsewhere a trajectory chooses the basin and Newton finds the state.

    Parameters
    ----------
    model
        The kinetics.
    """
    points = fixed_points(model, Stream(7), starts=6, rounds=1, relaxations=20)
    sole = points.consistent & (points.count == 1) & (points.stable_count == 1)
    none = points.none_stable
    place = points.found.to(torch.int8).argmax(1)
    x = points.log_x.gather(1, place[:, None, None].expand(-1, 1, model.genes))[:, 0].exp()
    reached = sole.clone()
    rest = (~sole & ~none).nonzero()[:, 0]
    if len(rest):
        part = model[rest]
        longest = 30 / float(part.decay.min())
        times = torch.tensor([0.0, longest], dtype=start.dtype, device=start.device)
        near = integrate(part.field(), start[rest], times, rtol=1e-4, atol=1e-6)[:, 1].clamp_min(1e-12).log()
        low, high = part.box()
        walls = [(low - 1).mT.contiguous(), (high + 1).mT.contiguous()]
        root, found = newton(part.field(), near.mT.contiguous(), walls[0], walls[1], iterations=12)
        root = root.mT
        fine = found & ((root - near).abs().amax(1) < 0.05) & is_stable(part.jacobian(root.exp()))
        x[rest], reached[rest] = root.exp(), fine
    return x, reached
