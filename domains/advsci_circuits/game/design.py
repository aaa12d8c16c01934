"""From a wish to ranked circuits: generate, simulate, redraw parts of the best, rank by fresh simulations."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int8
from torch import Tensor

from advsci.errors import ConfigError, DataError
from advsci.streams import Stream
from advsci_circuits.dynamics.functions import shows
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.dynamics.robustness import Robustness, robustness
from advsci_circuits.game.condition import condition_vector
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.sample import sample
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.graphs.validity import is_valid

__all__ = ["Proposal", "Search", "design"]


@dataclass(frozen=True)
class Proposal:
    """A ranked design: the circuit, its held-out robustness with interval, and kinetics that show the function."""

    circuit: Circuit
    share: float
    low: float
    high: float
    key: bytes
    model: HillModel | None


@dataclass(frozen=True)
class Search:
    """What a search found and what it cost."""

    proposals: list[Proposal]
    judged: int
    models: int


def design(
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
) -> Search:
    """Circuits with a function, most robust first.

    The search judges every circuit with few parameter sets, the better ones with more; the shares that are returned
    come from a draw of ``sets`` sets that the search has not seen.

    Parameters
    ----------
    keep : Circuit, optional
        Its genes come first in every design, and no edge among them is added or removed.
    refine : int
        Rounds in which half of the open edges of the best are hidden and drawn again.

    Raises
    ------
    ConfigError
        Where ``keep`` has more genes than asked for.
    DataError
        Where no valid circuit was drawn.
    """
    fixed_genes = len(keep) if keep is not None else 0
    if fixed_genes > max_genes or min_genes > max_genes:
        raise ConfigError(f"got {fixed_genes} genes to keep and {min_genes}-{max_genes} asked; expected room for them")
    low = max(min_genes, fixed_genes + 1 if keep is not None and fixed_genes < max_genes else fixed_genes)
    span = max_genes - low + 1
    sizes = low + stream.at("sizes").integers(span, (proposals,))
    fixed, known = _partial(keep, proposals, max_genes)
    condition = condition_vector(sizes.float(), functions=function)
    drawn = sample(
        generator, condition, max_genes, stream.at("draw"), fixed=fixed, known=known, temperature=temperature
    )
    found: dict[bytes, tuple[Tensor, int, float]] = {}
    judged = models = 0
    for turn in range(refine + 1):
        fresh = _fresh(drawn, found, function)
        if len(fresh):
            shares = _by_size(fresh, function, stream.at("judge", turn), first_sets, logic)
            judged, models = judged + len(fresh), models + len(fresh) * first_sets
            for signs, size, share, key in zip(
                fresh.signs, fresh.sizes.tolist(), shares.share.tolist(), _keys(fresh, function), strict=True
            ):
                found[key] = (signs, size, share)
        if turn == refine or not found:
            break
        elite = sorted(found.values(), key=lambda item: -item[2])[: max(4, proposals // 20)]
        repeat = max(1, proposals // len(elite))
        signs = torch.stack([signs for signs, _, _ in elite for _ in range(repeat)])
        sizes = torch.tensor([size for _, size, _ in elite for _ in range(repeat)])
        condition = condition_vector(sizes.float(), functions=function)
        hide = stream.at("hide", turn).uniform(tuple(signs.shape)) < 0.35
        stays = ~hide
        if known is not None:
            stays |= known[:1].expand_as(stays)
        drawn = sample(
            generator,
            condition,
            max_genes,
            stream.at("redraw", turn),
            fixed=signs,
            known=stays,
            temperature=temperature,
        )
    if not found:
        raise DataError(
            "got no valid circuit from the generator; expected some. Try: more proposals or fewer fixed genes"
        )
    short = sorted(found.values(), key=lambda item: -item[2])[: 4 * best]
    finalists = CircuitBatch(torch.stack([s for s, _, _ in short]), torch.tensor([n for _, n, _ in short]))
    # a middle heat halves the finalists before the last, expensive draw
    heat = _by_size(finalists, function, stream.at("heat"), max(sets // 2, first_sets), logic)
    finalists = finalists[heat.share.argsort(descending=True)[: 2 * best]]
    last = stream.at("held out")
    final = _by_size(finalists, function, last, sets, logic)
    models += len(short) * max(sets // 2, first_sets) + len(finalists) * sets
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
    return Search(out, judged, models)


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


def _keys(batch: CircuitBatch, function: str) -> list[bytes]:
    """Isomorphism classes; for functions with an input and an output the genes' places matter."""
    if function == "adaptation":
        return [bytes([int(n)]) + s.numpy().tobytes() for s, n in zip(batch.signs, batch.sizes, strict=True)]
    return canonical_keys(batch)


def _fresh(batch: CircuitBatch, found: dict, function: str) -> CircuitBatch:
    """Valid circuits that have not been judged, each class once."""
    batch = batch[is_valid(batch).nonzero()[:, 0]]
    first: dict[bytes, int] = {}
    for i, key in enumerate(_keys(batch, function)):
        if key not in found:
            first.setdefault(key, i)
    return batch[torch.tensor(sorted(first.values()), dtype=torch.long)]


def _by_size(batch: CircuitBatch, function: str, stream: Stream, sets: int, logic: str) -> Robustness:
    """Robustness with the last gene of each circuit, not of the padding, as output."""
    parts = {name: torch.zeros(len(batch), dtype=torch.float64) for name in ("share", "low", "high")}
    for n in batch.sizes.unique().tolist():
        rows = (batch.sizes == n).nonzero()[:, 0]
        one = robustness(batch.signs[rows][:, :n, :n], function, stream.at("size", n), sets, logic)
        for name, part in parts.items():
            part[rows] = getattr(one, name)
    return Robustness(parts["share"], parts["low"], parts["high"], sets)


def _showing(signs: Tensor, function: str, stream: Stream, sets: int, logic: str) -> HillModel | None:
    """One parameter set that shows the function, where the draw has one."""
    model = racipe(signs, sets, stream.at("parameters"), logic=logic)
    good = shows(function, model, stream.at("starts")).nonzero()[:, 0]
    return model[good[:1]] if len(good) else None
