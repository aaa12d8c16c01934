"""Training of generator and discriminators of large networks, each stopped where other families surprise it least."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import DataError
from advsci.metrics import calibrate
from advsci.metrics.ranking import ranking_probability
from advsci.objectives import NonSaturating
from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Run, Trainer
from advsci_circuits.data.networks import Networks, whole_or_part
from advsci_circuits.game.held_out import LeastSurprised
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.breadth_first import breadth_first
from advsci_circuits.networks.batches import NearSizes
from advsci_circuits.networks.discriminator import NetworkDiscriminator
from advsci_circuits.networks.games import RankingGame, RowsGame, narrowed, surprise_of_rows
from advsci_circuits.networks.model import NetworkModel
from advsci_circuits.networks.rows import RowGenerator
from advsci_circuits.networks.sample import proposals
from advsci_circuits.networks.wishes import wishes_of

__all__ = ["DRAWS", "SIZES", "drawn_networks", "fit_networks", "known_contents"]

SIZES = (13, 60)
"""Fewest and most genes of what is learned."""
DRAWS, HELD, MADE = 6000, 192, 1000
KNOWN = 2048
"""Draws whose size and contents the generator remembers, beside those of all larger networks."""
MEMBERS = 2
"""Discriminators."""


def drawn_networks(
    networks: Networks, count: int, rng: np.random.Generator, smallest: int, largest: int, parts: bool = True
) -> CircuitBatch:
    """Whole networks and parts, every family alike, in breadth-first orders.

    Parameters
    ----------
    networks
        Real networks.
    count
        How many are drawn.
    rng
        Where the draws come from.
    smallest, largest
        Fewest and most genes of a draw.
    parts
        Whether networks that fit are parted too.

    Returns
    -------
    CircuitBatch

    Raises
    ------
    DataError
        Where there is no network.
    """
    families = list(networks.by_family().values())
    if not families:
        raise DataError(f"got no network of {smallest} genes or more; expected some. Try: --data library.")
    found = []
    for _ in range(count):
        family = families[rng.integers(len(families))]
        found.append(whole_or_part(family[rng.integers(len(family))], smallest, largest, rng, parts))
    return CircuitBatch.of([breadth_first(signs, rng) for signs in found], largest)


def fit_networks(
    networks: Networks, seed: int, run: Run, steps: int = 1400, ranking_steps: int = 300, device: str | None = None,
    sizes: tuple[int, int] = SIZES, draws: int = DRAWS, parts: bool = True,
) -> tuple[NetworkModel, dict[str, Any]]:  # fmt: skip
    """A generator of large networks and discriminators that rank its proposals.

    Parameters
    ----------
    networks
        Real networks of the training families; 15 % of the families stop the trainings.
    seed
        Root of all draws.
    run
        The run; each network trains in a stage of its own.
    steps
        Steps of the generator.
    ranking_steps
        Steps of each discriminator.
    device
        Where it is trained; None takes an accelerator if there is one.
    sizes
        Fewest and most genes.
    draws
        Real networks drawn.
    parts
        Whether parts of networks that fit are learned beside the whole ones.

    Returns
    -------
    (model, facts)
        Facts: networks and families, bits per gene on families held out for the stop, and each discriminator's AUC
        there.
    """
    stream = Stream(seed).at("networks")
    kept, held = networks.split((0.85, 0.15), seed)
    real = drawn_networks(kept, draws, stream.at("real").numpy(), *sizes, parts)
    unseen = drawn_networks(held, min(HELD, draws), stream.at("unseen").numpy(), *sizes, parts)
    prior = known_contents(real, kept, sizes[1])
    with stream.at("generator").seeded():
        generator = RowGenerator(known=len(prior))
    generator.prior.copy_(prior)
    stage = run.stage("generator")
    stop = LeastSurprised("generator", _rows_of(unseen, stream.at("rows")), stage.path / "best.safetensors")
    Trainer(
        steps=steps, batch_size=48, seed=seed, device=device, log_every=125, run=stage, title="generator of networks",
        callbacks=[stop],
    ).fit(
        RowsGame(generator), NearSizes({"signs": real.signs, "sizes": real.sizes}),
        Alternating(lambda p: torch.optim.AdamW(p, lr=1.5e-3, weight_decay=1e-2), Cosine(1.0, 0.03)),
    )  # fmt: skip
    stop.restore(generator)
    facts: dict[str, Any] = {
        "networks": len(networks), "families": len(set(networks.families)), "genes": list(sizes),
        "held-out bits per gene": float(stop.surprise / np.log(2)), "discriminators": [],
    }  # fmt: skip
    model = _ranked(generator, real, unseen, stream, run, seed, ranking_steps, device, facts)
    return model.eval().requires_grad_(False), facts


def known_contents(drawn: CircuitBatch, networks: Networks, largest: int) -> Float[Tensor, "k 9"]:
    """Size and contents per gene of real networks, for users who ask for none.

    Whole networks too large to be learned are among them: from contents of smaller ones, made networks of 150 genes
    would have too few edges.

    Parameters
    ----------
    drawn
        What is learned.
    networks
        Real networks of the same families.
    largest
        Most genes of what is learned.

    Returns
    -------
    Tensor
        A row per network.
    """
    few = narrowed(drawn.signs[:KNOWN], drawn.sizes[:KNOWN])
    parts = [few, *(CircuitBatch.of([signs]) for signs in networks.matrices if len(signs) > largest)]
    return torch.cat([torch.cat([p.sizes[:, None], wishes_of(p.signs, p.sizes)], 1) for p in parts])


def _rows_of(networks: CircuitBatch, stream: Stream) -> Callable[[nn.Module], float]:
    """Surprise of a network at the same rows of held-out networks each time."""
    places = stream.uniform((4, len(networks)))

    def surprise(network: nn.Module) -> float:
        """Nats per gene at the rows, of ``network``."""
        assert isinstance(network, RowGenerator)
        here = narrowed(networks.signs, networks.sizes).to(network.prior.device)
        return float(np.mean([float(surprise_of_rows(network, here, p.to(network.prior.device))) for p in places]))

    return surprise


def _ranked(
    generator: RowGenerator, real: CircuitBatch, unseen: CircuitBatch, stream: Stream, run: Run, seed: int, steps: int,
    device: str | None, facts: dict[str, Any],
) -> NetworkModel:  # fmt: skip
    """Discriminators against samples of the finished generator, calibrated on families of neither."""
    where = generator.prior.device
    count = min(MADE, len(real))
    some = real[:count]
    made, more = (
        proposals(generator, b.sizes, wishes_of(b.signs, b.sizes).to(where), stream.at(name))
        for name, b in (("made", some), ("made unseen", unseen))
    )
    data = {"signs": some.signs, "sizes": some.sizes, "made": _wide(made, some), "made_sizes": made.sizes}
    members: list[NetworkDiscriminator] = []
    ratios = []
    for k in range(MEMBERS):
        with stream.at("discriminator", k).seeded():
            member = NetworkDiscriminator()
        stage = run.stage(f"discriminator{k}")
        stop = LeastSurprised("discriminator", _apart(unseen, more), stage.path / "best.safetensors")
        Trainer(
            steps=steps, batch_size=40, seed=seed + k, device=device, log_every=50, run=stage,
            title=f"discriminator {k + 1}", callbacks=[stop],
        ).fit(
            RankingGame(member), NearSizes(data),
            Alternating(lambda p: torch.optim.AdamW(p, lr=1.5e-3, weight_decay=3e-2), Cosine(1.0, 0.05)),
        )  # fmt: skip
        stop.restore(member)
        with torch.no_grad():
            here = next(member.parameters()).device
            logits = [member(narrowed(b.signs, b.sizes).to(here)) for b in (unseen, more)]
        with warnings.catch_warnings():  # a slope of nothing is in the facts
            warnings.simplefilter("ignore")
            ratios.append(calibrate(*logits))
        facts["discriminators"].append(
            {"held-out AUC": float(ranking_probability(*logits)), "slope": ratios[-1].slope,
             "slope error": ratios[-1].slope_error}
        )  # fmt: skip
        members.append(member)
    model = NetworkModel(generator, members).to(where)
    model.slope.copy_(torch.tensor([max(r.slope, 0.0) for r in ratios]))
    model.offset.copy_(torch.tensor([r.offset for r in ratios]))
    return model


def _wide(made: CircuitBatch, like: CircuitBatch) -> Tensor:
    return nn.functional.pad(made.signs, (0, like.signs.shape[1] - made.signs.shape[1]) * 2)


def _apart(real: CircuitBatch, made: CircuitBatch) -> Callable[[nn.Module], float]:
    """Logistic loss of a discriminator on held-out families."""

    def surprise(network: nn.Module) -> float:
        """Loss of ``network`` on both sides."""
        here = next(network.parameters()).device
        logits = [network(narrowed(b.signs, b.sizes).to(here)) for b in (real, made)]
        return float(NonSaturating().discriminator(*logits))

    return surprise
