r"""Exact and classical results of contact mechanics, as tests of the solver and as baselines of the design.

All pressures, moduli and hardnesses in one unit; h' is the rms slope of a surface.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.special import erf

__all__ = [
    "elastoplastic_areas",
    "greenwood_williamson",
    "hertz_line",
    "hertz_sphere",
    "jgh_area",
    "jgh_pressure_scale",
    "johnson_adhesive_load",
    "persson_area",
    "spontaneous_contact",
    "westergaard_area",
    "westergaard_peak",
    "westergaard_pressure",
    "westergaard_pressure_scale",
]

Array = Float[Tensor, "..."]


def hertz_sphere(force: Array, radius: Array | float, modulus: Array | float) -> tuple[Array, Array]:
    r"""Sphere on a plane: radius of the contact :math:`a = (3FR/4E^*)^{1/3}` and peak :math:`p_0 = 3F/(2\pi a^2)`.

    Parameters
    ----------
    force
        Normal force [N].
    modulus
        Contact modulus [Pa].
    """
    a = (0.75 * force * radius / modulus) ** (1.0 / 3.0)
    return a, 1.5 * force / (math.pi * a.square())


def hertz_line(force: Array, radius: Array | float, modulus: Array | float) -> tuple[Array, Array]:
    r"""Cylinder on a plane, force a length: :math:`a = (4F'R/\pi E^*)^{1/2}` and peak :math:`p_0 = 2F'/(\pi a)`.

    Parameters
    ----------
    radius
        Radius of curvature [m].
    modulus
        Contact modulus [Pa].
    """
    a = (4.0 * force * radius / (math.pi * modulus)).sqrt()
    return a, 2.0 * force / (math.pi * a)


def westergaard_pressure_scale(amplitude: Array | float, wavelength: Array | float, modulus: Array | float) -> Array:
    r"""Pressure of full contact of :math:`h = D \cos(2\pi x/\lambda)`: :math:`p^* = \pi E^* D/\lambda`.

    Parameters
    ----------
    amplitude
        Amplitude of the wave [m].
    wavelength
        Its wavelength [m].
    modulus
        Contact modulus [Pa].
    """
    return torch.as_tensor(math.pi * modulus * amplitude / wavelength)


def westergaard_area(ratio: Array) -> Array:
    r""":math:`A/A_0 = (2/\pi) \arcsin\sqrt{P/p^*}` (Westergaard 1939, J. Appl. Mech. 6:49).

    Parameters
    ----------
    ratio
        :math:`P/p^*`.
    """
    return 2.0 / math.pi * torch.asin(ratio.clamp(0.0, 1.0).sqrt())


def westergaard_peak(ratio: Array) -> Array:
    r""":math:`p_{max}/p^* = 2\sqrt{P/p^*}` below full contact, :math:`1 + P/p^*` above.

    Parameters
    ----------
    ratio
        :math:`P/p^*`.
    """
    return torch.where(ratio < 1.0, 2.0 * ratio.clamp_min(0.0).sqrt(), 1.0 + ratio)


def westergaard_pressure(x: Array, ratio: float) -> Array:
    r""":math:`p(x)/p^*` at :math:`x/\lambda`, with :math:`s = \sin^2 \pi a = P/p^*`.

    .. math:: \frac{p}{p^*} = 2 \cos(\pi x) \sqrt{s - \sin^2 \pi x} \quad\text{where positive.}

    Parameters
    ----------
    ratio
        :math:`P/p^*`.
    """
    if ratio >= 1.0:
        return ratio + torch.cos(2.0 * math.pi * x)
    return 2.0 * torch.cos(math.pi * x).abs() * (ratio - torch.sin(math.pi * x).square()).clamp_min(0.0).sqrt()


def jgh_pressure_scale(amplitude: Array | float, wavelength: Array | float, modulus: Array | float) -> Array:
    r"""Pressure of full contact of :math:`h = D \cos(2\pi x/\lambda) \cos(2\pi y/\lambda)`: :math:`\sqrt2 \pi E^*
    D/\lambda`.

    Parameters
    ----------
    amplitude
        Amplitude of the wave [m].
    wavelength
        Its wavelength [m].
    modulus
        Contact modulus [Pa].
    """
    return torch.as_tensor(math.sqrt(2.0) * math.pi * modulus * amplitude / wavelength)


def jgh_area(ratio: Array) -> tuple[Array, Array]:
    r"""Limits of the area of the two-dimensional wave at low and at high :math:`P/p^*`.

    :math:`\pi (3P/8\pi p^*)^{2/3}` and :math:`1 - (3/2\pi)(1 - P/p^*)` (Johnson, Greenwood and Higginson 1985, Int. J.
    Mech. Sci. 27:383). The first is 8 % low at 0.05 already, the second 2 % high at 0.7.

    Parameters
    ----------
    ratio
        :math:`P/p^*`.
    """
    return math.pi * (3.0 * ratio / (8.0 * math.pi)) ** (2.0 / 3.0), 1.0 - 1.5 / math.pi * (1.0 - ratio)


def johnson_adhesive_load(width: Array, adhesion: Array | float) -> Array:
    r"""Load of a sine with JKR adhesion at the contact fraction :math:`a`: :math:`P/p^* = \sin^2 \pi a/2 -
    \alpha\sqrt{\tan \pi a/2}`.

    :math:`\alpha^2 = 2 w \lambda / (\pi^2 E^* D^2)` with the work of adhesion w (Johnson 1995, Int. J. Solids Struct.
    32:423).

    Parameters
    ----------
    width
        Contact fraction.
    """
    half = 0.5 * math.pi * width
    return torch.sin(half).square() - adhesion * torch.tan(half).sqrt()


def spontaneous_contact() -> float:
    r"""The sine jumps into full contact without load above :math:`\alpha = 3^{3/4}/4`."""
    return 3.0**0.75 / 4.0


def persson_area(ratio: Array, kappa: float = math.sqrt(8.0 / math.pi)) -> Array:
    r"""Persson's area of a randomly rough surface, :math:`A/A_0 = \mathrm{erf}(\sqrt2 P/(E^* h'))`.

    The slope at low load is :math:`\kappa = \sqrt{8/\pi}` (Persson 2001, cond-mat/0103362; Manners and Greenwood 2006);
    ``kappa=2`` is the value of numerical solutions. Designed textures have 1 to 14: a surrogate, not a solve.

    Parameters
    ----------
    ratio
        :math:`P/p^*`.
    """
    return erf(0.5 * math.sqrt(math.pi) * kappa * ratio)


def elastoplastic_areas(load: Array, hardness: Array | float, modulus_slope: Array | float, terms: int = 400) -> tuple:
    r"""Elastic and plastic area fractions of Persson's theory with a pressure cap.

    The stress distribution diffuses with variance :math:`s = (E^* h')^2/4` between absorbing walls at 0 and H:

    .. math:: A_{el} = \frac2\pi \sum_k \frac{1 - (-1)^k}{k} \sin(a_k) e^{-k^2\pi^2 s/2H^2}, \qquad
              A_{pl} = \frac2\pi \sum_k \frac{-(-1)^k}{k} \sin(a_k) (1 - e^{-k^2\pi^2 s/2H^2}), \quad a_k = k\pi P/H

    (Persson 2001, J. Chem. Phys. 115:3840, eq. 20-25). On narrow-band maps it is 8 to 16 % from the numerical area at
    H = 0.25 E*h' and worse above: a trend, not an oracle.

    Parameters
    ----------
    load
        Mean pressure [Pa].
    hardness
        Largest pressure [Pa].
    modulus_slope
        Contact modulus times rms slope [Pa].
    terms
        Terms of the series.
    """
    load = torch.as_tensor(load, dtype=torch.float64)
    k = torch.arange(1, terms + 1, dtype=torch.float64)
    hardness = torch.as_tensor(hardness, dtype=torch.float64)[..., None]
    s = torch.as_tensor(modulus_slope, dtype=torch.float64)[..., None].square() / 4.0
    sine = torch.sin(k * math.pi * load[..., None] / hardness) / k
    decay = torch.exp(-k.square() * math.pi**2 * s / (2.0 * hardness.square()))
    sign = 1.0 - 2.0 * (k % 2)
    # the undamped part of the plastic series sums to P/H exactly
    plastic = load / hardness[..., 0] + 2.0 / math.pi * (sign * sine * decay).sum(-1)
    return 2.0 / math.pi * ((1.0 - sign) * sine * decay).sum(-1), plastic


def greenwood_williamson(
    separation: Array, density: float, radius: float, deviation: float, modulus: float, points: int = 4001
) -> tuple[Array, Array]:
    r"""Area fraction and mean pressure of independent Hertzian summits of normal height.

    .. math:: A/A_0 = \pi \eta R \sigma F_1(d/\sigma), \quad P = \tfrac43 \eta E^* R^{1/2} \sigma^{3/2}
        F_{3/2}(d/\sigma), \quad F_n(x) = \int_x^\infty (z - x)^n \phi(z) dz

    with summit density :math:`\eta` [1/m2], radius R [m] and height deviation :math:`\sigma` [m] (Greenwood and
    Williamson 1966, doi 10.1098/rspa.1966.0242). Summits do not interact: valid at small area only.

    Parameters
    ----------
    separation
        Distance of the mean planes [m].
    modulus
        Contact modulus [Pa].
    points
        Nodes of the quadrature.
    """
    x = torch.as_tensor(separation, dtype=torch.float64)[..., None] / deviation
    above = torch.linspace(0.0, 12.0, points, dtype=torch.float64)
    normal = torch.exp(-0.5 * (x + above).square()) / math.sqrt(2.0 * math.pi)
    f1 = torch.trapezoid(above * normal, above)
    f32 = torch.trapezoid(above**1.5 * normal, above)
    area = math.pi * density * radius * deviation * f1
    return area, 4.0 / 3.0 * density * modulus * math.sqrt(radius) * deviation**1.5 * f32
