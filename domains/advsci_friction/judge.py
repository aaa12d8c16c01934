r"""Judge designs by solving them again, on a grid and with a solver that did not make them.

A design is a function, so a finer grid samples it exactly; its position on the pixels is random. Friction follows from
the counted, edge-corrected area; a design is feasible if its elastic pressures stay at or below the hardness.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.errors import MissingDependencyError
from advsci.streams import Stream
from advsci_friction.area import contact_area, real_area
from advsci_friction.band import Band
from advsci_friction.contact import solve_contact
from advsci_friction.designer import Designs
from advsci_friction.physics import Fabrication

__all__ = ["Verdicts", "judge", "refine", "tamaas_pressure"]


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


def tamaas_pressure(
    heights: Float[np.ndarray, "p p"], load: float, modulus: float, size: float, tolerance: float = 1e-6
) -> Float[np.ndarray, "p p"]:
    """Elastic pressures [Pa] of one map by tamaas (AGPL, not a dependency), in dimensionless units within."""
    try:
        tamaas = import_module("tamaas")
    except ImportError as error:
        raise MissingDependencyError(
            "got no package 'tamaas'; expected it to judge. Try: pip install tamaas"
        ) from error
    tamaas.set_log_level(tamaas.LogLevel.error)
    model = tamaas.Model(tamaas.model_type.basic_2d, [1.0, 1.0], list(heights.shape))
    model.E, model.nu = 1.0, 0.0
    surface = np.ascontiguousarray(heights / size, dtype=np.float64)
    kind = tamaas.PolonskyKeerRey.pressure
    solver = tamaas.PolonskyKeerRey(model, surface, tolerance, kind, kind)
    solver.max_iter = 10000
    solver.solve(load / modulus)
    return np.array(model.traction) * modulus


def judge(
    designs: Designs,
    fabrication: Fabrication,
    pixels: int,
    *,
    solver: Literal["own", "tamaas"] = "own",
    stream: Stream | None = None,
    load: Float[Tensor, " n"] | None = None,
) -> Verdicts:
    """Solve every design on ``pixels`` x ``pixels``; ``load`` [Pa] replaces the request's pressure, one a design."""
    count, material = len(designs.slope), designs.material
    coefficients = designs.coefficients.double()
    if stream is not None:
        coefficients = designs.band.shift(coefficients, stream.at("position").uniform((count, 2), dtype=torch.float64))
    # by scale invariance the cell may have length 1
    heights = designs.slope.double()[:, None, None] * designs.band.synthesise(coefficients, pixels)
    load = torch.full((count,), designs.load) if load is None else load
    load = load.double()
    if solver == "own":
        pressure = solve_contact(heights, load, material.modulus, (1.0, 1.0), tolerance=1e-6).pressure
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


def refine(
    coefficients: Float[Tensor, "n m"],
    log_load: Float[Tensor, " n"],
    area: Float[Tensor, " n"],
    band: Band,
    steps: int,
    pixels: int = 128,
) -> Float[Tensor, " n"]:
    r"""Newton steps on :math:`\log x` of each design towards its area: the slope comes from the adjoint of the
    contact solve.
    """
    log_load = log_load.double().clone()
    h = band.synthesise(coefficients.double(), pixels)
    for _ in range(steps):
        t = log_load.requires_grad_()
        contact = solve_contact(h, t.exp(), 1.0, (1.0, 1.0), tolerance=1e-6, adjoint_tolerance=1e-3)
        found = real_area(contact, contact.load.detach() / area * 0.25).log()
        (slope,) = torch.autograd.grad(found.sum(), t)
        with torch.no_grad():
            step = (area.double().log() - found) / slope.clamp(0.3, 3.0)
            log_load = (log_load + step.clamp(-0.5, 0.5)).detach()
    return log_load
