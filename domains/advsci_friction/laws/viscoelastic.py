r"""Hysteretic friction: a viscoelastic solid sliding over a rigid rough surface.

Sliding at velocity v shakes the solid at the frequency :math:`q_x v` of each roughness wave; the loss modulus turns
that into friction. (Persson 2001, J. Chem. Phys. 115:3840.) The result is set mostly by the largest wavenumber of the
spectrum (Ciavarella, arXiv 1701.03810): quote the cut-off with every number.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.special import erf

from advsci.errors import ConfigError

__all__ = ["hysteretic_friction", "shift_factor", "sine_hysteresis", "standard_linear_solid"]

Modulus = Callable[[Tensor], Tensor]


def standard_linear_solid(relaxed: float, instantaneous: float, time: float) -> Modulus:
    r""":math:`E(\omega) = E_0 + (E_\infty - E_0)\, i\omega\tau/(1 + i\omega\tau)` [Pa], complex, of the angular
    frequency.

    Parameters
    ----------
    relaxed
        Modulus at rest [Pa].
    instantaneous
        Modulus at once [Pa].
    time
        Relaxation time [s].
    """

    def modulus(omega: Tensor) -> Tensor:
        """The modulus [Pa] at the angular frequencies ``omega`` [rad/s]."""
        turn = torch.complex(torch.zeros_like(omega), omega * time)
        return relaxed + (instantaneous - relaxed) * turn / (1.0 + turn)

    return modulus


def shift_factor(temperature: float, reference: float, c1: float = 8.86, c2: float = 101.6) -> float:
    r"""How much longer relaxation takes than at a reference temperature,
    :math:`\log_{10} a_T = -c_1 (T - T_r)/(c_2 + T - T_r)`.

    The default constants are the universal ones for a reference 50 K above the glass transition (Williams, Landel and
    Ferry 1955, doi 10.1021/ja01619a008).

    Parameters
    ----------
    temperature
        T [K].
    reference
        T_r [K].
    c1, c2
        Constants of the polymer, the second in K.

    Returns
    -------
    float
        a_T, 1 at the reference.

    Raises
    ------
    ConfigError
        A temperature at or below :math:`T_r - c_2`, where the formula ends.

    Examples
    --------
    >>> shift_factor(300.0, 300.0)
    1.0
    """
    if temperature <= reference - c2:
        raise ConfigError(
            f"got a temperature of {temperature:g} K; expected more than {reference - c2:g} K, where the shift of "
            "time with temperature ends. Try: a higher temperature."
        )
    return 10.0 ** (-c1 * (temperature - reference) / (c2 + temperature - reference))


def sine_hysteresis(slope: Tensor | float, modulus: Tensor, load: Tensor | float) -> Tensor:
    r"""Full contact with :math:`h = A \cos q x`, exact: :math:`\mu = (qA)^2 \,\mathrm{Im} E(qv) / (4P)`, with slope =
    qA.

    E is the plane-strain modulus :math:`E/(1 - \nu^2)`. Needs :math:`P \ge qA|E|/2`, or the contact opens.

    Parameters
    ----------
    load
        Mean pressure [Pa].
    """
    return torch.as_tensor(slope) ** 2 * modulus.imag / (4.0 * torch.as_tensor(load))


def hysteretic_friction(
    wavenumber: Float[Tensor, " q"],
    spectrum: Float[Tensor, " q"],
    modulus: Modulus,
    velocity: float,
    load: float,
    *,
    follow: float = 0.5,
    angles: int = 64,
) -> tuple[Tensor, Tensor]:
    r"""Coefficient of friction, and the area fraction at the largest wavenumber, of an isotropic rough surface.

    .. math:: \mu = \frac12 \int dq\, q^3 C(q) S(q) P(q) \int_0^{2\pi} d\phi
        \cos\phi\,\mathrm{Im}\frac{E(qv\cos\phi)}{p},
        \quad P = \mathrm{erf}\frac{1}{2\sqrt G}, \quad
       G(q) = \frac18 \int_{q_0}^{q} dq' q'^3 C(q') \int_0^{2\pi} d\phi \left|\frac{E(q'v\cos\phi)}{p}\right|^2

    with :math:`S = \gamma + (1 - \gamma) P^2`.

    Parameters
    ----------
    wavenumber
        Increasing wavenumbers q [rad/m]; the last is the cut-off.
    spectrum
        Isotropic power spectrum C(q) [m^4], :math:`\overline{h^2} = 2\pi \int q\,C\,dq`.
    modulus
        Complex plane-strain modulus :math:`E/(1 - \nu^2)` [Pa] of the angular frequency.
    velocity, load
        Sliding velocity [m/s] and mean pressure [Pa].
    follow
        :math:`\gamma`, how far the solid in contact follows the roughness.
    angles
        Directions of the quadrature.
    """
    phi = (torch.arange(angles, dtype=wavenumber.dtype) + 0.5) * (2.0 * math.pi / angles)
    response = modulus(wavenumber[:, None] * velocity * phi.cos()) / load
    step = 2.0 * math.pi / angles
    moment = wavenumber**3 * spectrum
    stored = moment * response.abs().square().sum(1) * step / 8.0
    grown = torch.cat([torch.zeros_like(stored[:1]), torch.cumulative_trapezoid(stored, wavenumber)])
    contact = erf(0.5 / grown.clamp_min(torch.finfo(grown.dtype).tiny).sqrt())
    following = follow + (1.0 - follow) * contact.square()
    lost = (phi.cos() * response.imag).sum(1) * step
    return 0.5 * torch.trapezoid(moment * following * contact * lost, wavenumber), contact[-1]
