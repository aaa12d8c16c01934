"""What a step costs, counted: FLOP and bytes kept for the backward pass, at small sizes on the CPU and at any size on
the meta device, where nothing is computed; a linear law is fitted to the small sizes and checked on larger ones.
"""

import ctypes
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from _row import row
from scipy import sparse
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from advsci.games import GAN, DomainAdversarial, Game
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.penalties import R1
from advsci.streams import Stream

__all__ = ["cost"]

Made = tuple[Game, dict[str, torch.Tensor]]
PER_PARAMETER = 4 * (1 + 1 + 2 + 1)
"""Bytes: the weight, its gradient, two moments of Adam and the average, in float32."""


@dataclass(frozen=True)
class Counted:
    """What one step of all players takes.

    Attributes
    ----------
    flop
        Of forward and backward passes, multiply and add as two.
    kept
        Bytes that the backward pass of the most demanding player keeps.
    parameters
        Numbers that are trained.
    """

    flop: float
    kept: float
    parameters: int


class _Counter(TorchDispatchMode):
    """Counts by torch's formulas; its own counter minds modules too, which does not go with penalties on gradients."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run ``func`` on ``args`` and ``kwargs``, whatever their ``types``, and add what it costs."""
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        self.total += 0 if formula is None else formula(*args, **(kwargs or {}), out_val=out)
        return out


def counted(made: Made) -> Counted:
    """Count one evaluation of every player and its gradients; nothing moves."""
    game, batch = made
    owned = {p.untyped_storage()._cdata for p in game.parameters()}
    flop, most = 0.0, 0.0
    for player in game.players:
        kept: dict[int, int] = {}

        def keep(t: torch.Tensor, kept: dict[int, int] = kept) -> torch.Tensor:
            storage = t.untyped_storage()
            if storage._cdata not in owned:
                kept[storage._cdata] = storage.nbytes()
            return t

        draw = game.draw(batch, Stream(0))
        with _Counter() as counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
            loss = torch.stack(list(game.terms(player, batch, draw).values())).sum()
            wanted = [p for p in game.parameters_of(player) if p.requires_grad]
            torch.autograd.grad(loss, wanted, allow_unused=True)
        flop, most = flop + counter.total, max(most, float(sum(kept.values())))
    return Counted(flop, most, sum(p.numel() for p in game.parameters()))


def cells(size: int, device: str = "cpu", n: int = 64) -> Made:
    """The count encoder's game on so many genes, without its class head."""
    from advsci_singlecell.game.adversary import CategoricalAdversary
    from advsci_singlecell.game.counts import CountEncoder, Counts
    from advsci_singlecell.game.networks import Decoder
    from advsci_singlecell.game.table import CountTable

    counts = sparse.random(n, size, 0.1, format="csr", random_state=0, dtype=np.float32)
    task = Counts(CountEncoder(50, 30), Decoder(30, 8, size), components=torch.randn(n, 50), counts=CountTable(counts),
                  batches=8)  # fmt: skip
    rows = torch.arange(n)
    batch = {"row": rows, "neighbours": rows[:, None].repeat(1, 15), "batch": rows % 8, "weight": torch.ones(n)}
    batch |= {"membership": torch.full((n, 8), 0.125), "allowed": torch.ones(n, 8, dtype=torch.bool)}
    game = DomainAdversarial(task, CategoricalAdversary(30, 8, 8, width=256))
    return game.to(device), {name: value.to(device) for name, value in batch.items()}


def volumes(size: int, device: str = "cpu", n: int = 1) -> Made:
    """A residual generator and a critic of volumes, 16 channels, with R1; the latent is noise of the same shape."""

    def layers() -> nn.Sequential:
        inner = [nn.Conv3d(16, 16, 3, padding=1), nn.SiLU(), nn.Conv3d(16, 16, 3, padding=1), nn.SiLU()]
        return nn.Sequential(nn.Conv3d(1, 16, 3, padding=1), nn.SiLU(), *inner, nn.Conv3d(16, 1, 3, padding=1))

    class Critic(nn.Module):
        """One logit per volume."""

        def __init__(self):
            super().__init__()
            self.net = layers()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """The mean over the volume ``x``."""
            return self.net(x).mean((1, 2, 3, 4))

    maker = nn.Sequential(nn.Unflatten(1, (1, size, size, size)), layers())
    game = GAN(maker, Critic(), Gaussian(size**3), penalties=(R1(1.0),))
    x = torch.empty(n, 1, size, size, size, device=device) if device == "meta" else torch.randn(n, 1, *[size] * 3)
    return game.to(device), {"x": x}


