r"""A generator that starts from quilts: patchworks of a process's maps go in, maps without seams come out.

.. math:: G(z, c) = z + R(z, c)

with a patchwork z whose areas lie near the request c, and a convolutional network R on the torus that is zero before
training. The critic then judges what is left of the seams, not whether noise has become a map. (Refining instead of
generating: Shrivastava et al. 2017, arXiv 1612.07828.)
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from advsci.latents import Latent
from advsci.streams import Stream
from advsci_friction.game.new_maps import torus

__all__ = ["MapRefiner", "Patchworks"]


@dataclass(frozen=True)
class Patchworks(Latent):
    """A pool of starting maps as a prior, each at a random place.

    Attributes
    ----------
    maps
        (m p p) patchworks in units of the process's standard deviation.
    condition
        (m j) the requests that each would meet as it is.
    nearest
        How many of the nearest are drawn from for a request.
    """

    maps: Float[Tensor, "m p p"]
    condition: Float[Tensor, "m j"]
    nearest: int = 8

    @property
    def dim(self) -> int:  # type: ignore[override]
        """Pixels of a map."""
        return self.maps.shape[-1] ** 2

    def sample(self, n, stream, *, device="cpu", dtype=None):
        """``n`` patchworks (n dim), drawn and placed by ``stream``, on ``device``, of type ``dtype``."""
        rows = stream.at("row").integers(len(self.maps), (n,))
        return self._placed(rows, stream).to(device, dtype)

    def near(self, condition: Float[Tensor, "n j"], stream: Stream) -> Float[Tensor, "n d"]:
        """Patchworks whose areas lie near requests.

        Parameters
        ----------
        condition
            (n j) the requests.
        stream
            Where choice and place come from.

        Returns
        -------
        Tensor
            (n d) one latent vector per request.
        """
        order = torch.cdist(condition.cpu().float(), self.condition.float()).topk(self.nearest, largest=False).indices
        pick = stream.at("pick").integers(self.nearest, (len(condition), 1))
        return self._placed(order.gather(1, pick)[:, 0], stream).to(condition)

    def _placed(self, rows: Tensor, stream: Stream) -> Tensor:
        moves = stream.at("place").integers(self.maps.shape[-1], (len(rows), 2)).tolist()
        found = [self.maps[row].roll(tuple(move), (0, 1)) for row, move in zip(rows.tolist(), moves, strict=True)]
        return torch.stack(found).flatten(1)


class MapRefiner(nn.Module):
    """Patchwork and request to a map; the identity before training.

    Parameters
    ----------
    pixels
        Pixels along the map, a multiple of 8.
    loads
        Numbers in a request.
    width
        Channels on the finest grid.
    """

    def __init__(self, pixels: int = 48, loads: int = 2, width: int = 16):
        super().__init__()
        self.pixels = pixels
        channels = (width, 3 * width // 2, 2 * width, 3 * width)
        self.stem = torus(1 + loads, channels[0])
        self.down = nn.ModuleList(torus(channels[i], channels[i + 1], 4, 2) for i in range(3))
        self.middle = torus(channels[3], channels[3])
        self.up = nn.ModuleList(torus(channels[i + 1] + channels[i], channels[i]) for i in (2, 1, 0))
        self.last = torus(channels[0], 1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    @property
    def latent(self) -> int:
        """Length of a latent vector: the pixels."""
        return self.pixels**2

    def forward(self, z: Float[Tensor, "n d"], condition: Float[Tensor, "n j"]) -> Float[Tensor, "n p p"]:
        """Maps for patchworks ``z`` and requests ``condition``."""
        start = z.reshape(-1, self.pixels, self.pixels)
        request = condition[:, :, None, None].expand(-1, -1, self.pixels, self.pixels)
        levels = [leaky_relu(self.stem(torch.cat([start[:, None], request], 1)), 0.2)]
        for layer in self.down:
            levels.append(leaky_relu(layer(levels[-1]), 0.2))
        x = levels.pop()
        x = x + leaky_relu(self.middle(x), 0.2)
        for layer in self.up:
            x = leaky_relu(layer(torch.cat([interpolate(x, scale_factor=2, mode="nearest"), levels.pop()], 1)), 0.2)
        return start + self.last(x)[:, 0]
