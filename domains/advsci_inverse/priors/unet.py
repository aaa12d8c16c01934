"""A small U-Net on space-to-depth images: the body of every learned step on images."""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError

__all__ = ["ResidualUNet"]


class _Block(nn.Module):
    """``x + W_2 a(W_1 a(x))``, the identity at the start."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Channels of the same size as ``x``."""
        return x + self.second(torch.relu(self.first(torch.relu(x))))


class ResidualUNet(nn.Module):
    """Images to images of the same size, zero at the start.

    Pixels are first folded 2 x 2 into channels, which keeps the expensive layers at half resolution; sides are padded
    (by replication) to a multiple of what the stages need.

    Parameters
    ----------
    inputs, outputs
        Channels.
    widths
        Channels of the stages, fine to coarse; each stage halves the resolution.
    blocks
        Residual blocks of each stage, on the way down and again on the way up (the coarsest: once).
    precision
        Data type of the convolutions, such as ``torch.bfloat16``; None leaves that of the input.

    Raises
    ------
    ConfigError
        There are not as many widths as counts of blocks.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        widths: Sequence[int] = (32, 96),
        blocks: Sequence[int] = (1, 3),
        precision: torch.dtype | None = None,
    ):
        super().__init__()
        if len(widths) != len(blocks):
            raise ConfigError(
                f"got {len(widths)} widths and {len(blocks)} counts of blocks; expected as many. "
                "Try: one of each per stage."
            )
        self.precision = precision
        self.multiple = 2 ** len(widths)
        self.stem = nn.Conv2d(4 * inputs, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Sequential(*[_Block(w) for _ in range(b)]) for w, b in zip(widths, blocks, strict=True)
        )
        self.up = nn.ModuleList(
            nn.Sequential(*[_Block(w) for _ in range(b)]) for w, b in zip(widths[:-1], blocks[:-1], strict=True)
        )
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.coarsen = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.refine = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs)
        self.head = nn.Conv2d(widths[0], 4 * outputs, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Images of the same size as ``x``."""
        height, width = x.shape[-2:]
        pad = (-width % self.multiple, -height % self.multiple)
        if any(pad):
            x = nn.functional.pad(x, (0, pad[0], 0, pad[1]), mode="replicate")
        low = self.precision is not None
        with torch.autocast(x.device.type, self.precision) if low else nullcontext():
            h = self.stem(nn.functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last))
            skips = []
            for stage, coarsen in zip(self.down, [*self.coarsen, None], strict=True):
                h = stage(h)
                if coarsen is not None:
                    skips.append(h)
                    h = coarsen(h)
            for stage, refine in zip(reversed(self.up), reversed(self.refine), strict=True):
                h = stage(skips.pop() + refine(h))
            out = nn.functional.pixel_shuffle(self.head(torch.relu(h)), 2)
        return out.to(x.dtype)[..., :height, :width]
