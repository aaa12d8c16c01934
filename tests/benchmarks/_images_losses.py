"""Losses beside the quality of samples along a training: what a loss tells, and what it does not."""

from collections.abc import Sequence

import torch
from _images_found import Found
from _images_reader import digit_reader, features

from advsci.metrics import kid
from advsci.streams import Stream
from advsci.training import Training
from advsci_images.data.examples import held_out
from advsci_images.data.stack import read_images
from advsci_images.game.training import Play
from advsci_images.systems.generate import trained_generator

STEPS, RECORDS = 450, 15

LOSSES = {"generator's loss": "generator/objective", "discriminator's loss": "discriminator/objective"}


def loss_rows(seeds: Sequence[int], share: float) -> None:
    """A training on digits, looked at 15 times: both losses, and KID of samples of that moment."""
    from scipy.stats import spearmanr

    found = Found("losses and quality")
    digits, test, judge = read_images("digits"), held_out("digits"), digit_reader(share)
    real = features(judge, test.images)
    for seed in seeds:
        seen: list[Training] = []

        def look(training: Training, seen: list[Training] = seen) -> dict[str, float]:
            """KID of the generator as it is."""
            seen.append(training)
            with torch.no_grad():
                made = training.game.players["generator"](Stream(0).at("looks").normal((500, 32)))
            return {"KID": float(kid(real, features(judge, made)).value)}

        play = Play(max(4, int(share * STEPS)), 32, 2e-3, seed, "cpu", records=RECORDS)
        trained_generator(digits.images, play, latent=32, width=16, callbacks=[look])
        log = seen[-1].log
        if seed == seeds[0]:
            for record in log:
                shown = ", ".join(f"{name} {record[key]:.3f}" for name, key in LOSSES.items())
                print(f"# step {record['step']}: {shown}, KID {record['KID']:.4f}", flush=True)
        quality = [r["KID"] for r in log]
        for name, key in LOSSES.items():
            curve = [r[key] for r in log]
            steps = list(zip(zip(curve, curve[1:], strict=False), zip(quality, quality[1:], strict=False), strict=True))
            apart = sum((b > a) != (d > c) for (a, b), (c, d) in steps) / max(1, len(steps))
            found.add(f"rank correlation of {name} with KID", float(spearmanr(curve, quality).statistic))
            found.add(f"looks at which {name} and KID went opposite ways", apart)
        found.add("KID, first look over last", quality[0] / quality[-1])
    found.print()
