r"""Batch norm whose statistics are those of the whole batch, of all processes together, on any device.

.. math:: y = \gamma\, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta,
          \qquad \mu = \frac1W \sum_r \mu_r, \qquad \sigma^2 = \frac1W \sum_r \overline{(x_r - \mu)^2}

(Ioffe and Szegedy 2015, arXiv 1502.03167.) ``torch.nn.SyncBatchNorm`` computes the same on GPUs alone and
differentiates once; gradient penalties differentiate twice.
"""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.processes import mean_over_processes, several_processes, world_size

__all__ = ["SharedBatchNorm", "share_batch_norm"]


class SharedBatchNorm(nn.SyncBatchNorm):
    """Batch norm over the samples of all processes, equally many in each; in one process torch's own batch norm.

    It may be differentiated as often as is wanted. The processes must call it, and differentiate through it, together.
    Parameters and buffers are those of ``torch.nn.BatchNorm2d``.

    Examples
    --------
    >>> SharedBatchNorm(3)(torch.randn(8, 3, 4, 4)).shape
    torch.Size([8, 3, 4, 4])
    """

    def forward(self, x: Float[Tensor, "n c *positions"]) -> Float[Tensor, "n c *positions"]:
        """Maps ``x`` (n c ...), each channel standardised over samples and positions; in evaluation mode by the running
        statistics."""
        batch = self.training or self.running_mean is None
        if not (batch and several_processes()):
            return super().forward(x)
        axes = [0, *range(2, x.dim())]
        mean = mean_over_processes(x.mean(axes, keepdim=True))
        centred = x - mean
        variance = mean_over_processes(centred.square().mean(axes, keepdim=True))
        if self.training and self.track_running_stats:
            self._follow(mean, variance, x.numel() // x.shape[1] * world_size())
        y = centred * torch.rsqrt(variance + self.eps)
        if self.weight is None:
            return y
        shape = (1, -1, *[1] * (x.dim() - 2))
        return y * self.weight.view(shape) + self.bias.view(shape)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics as torch's batch norm does: the variance without bias."""
        counted = cast("Tensor", self.num_batches_tracked).add_(1)
        rate = 1.0 / counted.double() if self.momentum is None else self.momentum
        unbiased = variance * (count / max(count - 1, 1))
        for kept, new in ((self.running_mean, mean), (self.running_var, unbiased)):
            held = cast("Tensor", kept)
            held += rate * (new.reshape(-1).to(held.dtype) - held)


def share_batch_norm(network: nn.Module) -> nn.Module:
    """Replace every batch norm within ``network`` by a `SharedBatchNorm` of the same parameters and buffers, in place.

    Parameters
    ----------
    network
        A network, or a batch norm itself.

    Returns
    -------
    nn.Module
        The network; of a batch norm itself, its replacement.

    Examples
    --------
    >>> share_batch_norm(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))[1]
    SharedBatchNorm(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
    """
    if isinstance(network, nn.modules.batchnorm._BatchNorm) and not isinstance(network, SharedBatchNorm):
        shared = SharedBatchNorm(
            network.num_features, network.eps, network.momentum, network.affine, network.track_running_stats
        )
        shared._parameters.update(network._parameters)
        shared._buffers.update(network._buffers)
        return shared.train(network.training)
    for name, child in network.named_children():
        setattr(network, name, share_batch_norm(child))
    return network
