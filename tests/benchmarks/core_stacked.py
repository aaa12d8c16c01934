"""Stacked digits: three handwritten digits in the colour channels of one image, 1,000 modes of equal weight.

``python tests/benchmarks/core_stacked.py [--quick] [--seeds N] [--first N] [--steps N]``. Protocol of VEEGAN and
PacGAN (arXiv 1705.07761, 1712.04086): 26,000 generated images, each channel named by a classifier that was trained on
the single digits; modes found and the divergence of their histogram from the uniform one. The digits are MNIST's 60,000
where ``ADVSCI_DATA`` holds them, else the 9,000 embedded ones.

Where the three digits are independent, the divergence is the sum of that of each channel's ten digits; the rest is
dependence between channels. With K modes and n samples a perfect generator has a divergence of about
(K - 1) / 2n = 0.019, and 1,000 modes.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from _row import interval, row

from advsci.metrics.modes import histogram_modes
from advsci.nn import MLP
from advsci.recipes import images
from advsci.streams import Stream
from advsci.training import Trainer, Training
from advsci_datasets import Images, load_images, prepared

SAMPLES, MODES = 26_000, 1000


class Stacked:
    """240,000 images (3 28 28) in [-1, 1], their channels drawn independently from single digits."""

    def __init__(self, digits: Tensor, seed: int):
        self.digits = digits
        self.which = Stream(seed).at("stack").integers(len(digits), (240_000, 3))

    def __len__(self) -> int:
        return len(self.which)

    def __getitem__(self, index: Tensor) -> dict[str, Tensor]:
        return {"x": 2.0 * self.digits[self.which[index]].squeeze(2) - 1.0}


def classifier(data: Images, steps: int) -> tuple[nn.Module, float]:
    """A small convolutional classifier of single digits and its accuracy on held-out ones."""
    assert data.train_labels is not None and data.test_labels is not None
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Flatten(), MLP(32 * 49, 10, depth=1)),
    )
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    order = Stream(0).at("classifier").integers(len(data.train), (steps, 128))
    for index in order:
        loss = nn.functional.cross_entropy(net(2.0 * data.train[index] - 1.0), data.train_labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval().requires_grad_(False)
    return net, float((net(2.0 * data.test - 1.0).argmax(1) == data.test_labels).float().mean())


def named_modes(net: nn.Module, stacked: Tensor) -> Tensor:
    """The mode of each image: its three digits read as one number below 1,000."""
    digits = net(stacked.reshape(-1, 1, 28, 28)).argmax(1).reshape(-1, 3)
    return digits @ torch.tensor([100, 10, 1])


def of_single_digits(modes: Tensor) -> float:
    """The part of the divergence that is the digits' own frequencies, summed over the channels."""
    return sum(float(histogram_modes(modes // place % 10, 10)[1]) for place in (1, 10, 100))


def train(digits: Tensor, net: nn.Module, seed: int, steps: int) -> dict[str, float]:
    """One training; modes and divergence of its averaged generator."""
    data = Stacked(digits, seed)
    recipe = images(data[torch.arange(256)]["x"], groups=3, seed=seed)
    wall, begin = time.perf_counter(), time.process_time()

    def judge(generator: nn.Module, samples: int) -> tuple[int, float, float]:
        labels = [
            named_modes(net, recipe.game.sample(1000, Stream(seed).at("test", i), generator=generator))
            for i in range(samples // 1000)
        ]
        modes = torch.cat(labels)
        found, kl = histogram_modes(modes, MODES)
        return int(found), float(kl), of_single_digits(modes)

    def progress(training: Training) -> None:
        found, kl, single = judge(training.averaged("generator"), 5000)
        seconds = time.process_time() - begin
        print(
            f"step {training.step}: {found} modes in 5,000, KL {kl:.3f}, of digits {single:.3f}, {seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )

    trainer = Trainer(
        steps,
        recipe.batch_size,
        seed=seed,
        ema=recipe.ema,
        device="cpu",
        log_every=max(steps // 16, 1),
        callbacks=(progress,),
        quiet=True,
    )
    generator = trainer.fit(recipe.game, data, recipe.solver).averaged("generator")
    seconds, wall = time.process_time() - begin, time.perf_counter() - wall
    found, kl, single = judge(generator, SAMPLES)
    return {"modes": found, "kl": kl, "single": single, "seconds": seconds, "wall": wall}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first seed, so that seeds can be run one by one")
    parser.add_argument("--steps", type=int, default=5000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    seeds, steps = (1, 4) if given.quick else (given.seeds, given.steps)
    name = "digits" if prepared("mnist") is None else "mnist"
    data = load_images(name)
    net, accuracy = classifier(data, 50 if given.quick else 1400)
    real = Stacked(data.test, 0)
    labels = [named_modes(net, real[torch.arange(i, i + 1000)]["x"]) for i in range(0, SAMPLES, 1000)]
    found, kl = histogram_modes(torch.cat(labels), MODES)
    source = f"digits of '{name}'"
    row("stacked digits: the classifier's accuracy on held-out digits", accuracy, None, "higher", note=source)
    row("stacked digits: real ones, modes", int(found), None, "higher", note=f"held-out, {SAMPLES} images")
    row("stacked digits: real ones, reverse KL", float(kl), None, unit="nats")
    runs = [train(data.train, net, seed, steps) for seed in range(given.first, given.first + seeds)]
    note = f"{source}, {steps} steps, worst of the seeds; " + "; ".join(
        f"{r['modes']} modes KL {r['kl']:.3f}" for r in runs
    )
    spread = interval([r["kl"] for r in runs]) if seeds > 1 else None
    row("stacked digits: modes", min(r["modes"] for r in runs), 990, "higher", seeds=seeds, note=note)
    row("stacked digits: reverse KL", max(r["kl"] for r in runs), 0.1, unit="nats", seeds=seeds, interval=spread)
    single = max(r["single"] for r in runs)
    row("stacked digits: of it the digits' own frequencies", single, None, unit="nats", seeds=seeds)
    seconds = max(r["seconds"] for r in runs)
    row("stacked digits: training", seconds, 3600.0, unit="CPU seconds (30 minutes on 2 cores)", seeds=seeds)


if __name__ == "__main__":
    main()
