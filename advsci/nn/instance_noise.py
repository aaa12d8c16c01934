r"""Instance noise: real and generated samples are judged through the same blur, which makes their supports overlap.

.. math:: x \mapsto x + \sigma(t)\, \epsilon, \qquad \epsilon \sim N(0, 1)

Sonderby et al. 2017, arXiv 1610.04490, section 2.3; Arjovsky & Bottou 2017, arXiv 1701.04862, section 3.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.schedules import Schedule, as_schedule
from advsci.streams import Stream

__all__ = ["InstanceNoise"]


class InstanceNoise(nn.Module):
    """Gaussian noise on whatever the discriminator sees: pass it to `GAN` as ``augment``.

    Parameters
    ----------
    sigma
        Standard deviation in the units of the data: a number, or a schedule of the training's progress such as
        ``Linear(0.5, 0.0)``, which ends with the samples as they are.

    Notes
    -----
    The i-th real and the i-th generated sample of a batch share their noise; each alone has the law above.
    """

    progress: Tensor

    def __init__(self, sigma: float | Schedule):
        super().__init__()
        self.sigma = as_schedule(sigma)
        self.register_buffer("progress", torch.zeros(()))

    def draw(self, batch: Mapping[str, Tensor], stream: Stream) -> dict[str, Tensor]:
        """The noise of one batch.

        Parameters
        ----------
        batch
            The batch of one step, with samples ``"x"`` (n ...).
        stream
            Where its random numbers come from.
        """
        x = batch["x"]
        return {"instance_noise": stream.at("instance_noise").normal(tuple(x.shape), device=x.device, dtype=x.dtype)}

    def forward(self, x: Float[Tensor, "n *shape"], draw: Mapping[str, Tensor]) -> Float[Tensor, "n *shape"]:
        """Samples ``x`` with the normal numbers of ``draw``, at this moment's amplitude, added."""
        return x + (self.sigma(self.progress) * draw["instance_noise"]).to(x.dtype)
