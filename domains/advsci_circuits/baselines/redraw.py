"""The generator as a searcher: generate, simulate, redraw parts of the best, rank by fresh simulations."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Int8
from torch import Tensor

from advsci.errors import ConfigError, DataError
from advsci.streams import Stream
from advsci_circuits.design.pool import Pool, by_size
from advsci_circuits.design.proposal import Proposal, Search
from advsci_circuits.dynamics.functions import shows
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.game.condition import CONTENTS, condition_vector
from advsci_circuits.game.feasibility import buildable
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.sample import sample
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.graphs.variation import neighbours

__all__ = ["redraw"]

NEIGHBOURHOODS = 3
"""Circuits, each round, of which every single change is judged."""


def redraw(
    generator: CompletionGenerator,
    function: str,
    stream: Stream,
    *,
    max_genes: int = 4,
    min_genes: int = 2,
    keep: Circuit | None = None,
    proposals: int = 400,
    refine: int = 2,
    best: int = 5,
    sets: int = 400,
    first_sets: int = 40,
    logic: str = "product",
    temperature: float = 1.2,
    gates: Sequence[dict[str, Any]] | None = None,
) -> Search:
    """Circuits with a function, most robust first.

    The search judges every circuit with few parameter sets, the better ones with more; the shares that are returned
    come from a draw of ``sets`` sets that the search has not seen.

    Parameters
    ----------
    keep : Circuit, optional
        Its genes come first in every design, and no edge among them is added or removed.
    refine : int
        Rounds in which a third of the open edges of the best are hidden and drawn again, and every single change of
        the very best is tried.
    gates : sequence of dict, optional
        Repressors at hand, as `advsci_datasets.circuits.load_gates` returns them: only circuits that can be built of
        them are proposed.
    generator
        The trained generator.
    stream
        Where the draws come from.
    max_genes
        Most genes.
    min_genes
        Fewest genes.
    proposals
        Circuits drawn per round.
    first_sets
        Parameter sets of a circuit's first judgement.
    logic
        How regulators of a promoter combine.
    temperature
        Below one: likelier circuits; above: more diverse.

    Raises
    ------
    ConfigError
        Where ``keep`` has more genes than asked for.
    DataError
        Where no valid circuit was drawn.
    """
    fixed_genes = len(keep) if keep is not None else 0
    if fixed_genes > max_genes or min_genes > max_genes:
        raise ConfigError(
            f"got {fixed_genes} genes to keep and {min_genes}-{max_genes} asked; expected room for them. Try: a "
            "larger max_genes."
        )
    low = max(min_genes, fixed_genes + 1 if keep is not None and fixed_genes < max_genes else fixed_genes)
    span = max_genes - low + 1
    sizes = low + stream.at("sizes").integers(span, (proposals,))
    fixed, known = _partial(keep, proposals, max_genes)
    condition = condition_vector(sizes.float(), _asked(len(sizes), gates), function)
    drawn = sample(
        generator, condition, max_genes, stream.at("draw"), fixed=fixed, known=known, temperature=temperature
    )
    pool = Pool(function, logic, allowed=None if gates is None else partial(buildable, gates=gates))
    for turn in range(refine + 1):
        pool.judge(drawn, stream.at("judge", turn), first_sets)
        if not len(pool):
            break
        pool.again(4 * best, stream.at("again", turn), 2 * first_sets)
        if turn == refine:
            break
        pool.judge(neighbours(pool.best(NEIGHBOURHOODS), fixed_genes), stream.at("neighbours", turn), first_sets)
        elite = pool.best(max(4, proposals // 20))
        elite = elite[torch.arange(len(elite)).repeat_interleave(max(1, proposals // len(elite)))]
        stays = stream.at("hide", turn).uniform(tuple(elite.signs.shape)) >= 0.35
        if known is not None:
            stays |= known[:1].expand_as(stays)
        drawn = sample(
            generator,
            condition_vector(elite.sizes.float(), _asked(len(elite), gates), function),
            max_genes,
            stream.at("redraw", turn),
            fixed=elite.signs,
            known=stays,
            temperature=temperature,
        )
    if not len(pool):
        raise DataError(
            "got no valid circuit from the generator; expected some. Try: more proposals or fewer fixed genes."
        )
    # a last heat halves the finalists before the held-out, expensive draw
    pool.again(4 * best, stream.at("heat"), max(sets // 2, first_sets))
    finalists = pool.best(2 * best)
    last = stream.at("held out")
    final = by_size(finalists, function, last, sets, logic)
    ranked = final.low.argsort(descending=True)[:best].tolist()
    keys = canonical_keys(finalists)
    out = []
    for place, i in enumerate(ranked):
        n = int(finalists.sizes[i])
        names = (keep.genes if keep else ()) + tuple(f"G{j + 1}" for j in range(fixed_genes, n))
        names = names if len(set(names)) == n else tuple(f"G{j + 1}" for j in range(n))
        circuit = Circuit(finalists.signs[i, :n, :n].numpy(), names, f"{function} design {place + 1}")
        model = _showing(finalists.signs[i : i + 1, :n, :n], function, last.at("kinetics", i), sets, logic)
        out.append(Proposal(circuit, float(final.share[i]), float(final.low[i]), float(final.high[i]), keys[i], model))
    return Search(out, len(pool), pool.models + len(finalists) * sets)


def _asked(count: int, gates: Sequence[dict[str, Any]] | None) -> Tensor | None:
    """Contents to ask for: no activation where the only parts are repressors."""
    if gates is None:
        return None
    asked = torch.full((count, len(CONTENTS)), torch.nan)
    asked[:, CONTENTS.index("share of activation")] = 0.0
    return asked


def _partial(
    keep: Circuit | None, count: int, width: int
) -> tuple[Int8[Tensor, "b n n"] | None, Bool[Tensor, "b n n"] | None]:
    if keep is None:
        return None, None
    k = len(keep)
    fixed = torch.zeros(count, width, width, dtype=torch.int8)
    fixed[:, :k, :k] = torch.from_numpy(keep.signs.copy())
    known = torch.zeros(count, width, width, dtype=torch.bool)
    known[:, :k, :k] = True
    return fixed, known


def _showing(signs: Tensor, function: str, stream: Stream, sets: int, logic: str) -> HillModel | None:
    """One parameter set that shows the function, where the draw has one."""
    model = racipe(signs, sets, stream.at("parameters"), logic=logic)
    good = shows(function, model, stream.at("starts")).nonzero()[:, 0]
    return model[good[:1]] if len(good) else None
