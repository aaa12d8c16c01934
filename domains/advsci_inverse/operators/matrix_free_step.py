r"""The data step of large images: no matrix is formed, every system is solved by products.

For :math:`x\sim N(v, c\,C)` and :math:`y = Ax + \eta`, :math:`\eta\sim N(0, \sigma^2 I)`, the posterior mean is

.. math:: v + c\,C A^\top u, \qquad (c\,K + \sigma^2 I)\,u = y - A v, \qquad K = A C A^\top,

with :math:`u` by conjugate gradients. They are preconditioned by the Nystrom approximation
:math:`K \approx U \Lambda U^\top` from products with a few random vectors,

.. math:: P^{-1} = I + U\left(\frac{c\,\lambda_{\min} + \sigma^2}{c\,\Lambda + \sigma^2} - I\right) U^\top ,

one for all :math:`c` and :math:`\sigma` (Frangella, Tropp and Udell 2023, doi 10.1137/21M1466244). The gradient with
respect to the data is another such solution, as the matrix is symmetric. The mean posterior variance is
:math:`E[z^\top(c\,C - c^2\,C A^\top(c\,K+\sigma^2 I)^{-1} A C)\,z]/n` over random signs z (Hutchinson 1990): what the
data determine cancels within each sample, so that few are enough.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError
from advsci.linalg import conjugate_gradients
from advsci.streams import Stream
from advsci_inverse.operators.covariance import LowRankCovariance
from advsci_inverse.operators.gaussian_step import GaussianStep
from advsci_inverse.operators.linear import LinearOperator, linear_map

__all__ = ["MatrixFreeStep"]

BLOCK = 16
"""Images that are multiplied at once, where there are many."""
LARGEST_RESIDUAL = 0.01
"""Share of the right-hand side that may be left when the steps are spent."""


class MatrixFreeStep(GaussianStep):
    """`DataStep` of an operator with many data on large images, by products alone.

    Parameters
    ----------
    operator
        Of any size.
    covariance
        Low rank and diagonal, or None for the identity.
    dtype
        Precision where no covariance says it.
    rank
        Random products for the preconditioner, beyond one for each column of the covariance's factor.
    tolerance
        Norm of the residual of a solved system over that of its right-hand side.
    steps
        Most conjugate gradient steps of a system.
    stream
        Random numbers of preconditioner and variance; None takes fixed ones.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> operator = gaussian_sensing(8, (4, 4))
    >>> step, truth = MatrixFreeStep(operator, rank=4), torch.ones(1, 4, 4)
    >>> found = step(torch.zeros(1, 4, 4), operator(truth), sigma=1e-2)
    >>> bool((operator(found) - operator(truth)).abs().max() < 1e-2)  # what was measured is explained
    True
    """

    def __init__(
        self,
        operator: LinearOperator,
        covariance: LowRankCovariance | None = None,
        dtype: torch.dtype = torch.float32,
        *,
        rank: int = 32,
        tolerance: float = 1e-4,
        steps: int = 300,
        stream: Stream | None = None,
    ):
        self.operator, self.covariance = operator, covariance
        self.tolerance, self.steps = tolerance, steps
        self.stream = stream or Stream(0).at("matrix-free step")
        factor = None if covariance is None else covariance.factor
        self.kind = {
            "dtype": dtype if factor is None else factor.dtype,
            "device": operator.device if factor is None else factor.device,
        }
        columns = 0 if factor is None else factor.shape[1]
        self.vectors, self.values = self._sketched(min(columns + rank, operator.data_size))

    def _spread(self, image: Tensor) -> Tensor:
        """``C x`` of images."""
        if self.covariance is None:
            return image
        return self.covariance(image.flatten(1)).reshape(image.shape)

    def _gram(self, u: Tensor) -> Tensor:
        """``A C A^T u``."""
        return self.operator(self._spread(self.operator.adjoint(u)))

    @torch.no_grad()
    def _sketched(self, rank: int) -> tuple[Float[Tensor, "m r"], Float[Tensor, " r"]]:
        """Eigenvectors and eigenvalues of the Nystrom approximation of ``A C A^T``, the largest first."""
        m, shape = self.operator.data_size, self.operator.data_shape
        probes = torch.linalg.qr(self.stream.at("sketch").normal((m, rank), **self.kind))[0]
        blocks = probes.T.reshape(rank, *shape).split(BLOCK)
        image = torch.cat([self._gram(block).flatten(1) for block in blocks]).T
        shift = torch.finfo(probes.dtype).eps * torch.linalg.matrix_norm(image)
        image = image + shift * probes
        core, info = torch.linalg.cholesky_ex(probes.T @ image)
        if int(info):
            raise DataError(
                "got A C A^T not positive semi-definite; expected an adjoint that is the transpose, and a covariance. "
                "Try: dot_test(operator)."
            )
        root = torch.linalg.solve_triangular(core, image.T, upper=False).T
        vectors, values, _ = torch.linalg.svd(root, full_matrices=False)
        return vectors, (values.square() - shift).clamp(min=0)

    def _solve(self, u: Tensor, sigma: float, scale: float) -> Tensor:
        """``(c A C A^T + sigma^2)^{-1} u`` of data ``u``, without a gradient of its own."""
        damped = scale * self.values + sigma**2
        gain = (damped[-1:] / damped).sqrt() - 1.0

        def root(r: Tensor) -> Tensor:
            """The square root of the approximate inverse of ``r``, times that of its least eigenvalue."""
            return r + (r @ self.vectors * gain) @ self.vectors.T

        def precondition(r: Tensor) -> Tensor:
            """The approximate inverse of ``r``: its root twice, positive after rounding too."""
            return root(root(r.flatten(1))).reshape(r.shape)

        return conjugate_gradients(
            lambda p: scale * self._gram(p) + sigma**2 * p,
            u,
            tolerance=self.tolerance,
            steps=self.steps,
            precondition=precondition,
        )

    def correction(self, residual: Tensor, sigma: float, scale: float = 1.0) -> Tensor:
        """What a ``residual`` ``[b, *data]`` adds to the prior mean at noise ``sigma`` and ``scale``: images.

        It can be differentiated in the residual any number of times.
        """
        solve = lambda u: self._solve(u, sigma, scale)  # noqa: E731  symmetric: its own adjoint
        return scale * self._spread(self.operator.adjoint(linear_map(residual, solve, solve)))

    @torch.no_grad()
    def mean_variance(self, sigma: float, scale: float = 1.0, probes: int = 16) -> float:
        """Posterior variance, averaged over pixels.

        Parameters
        ----------
        sigma
            Standard deviation of the noise.
        scale
            :math:`c`, a factor of the covariance.
        probes
            Random images; the relative error is about the root of 2 over their number times the unknowns that the data
            leave open.

        Returns
        -------
        float
            An unbiased estimate.

        Raises
        ------
        DataError
            A system is not solved within the steps.
        """
        z = self.stream.at("variance").normal((probes, *self.operator.image_shape), **self.kind).sign()
        prior = scale * self._spread(z)
        data = self.operator(prior)
        solved = self._solve(data, sigma, scale)
        left = (data - scale * self._gram(solved) - sigma**2 * solved).norm() / data.norm()
        if not float(left) <= LARGEST_RESIDUAL:
            raise DataError(
                f"got a residual of {float(left):.2g} of the data after {self.steps} conjugate gradient steps at "
                f"sigma={sigma:.3g}; expected at most {LARGEST_RESIDUAL}. Try: a larger sigma, rank or steps."
            )
        return max(float(((z * prior).sum() - (data * solved).sum()) / z.numel()), 0.0)
