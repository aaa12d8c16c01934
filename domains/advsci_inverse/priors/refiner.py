r"""A reconstruction learned end to end, for any operator of the kinds it was trained with: data steps and a network.

From the linear estimate under the images' mean and covariance, a few stages

.. math:: r_k = x_k + s_k^2 A^\top(s_k^2 A A^\top + \sigma^2)^{-1}(y - A x_k), \quad x_{k+1}, d_{k+1} = D(r_k, s_k; x_k)

alternate the exact data step at the expected error :math:`s_k` with one network :math:`D` (a `Denoiser` that also
sees :math:`x_k`). The network is shared by stages, operators and noise levels; the last stage also gives the standard
deviation of each pixel. The structure is that of learned proximal methods (Adler and Oktem 2018, arXiv 1707.06474).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci_inverse.operators.covariance import LowRankCovariance
from advsci_inverse.operators.data_step import DataStep
from advsci_inverse.operators.gaussian_step import GaussianStep
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.operators.matrix_free_step import MatrixFreeStep
from advsci_inverse.priors.denoiser import Denoiser

__all__ = ["RefinementPlan", "Refiner"]

DENSE = 2**24
"""Most entries of a matrix that a plan forms: 64 MiB in single precision; beyond, systems are solved by products."""


@dataclass(frozen=True)
class RefinementPlan:
    """What is computed once for an operator and a noise level.

    Attributes
    ----------
    operator, sigma
        The measurement and the standard deviation of its noise.
    linear, white
        Data steps under the images' covariance and under the identity.
    levels
        Expected root mean square error before each stage.
    gains
        Matrices of the linear step and of each stage's data step, for training; None solves anew for each batch.
    """

    operator: LinearOperator
    sigma: float
    linear: GaussianStep
    white: GaussianStep
    levels: tuple[float, ...]
    gains: tuple[Tensor, ...] | None = None

    def start(self, mean: Tensor, y: Tensor) -> Tensor:
        """The linear estimate.

        Parameters
        ----------
        mean
            Mean image of each data set, ``[n, h, w]``.
        y
            Data ``[n, *data]``.

        Returns
        -------
        tensor [n, h, w]
            Images.
        """
        return self._corrected(mean, y, 0, self.linear, 1.0)

    def data_step(self, x: Tensor, y: Tensor, stage: int) -> Tensor:
        """What the data make of images before a stage.

        Parameters
        ----------
        x
            Images ``[n, h, w]``.
        y
            Their data.
        stage
            Index of the stage.

        Returns
        -------
        tensor [n, h, w]
            Images nearer to the data.
        """
        return self._corrected(x, y, stage + 1, self.white, self.levels[stage] ** 2)

    def _corrected(self, x: Tensor, y: Tensor, index: int, step: GaussianStep, scale: float) -> Tensor:
        if self.gains is None:
            return step(x, y, self.sigma, scale)
        return x + ((y - self.operator(x)).flatten(1) @ self.gains[index]).reshape(x.shape)


class Refiner(nn.Module):
    """Mean and covariance of a class of images, and the network of the stages.

    Parameters
    ----------
    shape
        Height and width.
    spread
        Standard deviation of the images' pixels.
    rank
        Rank of the covariance's low-rank part; the rest is diagonal.
    stages
        Number of network evaluations.
    widths, blocks, precision
        See `ResidualUNet`.
    """

    image_mean: Tensor
    factor: Tensor
    diagonal: Tensor

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        spread: float = 0.3,
        rank: int = 128,
        stages: int = 2,
        widths: Sequence[int] = (32, 64, 96),
        blocks: Sequence[int] = (1, 1, 2),
        precision: torch.dtype | None = None,
    ):
        super().__init__()
        self.shape, self.stages = shape, stages
        n = shape[0] * shape[1]
        self.register_buffer("image_mean", torch.zeros(n))
        self.register_buffer("factor", torch.zeros(n, rank))
        self.register_buffer("diagonal", torch.ones(n))
        self.denoiser = Denoiser(0.3, spread, extra=1, widths=widths, blocks=blocks, precision=precision)

    @torch.no_grad()
    def fit_covariance(self, images: Float[Tensor, "m h w"], floor: float = 1e-4) -> None:
        """Set mean and covariance from images.

        Parameters
        ----------
        images
            Training images.
        floor
            Least entry of the diagonal part.
        """
        flat = images.flatten(1)
        self.image_mean.copy_(flat.mean(0))
        centred = flat - self.image_mean
        _, values, vectors = torch.svd_lowrank(centred, self.factor.shape[1], niter=3)
        self.factor.copy_(vectors * (values / len(flat) ** 0.5))
        self.diagonal.copy_((centred.square().mean(0) - self.factor.square().sum(1)).clamp(min=floor))

    def plan(
        self, operator: LinearOperator, sigma: float, *, explicit: bool = False, dense: int = DENSE
    ) -> RefinementPlan:
        """What one operator and noise level need: factorised matrices while they are small, else products alone.

        Parameters
        ----------
        operator
            The measurement.
        sigma
            Standard deviation of the noise.
        explicit
            Form the matrices of the steps, as training wants them, where they are small.
        dense
            Most entries of a matrix of data by pixels, or data by data, that may be formed.

        Returns
        -------
        RefinementPlan
            The plan.

        Raises
        ------
        DataError
            The noise is too small for the precision.
        """
        covariance = LowRankCovariance(self.factor, self.diagonal)
        m = operator.data_size
        if m * max(m, operator.image_size) > dense:
            linear, white = MatrixFreeStep(operator, covariance), MatrixFreeStep(operator)
            return RefinementPlan(operator, sigma, linear, white, self._levels(linear.mean_variance(sigma)))
        linear, white = DataStep(operator, covariance), DataStep(operator)
        levels, gains = self._levels(linear.mean_variance(sigma)), None
        if explicit:
            gains = (linear.gain(sigma), *(white.gain(sigma, level**2) for level in levels))
        return RefinementPlan(operator, sigma, linear, white, levels, gains)

    def _levels(self, variance: float) -> tuple[float, ...]:
        """Expected errors before the stages, the first from the variance that the linear step leaves."""
        return tuple(variance**0.5 * 0.6**k for k in range(self.stages))

    def start(self, plan: RefinementPlan, y: Tensor) -> Tensor:
        """The linear estimate from the images' mean.

        Parameters
        ----------
        plan
            Of `plan`.
        y
            Data ``[n, *data]``.

        Returns
        -------
        tensor [n, h, w]
            Images.
        """
        mean = self.image_mean.reshape(1, *self.shape).expand(len(y), *self.shape)
        return plan.start(mean, y)

    def forward(
        self, parts: Sequence[tuple[RefinementPlan, Tensor]], *, mirrored: bool = False
    ) -> list[tuple[Tensor, Tensor]]:
        """Mean and standard deviation after each stage.

        Parameters
        ----------
        parts
            Plans and their data; images of all are treated together, in order.
        mirrored
            Average the network over the image and its mirror image, at twice the cost.

        Returns
        -------
        list of (mean, deviation)
            One pair of tensors ``[n, h, w]`` per stage.
        """
        sizes = [len(y) for _, y in parts]
        x = torch.cat([self.start(plan, y) for plan, y in parts])
        results = []
        for k in range(self.stages):
            pieces = zip(parts, x.split(sizes), strict=True)
            r = torch.cat([plan.data_step(v, y, k) for (plan, y), v in pieces])
            level = torch.cat([y.new_full((len(y),), plan.levels[k]) for plan, y in parts])
            extra = ((x - r) / level[:, None, None])[:, None]
            x, deviation = self.denoiser(r, level, extra)
            if mirrored:
                mean, spread = self.denoiser(r.flip(-1), level, extra.flip(-1))
                x, deviation = (x + mean.flip(-1)) / 2, (deviation + spread.flip(-1)) / 2
            results.append((x, deviation))
        return results

    @torch.no_grad()
    def reconstruct(self, plan: RefinementPlan, y: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation of each pixel.

        Parameters
        ----------
        plan
            Of `plan`.
        y
            Data ``[n, *data]``.

        Returns
        -------
        mean, deviation : tensor [n, h, w]
            Images, not clipped.
        """
        return self([(plan, y)], mirrored=True)[-1]