def circuits(size: int, device: str = "cpu", n: int = 8) -> Made:
    """A generator and a critic of signed graphs as dense networks of all pairs, with R1."""
    d = 3 * size * size
    game = GAN(MLP(64, d, 256), MLP(d, 1, 256), Gaussian(64), penalties=(R1(1.0),))
    return game.to(device), {"x": torch.randn(n, d).to(device)}


CASES: dict[str, tuple[Callable[..., Made], Callable[[int], float], tuple[int, ...], int, int, str]] = {
    "cells": (cells, lambda size: float(size), (100, 200, 400), 800, 2000, "cpu"),  # its likelihood looks at the counts
    "volumes": (volumes, lambda size: float(size) ** 3, (6, 8, 12), 20, 512, "meta"),
    "circuits": (circuits, lambda size: float(size) ** 2, (4, 6, 8), 12, 40, "meta"),
}
"""Case -> its game, what its cost is linear in, sizes that are fitted, the size that is computed, the size asked for
and where that one is counted."""


MANY = {"cells": 2048, "volumes": 8, "circuits": 4096}
"""Batches that are large beside what a process takes anyway."""


def law(make: Callable[..., Made], scale: Callable[[int], float], sizes: tuple[int, ...]) -> Callable[[int], Any]:
    """(FLOP, bytes kept, parameters) by size: a constant and a slope each, by least squares."""
    rows = [counted(make(size)) for size in sizes]
    basis = np.stack([np.ones(len(sizes)), [scale(size) for size in sizes]], 1)
    values = np.array([[c.flop, c.kept, c.parameters] for c in rows], float)
    slopes = np.linalg.lstsq(basis, values, rcond=None)[0]
    return lambda size: np.array([1.0, scale(size)]) @ slopes


def _peak(make: Callable[..., Made], size: int, n: int) -> float:
    """Bytes by which a step of all players raises the memory of a process of its own."""
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # else the child fills what was freed before, and seems to need nothing
    read, write = os.pipe()
    child = os.fork()
    if not child:
        torch.set_num_threads(1)
        game, batch = make(size, n=n)
        begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for player in game.players:
            loss = torch.stack(list(game.terms(player, batch, game.draw(batch, Stream(0))).values())).sum()
            torch.autograd.grad(loss, [p for p in game.parameters_of(player) if p.requires_grad], allow_unused=True)
        os.write(write, str(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begin)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return float(os.read(read, 100))


def _seconds(made: Made) -> float:
    """CPU seconds of one evaluation of all players, the least of three."""
    game, batch = made
    found = []
    for _ in range(3):
        begin = time.process_time()
        for player in game.players:
            loss = torch.stack(list(game.terms(player, batch, game.draw(batch, Stream(0))).values())).sum()
            torch.autograd.grad(loss, [p for p in game.parameters_of(player) if p.requires_grad], allow_unused=True)
        found.append(time.process_time() - begin)
    return min(found)


def cost(quick: bool) -> None:
    """The rows: the law at the size that is computed and at the size asked for, memory in fact, and the network.

    Parameters
    ----------
    quick
        The small form leaves out what is timed.
    """
    for name, (make, scale, sizes, checked, asked, where) in CASES.items():
        predict = law(make, scale, sizes)
        for size, device in ((checked, "cpu"), (asked, where)):
            found = counted(make(size, device))
            true = np.array([found.flop, found.kept, found.parameters])
            kinds = ("FLOP", "bytes kept", "parameters")
            for word, value, guess in zip(kinds, true, predict(size), strict=True):
                note = f"counted {value:.4g} on {device}; fitted to sizes {', '.join(map(str, sizes))}"
                row(f"{name} of size {size}: {word}, law / counted", guess / value, None, note=note)
        n = MANY[name]
        kept = counted(make(checked, n=n)).kept
        words = f"{name} of size {checked}, batch of {n}: memory in fact / bytes kept"
        row(words, _peak(make, checked, n) / kept, None, note=f"{kept / 1e6:.3g} MB kept")
        if not quick:
            speeds = [counted(made).flop / _seconds(made) for made in (make(sizes[-1]), make(checked))]
            row(f"{name}: GFLOP per CPU second at size {checked}", speeds[1] / 1e9, None, note=f"at {sizes[-1]}: "
                f"{speeds[0] / 1e9:.3g}")  # fmt: skip
        found = counted(make(asked, where))
        sent = 2 * 7 / 8 * 4 * found.parameters
        note = f"{PER_PARAMETER * found.parameters / 1e6:.3g} MB of parameters, moments and averages; all-reduce of 8"
        row(f"{name} of size {asked}: MB sent per rank and step of all players", sent / 1e6, None, unit="MB", note=note)
