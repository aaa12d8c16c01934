"""Translation with and without pairs, between classes, and enlargement."""

from collections.abc import Sequence

import torch
from _images_adapt import mean, spread
from _row import row

from advsci.metrics import kid
from advsci_images.data.examples import INKS, held_out, inked, paired_example
from advsci_images.data.stack import read_images
from advsci_images.evaluation.hallucination import examine
from advsci_images.evaluation.scores import own_source, perceptual_distance, psnr, sharpness
from advsci_images.game.players import Classifier
from advsci_images.game.training import Play
from advsci_images.systems.adapt import predict, supervised
from advsci_images.systems.translate import between_classes, from_pairs, translated, without_pairs
from advsci_images.systems.upscale import bicubic, enlarger, shrunk

HELD = 300
"""Held-out images that are scored."""


def rows_of(found: dict[str, list[float]], targets: dict[str, tuple[float, str]], title: str) -> None:
    """Print one row per figure; ``targets`` gives the target and which side is better."""
    for name, values in found.items():
        target, better = targets.get(name, (None, "lower" if "distance" in name or "invented" in name else "higher"))
        row(f"{title}: {name}", mean(values), target, better, **spread(values))


def reader(stack, seed: int, share: float, classes: int, labels: torch.Tensor, norm: bool = True) -> Classifier:
    """An independent classifier of images, which no game saw."""
    network = Classifier(stack.shape[1], (stack.shape[2], stack.shape[3]), classes, width=16, norm=norm)
    return supervised(network, stack, labels, Play(max(2, int(400 * share)), 64, 2e-3, 900 + seed, "cpu"))


def stain_rows(seeds: Sequence[int], share: float) -> None:
    """Digits to stains and back: a blur and a curve of the colours, which can be undone."""
    found: dict[str, list[float]] = {}
    example = paired_example("stained", 4000)
    x, y = example.source.images, example.target.images
    held_x, held_y = example.held_source.images[:HELD], example.held_target.images[:HELD]
    half = len(x) // 2
    for seed in seeds:
        play = Play(max(2, int(share * 500)), 16, 2e-3, seed, "cpu")
        there, back = without_pairs(x[:half], y[half:], play)
        networks = {
            "paired regression": (from_pairs(x, y, play, adversarial=0.0), from_pairs(y, x, play, adversarial=0.0)),
            "CycleGAN, unpaired": (there, back),
        }
        for name, (to, fro) in networks.items():
            seen = examine(translated(to, held_x), held_y)
            found.setdefault(f"PSNR there [dB], {name}", []).append(seen.psnr)
            found.setdefault(f"invented, {name}", []).append(seen.invented)
            found.setdefault(f"PSNR back [dB], {name}", []).append(float(psnr(translated(fro, held_y), held_x).mean()))
        gap = found["PSNR back [dB], CycleGAN, unpaired"][-1] - found["PSNR back [dB], paired regression"][-1]
        found.setdefault("PSNR back, CycleGAN less paired [dB]", []).append(gap)
    rows_of(found, {"PSNR back, CycleGAN less paired [dB]": (-2.0, "higher")}, "stained digits")


def dose_rows(seeds: Sequence[int], share: float) -> None:
    """CT slices at low dose to full dose."""
    found: dict[str, list[float]] = {}
    example = paired_example("low-dose", 4000)
    x, y = example.source.images, example.target.images
    held_x, held_y = example.held_source.images[:HELD], example.held_target.images[:HELD]
    halves = torch.cat([y[:1000], x[:1000]])  # what tells clean from noisy sees noise and blur
    judge = reader(halves, 0, share, 2, torch.arange(2).repeat_interleave(1000))
    for seed in seeds:
        play = Play(max(2, int(share * 500)), 16, 2e-3, seed, "cpu")
        networks = {
            "least squares": from_pairs(x, y, play, adversarial=0.0, power=2),
            "pix2pix": from_pairs(x, y, play, adversarial=0.02, power=2),
        }
        for name, network in networks.items():
            made = translated(network, held_x)
            found.setdefault(f"PSNR [dB], {name}", []).append(float(psnr(made, held_y).mean()))
            distance = float(perceptual_distance(judge, made, held_y).mean())
            found.setdefault(f"perceptual distance, {name}", []).append(distance)
            found.setdefault(f"invented, {name}", []).append(examine(made, held_y).invented)
    row("low dose CT: PSNR [dB], as measured", float(psnr(held_x, held_y).mean()), None, "higher")
    best = mean(found["perceptual distance, least squares"])
    rows_of(found, {"perceptual distance, pix2pix": (best, "lower")}, "low dose CT")


def ink_rows(seeds: Sequence[int], share: float) -> None:
    """One translator between digits in four inks."""
    found: dict[str, list[float]] = {}
    digits = read_images("digits")[:4000]
    ink = torch.arange(len(digits)) % len(INKS)
    x = inked(digits.images, ink)
    held = held_out("digits").images[:HELD]
    source = inked(held, torch.arange(HELD) % len(INKS))
    for seed in seeds:
        colour_reader = reader(x, seed, share, len(INKS), ink, norm=False)
        network = between_classes(x, ink, Play(max(2, int(share * 400)), 16, 2e-3, seed, "cpu"))
        right, own = [], []
        for wanted in range(len(INKS)):
            made = translated(network, source, torch.full((HELD,), wanted))
            right.append(float((predict(colour_reader, made).argmax(1) == wanted).float().mean()))
            own.append(float(own_source(made, source)))
        found.setdefault("wanted class, by an independent classifier", []).append(mean(right))
        found.setdefault("nearest source is its own", []).append(mean(own))
        unmoved = float((predict(colour_reader, source).argmax(1) == 0).float().mean())
        found.setdefault("wanted class, untranslated", []).append(unmoved)
    targets = {
        "wanted class, by an independent classifier": (0.97, "higher"),
        "nearest source is its own": (0.9, "higher"),
    }
    rows_of(found, targets, "StarGAN, inks")


def upscale_rows(seeds: Sequence[int], share: float) -> None:
    """Digits enlarged four times."""
    found: dict[str, list[float]] = {}
    digits = read_images("digits")[:4000]
    test = held_out("digits")[:1000]
    labels, truth = digits.require_labels("digits"), test.images
    small = shrunk(truth, 4)
    for seed in seeds:
        judge = reader(digits.images, seed, share, 10, labels)
        with torch.no_grad():
            real = judge.features(truth).double()
        play = Play(max(2, int(share * 500)), 16, 2e-3, seed, "cpu")
        squares = enlarger(digits.images, 4, play, adversarial=0.0, perceptual=0.0)
        sharp = enlarger(digits.images, 4, play, start=squares)
        for name, made in {
            "bicubic": bicubic(small, 4),
            "least squares": translated(squares, small),
            "SRGAN": translated(sharp, small),
        }.items():
            found.setdefault(f"PSNR [dB], {name}", []).append(float(psnr(made, truth).mean()))
            distance = float(perceptual_distance(judge, made, truth).mean())
            found.setdefault(f"perceptual distance, {name}", []).append(distance)
            with torch.no_grad():
                fake = judge.features(made).double()
            found.setdefault(f"KID distance, {name}", []).append(float(kid(real, fake).value))
            found.setdefault(f"sharpness, {name}", []).append(float(sharpness(made) / sharpness(truth)))
    targets = {
        f"{score} distance, SRGAN": (min(mean(found[f"{score} distance, {rival}"]) for rival in RIVALS), "lower")
        for score in ("perceptual", "KID")
    }
    rows_of(found, targets, "digits x4")


RIVALS = ("bicubic", "least squares")
