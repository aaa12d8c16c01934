r"""Differentiable augmentation: the discriminator of a small data set judges changed copies of real and generated
samples alike.

As long as each change is left out with positive probability it cannot leak into the generated samples (Karras et al.
2020, ADA, arXiv 2006.06676, section 2; Zhao et al. 2020, arXiv 2006.10738). The probability p may follow a schedule
(R3GAN), or be adapted to the discriminator's overfitting by `AdaptProbability`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError, ShapeError
from advsci.schedules import Schedule, as_schedule
from advsci.streams import Stream

if TYPE_CHECKING:
    from advsci.games.gan import GAN
    from advsci.training.trainer import Training

__all__ = ["AdaptProbability", "Augmentation", "overfitting", "resample"]

OPERATIONS = ("flip", "quarter", "shift", "scale", "rotate", "brightness", "contrast", "cutout")
"""What `Augmentation` can do; leave out whatever would change what your images mean."""


class Augmentation(nn.Module):
    r"""Random changes of images, each applied to a sample with probability p.

    Parameters
    ----------
    p
        Probability of each operation: a number, a schedule of the training's progress, or None for an adapted one that
        starts at 0 and lives in the buffer ``probability`` (part of the game's state, so that a resumed training
        continues with it).
    operations
        Any of `OPERATIONS`: mirror left-right, quarter turns, whole-pixel shifts up to 1/8 of the side, zoom
        :math:`2^{N(0, 0.2^2)}`, rotation by any angle, brightness :math:`+N(0, 0.2^2)`, contrast :math:`\times 2^{N(0,
        0.5^2)}`, and zeroing a square of half the side.

    Raises
    ------
    ConfigError
        An operation is unknown.

    Notes
    -----
    Geometry is one bilinear resampling with mirrored borders; it differentiates twice.

    Examples
    --------
    >>> import torch
    >>> from advsci import Stream
    >>> from advsci.nn import Augmentation
    >>> augment = Augmentation(0.5)
    >>> batch = {"x": torch.zeros(4, 1, 8, 8)}
    >>> augment(batch["x"], augment.draw(batch, Stream(0))).shape
    torch.Size([4, 1, 8, 8])
    """

    probability: Tensor
    progress: Tensor

    def __init__(self, p: float | Schedule | None = None, operations: Sequence[str] = ("flip", "quarter", "shift")):
        super().__init__()
        if unknown := sorted(set(operations) - set(OPERATIONS)):
            raise ConfigError(
                f"got augmentation operations {unknown}; expected some of {list(OPERATIONS)}. Try: ('flip',)."
            )
        self.schedule = None if p is None else as_schedule(p)
        self.operations = tuple(operations)
        self.register_buffer("probability", torch.zeros(()))
        self.register_buffer("progress", torch.zeros(()))

    @property
    def p(self) -> Tensor:
        """The probability at this point of the training."""
        return self.probability if self.schedule is None else self.schedule(self.progress)

    def draw(self, batch: Mapping[str, Tensor], stream: Stream) -> dict[str, Tensor]:
        """The random numbers for one batch: who is changed, and by how much.

        Parameters
        ----------
        batch
            The batch of one step, with samples ``"x"`` (n ...).
        stream
            Where its random numbers come from.
        """
        x = batch["x"]
        shape = (x.shape[0], len(OPERATIONS))
        where = {"device": x.device, "dtype": x.dtype}
        return {
            "augment_gate": stream.at("gate").uniform(shape, **where),
            "augment_uniform": stream.at("amount").uniform((*shape, 2), **where),
            "augment_normal": stream.at("normal").normal(shape, **where),
        }

    def forward(self, x: Float[Tensor, "n *shape"], draw: Mapping[str, Tensor]) -> Float[Tensor, "n *shape"]:
        """Images ``x`` (n c h w), changed by the operations that the numbers of ``draw`` switch on.

        Raises
        ------
        ShapeError
            The samples are no images.
        """
        if x.dim() != 4:
            raise ShapeError(
                f"got samples of shape {tuple(x.shape[1:])}; expected images (c, h, w). Try: no augmentation."
            )
        gate = (draw["augment_gate"] < self.p).to(x.dtype)
        on = {name: gate[:, i] for i, name in enumerate(OPERATIONS)}
        uniform = {name: draw["augment_uniform"][:, i] for i, name in enumerate(OPERATIONS)}
        normal = {name: draw["augment_normal"][:, i] for i, name in enumerate(OPERATIONS)}
        if {"flip", "quarter", "shift", "scale", "rotate"} & set(self.operations):
            x = resample(x, *self._geometry(x, on, uniform, normal))
        if "brightness" in self.operations:
            x = x + (0.2 * on["brightness"] * normal["brightness"])[:, None, None, None]
        if "contrast" in self.operations:
            factor = torch.exp2(0.5 * on["contrast"] * normal["contrast"])[:, None, None, None]
            x = x + (factor - 1.0) * (x - x.mean((1, 2, 3), keepdim=True))
        if "cutout" in self.operations:
            x = x * (1.0 - on["cutout"][:, None, None, None] * _square(x, uniform["cutout"]))
        return x

    def _geometry(self, x, on, uniform, normal) -> tuple[Tensor, Tensor]:
        """The matrices (n 2 2) and offsets (n 2), in pixels, of the maps from new to old positions."""
        n, _, height, width = x.shape
        zero, one = x.new_zeros(n), x.new_ones(n)
        mirror = 1.0 - 2.0 * on["flip"] * (uniform["flip"][:, 0] < 0.5) if "flip" in self.operations else one
        cos, sin = one, zero
        if "quarter" in self.operations:
            if height != width:
                raise ShapeError(
                    f"got images of {height} x {width} for quarter turns; expected squares. Try: leave out 'quarter'."
                )
            turns = on["quarter"] * (4.0 * uniform["quarter"][:, 0]).floor()
            # exact values of cos and sin at multiples of pi/2
            cos, sin = ((turns == k).to(x.dtype) - (turns == k + 2).to(x.dtype) for k in (0, 1))
        if "rotate" in self.operations:
            angle = 2.0 * math.pi * on["rotate"] * uniform["rotate"][:, 0]
            cos, sin = cos * angle.cos() - sin * angle.sin(), sin * angle.cos() + cos * angle.sin()
        zoom = torch.exp2(-0.2 * on["scale"] * normal["scale"]) if "scale" in self.operations else one
        matrix = torch.stack([cos * zoom, -sin * zoom, sin * zoom * mirror, cos * zoom * mirror], 1).reshape(n, 2, 2)
        offset = torch.zeros_like(matrix[:, 0])
        if "shift" in self.operations:
            reach = torch.tensor([height // 8, width // 8], dtype=x.dtype, device=x.device)
            offset = on["shift"][:, None] * ((2.0 * reach + 1.0) * uniform["shift"]).floor().sub(reach)
        return matrix, offset


def resample(
    x: Float[Tensor, "n c h w"], matrix: Float[Tensor, "n 2 2"], offset: Float[Tensor, "n 2"]
) -> Float[Tensor, "n c h w"]:
    r"""Images read at :math:`A (p - p_0) + p_0 + b` instead of :math:`p`, positions in pixels (row, column), centre
    :math:`p_0`.

    Linear between pixels, mirrored at the borders. Exact for quarter turns, mirror images and whole-pixel shifts.

    Parameters
    ----------
    x
        Images (n c h w).
    matrix
        The linear map :math:`A` of each image (n 2 2).
    offset
        The shift :math:`b` of each image (n 2) [pixels].
    """
    n, c, height, width = x.shape
    rows = torch.arange(height, dtype=x.dtype, device=x.device) - (height - 1) / 2
    columns = torch.arange(width, dtype=x.dtype, device=x.device) - (width - 1) / 2
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1).reshape(1, -1, 2)
    position = grid @ matrix.transpose(1, 2) + offset[:, None]
    row, column = position[..., 0] + (height - 1) / 2, position[..., 1] + (width - 1) / 2
    r0, c0 = row.floor(), column.floor()
    fr, fc = (row - r0).unsqueeze(1), (column - c0).unsqueeze(1)
    flat = x.reshape(n, c, -1)

    def at(r: Tensor, k: Tensor) -> Tensor:
        """Pixels of the images at rows ``r`` and columns ``k``, mirrored at the edge."""
        index = _mirror(r, height) * width + _mirror(k, width)
        return flat.gather(2, index.unsqueeze(1).expand(n, c, -1))

    top = (1.0 - fc) * at(r0, c0) + fc * at(r0, c0 + 1)
    bottom = (1.0 - fc) * at(r0 + 1, c0) + fc * at(r0 + 1, c0 + 1)
    return ((1.0 - fr) * top + fr * bottom).reshape(x.shape)


def overfitting(
    real: Float[Tensor, " n"], fake: Float[Tensor, " m"], held_out: Float[Tensor, " k"] | None = None
) -> Float[Tensor, ""]:
    r"""How far the discriminator knows its training samples by heart: 0 not at all, 1 entirely.

    With the logits of held-out data :math:`r_v = \frac{E D_{train} - E D_{held out}}{E D_{train} - E D_{fake}}`,
    without them
    :math:`r_t = E\, \mathrm{sign}(D_{train} - \overline{D_{fake}})` (arXiv 2006.06676, eq. 1; measured from the fakes'
    mean logit, because a relativistic discriminator has no zero).

    Parameters
    ----------
    real
        Logits of training samples (n).
    fake
        Logits of generated samples (m).
    held_out
        Logits of real samples that the discriminator is not trained on (k), or None.

    Returns
    -------
    Tensor
        A number, differentiable in nothing that trains.
    """
    if held_out is None:
        return (real - fake.mean()).sign().mean()
    return (real.mean() - held_out.mean()) / (real.mean() - fake.mean())


class AdaptProbability:
    r"""Callback of the Trainer that moves an `Augmentation`'s probability until `overfitting` meets its target.

    At every logging step :math:`p \leftarrow \mathrm{clip}(p \pm \Delta, 0, max)` with :math:`\Delta` the share of
    ``images`` seen since (arXiv 2006.06676, section 3: 0 to 1 in 500,000 images, target 0.6).

    Parameters
    ----------
    x
        Training samples on which the discriminator is read; a few hundred.
    batch_size
        Of the training.
    target
        Overfitting to hold.
    images
        Real samples seen while p could move from 0 to 1.
    held_out
        Samples that the training does not see: the more reliable reading.
    most
        Upper end of p.

    Raises
    ------
    ConfigError
        The game has no augmentation whose probability adapts.
    """

    def __init__(
        self,
        x: Tensor,
        batch_size: int,
        *,
        target: float = 0.6,
        images: int = 500_000,
        held_out: Tensor | None = None,
        most: float = 0.8,
        seed: int = 0,
    ):
        self.x, self.batch_size, self.held_out, self.seed = x, batch_size, held_out, seed
        self.target, self.images, self.most = target, images, most

    @torch.no_grad()
    def __call__(self, training: "Training") -> dict[str, float]:
        game: GAN = training.game  # type: ignore[assignment]
        augment = game.augment
        if not isinstance(augment, Augmentation) or augment.schedule is not None:
            raise ConfigError(
                "got a game without adaptive augmentation; expected GAN(..., augment=Augmentation()). Try: p=None."
            )
        stream = Stream(self.seed).at("adapt", training.step)

        def logits(x: Tensor, name: str) -> Tensor:
            """Logits (n) of the discriminator at ``x``, augmented with numbers keyed by ``name``."""
            changed = augment(x, augment.draw({"x": x}, stream.at(name)))
            return game.discriminator(changed).flatten()

        fake = game.sample(len(self.x), stream.at("fake"))
        device = fake.device
        held_out = None if self.held_out is None else logits(self.held_out.to(device), "held out")
        r = overfitting(logits(self.x.to(device), "real"), logits(fake, "changed fake"), held_out)
        seen = (training.step - self._last(training)) * self.batch_size
        step = torch.sign(r - self.target) * (seen / self.images)
        augment.probability.copy_((augment.probability + step).clamp(0.0, self.most))
        return {"augment/p": float(augment.probability), "augment/overfitting": float(r)}

    @staticmethod
    def _last(training: "Training") -> int:
        return int(training.log[-1]["step"]) if training.log else 0


def _mirror(index: Tensor, n: int) -> Tensor:
    """Indices reflected into 0 ... n-1, the border pixel not repeated."""
    if n == 1:
        return torch.zeros_like(index, dtype=torch.int64)
    period = 2 * (n - 1)
    folded = index.to(torch.int64).remainder(period)
    return torch.minimum(folded, period - folded)


def _square(x: Tensor, centre: Tensor) -> Tensor:
    """1 within a square of half the side about a random centre, (n 1 h w)."""
    _, _, height, width = x.shape
    row = (torch.arange(height, device=x.device) + 0.5) / height
    column = (torch.arange(width, device=x.device) + 0.5) / width
    inside = ((row - centre[:, :1]).abs() < 0.25)[:, :, None] & ((column - centre[:, 1:]).abs() < 0.25)[:, None, :]
    return inside.to(x.dtype).unsqueeze(1)
