r"""The spectrum of a game's vector field, matrix-free, and what it says about learning rates.

One step of size h moves a small displacement from an equilibrium by :math:`I - hJ`: an eigenvalue :math:`\lambda` of
:math:`J` becomes the multiplier :math:`\mu = 1 - h\lambda`. The game is stable while all :math:`|\mu| < 1`, that is for

.. math:: h < h^* = \min_k \frac{2\, \mathrm{Re}\, \lambda_k}{|\lambda_k|^2}

(simultaneous moves; Nagarajan and Kolter 2017, Mescheder et al. 2017). A complex pair that leaves the unit circle is a
(Neimark-Sacker) Hopf bifurcation: past it the players circle each other.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from advsci.diagnostics.field import VectorField
from advsci.errors import ConfigError
from advsci.streams import Stream

__all__ = ["Spectrum", "game_spectrum", "rotation_share", "stable_rate"]


@dataclass(frozen=True)
class Spectrum:
    """Leading eigenvalues of the Jacobian of a game's vector field.

    Attributes
    ----------
    eigenvalues
        The largest in modulus first.
    residuals
        :math:`|J^T y - \\lambda y| / |\\lambda|` of each eigenvalue's unit vector y: how far it has converged.
    products
        Products with the Jacobian that were spent.
    """

    eigenvalues: Complex[Tensor, " k"]
    residuals: Float[Tensor, " k"]
    products: int

    @property
    def stable_rate(self) -> float:
        """See `stable_rate`."""
        return stable_rate(self.eigenvalues)

    @property
    def critical(self) -> complex:
        """The eigenvalue that leaves the unit circle first as the learning rate grows."""
        return complex(self.eigenvalues[_rates(self.eigenvalues).argmin()])

    def multipliers(self, rate: float) -> Complex[Tensor, " k"]:
        """Eigenvalues of one simultaneous step, :math:`1 - h \\lambda`.

        Parameters
        ----------
        rate
            Learning rate.
        """
        return 1.0 - rate * self.eigenvalues

    def warning(self, rate: float, margin: float = 0.1) -> str | None:
        """What is near or beyond the unit circle at this learning rate, in words; None where all is well inside.

        Parameters
        ----------
        rate
            Learning rate of plain simultaneous descent.
        margin
            Share of the largest stable rate below which nothing is said.
        """
        limit, critical = self.stable_rate, self.critical
        rotating = abs(critical.imag) > 1e-3 * abs(critical)
        if limit == 0.0:
            kind = "spirals outwards" if rotating else "is driven away"
            return (
                f"unstable at any learning rate: along eigenvalue {_show(critical)} the game {kind}. "
                "Try: a gradient penalty (R1), or a solver that damps rotation (extragradient, consensus)."
            )
        if rate <= (1.0 - margin) * limit:
            return None
        place = "beyond" if rate > limit else "close to"
        if rotating:
            turns = 2.0 * torch.pi / abs(torch.angle(torch.tensor(1.0 - rate * critical)).item())
            return (
                f"Hopf: the learning rate {rate:.3g} is {place} the largest stable one, {limit:.3g}; the pair at "
                f"{_show(critical)} turns once in {turns:.0f} steps, and beyond it the players circle each other. "
                "Try: a lower rate, a stronger penalty, or extragradient."
            )
        return (
            f"flip: the learning rate {rate:.3g} is {place} the largest stable one, {limit:.3g}; the step "
            "overshoots along a "
            f"real eigenvalue {_show(critical)}. Try: a lower rate."
        )


def stable_rate(eigenvalues: Complex[Tensor, " k"]) -> float:
    r"""Largest stable learning rate of simultaneous descent, :math:`\min_k 2\,\mathrm{Re}\,\lambda_k / |\lambda_k|^2`.

    0 where an eigenvalue has no positive real part (beyond rounding): then no rate is stable.

    Parameters
    ----------
    eigenvalues
        Eigenvalues of the field's Jacobian (k), complex.
    """
    return max(float(_rates(eigenvalues).min()), 0.0)


def _rates(eigenvalues: Tensor) -> Tensor:
    """The largest stable rate of each eigenvalue; those that vanish within rounding do not count."""
    size = eigenvalues.abs()
    tolerance = size.max() * 10.0 * torch.finfo(size.dtype).eps
    real = torch.where(eigenvalues.real.abs() > tolerance, eigenvalues.real, 0.0)
    rates = 2.0 * real / size.square().clamp_min(torch.finfo(size.dtype).tiny)
    return torch.where(size > tolerance, rates, torch.inf)


def game_spectrum(
    field: VectorField, count: int = 20, *, steps: int = 60, tolerance: float = 1e-6, stream: Stream | None = None
) -> Spectrum:
    r"""Leading eigenvalues of the Jacobian of a game's field by Arnoldi's method.

    Built on :math:`J^T`, whose eigenvalues are the same and whose products cost one backward pass; the iteration ends
    early when the ``count`` leading ones have converged.

    Parameters
    ----------
    field
        The field at the point of interest.
    count
        Eigenvalues wanted; fewer come back for smaller games.
    steps
        Largest number of products with the Jacobian, and of stored vectors.
    tolerance
        Relative residual at which an eigenvalue counts as converged.
    stream
        Key of the random start.

    Raises
    ------
    ConfigError
        More eigenvalues are asked for than steps are made, or fewer than one.

    Examples
    --------
    >>> from advsci import GAN, Stream
    >>> from advsci.diagnostics import VectorField, game_spectrum
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> game = GAN(MLP(2, 2, width=4), MLP(2, 1, width=4), Gaussian(2))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> field = VectorField(game, batch, game.draw(batch, Stream(1)))
    >>> len(game_spectrum(field, count=4, steps=8, stream=Stream(2)).eigenvalues) >= 4
    True
    """
    if not 1 <= count <= steps:
        raise ConfigError(f"got count={count} and steps={steps}; expected 1 <= count <= steps. Try: steps=3*count.")
    steps = min(steps, field.size)
    v = field.value
    start = (stream or Stream(0)).at("arnoldi").normal((field.size,), device=v.device, dtype=v.dtype)
    basis = v.new_empty(steps + 1, field.size)
    basis[0] = start / start.norm()
    h = torch.zeros(steps + 1, steps, dtype=torch.double)
    done = 0
    for j in range(steps):
        w = field.vjp(basis[j])
        before, known = w.norm(), basis[: j + 1]
        overlap = known @ w
        w.addmv_(known.T, overlap, alpha=-1.0)  # in place: a new vector of this size costs as much as filling it
        # one transfer a step: the small matrix lives on the host
        column = torch.cat([overlap, w.norm().reshape(1), before.reshape(1)]).double().cpu()
        # the second pass costs as much as the first: worth it only where most was taken away, which leaves rounding of
        # up to ten units behind (Kahan and Parlett: then twice is enough)
        if float(column[-2]) < 0.1 * float(column[-1]):
            again = known @ w
            w.addmv_(known.T, again, alpha=-1.0)
            column = torch.cat([overlap + again, w.norm().reshape(1), before.reshape(1)]).double().cpu()
        h[: j + 2, j] = column[:-1]
        done = j + 1
        norm = float(column[-2])
        invariant = norm <= float(h.abs().max()) * torch.finfo(v.dtype).eps
        if invariant or (done >= count + 2 and done % 5 == 0 and bool((_ritz(h, done)[1][:count] < tolerance).all())):
            break
        torch.div(w, norm, out=basis[done])
    eigenvalues, residuals = _ritz(h, done)
    return Spectrum(eigenvalues[:count], residuals[:count], done)


def _ritz(h: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """Eigenvalues of the leading m x m block, the largest first, and their relative residuals."""
    values, vectors = torch.linalg.eig(h[:m, :m])
    order = values.abs().argsort(descending=True, stable=True)
    residuals = h[m, m - 1].abs() * vectors[m - 1].abs() / vectors.norm(dim=0)
    return values[order], (residuals / values.abs().clamp_min(torch.finfo(torch.double).tiny))[order]


def rotation_share(field: VectorField, *, probes: int = 8, stream: Stream | None = None) -> float:
    r"""How much of the field's Jacobian is rotation: :math:`|A|_F^2 / |J|_F^2` with :math:`A = (J - J^T)/2`.

    0 for a potential game (players with one common goal), 1 for pure rotation such as :math:`f = xy`. Estimated from
    :math:`E |Ju \mp J^T u|^2 / 4` over random signs u (Hutchinson; Balduzzi et al. 2018, arXiv 1802.05642, for the
    split).

    Parameters
    ----------
    probes
        Random directions.
    stream
        Where the random numbers come from.
    """
    v = field.value
    symmetric = antisymmetric = 0.0
    for i in range(probes):
        bits = (stream or Stream(0)).at("rotation", i).integers(2, (field.size,), device=v.device)
        u = (2 * bits - 1).to(v.dtype)
        forward, backward = field.jvp(u), field.vjp(u)
        symmetric += float((forward + backward).square().sum())
        antisymmetric += float((forward - backward).square().sum())
    return antisymmetric / max(symmetric + antisymmetric, torch.finfo(torch.double).tiny)


def _show(value: complex) -> str:
    return f"{value.real:.3g}" if value.imag == 0.0 else f"{value.real:.3g} +- {abs(value.imag):.3g}i"
