"""Newton steps on the slope of finished shapes, by the adjoint of the contact solve."""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci_friction.contact.area import real_area
from advsci_friction.contact.solve import solve_contact
from advsci_friction.surfaces.band import Band

__all__ = ["refine"]


def refine(
    coefficients: Float[Tensor, "n m"],
    log_reduced_load: Float[Tensor, " n"],
    area: Float[Tensor, " n"],
    band: Band,
    steps: int,
    pixels: int = 128,
) -> Float[Tensor, " n"]:
    r"""Newton steps on :math:`\log x` of each design towards its area: the slope comes from the adjoint of the
    contact solve.

    Parameters
    ----------
    coefficients
        Coefficients of the shapes (n k).
    log_reduced_load
        Log of load over contact modulus times rms slope (n).
    band
        Which waves a texture is made of.
    pixels
        Pixels of a side.
    """
    log_reduced_load = log_reduced_load.double().clone()
    h = band.synthesise(coefficients.double(), pixels)
    for _ in range(steps):
        t = log_reduced_load.requires_grad_()
        contact = solve_contact(h, t.exp(), 1.0, (1.0, 1.0), tolerance=1e-6, adjoint_tolerance=1e-3)
        found = real_area(contact, contact.load.detach() / area * 0.25).log()
        (slope,) = torch.autograd.grad(found.sum(), t)
        with torch.no_grad():
            step = (area.double().log() - found) / slope.clamp(0.3, 3.0)
            log_reduced_load = (log_reduced_load + step.clamp(-0.5, 0.5)).detach()
    return log_reduced_load
