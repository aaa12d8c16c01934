r"""Networks of the players: small convolutional ones that learn on a CPU.

Images are (n c h w) in [-1, 1]; `padded` rounds their sides up to a multiple of four where a network halves them twice.
Classifiers and encoders begin with an instance norm without parameters, so that brightness and contrast of a whole
image carry nothing (Shu et al. 2018, VADA, arXiv 1802.08735, section 6).
"""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from advsci.nn import ConditionEmbedding, group_norm, spectral_norm
from advsci.streams import Stream

__all__ = ["Classifier", "Judge", "Painter", "Translator", "padded", "perceptual_layers"]

_SLOPE = 0.1


def padded(x: Float[Tensor, "n c h w"], multiple: int = 4) -> Float[Tensor, "n c height width"]:
    """Images whose sides are rounded up to a multiple, the new pixels mirrored.

    Parameters
    ----------
    x
        Images (n, channels, height, width), at least ``multiple`` pixels wide and high.
    multiple
        What the new sides are divisible by.

    Returns
    -------
    Tensor
        ``x`` itself where its sides fit already.
    """
    height, width = -x.shape[2] % multiple, -x.shape[3] % multiple
    return pad(x, (0, width, 0, height), mode="reflect") if height or width else x


class Classifier(nn.Module):
    """Images to class logits, through a feature vector that other players may look at.

    Parameters
    ----------
    channels
        Of the images.
    size
        Height and width of the images [pixels].
    classes
        Number of classes.
    width
        Channels of the first layer; the second has twice as many.
    features
        Length of the feature vector.
    norm
        Begin with the instance norm.
    groups
        Normalise groups of channels after each convolution, too: what a domain adds to all of them is gone.

    Examples
    --------
    >>> Classifier(3, (28, 28), 10)(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        classes: int,
        *,
        width: int = 24,
        features: int = 96,
        norm: bool = True,
        groups: bool = False,
    ):
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels) if norm else nn.Identity()
        self.groups = groups
        inner = group_norm(8) if groups else lambda _: nn.Identity()
        self.first = nn.Sequential(nn.Conv2d(channels, width, 4, 2, 1), inner(width), nn.LeakyReLU(_SLOPE))
        self.second = nn.Sequential(nn.Conv2d(width, 2 * width, 4, 2, 1), inner(2 * width), nn.LeakyReLU(_SLOPE))
        self.flat = 2 * width * math.ceil(size[0] / 4) * math.ceil(size[1] / 4)
        self.to_features = nn.Sequential(nn.Flatten(), nn.Linear(self.flat, features), nn.LeakyReLU(_SLOPE))
        self.head = nn.Linear(features, classes)

    def maps(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """What the convolutions make of images ``x`` (n c h w), one vector of length `flat` per image."""
        return self.second(self.first(self.norm(padded(x)))).flatten(1)

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """The feature vectors of images ``x`` (n c h w)."""
        return self.to_features(self.maps(x))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes"]:
        """Logits (n classes) of images ``x`` (n c h w)."""
        return self.head(self.features(x))


def perceptual_layers(classifier: Classifier, x: Float[Tensor, "n c h w"]) -> list[Tensor]:
    """The hidden layers in which a perceptual distance is taken: two of images, one of vectors.

    Parameters
    ----------
    classifier
        The network whose layers are read.
    x
        Images (n, channels, height, width) in [-1, 1].

    Returns
    -------
    list
        Activations after the first and the second convolution, and the feature vectors.
    """
    first = classifier.first(classifier.norm(padded(x)))
    second = classifier.second(first)
    return [first, second, classifier.to_features(second)]


class Judge(nn.Module):
    r"""A discriminator of patches: the sum of local logits over the root of their number, and a term for the condition.

    Every local logit sees a patch of the image only (Isola et al. 2017, arXiv 1611.07004, section 3.2.2). Their sum is
    one logit per image, so that every objective and penalty of the engine applies. With a condition, the projection
    :math:`\langle V c, \phi(x) \rangle` is added (Miyato and Koyama 2018, arXiv 1802.05637, eq. 3). Spectral
    normalisation keeps it Lipschitz (Miyato et al. 2018, arXiv 1802.05957): on a CPU it costs a tenth of a gradient
    penalty.

    Parameters
    ----------
    channels
        Of what is judged; where the judge sees the source beside the image, of both together.
    size
        Height and width of the images [pixels].
    width
        Channels of the first layer.
    condition
        Number of classes, or length of the condition; 0 for none.
    bound
        Spectral norm of each layer; the rectifiers between them shrink, so 1 would leave hardly any slope.

    Examples
    --------
    >>> Judge(3, (28, 28))(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2])
    """

    def __init__(
        self, channels: int, size: tuple[int, int], *, width: int = 16, condition: int = 0, bound: float = 2.0
    ):
        super().__init__()
        whole, half, quarter = ([k * -(-side // 4) for side in size] for k in (4, 2, 1))
        self.layers = nn.Sequential(
            spectral_norm(nn.Conv2d(channels, width, 4, 2, 1), bound, size=whole),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(width, 2 * width, 4, 2, 1), bound, size=half),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(2 * width, 2 * width, 3, 1, 1), bound, size=quarter),
            nn.LeakyReLU(0.2),
        )
        self.local = spectral_norm(nn.Conv2d(2 * width, 1, 1), bound, size=quarter)
        self.condition = ConditionEmbedding(condition, 2 * width) if condition else None

    def forward(
        self, x: Float[Tensor, "n c h w"], condition: "Int[Tensor, ' n'] | Float[Tensor, 'n k'] | None" = None
    ) -> Float[Tensor, " n"]:
        """Logits (n) of images ``x`` (n c h w) under ``condition``: labels (n), vectors (n k), or None."""
        h = self.layers(padded(x))
        logit = self.local(h).sum((1, 2, 3)) * (h.shape[2] * h.shape[3]) ** -0.5
        if self.condition is None:
            return logit
        phi = h.mean((2, 3))
        return logit + (self.condition(condition) * phi).sum(1) * phi.shape[1] ** -0.5


class Painter(nn.Module):
    r"""Repaints an image in a random look that varies slowly over it; what the image shows cannot change.

    .. math:: \tanh\left(a(z)\, x + b(z) + c(z)\, \epsilon\right)

    with fields a, b, c of a quarter of the resolution, made from a coarse noise field z, and white noise
    :math:`\epsilon`. Local affine maps of the colours are what a bilateral grid learns too (Gharbi et al. 2017, arXiv
    1707.02880); they cost a hundredth of convolutions at full resolution.

    Parameters
    ----------
    channels
        Of the images.
    noise
        Channels of the noise field.
    width
        Channels inside.

    Examples
    --------
    >>> painter = Painter(3)
    >>> painter(torch.zeros(2, 3, 28, 28), painter.draw(torch.zeros(2, 3, 28, 28), Stream(0))).shape
    torch.Size([2, 3, 28, 28])
    """

    def __init__(self, channels: int, *, noise: int = 8, width: int = 32):
        super().__init__()
        self.channels, self.noise = channels, noise
        self.fields = nn.Sequential(
            nn.Conv2d(2 * noise, width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 3 * channels, 1),
        )

    def draw(self, x: Float[Tensor, "n c h w"], stream: Stream) -> dict[str, Tensor]:
        """The random numbers for images ``x``, from ``stream``: ``whole`` (n k), ``coarse`` (n k h/4 w/4), ``fine``."""
        n, _, height, width = x.shape
        shapes = {"whole": (n, self.noise), "coarse": (n, self.noise, -(-height // 4), -(-width // 4)), "fine": x.shape}
        return {name: stream.at(name).normal(tuple(shape), device=x.device) for name, shape in shapes.items()}

    def forward(self, x: Float[Tensor, "n c h w"], draw: Mapping[str, Tensor]) -> Float[Tensor, "n c h w"]:
        """Images ``x`` (n c h w), repainted with the smooth fields and grain that ``draw`` gives."""
        coarse = draw["coarse"]
        whole = draw["whole"][:, :, None, None].expand_as(coarse)
        fields = interpolate(self.fields(torch.cat([whole, coarse], 1)), x.shape[2:], mode="bilinear")
        a, b, c = fields.chunk(3, 1)
        return torch.tanh((1.0 + a) * x + b + c * draw["fine"])


class Translator(nn.Module):
    r"""Images to images of the same or of a multiple size: half resolution inside, the input passed on by a skip.

    .. math:: s(x) + \mathrm{up}(h(x, c))

    with a 1 x 1 convolution s of the (enlarged) input, so that the network starts near a copy. The output is linear:
    where an image is saturated, a tanh would have no gradient left.

    Parameters
    ----------
    inputs, outputs
        Channels of the images that go in and come out.
    width
        Channels inside.
    blocks
        Residual blocks at half the resolution.
    condition
        Number of classes or length of the condition c; 0 for none.
    factor
        Enlargement: 1, 2 or 4.

    Examples
    --------
    >>> Translator(1, 3)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 3, 28, 28])
    >>> Translator(1, 1, factor=4)(torch.zeros(2, 1, 7, 7)).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 16,
        blocks: int = 2,
        condition: int = 0,
        factor: int = 1,
    ):
        super().__init__()
        self.factor = factor
        self.down = nn.Conv2d(inputs, width, 4, 2, 1) if factor == 1 else nn.Conv2d(inputs, width, 3, 1, 1)
        self.condition = ConditionEmbedding(condition, width) if condition else None
        self.blocks = nn.ModuleList(_block(width) for _ in range(blocks))
        grow: list[nn.Module] = [nn.LeakyReLU(0.2)]
        if factor == 4:
            grow += [nn.ConvTranspose2d(width, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        self.up = nn.Sequential(*grow, nn.ConvTranspose2d(width, outputs, 4, 2, 1))
        self.skip = nn.Conv2d(inputs, outputs, 1)
        with torch.no_grad():
            self.skip.weight.fill_(1.0 / inputs).add_(0.1 * torch.randn_like(self.skip.weight))
            self.skip.bias.zero_()  # type: ignore[union-attr]
            self.up[-1].weight.mul_(0.3)  # type: ignore[union-attr, operator]

    def features(
        self,
        x: Float[Tensor, "n c h w"],
        condition: "Int[Tensor, ' n'] | Float[Tensor, 'n k'] | None" = None,
    ) -> list[Tensor]:
        """The hidden layers at images ``x`` under ``condition``: after the first convolution and after each block."""
        h = self.down(padded(x, 2) if self.factor == 1 else x)
        if self.condition is not None:
            h = h + self.condition(condition)[:, :, None, None]
        layers = [h]
        for block in self.blocks:
            layers.append(layers[-1] + block(layers[-1]))
        return layers

    def forward(
        self,
        x: Float[Tensor, "n c h w"],
        condition: "Int[Tensor, ' n'] | Float[Tensor, 'n k'] | None" = None,
    ) -> Float[Tensor, "n d height width"]:
        """Images (n d height width) from ``x`` (n c h w) under ``condition``: labels (n), vectors (n k), or None."""
        height, width = x.shape[2] * self.factor, x.shape[3] * self.factor
        x = padded(x, 2) if self.factor == 1 else x
        h = self.features(x, condition)[-1]
        copy = x if self.factor == 1 else interpolate(x, scale_factor=self.factor, mode="bicubic")
        return (self.skip(copy) + self.up(h))[:, :, :height, :width]


def _block(width: int) -> nn.Sequential:
    norm = group_norm(8)
    return nn.Sequential(norm(width), nn.LeakyReLU(0.2), nn.Conv2d(width, width, 3, 1, 1))
