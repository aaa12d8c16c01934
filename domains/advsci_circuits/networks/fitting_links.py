"""Training of the link predictor of large networks, stopped where other families surprise it least."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Run, Trainer
from advsci_circuits.data.networks import Networks
from advsci_circuits.game.held_out import LeastSurprised
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.networks.batches import NearSizes
from advsci_circuits.networks.fitting import HELD, drawn_networks
from advsci_circuits.networks.games import narrowed
from advsci_circuits.networks.hiding import LinksGame, link_surprise
from advsci_circuits.networks.links import SIZES, NetworkLinks

__all__ = ["DRAWS", "fit_links"]

DRAWS = 3000
"""Real networks drawn."""


def fit_links(
    networks: Networks, seed: int, run: Run, steps: int = 1000, device: str | None = None,
    sizes: tuple[int, int] = SIZES, draws: int = DRAWS,
) -> tuple[NetworkLinks, dict[str, Any]]:  # fmt: skip
    """A link predictor of large networks.

    Parameters
    ----------
    networks
        Real networks of the training families; 15 % of the families stop the training.
    seed
        Root of all draws.
    run
        The run.
    steps
        Steps of the training.
    device
        Where it is trained; None takes an accelerator if there is one.
    sizes
        Fewest and most genes.
    draws
        Real networks drawn.

    Returns
    -------
    (network, facts)
        Facts: sizes, and nats per pair on families held out for the stop (log 2 and more says nothing).
    """
    stream = Stream(seed).at("links")
    kept, held = networks.split((0.85, 0.15), seed)
    real = drawn_networks(kept, draws, stream.at("real").numpy(), *sizes)
    unseen = drawn_networks(held, min(HELD, draws), stream.at("unseen").numpy(), *sizes)
    with stream.at("network").seeded():
        network = NetworkLinks(sizes=sizes)
    stage = run.stage("links")
    stop = LeastSurprised("links", _surprise_of(unseen, stream.at("asked")), stage.path / "best.safetensors")
    Trainer(
        steps=steps, batch_size=24, seed=seed, device=device, log_every=100, run=stage, title="links of networks",
        callbacks=[stop],
    ).fit(
        LinksGame(network), NearSizes({"signs": real.signs, "sizes": real.sizes}),
        Alternating(lambda p: torch.optim.AdamW(p, lr=1.5e-3, weight_decay=3e-2), Cosine(1.0, 0.05)),
    )  # fmt: skip
    stop.restore(network)
    return network.requires_grad_(False), {"genes": list(sizes), "held-out nats per pair": float(stop.surprise)}


def _surprise_of(unseen: CircuitBatch, stream: Stream) -> Callable[[nn.Module], float]:
    """Surprise of a link predictor at the same pairs of held-out networks each time."""
    parts = [
        (rows, stream.at("share", k).uniform((len(rows),)), stream.at("order", k))
        for k, rows in enumerate(unseen.sizes.argsort().split(32))
    ]

    def surprise(network: nn.Module) -> float:
        """Nats per pair, of ``network``."""
        assert isinstance(network, NetworkLinks)
        device, found = next(network.parameters()).device, []
        for rows, share, order in parts:
            batch = narrowed(unseen.signs[rows], unseen.sizes[rows]).to(device)
            n = batch.signs.shape[1]
            draw = order.uniform((len(rows), n, n)).to(device)
            found.append(len(rows) * float(link_surprise(network, batch, share.to(device), draw)))
        return float(np.sum(found) / len(unseen))

    return surprise
