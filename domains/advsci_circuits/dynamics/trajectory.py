"""Trajectories that gradients pass through.

Fixed Runge-Kutta steps, differentiated exactly (the discrete adjoint): memory is bounded by recomputing whole
segments in the backward pass, at one extra forward pass. For amplitudes and final states of transients; phases of
limit cycles have gradients that grow with time, so fit those through `steady_state` or amplitudes instead.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from advsci_circuits.dynamics.hill import HillModel

__all__ = ["rk4_trajectory"]


def rk4_trajectory(
    model: HillModel, start: Float[Tensor, "b n"], end: float, steps: int, segments: int = 10
) -> Float[Tensor, "b s n"]:
    """States after each of ``segments`` equal parts of [0, end] (the start first), differentiable in model and start.

    Parameters
    ----------
    steps : int
        Runge-Kutta steps altogether, a multiple of ``segments``.
    """
    h = end / steps

    def segment(x: Tensor, *tensors: Tensor) -> Tensor:
        """States ``x`` after one segment of steps; ``tensors`` are the model's."""
        signs, rate, decay, threshold, cooperativity, leak = tensors
        field = HillModel(signs, rate, decay, threshold, cooperativity, leak, model.logic)
        for _ in range(steps // segments):
            x = x + _increment(field, x, h)
        return x

    parts = (model.signs, model.rate, model.decay, model.threshold, model.cooperativity, model.leak)
    states = [start]
    for _ in range(segments):
        states.append(checkpoint(segment, states[-1], *parts, use_reentrant=False))  # type: ignore[arg-type]
    return torch.stack(states, 1)


def _increment(model: HillModel, x: Tensor, h: float) -> Tensor:
    k1 = _derivative(model, x)
    k2 = _derivative(model, x + h / 2 * k1)
    k3 = _derivative(model, x + h / 2 * k2)
    return h / 6 * (k1 + 2 * k2 + 2 * k3 + _derivative(model, x + h * k3))


def _derivative(model: HillModel, x: Tensor) -> Tensor:
    return model.rate * model.log_activity(x.clamp_min(1e-30).log()).exp() - model.decay * x
