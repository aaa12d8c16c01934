"""``make bench-engine``: figures of the trainer, one JSON object a line.

``python tests/benchmarks/engine.py [--quick] [--only processes|parts|order|images|bf16|shares]``
"""

import argparse
import io
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "toys"))
from _row import compare, row
from divided_games import COUPLED, MEANS, SECOND_ORDER, ended, play
from pulled_game import make

from advsci.diagnostics import shares
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import ResidualDiscriminator, ResidualGenerator
from advsci.penalties import R1, R2
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import ImageFolder, ItemSource, Trainer
from advsci.training.order import Order
from advsci.training.reading import reader

TOYS = Path(__file__).resolve().parents[1] / "toys"


def gap(one: dict, two: dict) -> float:
    """The largest difference of an entry."""
    return max(float((two[key] - value).abs().max()) for key, value in one.items())


def processes(quick: bool) -> None:
    """Two processes of gloo against one: every game, objective, penalty and rule."""
    steps = 5 if quick else 50
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(TOYS / "divided_games.py"), f"{folder}/two", str(steps)]
        started = [subprocess.Popen(command, env=os.environ | group | {"RANK": str(rank)}) for rank in range(2)]
        assert [process.wait(3600) for process in started] == [0, 0]
        cases = MEANS | COUPLED | SECOND_ORDER
        gaps = {}
        for name, case in cases.items():
            play(case, Path(folder) / "one" / name, steps)
            gaps[name] = gap(ended(Path(folder) / "one" / name), ended(Path(folder) / "two" / name))
    worst = max(gaps, key=gaps.__getitem__)
    note = f"{len(cases)} cases, {steps} steps, float64, parameters, averages and buffers; worst: {worst}"
    row("two processes against one", gaps[worst], 1e-9, unit="largest difference", note=note)


def parts(quick: bool) -> None:
    """Micro-batches against the whole batch."""
    names = list(MEANS)[:3] if quick else list(MEANS)
    gaps = {name: gap(play(MEANS[name], steps=10), play(MEANS[name], steps=10, accumulate=4)) for name in names}
    worst = max(gaps, key=gaps.__getitem__)
    note = f"{len(gaps)} cases, 10 steps, float64; worst: {worst}"
    row("four parts of a batch against the whole", gaps[worst], 1e-10, unit="largest difference", note=note)


def order(quick: bool) -> None:
    """The first indices of many samples."""
    n = 10**6 if quick else 10**8
    Order(1000, Stream(0))(0, 256)  # what is imported on first use
    begin = time.process_time()
    Order(n, Stream(0))(0, 256)
    row(f"first batch of {n:,} indices", time.process_time() - begin, 0.1, unit="CPU s")


def images(quick: bool) -> None:
    """Images a second out of a folder of small PNGs, two workers, against a plain DataLoader of the same data set."""
    from PIL import Image

    count, batch, taken = (500, 50, 3) if quick else (100_000, 100, 100)
    with tempfile.TemporaryDirectory() as folder:
        pixels = Stream(0).integers(256, (64, 32, 32, 3)).numpy().astype(np.uint8)
        encoded = [io.BytesIO() for _ in pixels]
        for x, file in zip(pixels, encoded, strict=True):
            Image.fromarray(x).save(file, "PNG")
        for i in range(count):
            place = Path(folder) / f"{i % 100:02d}"
            place.mkdir(exist_ok=True)
            (place / f"{i}.png").write_bytes(encoded[i % 64].getvalue())
        data = ImageFolder(folder)
        held: list[float] = []

        def ours() -> None:
            read = reader(ItemSource(data, workers=2), Stream(0), batch, batch)
            for i in range(taken):
                read(i * batch, batch)
                held.append(resident())

        def plain() -> None:
            loader = iter(DataLoader(data, batch, shuffle=True, num_workers=2))
            for _ in range(taken):
                next(loader)

        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(2 if quick else 5):
            for run, kept in zip((ours, plain), seconds, strict=True):
                begin = time.perf_counter()
                run()
                kept.append(time.perf_counter() - begin)
    rates = [taken * batch / median(kept) for kept in seconds]
    note = (
        f"{count:,} PNGs 32 x 32, {taken * batch:,} read a round with the start of the workers; {rates[0]:.0f} images/s"
    )
    row("loader: images/s over a plain DataLoader's", rates[0] / rates[1], 0.9, "higher", unit="ratio", note=note)
    rounds = [max(held[i : i + taken]) for i in range(0, len(held), taken)]
    note = f"resident memory of the reading process, last round over first ({rounds[0]:.0f} MB)"
    row("loader: memory", rounds[-1] / rounds[0], 1.05, unit="ratio", note=note)


def resident() -> float:
    """Memory of this process [MB]."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def bf16(quick: bool) -> None:
    """A step in bf16 over one in float32."""
    size, widths = (16, (8, 8)) if quick else (64, (16, 32, 48, 64))
    x = Stream(0).normal((64, 3, size, size))

    def step(precision: str) -> Callable[[], None]:
        torch.manual_seed(0)
        nets = ResidualGenerator(32, 3, size, widths[::-1]), ResidualDiscriminator(3, size, widths)
        game = GAN(*nets, Gaussian(32), penalties=(R1(0.1), R2(0.1)))
        trainer = Trainer(3, 16, precision=precision, quiet=True, device="cpu", log_every=3)  # type: ignore[arg-type]
        return lambda: trainer.fit(game, x, Simultaneous(adam())) and None

    seconds = compare(step("bf16"), step("float32"), rounds=3 if quick else 5, warmup=1)
    units = (
        "bf16 units" if torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported() else ""
    )
    note = f"three steps with R1 and R2, {size} x {size}, batch 16; this CPU has {units or 'no bf16 units'}"
    row("bf16 step over float32 step", median(seconds[0]) / median(seconds[1]), 0.6, unit="ratio", note=note)


def worth(quick: bool) -> None:
    """How often the interval of a share holds the truth: an adversary that is cut off, and one worth 0.4."""

    def rest(training, trial: int) -> dict[str, float]:
        place = training.game.generator.at.item()
        return {"rest": place + 0.05 * float(Stream(int(1e6 * place) % 10_000 + 7919 * trial).normal((1,)))}

    trials = 2 if quick else 20
    for cut, truth in ((True, 0.0), (False, 0.4)):
        hits = 0
        for trial in range(trials):
            (found,) = shares(
                partial(make, cut=cut), partial(rest, trial=trial), seeds=range(3 * trial, 3 * trial + 3)
            ).shares
            hits += found.holds(truth)
        name = "cannot matter" if cut else "is worth 0.4"
        row(f"shares: an adversary that {name}", hits, 0.9 * trials, "higher", unit=f"of {trials} intervals", seeds=3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    run = {"processes": processes, "parts": parts, "order": order, "images": images, "bf16": bf16, "shares": worth}
    parser.add_argument("--only", choices=run, nargs="*")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name, part in run.items():
        if not given.only or name in given.only:
            part(given.quick)
