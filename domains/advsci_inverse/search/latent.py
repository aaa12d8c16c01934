r"""Latent search: the images that a generator prior deems likely given the data, with their weights.

The prior is :math:`x = G(z)+e`, :math:`e\sim N(0,R)` (see `GeneratorPrior`), so the data misfit is whitened by
:math:`S = A R A^\top + \sigma^2 I = LL^\top` and the negative log posterior of :math:`z` is

.. math:: f(z) = \tfrac12\|L^{-1}(y - A\,G(z))\|^2 + \tfrac12\|z\|^2 .

1. *Screening*: many prior samples are decoded once, shared by all data sets; the best few start the search.
2. *Levenberg-Marquardt*: all images and starts at once, Jacobians by forward mode, one damping and one acceptance each.
3. *Evidence*: each end point weighs :math:`e^{-f}\,|I + J^\top J|^{-1/2}` (Laplace) and the posterior mean is the
   weighted mean of :math:`G(z_i)` plus the best linear estimate of :math:`e`: the data say how far to leave the range.

At the true model :math:`2f` of the best end point follows a :math:`\chi^2` law with as many degrees of freedom as there
are data, which gives the verdict on images of another kind.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ShapeError
from advsci.streams import Stream
from advsci_inverse.operators.data_step import DataStep
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.search.quasi_newton import lbfgs

__all__ = ["LatentPosterior", "LatentSearch", "levenberg_marquardt"]

Gradient = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class LatentPosterior:
    """What the search found for a batch of data sets, ``s`` end points each.

    Attributes
    ----------
    mean, deviation
        Posterior mean and standard deviation of each pixel.
    projection
        ``G(z)`` of the best end point: the most likely image *inside* the range.
    latents, weights
        End points and their posterior weights.
    misfit
        :math:`2f/m` of the best end point: about 1 for images of the prior's kind, more for others.
    """

    mean: Float[Tensor, "b h w"]
    deviation: Float[Tensor, "b h w"]
    projection: Float[Tensor, "b h w"]
    latents: Float[Tensor, "b s k"]
    weights: Float[Tensor, "b s"]
    misfit: Float[Tensor, " b"]


def levenberg_marquardt(
    residual_and_jacobian, z: Float[Tensor, "n k"], *, steps: int = 10, damping: float = 1.0
) -> tuple[Float[Tensor, "n k"], Float[Tensor, " n"], Float[Tensor, "n m"], Float[Tensor, "n m k"]]:
    r"""Minimise :math:`\tfrac12\|r(z)\|^2+\tfrac12\|z\|^2` for each row, with a damping and an acceptance of its own.

    Parameters
    ----------
    residual_and_jacobian
        ``z -> (r [n, m], dr/dz [n, m, k])``.
    z
        First points.
    steps
        Linearisations.
    damping
        Of the first step.

    Returns
    -------
    z, objective, residual, jacobian
        At the end points.
    """
    k = z.shape[1]
    eye = torch.eye(k, dtype=z.dtype, device=z.device)
    mu = z.new_full((len(z),), damping)
    r, jac = residual_and_jacobian(z)
    value = 0.5 * (r.square().sum(1) + z.square().sum(1))
    for _ in range(steps):
        hessian = jac.mT @ jac + eye
        slope = (jac.mT @ r[..., None])[..., 0] + z
        step = torch.linalg.solve(hessian + mu[:, None, None] * eye, slope)
        z_new = z - step
        r_new, jac_new = residual_and_jacobian(z_new)
        value_new = 0.5 * (r_new.square().sum(1) + z_new.square().sum(1))
        better = value_new < value
        mu = torch.where(better, mu * 0.3, (mu * 4.0).clamp(max=1e6))
        z = torch.where(better[:, None], z_new, z)
        r = torch.where(better[:, None], r_new, r)
        jac = torch.where(better[:, None, None], jac_new, jac)
        value = torch.where(better, value_new, value)
    return z, value, r, jac


class LatentSearch:
    """Search under one operator and noise level.

    Parameters
    ----------
    prior, operator, sigma
        The prior, the operator and the standard deviation of the (white) noise.
    screen
        Prior samples that are decoded for screening.
    seed
        Of the screened samples.

    Raises
    ------
    ShapeError
        The operator measures images of another shape than the prior's.

    Examples
    --------
    >>> import torch
    >>> from advsci_inverse import LatentSearch, load_prior
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> prior, operator = load_prior("digits"), gaussian_sensing(40, (28, 28))
    >>> search = LatentSearch(prior, operator, 0.05, screen=64)
    >>> search(operator(prior.decode(torch.zeros(1, prior.latent))), starts=2).mean.shape
    torch.Size([1, 28, 28])
    """

    def __init__(
        self, prior: GeneratorPrior, operator: LinearOperator, sigma: float, *, screen: int = 2048, seed: int = 0
    ):
        if operator.image_shape != tuple(prior.shape):
            raise ShapeError(
                f"got an operator on images of {operator.image_shape}; expected {tuple(prior.shape)}, the prior's. "
                "Try: an operator of that size."
            )
        self.prior, self.operator, self.sigma = prior, operator, sigma
        self.step = DataStep(operator, prior.residual_covariance())
        self.factor = self.step.factor(sigma, 1.0)
        stream = Stream(seed).at("screen")
        device = prior.residual_factor.device
        self.candidates = stream.normal((screen, prior.latent), device=device)
        with torch.no_grad():
            self.seen = self.whiten(operator(prior.decode(self.candidates)))

    def whiten(self, y: Tensor) -> Tensor:
        """``L^{-1} y``, flattened.

        Parameters
        ----------
        y
            Data ``[n, *data_shape]``.

        Returns
        -------
        tensor [n, m]
            Data whose noise and missing part are white.
        """
        return torch.linalg.solve_triangular(self.factor, y.flatten(1).T, upper=False).T

    def log_constant(self) -> float:
        r""":math:`-\tfrac m2\log 2\pi - \log|L|`: the log density of data is this minus their misfit."""
        return -0.5 * self.operator.data_size * math.log(2 * math.pi) - float(self.factor.diagonal().log().sum())

    def misfit(self, y: Tensor) -> Gradient:
        r"""``z -> (U, grad U)`` with :math:`U = \tfrac12\|L^{-1}(y - A\,G(z))\|^2`.

        Parameters
        ----------
        y
            Data ``[n, *data_shape]``, one row per latent vector.

        Returns
        -------
        callable
            The function.
        """
        target = self.whiten(y)

        def value_and_gradient(z: Tensor) -> tuple[Tensor, Tensor]:
            """Whitened misfit (n) at latent vectors ``z`` (n k), and its gradient."""
            with torch.enable_grad():
                z = z.detach().requires_grad_()
                value = 0.5 * (self.whiten(self.operator(self.prior.decode(z))) - target).square().sum(1)
                (slope,) = torch.autograd.grad(value.sum(), z)
            return value.detach(), slope

        return value_and_gradient

    def objective(self, y: Tensor) -> Gradient:
        r"""``z -> (f, grad f)``, the negative log posterior :math:`U + \tfrac12\|z\|^2` and its gradient.

        Parameters
        ----------
        y
            Data ``[n, *data_shape]``, one row per latent vector.

        Returns
        -------
        callable
            The function.
        """
        misfit = self.misfit(y)

        def value_and_gradient(z: Tensor) -> tuple[Tensor, Tensor]:
            """Misfit plus half the squared norm (n) at latent vectors ``z`` (n k), and its gradient."""
            value, slope = misfit(z)
            return value + 0.5 * z.square().sum(1), slope + z

        return value_and_gradient

    @torch.no_grad()
    def best(self, y: Tensor, *, starts: int = 6, steps: int = 8) -> Float[Tensor, "b k"]:
        """The end point of largest weight for each data set.

        Parameters
        ----------
        y
            Data ``[b, *data_shape]``.
        starts, steps
            As in the search.

        Returns
        -------
        tensor [b, k]
            Latents.
        """
        found = self(y, starts=starts, steps=steps)
        return found.latents[torch.arange(len(y), device=y.device), found.weights.argmax(1)]

    @torch.no_grad()
    def curvature(self, z: Float[Tensor, "b k"]) -> tuple[Float[Tensor, "b k k"], Float[Tensor, "b k k"]]:
        r"""Gauss-Newton curvature :math:`J^\top J` of the misfit, and a root of :math:`(I + J^\top J)^{-1}`.

        Parameters
        ----------
        z
            Latents.

        Returns
        -------
        curvature, root : tensor [b, k, k]
            Both matrices of each latent.
        """
        _, tangents = self.prior.jacobian(z)
        jac = self.whiten(self.operator(tangents.flatten(0, 1))).reshape(*z.shape, -1)
        square, eye = jac @ jac.mT, torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
        factor = torch.linalg.cholesky(square + eye)
        return square, torch.linalg.solve_triangular(factor.mT, eye.expand_as(factor), upper=True)

    @torch.no_grad()
    def screen(self, white: Float[Tensor, "b m"], starts: int) -> Float[Tensor, "b s k"]:
        """The screened latents of highest posterior density.

        Parameters
        ----------
        white
            Whitened data.
        starts
            Latents for each data set.

        Returns
        -------
        tensor [b, starts, k]
            Latents.
        """
        cross = white @ self.seen.T
        half = 0.5 * (self.seen.square().sum(1) + self.candidates.square().sum(1)) - cross
        return self.candidates[half.topk(starts, largest=False).indices]

    @torch.no_grad()
    def __call__(
        self,
        y: Tensor,
        *,
        starts: int = 6,
        steps: int = 8,
        method: Literal["lm", "lbfgs"] = "lm",
        first: Float[Tensor, "b k"] | None = None,
    ) -> LatentPosterior:
        """Posterior of each data set.

        Parameters
        ----------
        y
            Data ``[b, *data_shape]``.
        starts
            End points for each data set.
        steps
            Linearisations (``"lm"``, the quicker below some 50 latent dimensions) or evaluations of value and gradient
            (``"lbfgs"``, where it needs some 60).
        method
            ``"lm"`` or ``"lbfgs"``.
        first
            Latents that take the place of one screened start, such as an estimate that the encoder has read.

        Returns
        -------
        LatentPosterior
            What was found.
        """
        b, k, shape = len(y), self.prior.latent, self.operator.image_shape
        white = self.whiten(y)
        z = self.screen(white, starts)
        if first is not None:
            z = torch.cat([first[:, None], z[:, 1:]], 1)
        z = z.reshape(-1, k)
        target = white.repeat_interleave(starts, 0)

        def linearise(z: Tensor) -> tuple[Tensor, Tensor]:
            """Whitened residuals at latent vectors ``z`` (n k), and their Jacobian."""
            image, tangents = self.prior.jacobian(z)
            r = self.whiten(self.operator(image)) - target
            moved = self.whiten(self.operator(tangents.flatten(0, 1)))
            return r, moved.reshape(len(z), k, -1).mT

        if method == "lbfgs":
            z, _ = lbfgs(self.objective(y.repeat_interleave(starts, 0)), z, steps=steps)
        z, value, r, jac = levenberg_marquardt(linearise, z, steps=steps if method == "lm" else 0)
        hessian = jac.mT @ jac + torch.eye(k, dtype=z.dtype, device=z.device)
        evidence = (-value - 0.5 * torch.linalg.slogdet(hessian)[1]).reshape(b, starts)
        weights = torch.softmax(evidence, 1)
        image, tangents = self.prior.jacobian(z)
        # x = G(z) + e: the residual's estimate, and how both vary with z
        gain = torch.linalg.solve_triangular(self.factor, self.step.rows, upper=False)  # L^{-1} A R
        each = image.flatten(1) - r @ gain
        moved = tangents.flatten(2) - jac.mT @ gain
        chol = torch.linalg.cholesky(hessian)
        spread = torch.linalg.solve_triangular(chol, moved, upper=False).square().sum(1)
        inside = self.step.variance(self.sigma).flatten()
        each, variance = each.reshape(b, starts, -1), (spread + inside).reshape(b, starts, -1)
        mean = (weights[..., None] * each).sum(1)
        second = (weights[..., None] * (each.square() + variance)).sum(1)
        best = value.reshape(b, starts).argmin(1)
        pick = torch.arange(b, device=z.device)
        return LatentPosterior(
            mean=mean.reshape(b, *shape),
            deviation=(second - mean.square()).clamp(min=1e-8).sqrt().reshape(b, *shape),
            projection=image.reshape(b, starts, *shape)[pick, best],
            latents=z.reshape(b, starts, k),
            weights=weights,
            misfit=2 * value.reshape(b, starts).amin(1) / self.operator.data_size,
        )
