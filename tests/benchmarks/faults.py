"""``make bench-faults``: trainings killed, told to stop, or on a failing disk, resumed and compared bit for bit.

Each drill runs in a process of its own (a fork of this one, which has loaded torch already). ``--quick`` is the small
form: 20 kills of the core instead of 100, one of each command instead of 20. ``--only`` names parts.
"""

import argparse
import builtins
import errno
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))

from _commands import COMMANDS, outcome, prepared, words_of
from _cost import cost
from _federated import federated
from _federated_cells import hospitals
from _row import row

from advsci.cli import run_app
from advsci.errors import AdvsciError, Stopped
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.solvers import Alternating, adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer, checkpoint

STEPS, EVERY = 40, 3
NAMED, RAW, DIED = 3, 4, 5


def dense() -> tuple[GAN, torch.Tensor]:
    with Stream(1).seeded():
        generator = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
        discriminator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    return GAN(generator, discriminator, Gaussian(3)), Stream(7).normal((257, 2))


def conv(form: torch.memory_format = torch.contiguous_format) -> tuple[GAN, torch.Tensor]:
    with Stream(1).seeded():
        generator = nn.Sequential(nn.Linear(4, 4 * 16), nn.Unflatten(1, (4, 4, 4)), nn.Conv2d(4, 2, 3, padding=1))
        discriminator = nn.Sequential(
            nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(16, 1)
        )
    game = GAN(generator.to(memory_format=form), discriminator.to(memory_format=form), Gaussian(4))
    return game, Stream(7).normal((64, 2, 4, 4))


CASES: dict[str, tuple[Callable[[], tuple[GAN, torch.Tensor]], dict[str, Any]]] = {
    "dense, batch norm": (dense, {}),
    "conv": (conv, {}),
    "conv, channels_last": (lambda: conv(torch.channels_last), {}),
    "conv, bf16": (conv, {"precision": "bf16"}),
}


def train(name: str, folder: Path, steps: int = STEPS) -> None:
    build, settings = CASES[name]
    game, data = build()
    trainer = Trainer(
        steps=steps, batch_size=16, device="cpu", run=folder, quiet=True, log_every=4, checkpoint_every=EVERY,
        ema=EMA(0.9), **settings,
    )  # fmt: skip
    trainer.fit(game, data, Alternating(adam(1e-3)))


def forked(work: Callable[[], Any]) -> int:
    """The process that does the work; its exit status says how the work ended."""
    child = os.fork()
    if child:
        return child
    status = RAW
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        status = int(work() or 0)
    except Stopped as stopped:
        status = 128 + signal.Signals[stopped.signal].value
    except AdvsciError as error:
        status = NAMED if str(error).count("Try:") == 1 else RAW
    except BaseException:
        status = RAW
    os._exit(status)


