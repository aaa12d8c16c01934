r"""Penalties in place of a critic: spectrum, heights and slopes of maps within the spread of a process's own.

A statistic :math:`s_k` of a map has mean :math:`m_k` and deviation :math:`d_k` over the process's maps. A map of the
process has :math:`E z_k^2 = 1` with :math:`z_k = (s_k - m_k)/d_k`, so that only what exceeds it costs:

.. math:: L = \sum_{\text{kinds}} E \max\left(0,\ \frac1n \sum_k z_k^2 - 1\right)

Nothing pulls a map to the average one. The kinds are the log power in rings of wavenumbers, the quantiles of the
heights, and the quantiles of the steepness between pixels.
"""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["MapStatistics"]

RINGS = (1, 2, 3, 4, 6, 8, 11, 15, 24, 36, 64)


class MapStatistics:
    """The penalty of one process.

    Parameters
    ----------
    maps
        (m p p) maps of the process.

    Examples
    --------
    >>> from advsci.streams import Stream
    >>> maps = Stream(0).normal((32, 16, 16))
    >>> penalty = MapStatistics(maps)
    >>> bool(penalty(3.0 * maps) > 5.0 * penalty(maps))
    True
    """

    def __init__(self, maps: Float[Tensor, "m p p"]):
        k = torch.fft.fftfreq(maps.shape[-1], 1.0 / maps.shape[-1])
        q = torch.hypot(k[:, None], k[None, :])
        edges = [edge for edge in RINGS if edge < maps.shape[-1] / 2] + [maps.shape[-1] / 2]
        self.rings = torch.stack([((q >= a) & (q < b)).to(maps) for a, b in zip(edges[:-1], edges[1:], strict=True)])
        found = self.statistics(maps)
        self.mean = [s.mean(0) for s in found]
        # a constant statistic of the process must not divide by zero
        self.deviation = [s.std(0) + 1e-3 * s.std() for s in found]

    def statistics(self, maps: Float[Tensor, "n p p"]) -> list[Float[Tensor, "n k"]]:
        """Log power in rings, height quantiles and steepness quantiles of each map.

        Parameters
        ----------
        maps
            (n p p) heights, in the unit of the process's maps.

        Returns
        -------
        list of Tensor
            One (n k) per kind.
        """
        h = maps - maps.mean((1, 2), keepdim=True)
        power = torch.einsum("nab,kab->nk", torch.fft.fft2(h).abs().square(), self.rings.to(h))
        steep = (h.roll(1, 1) - h).square() + (h.roll(1, 2) - h).square()
        every = maps.shape[-1]
        quantiles = [x.flatten(1).sort(1).values[:, ::every] for x in (h, (steep + 1e-8).sqrt())]
        return [power.clamp_min(1e-9).log(), *quantiles]

    def __call__(self, maps: Float[Tensor, "n p p"]) -> Float[Tensor, ""]:
        """The penalty L of the ``maps``, 0-dim."""
        parts = []
        for found, mean, deviation in zip(self.statistics(maps), self.mean, self.deviation, strict=True):
            z = (found - mean.to(found)) / deviation.to(found)
            parts.append((z.square().mean(1) - 1.0).clamp_min(0.0).mean())
        return torch.stack(parts).sum()
