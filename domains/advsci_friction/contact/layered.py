r"""A layer bonded to a half-space: the displacement per Fourier mode depends on the thickness in waves.

For a layer of thickness t on a substrate, both isotropic, under normal pressure without shear, a mode of wavenumber q
displaces the surface by

.. math:: u_q = \frac{2\,p_q}{E_1^* q}\; \frac{1 + 4 m\,qt\,e^{-2qt} - mn\,e^{-4qt}}
                {1 - (m + n + 4 m\,q^2t^2)\,e^{-2qt} + mn\,e^{-4qt}},

.. math:: m = \frac{g - 1}{g + 3 - 4\nu_1}, \quad n = 1 - \frac{4(1 - \nu_1)}{1 + g(3 - 4\nu_2)}, \quad
          g = \frac{G_1}{G_2}, \quad E_i^* = \frac{E_i}{1 - \nu_i^2} = \frac{2 G_i}{1 - \nu_i}.

Short waves (:math:`qt \gg 1`) see the layer alone, long ones the substrate alone. (Burmister 1945, doi
10.1063/1.1707558; in this form Persson 2012, doi 10.1088/0953-8984/24/9/095008.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError
from advsci_friction.contact.halfspace import HalfSpace

__all__ = ["Layer", "LayeredHalfSpace", "layer_factor"]


@dataclass(frozen=True)
class Layer:
    """An elastic film on the body that is pressed.

    Attributes
    ----------
    thickness
        t [m].
    ratio
        Plane-strain modulus of the film over that of the substrate, :math:`E_1^*/E_2^*`.
    poisson, substrate_poisson
        Poisson's ratios of film and substrate.

    Raises
    ------
    ConfigError
        A thickness or ratio that is not positive, or a Poisson's ratio outside 0 to .5.

    Examples
    --------
    >>> from advsci_friction import Layer
    >>> Layer(20e-9, 3.0).poisson
    0.3
    """

    thickness: float
    ratio: float
    poisson: float = 0.3
    substrate_poisson: float = 0.3

    def __post_init__(self) -> None:
        if not (self.thickness > 0.0 and self.ratio > 0.0):
            raise ConfigError(
                f"got a layer {self.thickness:g} m thick, {self.ratio:g} times as stiff as its substrate; expected "
                "positive numbers. Try: Layer(20e-9, 3.0)."
            )
        if not all(0.0 <= nu <= 0.5 for nu in (self.poisson, self.substrate_poisson)):
            raise ConfigError(
                f"got Poisson's ratios {self.poisson:g} and {self.substrate_poisson:g}; expected 0 to 0.5. Try: 0.3."
            )


def layer_factor(depth: Float[Tensor, "..."], layer: Layer) -> Float[Tensor, "..."]:
    r"""Displacement on the layer over that of the bare substrate: 1 at :math:`qt \to 0`, :math:`E_2^*/E_1^*` at
    :math:`qt \to \infty`.

    Parameters
    ----------
    depth
        :math:`q t`, any shape.
    layer
        The film.

    Returns
    -------
    Tensor
        Of the shape of ``depth``, positive.

    Examples
    --------
    >>> film = Layer(1e-6, 4.0)
    >>> [round(float(f), 3) for f in layer_factor(torch.tensor([1e-6, 50.0], dtype=torch.float64), film)]
    [1.0, 0.25]
    """
    nu, below = layer.poisson, layer.substrate_poisson
    g = layer.ratio * (1.0 - nu) / (1.0 - below)
    m, n = (g - 1.0) / (g + 3.0 - 4.0 * nu), 1.0 - 4.0 * (1.0 - nu) / (1.0 + g * (3.0 - 4.0 * below))
    fade = torch.exp(-2.0 * depth)
    above = 1.0 + 4.0 * m * depth * fade - m * n * fade.square()
    under = 1.0 - (m + n + 4.0 * m * depth.square()) * fade + m * n * fade.square()
    return above / under / layer.ratio


class LayeredHalfSpace(HalfSpace):
    """The displacement operator of a periodic cell with a film, for a unit modulus of the substrate.

    Parameters
    ----------
    shape, size, device, dtype
        As in `advsci_friction.HalfSpace`.
    layer
        The film.

    Examples
    --------
    >>> space = LayeredHalfSpace((16, 16), (1e-6, 1e-6), Layer(20e-9, 3.0))
    >>> bool((space.compliance <= HalfSpace((16, 16), (1e-6, 1e-6)).compliance).all())
    True
    """

    def __init__(
        self,
        shape: Sequence[int],
        size: Sequence[float],
        layer: Layer,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__(shape, size, device=device, dtype=dtype)
        self.layer = layer

    @cached_property
    def compliance(self) -> Tensor:
        r""":math:`2/|q|` times the `layer_factor` [m], 0 at :math:`q = 0`."""
        q = torch.stack(torch.broadcast_tensors(*[v.square() for v in self.wavevectors])).sum(0).sqrt()
        q = q.clamp_min(1e-300)
        found = 2.0 / q * layer_factor(q * self.layer.thickness, self.layer)
        return torch.where(self.wavenumber > 0.0, found.to(self.dtype), torch.zeros_like(self.wavenumber))

    @cached_property
    def stiffness(self) -> Tensor:
        """The inverse of `compliance` [1/m] on the modes that have one."""
        c = self.compliance
        return torch.where(c > 0.0, 1.0 / c.clamp_min(torch.finfo(c.dtype).tiny), torch.zeros_like(c))