def ended(child: int) -> int:
    """Exit status, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def content(folder: Path) -> str:
    """Hash of the last checkpoint and of the log: what a training leaves behind."""
    newest = checkpoint.latest(folder / "checkpoints")
    parts = [newest / "state.safetensors", newest / "state.json"] if newest else []
    digest = hashlib.sha256()
    for path in [*parts, folder / "metrics.jsonl"]:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def leftovers(folder: Path) -> int:
    """Files of interrupted writing that a finished training still has."""
    return sum(1 for p in folder.rglob("*") if "partial" in p.name)


def kills(count: int, first: int = 0) -> None:
    """SIGKILL at random moments of trainings of every kind, several times each until one ends."""
    same = lost = left = done = 0
    for k in range(first, first + count):
        name = list(CASES)[k % len(CASES)]
        with tempfile.TemporaryDirectory() as scratch:
            whole, cut = Path(scratch) / "whole", Path(scratch) / "cut"
            begin = time.perf_counter()
            ended(forked(lambda name=name, whole=whole: train(name, whole)))
            length, rng = time.perf_counter() - begin, random.Random(k)
            for _ in range(2):
                child = forked(lambda name=name, cut=cut: train(name, cut))
                time.sleep(rng.uniform(0.1, 0.9) * length)
                os.kill(child, signal.SIGKILL)
                done += ended(child) == -signal.SIGKILL
            lost += ended(forked(lambda name=name, cut=cut: train(name, cut))) != 0
            same += content(whole) == content(cut)
            left += leftovers(cut)
    row("trainings killed twice and resumed, bit for bit the uninterrupted", same / count, 1.0, "higher", seeds=count)
    row("trainings that did not resume", lost, 0.0, seeds=count, note=f"{done} of {2 * count} kills hit a running one")
    row("leftover partial files", left, 0.0, seeds=count)


def signals() -> None:
    """SIGTERM and SIGINT end with a checkpoint and the right status; SIGUSR1 writes one and goes on."""
    for how, expected in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR1, 0)):
        good = 0
        for name in CASES:
            with tempfile.TemporaryDirectory() as scratch:
                whole, cut = Path(scratch) / "whole", Path(scratch) / "cut"
                ended(forked(lambda name=name, whole=whole: train(name, whole)))

                def struck(name=name, cut=cut, how=how) -> None:
                    step, sent = Trainer._step, [7]

                    def signalled(self, training, *arguments):
                        result = step(self, training, *arguments)
                        if sent and training.step == sent[0]:
                            sent.pop()
                            os.kill(os.getpid(), how)
                        return result

                    Trainer._step = signalled  # type: ignore[method-assign]
                    train(name, cut)

                status = ended(forked(struck))
                again = ended(forked(lambda name=name, cut=cut: train(name, cut)))
                good += status == expected and again == 0 and content(whole) == content(cut)
        row(f"{how.name}: right status, then bit for bit", good / len(CASES), 1.0, "higher", seeds=len(CASES))


@contextmanager
def failing(at: int, code: int) -> Iterator[list[int]]:
    """The ``at``-th opening for writing, sync, renaming or making of a folder, and every later one, fails."""
    count = [0]
    real: dict[tuple[Any, str], Any] = {}

    def strike(*arguments: Any) -> None:
        if "/dev/" in str(arguments[:1]):
            return
        count[0] += 1
        if count[0] >= at:
            raise OSError(code, os.strerror(code))

    def wrap(place: Any, name: str, writes: Callable[..., bool]) -> None:
        inner = real[place, name] = getattr(place, name)

        def outer(*arguments: Any, **named: Any) -> Any:
            if writes(*arguments, **named):
                strike(*arguments)
            return inner(*arguments, **named)

        setattr(place, name, outer)

    def writing(file: Any, mode: Any = "r", *_: Any, **__: Any) -> bool:
        return not isinstance(file, int) and any(letter in str(mode) for letter in "wax+")

    wrap(builtins, "open", writing)
    wrap(os, "open", lambda path, flags, *_, **__: bool(flags & (os.O_WRONLY | os.O_RDWR)))
    for name in ("fsync", "rename", "replace", "mkdir"):
        wrap(os, name, lambda *_, **__: True)
    try:
        yield count
    finally:
        for (place, name), inner in real.items():
            setattr(place, name, inner)


def disks(every: int) -> None:
    """A disk that fails from some write on, at every write of a training: named, and what was there goes on."""
    name = next(iter(CASES))
    for what, code in (("EIO", errno.EIO), ("full disk", errno.ENOSPC), ("read-only", errno.EROFS)):
        sites = named = same = 0
        with tempfile.TemporaryDirectory() as scratch:
            whole = Path(scratch) / "whole"
            ended(forked(lambda whole=whole: train(name, whole, 9)))
            for at in range(1, 1000, every):
                cut = Path(scratch) / f"cut{at}"

                def broken(cut=cut, at=at, code=code) -> int:
                    with failing(at, code) as count:
                        train(name, cut, 9)
                    return DIED if count[0] >= at else 0

                status = ended(forked(broken))
                if status == 0:
                    break
                sites += 1
                named += status == NAMED
                again = ended(forked(lambda cut=cut: train(name, cut, 9)))
                same += again == 0 and content(whole) == content(cut)
        row(f"{what} at a write: named", named / max(sites, 1), 1.0, "higher", seeds=sites)
        row(f"{what} at a write: resumed bit for bit", same / max(sites, 1), 1.0, "higher", seeds=sites)


def commands(count: int, first: int = 0) -> None:
    """SIGKILL at random moments of every command that trains, given again: the same tensors."""
    with tempfile.TemporaryDirectory() as shared:
        files = prepared(Path(shared))
        for name in COMMANDS:
            whole = Path(shared) / "whole" / name.replace(" ", "-")
            app, words = words_of(name, files, whole)
            begin = time.perf_counter()
            ended(forked(partial(run_app, app, words)))
            length, wanted = time.perf_counter() - begin, outcome(whole)
            same = 0
            for k in range(first, first + count):
                cut = Path(shared) / f"cut-{k}" / name.replace(" ", "-")
                again = partial(run_app, app, words_of(name, files, cut)[1])
                child = forked(again)
                time.sleep(random.Random(k).uniform(0.2, 0.9) * length)
                os.kill(child, signal.SIGKILL)
                ended(child)
                same += ended(forked(again)) == 0 and wanted != "" and outcome(cut) == wanted
                same -= leftovers(cut) > 0
            row(f"advsci-{name}, killed and given again: the same bits", same / count, 1.0, "higher", seeds=count)


DRILLS: dict[str, Callable[[bool], None]] = {
    "kills": lambda quick: kills(20 if quick else 100),
    "signals": lambda quick: signals(),
    "disks": lambda quick: disks(3 if quick else 1),
    "commands": lambda quick: commands(1 if quick else 20),
    "federated": federated,
    "hospitals": hospitals,
    "cost": cost,
}


def main() -> None:
    """Run the drills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=DRILLS, default=list(DRILLS))
    parser.add_argument("--arms", nargs="+", default=None, help="words of the arms of federated and hospitals")
    parser.add_argument("--data", nargs="+", default=None, help="data sets of hospitals")
    parser.add_argument("--first", type=int, default=0, help="number of the first kill")
    parser.add_argument("--count", type=int, default=None, help="how many kills")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    np.random.seed(0)  # noqa: NPY002
    for name in chosen.only:
        if name == "federated":
            federated(chosen.quick, chosen.arms)
        elif name == "hospitals":
            hospitals(chosen.quick, chosen.arms, chosen.data)
        elif name in ("kills", "commands") and chosen.count:
            (kills if name == "kills" else commands)(chosen.count, chosen.first)
        else:
            DRILLS[name](chosen.quick)


if __name__ == "__main__":
    main()
