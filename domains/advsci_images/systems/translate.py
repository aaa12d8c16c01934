"""Translators of images: pix2pix and regression from pairs, CycleGAN and CUT without, StarGAN between classes."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from advsci.errors import DataError, ShapeError
from advsci_images.data.pairing import Unpaired
from advsci_images.game.cut import CUT, PatchHeads
from advsci_images.game.cyclegan import CycleGAN, PairJudge
from advsci_images.game.pix2pix import Pix2Pix
from advsci_images.game.players import Classifier, Judge, Translator
from advsci_images.game.reading import ReadingJudge
from advsci_images.game.stargan import StarGAN
from advsci_images.game.training import Play

__all__ = ["between_classes", "by_contrast", "from_pairs", "translated", "without_pairs"]


def from_pairs(
    x: Float[Tensor, "n c h w"],
    y: Float[Tensor, "m d y x"],
    play: Play,
    *,
    adversarial: float = 1.0,
    distance: float = 10.0,
    power: int = 1,
) -> Translator:
    """pix2pix, or without ``adversarial`` the regression network.

    Parameters
    ----------
    x, y
        Source and target images in [-1, 1], row by row pairs.
    play
        Steps, rate, seed, device, folder.
    adversarial
        Weight of the adversary.
    distance
        Weight of the distance to the target.
    power
        1 for the mean absolute error, 2 for the mean squared error.

    Returns
    -------
    Translator
        In evaluation mode.

    Raises
    ------
    ShapeError
        Numbers or sizes of the images differ.
    """
    if len(x) != len(y) or x.shape[2:] != y.shape[2:]:
        raise ShapeError(
            f"got {len(x)} images of {tuple(x.shape[2:])} and {len(y)} of {tuple(y.shape[2:])}; expected pairs of one "
            "size. Try: equal file names in both folders, or --method cyclegan."
        )
    size = (x.shape[2], x.shape[3])
    with play.stream("networks").seeded():
        translator = Translator(x.shape[1], y.shape[1])
        judge = Judge(x.shape[1] + y.shape[1], size)
    game = Pix2Pix(translator, judge, adversarial=adversarial, lam=distance, power=power)
    return play.fit(game, {"x": y, "source": x}).averaged("generator").eval()  # type: ignore[return-value]


def without_pairs(
    x: Float[Tensor, "n c h w"],
    y: Float[Tensor, "m d y x"],
    play: Play,
    *,
    cycle: float = 10.0,
    identity: float = 0.0,
    noise: float = 0.0,
) -> tuple[Translator, Translator]:
    """CycleGAN.

    Parameters
    ----------
    x, y
        Two sets of images in [-1, 1] of one size; no row belongs to another.
    play
        Steps, rate, seed, device, folder.
    cycle
        Weight of the way there and back.
    identity
        Weight of leaving images of the target set alone; needs equally many channels.
    noise
        Standard deviation of the noise on a translation before it is translated back.

    Returns
    -------
    Translator, Translator
        From the first set to the second, and back; in evaluation mode.

    Raises
    ------
    ShapeError
        Sizes differ, or channels where an identity is wanted.
    """
    same = x.shape[2:] == y.shape[2:] and (identity == 0.0 or x.shape[1] == y.shape[1])
    if not same:
        raise ShapeError(
            f"got images of {tuple(x.shape[1:])} and {tuple(y.shape[1:])}; expected one size, and for the identity "
            "term one number of channels. Try: resize them, or --identity 0."
        )
    size = (x.shape[2], x.shape[3])
    with play.stream("networks").seeded():
        there, back = Translator(x.shape[1], y.shape[1]), Translator(y.shape[1], x.shape[1])
        of_x, of_y = (Judge(part.shape[1], size, bound=1.5) for part in (x, y))
        judge = PairJudge(of_x, of_y, x.shape[1])
    game = CycleGAN(there, back, judge, lam=cycle, mu=identity, noise=noise)
    networks = play.fit(game, Pairs(x, y, play.seed)).averaged("generator").eval()
    return networks["there"], networks["back"]  # type: ignore[index, return-value]


def by_contrast(
    x: Float[Tensor, "n c h w"],
    y: Float[Tensor, "m d y x"],
    play: Play,
    *,
    contrast: float = 1.0,
    adversarial: float = 1.0,
) -> Translator:
    """CUT: one translator, one judge, and patches that keep their place.

    Parameters
    ----------
    x, y
        Two sets of images in [-1, 1] of one size and number of channels; no row belongs to another.
    play
        Steps, rate, seed, device, folder.
    contrast
        Weight of the contrastive patch loss.
    adversarial
        Weight of the judge.

    Returns
    -------
    Translator
        From the first set to the second; in evaluation mode.

    Raises
    ------
    ShapeError
        Sizes or channels differ.
    """
    if x.shape[1:] != y.shape[1:]:
        raise ShapeError(
            f"got images of {tuple(x.shape[1:])} and {tuple(y.shape[1:])}; expected one shape, since one encoder reads "
            "both sets. Try: repeat a grey channel, or --method cyclegan."
        )
    with play.stream("networks").seeded():
        translator = Translator(x.shape[1], y.shape[1])
        heads = PatchHeads([h.shape[1] for h in translator.features(x[:1])])
        judge = Judge(y.shape[1], (y.shape[2], y.shape[3]), bound=1.5)
    game = CUT(translator, heads, judge, lam=contrast, adversarial=adversarial)
    networks = play.fit(game, Unpaired([{"source": x}, {"x": y}], play.seed)).averaged("generator").eval()
    return networks["translator"]  # type: ignore[index, return-value]


class Pairs(Unpaired):
    """Independent pairs of images, stacked along the channels as ``x``.

    Parameters
    ----------
    x, y
        The two sets.
    seed
        Key of the shuffles.
    """

    def __init__(self, x: Tensor, y: Tensor, seed: int = 0):
        super().__init__([{"first": x}, {"second": y}], seed)

    def __getitem__(self, indices: Tensor) -> dict[str, Tensor]:
        batch = super().__getitem__(indices)
        return {"x": torch.cat([batch["first"], batch["second"]], 1)}


def between_classes(
    x: Float[Tensor, "n c h w"],
    domain: Int[Tensor, " n"],
    play: Play,
    *,
    cycle: float = 10.0,
    adversarial: float = 1.0,
) -> Translator:
    """StarGAN: one translator for all classes.

    Parameters
    ----------
    x
        Images in [-1, 1].
    domain
        Class of each.
    play
        Steps, rate, seed, device, folder.
    cycle
        Weight of the way there and back.
    adversarial
        Weight of the judge of looks; the reader of classes stays.

    Returns
    -------
    Translator
        Called as ``translator(x, wanted)`` with integers ``wanted`` (n); in evaluation mode.

    Raises
    ------
    DataError
        Fewer than two classes.
    """
    domains = int(domain.max()) + 1
    if domains < 2:
        raise DataError(f"got {domains} class; expected at least 2. Try: one subfolder per class.")
    channels, size = x.shape[1], (x.shape[2], x.shape[3])
    with play.stream("networks").seeded():
        translator = Translator(channels, channels, condition=domains)
        judge = ReadingJudge(Judge(channels, size), Classifier(channels, size, domains, width=16, norm=False))
    game = StarGAN(translator, judge, domains, cycle=cycle, adversarial=adversarial)
    return play.fit(game, {"x": x, "domain": domain}).averaged("generator").eval()  # type: ignore[return-value]


@torch.no_grad()
def translated(
    translator: nn.Module, x: Float[Tensor, "n c h w"], wanted: "Int[Tensor, ' n'] | None" = None, batch_size: int = 250
) -> Float[Tensor, "n d y x"]:
    """What ``translator`` makes of images ``x``, as class ``wanted`` where given; on the CPU, by ``batch_size``."""
    device = next(translator.parameters()).device
    made = []
    for start in range(0, len(x), batch_size):
        rows = slice(start, start + batch_size)
        condition = () if wanted is None else (wanted[rows].to(device),)
        made.append(translator(x[rows].to(device), *condition).cpu())
    return torch.cat(made)
