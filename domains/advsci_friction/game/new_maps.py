r"""New maps of a process: generator and critic of free periodic height maps, and the law of their contact areas.

Both networks are convolutions on the torus, so that they do not see where the cell begins. The generator grows a map
from noise on several scales; the physics presses it at every load of the request,

.. math:: r_j = \frac{\log A_j(h) - \log A^*_j}{\text{tolerance}},

and the critic sees map, request and residuals. Heights are in units of the process's standard deviation.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from advsci.physics import Findings, Physics
from advsci_friction.contact.area import contact_area, real_area
from advsci_friction.contact.solve import solve_contact

__all__ = ["AreaPhysics", "MapCritic", "MapGenerator"]


def torus(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution on the torus.

    Parameters
    ----------
    inputs, outputs
        Channels.
    kernel
        Width of the kernel.
    stride
        1, or 2 with a kernel of 4.

    Returns
    -------
    nn.Conv2d
        With circular padding that keeps (or halves) the grid.
    """
    padding = 1 if stride == 2 else (kernel - 1) // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, padding_mode="circular")


class MapGenerator(nn.Module):
    """Noise on four scales and a request to a periodic map.

    Parameters
    ----------
    pixels
        Pixels along the map, a multiple of 8.
    loads
        Numbers in a request.
    width
        Channels on the finest grid.
    """

    NOISE = (12, 4, 2, 2)

    def __init__(self, pixels: int = 48, loads: int = 2, width: int = 24):
        super().__init__()
        self.grids = tuple(pixels // 8 * 2**i for i in range(4))
        channels = (3 * width, 2 * width, 3 * width // 2, width)
        self.first = torus(self.NOISE[0] + loads, channels[0])
        self.grow = nn.ModuleList(torus(channels[i] + self.NOISE[i + 1] + loads, channels[i + 1]) for i in range(3))
        self.settle = nn.ModuleList(torus(channels[i + 1], channels[i + 1]) for i in range(2))
        self.last = torus(channels[3], 1)

    @property
    def latent(self) -> int:
        """Length of a latent vector: the noise of all scales."""
        return sum(c * n * n for c, n in zip(self.NOISE, self.grids, strict=True))

    def forward(self, z: Float[Tensor, "n d"], condition: Float[Tensor, "n j"]) -> Float[Tensor, "n p p"]:
        """Maps for latent vectors ``z`` and requests ``condition``."""
        noise = z.split([c * n * n for c, n in zip(self.NOISE, self.grids, strict=True)], 1)
        maps = [x.reshape(-1, c, n, n) for x, c, n in zip(noise, self.NOISE, self.grids, strict=True)]
        request = condition[:, :, None, None]
        x = leaky_relu(self.first(torch.cat([maps[0], request.expand(-1, -1, *maps[0].shape[2:])], 1)), 0.2)
        for i, grow in enumerate(self.grow):
            finer = interpolate(x, scale_factor=2, mode="nearest")
            x = torch.cat([finer, maps[i + 1], request.expand(-1, -1, *finer.shape[2:])], 1)
            x = leaky_relu(grow(x), 0.2)
            x = x + leaky_relu(self.settle[i](x), 0.2) if i < len(self.settle) else x
        return self.last(x)[:, 0]


class MapCritic(nn.Module):
    """Map, request and residuals to a score.

    Parameters
    ----------
    context
        Numbers beside the map: request and residuals.
    curvature
        Factor of the Laplacian as a further input, so that fine roughness is seen from the first step.
    width
        Channels of the first layer.
    halvings
        How often the grid is halved, 1 to 3: a place of the last layer sees about 10, 20 or 40 pixels along the map, so
        that fewer halvings judge patches.
    """

    def __init__(self, context: int, curvature: float = 1.0, width: int = 24, halvings: int = 3):
        super().__init__()
        self.curvature = curvature
        channels = (width, 4 * width // 3, 2 * width, 8 * width // 3)
        self.layers = nn.ModuleList(
            [
                torus(2 + context, channels[0]),
                *(torus(channels[i], channels[i + 1], 4, 2) for i in range(halvings)),
                torus(channels[halvings], channels[halvings]),
            ]
        )
        self.score = nn.Linear(2 * channels[halvings], 1)

    def forward(self, x: Float[Tensor, "n p p"], context: Float[Tensor, "n c"]) -> Float[Tensor, "n 1"]:
        """Scores of the maps ``x`` beside the numbers of ``context``."""
        bend = sum(x.roll(s, a) for s in (1, -1) for a in (1, 2)) - 4.0 * x
        shown = 0.5 * context[:, :, None, None].expand(-1, -1, *x.shape[1:])
        y = torch.cat([x[:, None], self.curvature * bend[:, None], shown], 1)
        for layer in self.layers:
            y = leaky_relu(layer(y), 0.2)
        # deviation over places, kept off its kink at zero
        spread = (y.var((2, 3), correction=0) + 1e-6).sqrt()
        return self.score(torch.cat([y.mean((2, 3)), spread], 1))


class AreaPhysics(Physics):
    r"""Contact areas of maps at given loads, against those of the request.

    Parameters
    ----------
    scale
        Standard deviation of the process's heights over the cell's length, by which maps of the game are multiplied.
    strain
        :math:`P/E^*` of each load.
    mean, deviation
        Of the log areas of the process's maps at each load, by which a condition is standardised.
    correction
        What to add to the log area at each load, for the grid's coarseness; None for nothing.
    tolerance
        Relative error of an area that counts as a residual of 1.
    active
        If False nothing is solved and every residual is 0: the game on data alone.
    """

    def __init__(
        self,
        scale: float,
        strain: tuple[float, ...],
        mean: tuple[float, ...],
        deviation: tuple[float, ...],
        *,
        correction: tuple[float, ...] | None = None,
        tolerance: float = 0.05,
        active: bool = True,
    ):
        super().__init__()
        self.scale, self.strain, self.tolerance, self.active = scale, strain, tolerance, active
        self.mean, self.deviation = mean, deviation
        self.correction = correction or (0.0,) * len(strain)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"area_{j}" for j in range(len(self.strain)))

    def forward(self, x: Float[Tensor, "n p p"], condition: Float[Tensor, "n c"] | None) -> Findings:
        """Areas of the maps ``x``, pressed, against those that ``condition`` asks for."""
        assert condition is not None
        n, loads = len(x), len(self.strain)
        if not self.active:
            return Findings({name: x.new_zeros(n) for name in self.names})
        h = (self.scale * x).repeat(loads, 1, 1)
        load = torch.tensor(self.strain).to(x).repeat_interleave(n)
        settings = {"tolerance": 1e-4, "adjoint_tolerance": 1e-2, "strict": False, "max_iterations": 500}
        contact = solve_contact(h, load, 1.0, (1.0, 1.0), **settings)  # type: ignore[arg-type]
        smooth = 0.25 * load / contact_area(contact.touching, 2).clamp_min(1e-3).to(x)
        log_area = real_area(contact, smooth).clamp_min(1e-3).log().reshape(loads, n)
        log_area = log_area + torch.tensor(self.correction).to(x)[:, None]
        residuals = {}
        for j, name in enumerate(self.names):
            r = (log_area[j] - self.mean[j] - self.deviation[j] * condition[:, j]) / self.tolerance
            # bounded: one hopeless map must not outweigh a batch
            residuals[name] = r / (1.0 + (r / 8.0).square()).sqrt()
        return Findings(residuals, {}, {"area": log_area.exp().T})

    def condition(self, log_area: Float[Tensor, "n j"]) -> Float[Tensor, "n j"]:
        """The condition that asks for log area fractions.

        Parameters
        ----------
        log_area
            (n j) at the loads of the physics.

        Returns
        -------
        Tensor
            (n j), standardised.
        """
        return (log_area - torch.tensor(self.mean).to(log_area)) / torch.tensor(self.deviation).to(log_area)


def laplacian_factor(maps: Float[Tensor, "n p p"]) -> float:
    """What makes the Laplacian of maps as large as their heights.

    Parameters
    ----------
    maps
        (n p p) maps.

    Returns
    -------
    float
        Ratio of both standard deviations.
    """
    bend = sum(maps.roll(s, a) for s in (1, -1) for a in (1, 2)) - 4.0 * maps
    return float(maps.std() / bend.std()) if float(bend.std()) > 0.0 else math.inf
