"""Enlargement: bicubic interpolation, least squares, and the network with a judge."""

from collections.abc import Sequence

from _images_found import Found
from _images_reader import digit_reader, features

from advsci.metrics import kid
from advsci_images.data.examples import held_out
from advsci_images.data.stack import read_images
from advsci_images.evaluation.scores import perceptual_distance, psnr, sharpness
from advsci_images.game.training import Play
from advsci_images.systems.translate import translated
from advsci_images.systems.upscale import bicubic, enlarger, shrunk


def upscale_rows(seeds: Sequence[int], share: float) -> None:
    """Digits enlarged four times."""
    found = Found("digits x4")
    x, truth = read_images("digits").images[:4000], held_out("digits").images[:1000]
    small, judge = shrunk(truth, 4), digit_reader(share)
    real = features(judge, truth)

    def score(name: str, made) -> None:
        """Keep the four scores of a method."""
        found.add(f"PSNR [dB], {name}", float(psnr(made, truth).mean()))
        found.add(f"perceptual distance, {name}", float(perceptual_distance(judge, made, truth).mean()))
        found.add(f"KID, {name}", float(kid(real, features(judge, made)).value))
        found.add(f"sharpness, {name}", float(sharpness(made) / sharpness(truth)))

    for seed in seeds:
        play = Play(max(2, int(share * 400)), 16, 2e-3, seed, "cpu")
        squares = enlarger(x, 4, play, adversarial=0.0, perceptual=0.0)
        score("least squares", translated(squares, small))
        score("SRGAN", translated(enlarger(x, 4, play, start=squares), small))
        score("adversary off", translated(enlarger(x, 4, play, adversarial=0.0, start=squares), small))
    score("bicubic, no learning", bicubic(small, 4))
    rivals = ("bicubic, no learning", "least squares")
    targets = {
        f"{kind}, SRGAN": (min(found.mean(f"{kind}, {rival}") for rival in rivals), "lower")
        for kind in ("perceptual distance", "KID")
    }
    found.print(targets, lower=("distance", "KID"))
