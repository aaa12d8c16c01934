r"""Designs solved again, on a grid and with a solver that did not make them.

A design is a function, so a finer grid samples it exactly; its position on the pixels is random. Friction follows from
the counted, edge-corrected area; a design is feasible if its elastic pressures stay at or below the hardness.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.streams import Stream
from advsci_friction.baselines.tamaas import tamaas_pressure
from advsci_friction.contact.area import contact_area
from advsci_friction.contact.solve import solve_contact
from advsci_friction.design.designer import Designs
from advsci_friction.evaluation.recognition import recognise_family
from advsci_friction.surfaces.fabrication import Fabrication
from advsci_friction.surfaces.textures import FAMILIES

__all__ = ["Verdicts", "summary", "verify"]


@dataclass(frozen=True)
class Verdicts:
    """What a solver found of each design.

    Attributes
    ----------
    area
        Area fraction, edge-corrected.
    friction
        Coefficient of friction.
    peak
        Largest pressure [Pa].
    feasible
        Whether the pressures stay within the hardness, and slope and depth within fabrication.
    pressure
        (n p p) pressure maps [Pa].
    """

    area: Float[Tensor, " n"]
    friction: Float[Tensor, " n"]
    peak: Float[Tensor, " n"]
    feasible: Bool[Tensor, " n"]
    pressure: Float[Tensor, "n p p"]


def verify(
    designs: Designs,
    fabrication: Fabrication,
    pixels: int,
    *,
    solver: Literal["own", "tamaas"] = "own",
    stream: Stream | None = None,
    load: Float[Tensor, " n"] | None = None,
    device: torch.device | None = None,
) -> Verdicts:
    """Solve every design again.

    Parameters
    ----------
    designs
        The designs with their request.
    fabrication
        Limits of what can be made.
    pixels
        Pixels along the cell, best more than the designs were made on.
    solver
        ``"own"``, or ``"tamaas"`` where it is installed.
    stream
        Moves each design by a random part of the cell; None leaves it in place.
    load
        (n) mean pressure [Pa] per design, in place of the request's.
    device
        Where the own solver works; the CPU by default.

    Returns
    -------
    Verdicts
        Friction, area, peak pressure, feasibility and pressures of each design, on the CPU.

    Examples
    --------
    >>> from advsci_friction import find_material, load_designer
    >>> designer = load_designer()
    >>> designs = designer.design(find_material("dlc"), 0.05, "50 MPa", 2, Stream(0))
    >>> verify(designs, designer.fabrication, 48).friction.shape
    torch.Size([2])
    """
    count, material = len(designs.slope), designs.material
    coefficients = designs.coefficients.double()
    if stream is not None:
        coefficients = designs.band.shift(coefficients, stream.at("position").uniform((count, 2), dtype=torch.float64))
    # by scale invariance the cell may have length 1
    heights = designs.slope.double()[:, None, None] * designs.band.synthesise(coefficients, pixels)
    load = torch.full((count,), designs.load) if load is None else load
    load = load.double()
    if solver == "own":
        on = device if device is not None else torch.device("cpu")
        pressure = solve_contact(
            heights.to(on), load.to(on), material.modulus, (1.0, 1.0), tolerance=1e-6
        ).pressure.cpu()
    else:
        found = [
            tamaas_pressure(h.numpy(), float(p), material.modulus, 1.0) for h, p in zip(heights, load, strict=True)
        ]
        pressure = torch.as_tensor(np.stack(found))
    area = contact_area(pressure > 0.0, 2)
    depth = heights.amax((-2, -1)) - heights.amin((-2, -1))
    peak = pressure.amax((-2, -1))
    made = (designs.slope.double() <= 1.001 * fabrication.slope) & (depth <= 1.001 * fabrication.depth)
    friction = material.pressure_coefficient + material.shear_strength * area / load
    return Verdicts(area, friction, peak, made & (peak <= material.hardness), pressure)


def summary(designs: Designs, verdicts: Verdicts) -> dict[str, float]:
    """Errors, feasibility and diversity of designs that were solved again.

    Parameters
    ----------
    designs
        The designs with their request.
    verdicts
        What `verify` found.

    Returns
    -------
    dict
        Median and 95th percentile of the relative error, share that is feasible, families recognised, spread of slopes.
    """
    by_family = designs.names == tuple(FAMILIES)
    families = recognise_family(designs.band, designs.coefficients).unique() if by_family else designs.names
    error = (verdicts.friction / designs.friction - 1.0).abs()
    return {
        "wanted mu": designs.friction,
        "median relative error": float(error.median()),
        "95th percentile": float(error.quantile(0.95)),
        "feasible": float(verdicts.feasible.double().mean()),
        "families": float(len(families)),
        "rms slopes, largest over smallest": float(designs.slope.max() / designs.slope.min()),
    }
