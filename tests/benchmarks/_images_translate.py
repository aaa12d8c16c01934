"""Translation with and without pairs, and between classes; each beside its adversary off and what needs no learning."""

from collections.abc import Sequence

import torch
from _images_found import Found
from _images_reader import agrees, reader
from torch import Tensor

from advsci.streams import Stream
from advsci_images.baselines.histogram import histogram_matched
from advsci_images.data.examples import INKS, held_out, inked, paired_example
from advsci_images.data.stack import read_images
from advsci_images.evaluation.hallucination import examine
from advsci_images.evaluation.scores import own_source, perceptual_distance, psnr
from advsci_images.game.cyclegan import CycleGAN, PairJudge
from advsci_images.game.players import Judge, Translator
from advsci_images.game.training import Play
from advsci_images.systems.translate import Pairs, between_classes, by_contrast, from_pairs, translated, without_pairs

HELD = 300
"""Held-out images that are scored."""

LOWER = ("distance", "invented", "error")


def stain_rows(seeds: Sequence[int], share: float) -> None:
    """Digits to stains and back: a blur and a curve of the colours, which can be undone."""
    found = Found("stained digits")
    example = paired_example("stained", 4000)
    x, y = example.source.images, example.target.images
    held_x, held_y = example.held_source.images[:HELD], example.held_target.images[:HELD]
    half = len(x) // 2
    grey, held_grey = (part.expand(-1, 3, -1, -1) for part in (x[:half], held_x))
    ours, theirs = "PSNR back [dB], CycleGAN", "PSNR back [dB], paired regression"
    for seed in seeds:
        play = Play(max(2, int(share * 400)), 16, 2e-3, seed, "cpu")
        there, back = without_pairs(x[:half], y[half:], play)
        seen = examine(translated(there, held_x), held_y)
        found.add("PSNR there [dB], CycleGAN", seen.psnr)
        found.add("invented, CycleGAN", seen.invented)
        found.add(ours, float(psnr(translated(back, held_y), held_x).mean()))
        forth, fro = (from_pairs(*pair, play, adversarial=0.0) for pair in ((x, y), (y, x)))
        found.add("PSNR there [dB], paired regression", examine(translated(forth, held_x), held_y).psnr)
        found.add(theirs, float(psnr(translated(fro, held_y), held_x).mean()))
        for name, weight in (("CUT", 1.0), ("CUT, adversary off", 0.0)):
            made = translated(by_contrast(grey, y[half:], play, adversarial=weight), held_grey)
            found.add(f"PSNR there [dB], {name}", examine(made, held_y).psnr)
    curve = histogram_matched(held_x, y[half:])
    found.add("PSNR there [dB], histogram matching, no learning", examine(curve, held_y).psnr)
    found.less("PSNR back, CycleGAN less paired [dB]", ours, theirs)
    found.print({"PSNR back, CycleGAN less paired [dB]": (-2.0, "higher")}, lower=LOWER)


def flip_rows(seeds: Sequence[int], share: float) -> None:
    """Fields whose negatives are as likely: half of the trainings begin with the sign wrong, and no loss sees it."""
    found = Found("fields, sign unknown")
    right: list[bool] = []
    for seed in seeds:
        parts = [symmetric_fields(n, Stream(seed).at("fields", i)) for i, n in enumerate((1000, 1000, 100))]
        x, y, held = parts[0], softened(parts[1]), parts[2]
        for sign in (1.0, -1.0):
            name = "begun right" if sign > 0 else "begun as negatives"
            play = Play(max(2, int(share * 200)), 16, 2e-3, seed, "cpu")
            there, back = signed_cycle(x, y, play, sign)
            made = translated(there, held)
            seen = examine(made, softened(held))
            found.add(f"cycle error, {name}", float((translated(back, made) - held).abs().mean()) / 2.0)
            found.add(f"PSNR there [dB], {name}", seen.psnr)
            right.append(seen.flipped == (sign < 0))
    found.add("swap named or its absence", sum(right) / len(right))
    found.print({"swap named or its absence": (1.0, "higher")}, lower=LOWER)


def symmetric_fields(n: int, stream: Stream) -> Tensor:
    """Smooth random fields of which x and -x are equally likely, (n 1 16 16) in [-1, 1]."""
    return torch.tanh(2.0 * torch.nn.functional.avg_pool2d(stream.normal((n, 1, 20, 20)), 5, 1) * 2.5)


