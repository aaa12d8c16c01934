"""Textures designed for a wanted friction, each solved again: how far is the friction that they have from the wanted?

The error is the symmetric mean absolute percentage error, the mean of 200 |f - f*| / (|f| + |f*|).
"""

from dataclasses import replace

import torch
from torch import Tensor

from advsci.papers import step
from advsci.streams import Stream
from advsci_friction import find_material, load_designer, verify
from advsci_friction.design.refine import refine

LOAD = 50e6
"""Mean pressure [Pa]."""


def smape(found: Tensor, wanted: Tensor | float) -> float:
    """Symmetric mean absolute percentage error [%].

    Parameters
    ----------
    found
        Values as found (n).
    wanted
        Values as wanted (n).
    """
    return float((200.0 * (found - wanted).abs() / (found.abs() + abs(wanted))).mean())


def measure(seed: int, effort: str) -> dict[str, float | list[float]]:
    """Errors of the designs as they come, after refinement, and against shuffled requests.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        ``"quick"`` or ``"full"``.
    """
    targets, count, pixels = (6, 3, 96) if effort == "quick" else (20, 10, 256)
    designer, material, stream = load_designer(), find_material("dlc"), Stream(seed)
    low, high = designer.reachable(material, LOAD)
    shares = torch.linspace(0.1, 0.9, targets, dtype=torch.float64)
    wanted = [low * (high / low) ** float(share) for share in shares]
    errors, refined_errors, feasible, found, spread = [], [], [], [], []
    for i, mu in enumerate(wanted):
        designs = designer.design(material, mu, LOAD, count, stream.at("design", i))
        verdicts = verify(designs, designer.fabrication, pixels)
        errors.append(smape(verdicts.friction, mu))
        feasible.append(float(verdicts.feasible.double().mean()))
        found.append(float(verdicts.friction.mean()))
        spread.append(float(designs.slope.max() / designs.slope.min()))
        area = torch.full((count,), (mu - material.pressure_coefficient) * LOAD / material.shear_strength)
        start = (LOAD / material.modulus / designs.slope).log()
        better = refine(designs.coefficients, start, area, designs.band, 2, 64)
        again = replace(designs, slope=(LOAD / material.modulus / better.exp()).float())
        refined_errors.append(smape(verify(again, designer.fabrication, pixels).friction, mu))
    friction, asked = torch.tensor(found), torch.tensor(wanted)
    return {
        "designs/function": sum(errors) / targets,
        "designs/feasible": 100.0 * sum(feasible) / targets,
        "designs/slopes": max(spread),
        "refined/function": sum(refined_errors) / targets,
        "shuffled/function": float((200.0 * (friction.flip(0) - asked).abs() / (friction.flip(0) + asked)).mean()),
        "curve/wanted": wanted,
        "curve/found": found,
    }


if __name__ == "__main__":
    step(measure)
