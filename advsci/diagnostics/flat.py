r"""The smallest eigenvalues of a game's Jacobian, matrix-free: flat and negative directions.

Arnoldi's method finds large eigenvalues first. Here its vectors are pulled towards the small ones: each new one solves
:math:`J^T w = q`, in the sense of least squares, by conjugate gradients on products alone. The eigenvalues are those of
:math:`J^T` on the space that the vectors span (Rayleigh-Ritz on an inverse Krylov space; Saad 2011, "Numerical methods
for large eigenvalue problems", sections 4.3 and 8.1). At a point where the players rest, an eigenvalue of negative real
part is a direction in which they leave it, one near 0 a direction in which nothing pulls them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from advsci.diagnostics.field import VectorField
from advsci.errors import ConfigError
from advsci.linalg import least_squares
from advsci.streams import Stream

__all__ = ["FlatDirections", "smallest_eigenvalues"]


@dataclass(frozen=True)
class FlatDirections:
    """Eigenvalues of the Jacobian of a game's vector field nearest to 0.

    Attributes
    ----------
    eigenvalues
        The smallest in modulus first.
    residuals
        :math:`|J^T y - \\lambda y|` of each eigenvalue's unit vector y: how far it has converged, in the units of the
        eigenvalues.
    products
        Products with the Jacobian and its transpose that were spent.
    """

    eigenvalues: Complex[Tensor, " k"]
    residuals: Float[Tensor, " k"]
    products: int

    @property
    def negative(self) -> int:
        """How many have a real part below 0 by more than their residual: ways out of the point."""
        return int((self.eigenvalues.real < -self.residuals).sum())

    def flat(self, below: float) -> int:
        """How many are smaller than a bound, even with their residual.

        Parameters
        ----------
        below
            The bound of the modulus.

        Returns
        -------
        int
            Their number, of those that were asked for.
        """
        return int((self.eigenvalues.abs() + self.residuals < below).sum())


def smallest_eigenvalues(
    field: VectorField,
    count: int = 4,
    *,
    steps: int = 20,
    iterations: int = 50,
    damping: float = 1e-7,
    stream: Stream | None = None,
) -> FlatDirections:
    r"""Eigenvalues of the Jacobian of a game's field nearest to 0, and how well each is known.

    Parameters
    ----------
    field
        The field at the point of interest.
    count
        Eigenvalues wanted; fewer come back for smaller games.
    steps
        Vectors that are made; the space of all of them is searched.
    iterations
        Conjugate gradients for each vector, of one product with :math:`J` and one with :math:`J^T`.
    damping
        :math:`\rho`, relative to the size of :math:`J`: what is solved is :math:`\min |J^T w - q|^2 + \rho^2 |J|^2
        |w|^2`, so that a singular Jacobian does no harm.
    stream
        Key of the random start.

    Returns
    -------
    FlatDirections
        Residuals tell what has converged: a large network has many eigenvalues close to 0, and few vectors span few of
        them.

    Raises
    ------
    ConfigError
        ``count`` is below 1 or above ``steps``.

    Examples
    --------
    >>> from advsci import GAN, Stream
    >>> from advsci.diagnostics import VectorField, smallest_eigenvalues
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> game = GAN(MLP(2, 2, width=4), MLP(2, 1, width=4), Gaussian(2))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> field = VectorField(game, batch, game.draw(batch, Stream(1)))
    >>> found = smallest_eigenvalues(field, count=2, steps=4, iterations=5)
    >>> bool((found.eigenvalues.abs() < 1.0).all())
    True
    """
    if not 1 <= count <= steps:
        raise ConfigError(f"got count={count} and steps={steps}; expected 1 <= count <= steps. Try: steps=5*count.")
    steps = min(steps, field.size)
    v = field.value
    start = (stream or Stream(0)).at("flat").normal((field.size,), device=v.device, dtype=v.dtype)
    basis = [start / start.norm()]
    images = [field.vjp(basis[0])]
    products = 1
    rho = (damping * float(images[0].norm()) * field.size**0.5) ** 2

    def rows(product: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """A ``product`` with one vector as one with a batch of one."""
        return lambda x: product(x[0])[None]

    while len(basis) < steps:
        q = basis[-1][None]
        w = least_squares(
            rows(field.vjp), rows(field.jvp), q, steps=iterations, start=torch.zeros_like(q), damping=rho
        )[0]
        products += 2 * iterations + 2
        known, size = torch.stack(basis), w.norm()
        for _ in range(2):  # twice is enough
            w = w - known.T @ (known @ w)
        if float(w.norm()) <= 10.0 * torch.finfo(v.dtype).eps * float(size):
            break  # the space is invariant
        basis.append(w / w.norm())
        images.append(field.vjp(basis[-1]))
        products += 1
    Q, W = torch.stack(basis).double(), torch.stack(images).double()
    values, vectors = torch.linalg.eig(Q @ W.T)
    order = values.abs().argsort(stable=True)[:count]
    values, vectors = values[order], vectors[:, order] / vectors[:, order].norm(dim=0)
    gaps = W.T.to(vectors) @ vectors - (Q.T.to(vectors) @ vectors) * values
    return FlatDirections(values.cpu(), gaps.norm(dim=0).cpu(), products)
