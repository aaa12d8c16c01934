r"""Prandtl-Tomlinson: a spring pulls a point over a sine potential, slowly or at a finite temperature.

.. math:: V(x) = -E_0 \cos\frac{2\pi x}{a} + \frac{k}{2}(x - s)^2, \qquad \eta = \frac{4\pi^2 E_0}{k a^2}, \qquad
          F_c = \frac{2\pi E_0}{a}

The point sticks and slips exactly for :math:`\eta > 1`. Forces are in units of :math:`F_c` unless stated.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["arsinh_friction", "barrier_constant", "critical_velocity", "kinetic_friction", "thermal_friction"]

BOLTZMANN = 1.380649e-23


def kinetic_friction(eta: Float[Tensor, "*n"], iterations: int = 80) -> Float[Tensor, "*n"]:
    r"""Mean force over :math:`F_c` of slow overdamped sliding at zero temperature; 0 for :math:`\eta \le 1`.
    Differentiable.

    With :math:`\theta = 2\pi x/a` the point follows :math:`\theta + \eta \sin\theta = 2\pi s/a` up to
    :math:`\cos\theta_c = -1/\eta`, slips to the next branch at :math:`\theta_b`, and the work of one period is

    .. math:: 2\pi \bar F = \cos\theta_a - \cos\theta_c + \tfrac{\eta}{2}(\sin^2\theta_c - \sin^2\theta_a), \qquad
              \theta_a = \theta_b - 2\pi.

    Parameters
    ----------
    iterations
        Steps of the integration.
    """
    e = eta.detach().clamp_min(1.0)
    critical = torch.pi - torch.acos(1.0 / e)
    level = critical + e * critical.sin()
    low, high = 2.0 * math.pi - critical, 2.0 * math.pi + critical
    for _ in range(iterations):
        middle = 0.5 * (low + high)
        above = middle + e * middle.sin() > level
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    # one differentiable Newton step carries the derivative of the root
    slipping = eta.clamp_min(1.0 + 1e-12)
    critical = torch.pi - torch.acos(1.0 / slipping)
    landed = (0.5 * (low + high)).detach()
    residual = landed + slipping * landed.sin() - critical - slipping * critical.sin()
    landed = landed - residual / (1.0 + e * landed.cos()).clamp_min(1e-12)
    work = landed.cos() - critical.cos() + 0.5 * slipping * (critical.sin().square() - landed.sin().square())
    return torch.where(eta > 1.0, work / (2.0 * math.pi), torch.zeros_like(eta))


def barrier_constant(critical_force: Tensor | float, period: float) -> Tensor:
    r""":math:`\beta = 3\pi\sqrt{F_c}/(2\sqrt2\,a)`, of the barrier :math:`\Delta E = (F_c - F)^{3/2}/\beta` near the
    slip.

    Parameters
    ----------
    critical_force
        Force :math:`F_c` at which the tip slips without heat [N].
    period
        Period of the lattice [m].
    """
    return 3.0 * math.pi * torch.as_tensor(critical_force).sqrt() / (2.0 * math.sqrt(2.0) * period)


def critical_velocity(
    critical_force: Tensor | float, period: float, stiffness: float, attempt_rate: float, temperature: Tensor | float
) -> Tensor:
    r""":math:`v_c = 2 f_0 \beta k_B T / (3 k \sqrt{F_c})` [m/s]: faster than this, heat no longer helps the slip.

    Parameters
    ----------
    critical_force
        Force :math:`F_c` at which the tip slips without heat [N].
    period
        Period of the lattice [m].
    stiffness
        Effective stiffness [N/m].
    attempt_rate
        Attempt rate [1/s].
    temperature
        Temperature [K].
    """
    beta = barrier_constant(critical_force, period)
    force = torch.as_tensor(critical_force).sqrt()
    return 2.0 * attempt_rate * beta * BOLTZMANN * temperature / (3.0 * stiffness * force)


def thermal_friction(
    velocity: Tensor,
    critical_force: Tensor | float,
    period: float,
    stiffness: float,
    attempt_rate: float,
    temperature: Tensor | float,
) -> Tensor:
    r"""Force [N] at a velocity [m/s] and temperature [K]: :math:`F = F_c - (\beta k_B T \ln (v_c/v))^{2/3}`,
    :math:`F_c` above :math:`v_c`.

    Sang, Dube and Grant 2001, doi 10.1103/PhysRevLett.87.174301; Riedo et al. 2003, doi 10.1103/PhysRevLett.91.084502.
    Valid in stick-slip, from a few :math:`k_B T` of barrier up to :math:`v_c`.

    Parameters
    ----------
    critical_force
        Force :math:`F_c` at which the tip slips without heat [N].
    period
        Period of the lattice [m].
    stiffness
        Effective stiffness [N/m].
    attempt_rate
        Attempt rate [1/s].
    """
    velocity_c = critical_velocity(critical_force, period, stiffness, attempt_rate, temperature)
    beta = barrier_constant(critical_force, period)
    log = torch.log(velocity_c / velocity).clamp_min(0.0)
    lowered = (beta * BOLTZMANN * temperature * log.clamp_min(1e-30)) ** (2.0 / 3.0)
    return (torch.as_tensor(critical_force) - torch.where(log > 0.0, lowered, torch.zeros_like(lowered))).clamp_min(0.0)


def arsinh_friction(velocity: Tensor, scale: Tensor | float, velocity_c: Tensor | float) -> Tensor:
    r""":math:`F = F_0 \operatorname{arsinh}(v/v_c)`: linear in v when slow, logarithmic when fast.

    It fits simulated Prandtl-Tomlinson data over all velocities, with :math:`F_0 \propto T^{2/3}` (Mueser 2011, Phys.
    Rev. B 84:125419).

    Parameters
    ----------
    velocity
        Sliding velocity [m/s].
    scale
        Force scale [N].
    velocity_c
        Characteristic velocity [m/s].
    """
    return scale * torch.asinh(velocity / velocity_c)
