r"""PacGAN: the discriminator judges packs of samples, and so sees how varied they are.

Lin et al. 2018, arXiv 1712.04086: with packs of m samples the game compares :math:`p^m` with :math:`q^m`, and a
generator that drops modes is further away from the data in :math:`q^m` than in :math:`q`.
"""

from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError

__all__ = ["Packed"]


class Packed(nn.Module):
    """A discriminator of packs of ``m`` consecutive samples, joined along the channels (vectors: along the entries).

    Every sample of a pack gets the pack's logit, so that objectives, weights and penalties work unchanged. The input
    gradient of the sum of the logits then is m times the pack's: a penalty of weight :math:`\\gamma` acts on the packs
    like one of weight :math:`m \\gamma`.

    Parameters
    ----------
    discriminator
        Takes samples with m times the channels of the data.
    m
        Samples a pack; divides the batch.
    """

    couples_batch = True

    def __init__(self, discriminator: nn.Module, m: int = 2):
        super().__init__()
        self.discriminator = discriminator
        self.m = m

    def forward(self, x: Float[Tensor, "n c *positions"]) -> Float[Tensor, " n"]:
        """Logits (n) of samples ``x`` (n c ...); those of one pack are equal.

        Raises
        ------
        ShapeError
            The batch cannot be divided into packs.
        """
        n, c = x.shape[:2]
        if n % self.m:
            raise ShapeError(
                f"got a batch of {n} for packs of {self.m}; expected a multiple. Try: batch_size={n - n % self.m}."
            )
        packs = x.reshape(n // self.m, self.m * c, *x.shape[2:])
        return self.discriminator(packs).reshape(-1).repeat_interleave(self.m)
