"""Training the likelihood of real circuits, stopped where families that it has not seen surprise it least."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Run, Trainer
from advsci_circuits.data.real import balanced
from advsci_circuits.design.likelihood import CircuitLikelihood, LikelihoodGame, SizeLikelihood, renamed
from advsci_circuits.game.held_out import LeastSurprised
from advsci_datasets.circuits import SignedGraphs, split_by_family

__all__ = ["fit_likelihood", "held_out_surprise"]

DRAWS, HELD = 20_000, 1000
"""Real circuits drawn for training and for the stop, every family alike."""


def held_out_surprise(signs: Tensor) -> Callable[[nn.Module], float]:
    """Mean surprise in nats of circuits of one size, as a function of the network.

    Parameters
    ----------
    signs : shape [c, n, n]
        Circuits of families that are not trained on.
    """

    def surprise(network: nn.Module) -> float:
        """Mean surprise of the circuits, of ``network``."""
        assert isinstance(network, SizeLikelihood)
        return -float(network.as_named(signs.to(next(network.parameters()).device)).mean())

    return surprise


def fit_likelihood(
    graphs: SignedGraphs,
    index: np.ndarray,
    sizes: tuple[int, ...],
    seed: int,
    run: Run,
    steps: int = 3000,
    device: str | None = None,
) -> tuple[CircuitLikelihood, dict[str, Any]]:
    """A likelihood of all real circuits of some families, not of those with a function only.

    Parameters
    ----------
    graphs
        Real circuits.
    index
        Those of the training families; a tenth of these families stops the training.
    sizes
        Numbers of genes, each with a network of its own.
    seed
        Root of all draws.
    run
        The run; each size trains in a stage of its own.
    steps
        Most steps per size.
    device
        Where it is trained; None takes an accelerator if there is one.

    Returns
    -------
    (likelihood, facts)
        Facts: per size the circuits, and bits of surprise on families held out for the stop.
    """
    stream = Stream(seed).at("likelihood")
    with stream.at("parameters").seeded():
        likelihood = CircuitLikelihood(sizes)
    some = graphs.take(index)
    kept, held = split_by_family(some, (0.9, 0.1), seed)
    facts: dict[str, Any] = {}
    for n in sizes:
        parts = []
        for name, part, count in (("train", kept, DRAWS), ("held", held, HELD)):
            part = part[some.sizes[part] == n]
            rows = balanced(some, part, count, stream.at(name, n).numpy(), n)
            parts.append(torch.from_numpy(some.signs[rows][:, :n, :n].copy()))
        order = stream.at("order", n).uniform((HELD, n)).argsort(1)
        stage = run.stage(f"likelihood{n}")
        surprise = held_out_surprise(renamed(parts[1], order))
        best = LeastSurprised("likelihood", surprise, stage.path / "best.safetensors")
        Trainer(
            steps=steps, batch_size=192, seed=seed, device=device, log_every=100, run=stage,
            title=f"likelihood, {n} genes", callbacks=[best],
        ).fit(
            LikelihoodGame(likelihood.of(n)), {"signs": parts[0]},
            Alternating(lambda p: torch.optim.AdamW(p, lr=2e-3, weight_decay=1e-3), Cosine(1.0, 0.02)),
        )  # fmt: skip
        best.restore(likelihood.of(n))
        facts[str(n)] = {"circuits": int((some.sizes[kept] == n).sum()), "held-out bits": best.surprise / np.log(2)}
    return likelihood, facts