def softened(x: Tensor) -> Tensor:
    """The other kind of ``x``: less contrast, an odd map."""
    return 0.7 * x


def signed_cycle(x: Tensor, y: Tensor, play: Play, sign: float) -> tuple[Translator, Translator]:
    """CycleGAN whose translators begin near ``sign`` times a copy."""
    size = (x.shape[2], x.shape[3])
    with play.stream("networks").seeded():
        there, back = Translator(1, 1), Translator(1, 1)
        judge = PairJudge(Judge(1, size, bound=1.5), Judge(1, size, bound=1.5), 1)
        with torch.no_grad():
            for network in (there, back):
                network.skip.weight.mul_(sign)
    networks = play.fit(CycleGAN(there, back, judge), Pairs(x, y, play.seed)).averaged("generator").eval()
    return networks["there"], networks["back"]  # type: ignore[index, return-value]


def dose_rows(seeds: Sequence[int], share: float) -> None:
    """CT slices at low dose to full dose."""
    from skimage.restoration import denoise_tv_chambolle

    found = Found("low dose CT")
    example = paired_example("low-dose", 4000)
    x, y = example.source.images, example.target.images
    held_x, held_y = example.held_source.images[:HELD], example.held_target.images[:HELD]
    halves = torch.cat([y[:1000], x[:1000]])  # what tells clean from noisy sees noise and blur
    judge = reader(halves, torch.arange(2).repeat_interleave(1000), share)

    def smooth(images: Tensor, weight: float) -> Tensor:
        """Total variation: the best without learning; its one number is chosen on training pairs."""
        return torch.stack([torch.from_numpy(denoise_tv_chambolle(i[0].numpy(), weight=weight))[None] for i in images])

    def score(name: str, made: Tensor) -> None:
        """Keep the three scores of a method."""
        found.add(f"PSNR [dB], {name}", float(psnr(made, held_y).mean()))
        found.add(f"perceptual distance, {name}", float(perceptual_distance(judge, made, held_y).mean()))
        found.add(f"invented, {name}", examine(made, held_y).invented)

    for seed in seeds:
        play = Play(max(2, int(share * 400)), 16, 2e-3, seed, "cpu")
        score("pix2pix", translated(from_pairs(x, y, play, adversarial=0.02, power=2), held_x))
        score("adversary off (least squares)", translated(from_pairs(x, y, play, adversarial=0.0, power=2), held_x))
    weights = (0.02, 0.05, 0.1, 0.2)
    best = max(weights, key=lambda w: float(psnr(smooth(x[:50], w), y[:50]).mean()))
    score("total variation, no learning", smooth(held_x, best).float())
    score("as measured", held_x)
    goal = found.mean("perceptual distance, adversary off (least squares)")
    found.print({"perceptual distance, pix2pix": (goal, "lower")}, lower=LOWER)


def ink_rows(seeds: Sequence[int], share: float) -> None:
    """One translator between digits in four inks."""
    found = Found("StarGAN, inks")
    digits = read_images("digits")[:4000]
    ink = torch.arange(len(digits)) % len(INKS)
    x = inked(digits.images, ink)
    held = held_out("digits").images[:HELD]
    source = inked(held, torch.arange(HELD) % len(INKS))
    judge = reader(x, ink, share, norm=False)
    wanted = [torch.full((HELD,), c) for c in range(len(INKS))]

    def score(name: str, made: Sequence[Tensor]) -> None:
        """Keep class, own source and the distance to what is right."""
        pairs = list(zip(made, wanted, strict=True))
        found.add(f"wanted class, {name}", sum(agrees(judge, m, w) for m, w in pairs) / len(pairs))
        found.add(f"own source nearest, {name}", sum(float(own_source(m, source)) for m, _ in pairs) / len(pairs))
        found.add(f"PSNR [dB], {name}", sum(float(psnr(m, inked(held, w)).mean()) for m, w in pairs) / len(pairs))

    for seed in seeds:
        play = Play(max(2, int(share * 300)), 16, 2e-3, seed, "cpu")
        for name, weight in (("StarGAN", 1.0), ("adversary off", 0.0)):
            network = between_classes(x, ink, play, adversarial=weight)
            score(name, [translated(network, source, w) for w in wanted])
    score("histogram matching, no learning", [histogram_matched(source, x[ink == c]) for c in range(len(INKS))])
    targets = {"wanted class, StarGAN": (0.97, "higher"), "own source nearest, StarGAN": (0.9, "higher")}
    found.print(targets, lower=LOWER)
