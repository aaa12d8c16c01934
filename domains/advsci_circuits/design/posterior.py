"""Designs sampled from what nature builds and what works: ``pi(x) ~ p_real(x)^w s(x)`` within hard rules.

``s(x) = sigmoid(SHARP log(Q(x) / goal))`` saturates at the user's goal for the share Q of parameter sets that show the
function: beyond it, what looks like nature decides. Q is guessed by a network: one that was fitted once, where the
function is known (`FunctionSurrogates`), else one that learns from simulations, first of likely, random and mutated
circuits, then of what the chains themselves propose. Designs are judged by fresh simulation alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int8
from torch import Tensor

from advsci.errors import ConfigError, DataError
from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_circuits.design.chains import Chains, run_chains
from advsci_circuits.design.likelihood import CircuitLikelihood, SizeLikelihood
from advsci_circuits.design.pool import Pool, by_size
from advsci_circuits.design.proposal import Proposal, Search
from advsci_circuits.design.rules import Rules
from advsci_circuits.design.surrogates import FunctionSurrogates, log_success
from advsci_circuits.dynamics.functions import check_function, shows
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.dynamics.robustness import CONFIRM
from advsci_circuits.game.condition import condition_vector
from advsci_circuits.game.surrogate import RobustnessSurrogate, SurrogateGame
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.graphs.edges import edges_of
from advsci_circuits.graphs.variation import mutate, random_circuits

__all__ = ["Budget", "design"]


@dataclass(frozen=True)
class Budget:
    """What a search may cost.

    Parameters
    ----------
    models
        Simulated models in all, the final judging included.
    chains, steps
        Chains per size and steps of each; they ask the surrogate, and simulate nothing.
    rounds
        Rounds in which what the chains propose is simulated and learned.
    first_sets
        Parameter sets of a circuit's first judgement.
    sets
        Parameter sets of the final one.
    fit_steps
        Training steps of the surrogate per round.
    """

    models: int = 31_000
    chains: int = 96
    steps: int = 300
    rounds: int = 3
    first_sets: int = 32
    sets: int = 400
    fit_steps: int = 300

    def circuits(self, best: int, sizes: int) -> int:
        """Circuits that each round of each size may judge.

        Parameters
        ----------
        best
            Designs asked for; twice as many are judged at the end.
        sizes
            Sizes searched.
        """
        left = self.models - 2 * best * (self.sets + 4 * self.first_sets)
        return max(left // (self.first_sets * (self.rounds + 1) * sizes), 8)


def design(
    likelihood: CircuitLikelihood | None,
    function: str,
    stream: Stream,
    *,
    max_genes: int = 4,
    min_genes: int = 3,
    rules: Rules | None = None,
    weight: float = 1.0,
    goal: float = 0.1,
    best: int = 5,
    budget: Budget | None = None,
    logic: str = "product",
    fronts: Sequence[float] = (),
    learn: Callable[[Int8[Tensor, "c n n"]], None] | None = None,
    surrogates: FunctionSurrogates | None = None,
) -> Search:
    """Circuits with a function, most robust first.

    Parameters
    ----------
    likelihood
        Of real circuits; None: only the function counts. Anything whose ``of(n)`` gives log densities of circuits of n
        genes, and samples, may stand in its place.
    function
        One of `advsci_circuits.dynamics.functions.FUNCTIONS`, ``"logic:0001"`` for a truth table, or ``"reward:NAME"``
        for a user's own function.
    stream
        Where all draws come from.
    max_genes, min_genes
        Sizes of the designs.
    rules
        Hard limits; by default three regulators per promoter and one sign per regulator.
    weight
        w, how much the likelihood counts.
    goal
        Share of parameter sets beyond which more robustness counts no more.
    best
        Designs returned.
    budget
        What the search may cost.
    logic
        How regulators of a promoter combine.
    fronts
        Further weights for which chains are run at the end, for the front of the page.
    learn
        Shown what the chains hold after every round; a critic in the likelihood's place learns from it.
    surrogates
        Those that were fitted before. A function that they know is not learned again: all simulations judge.

    Returns
    -------
    Search
        Designs whose share is above zero; none is the kept circuit itself.

    Raises
    ------
    ConfigError
        On an unknown function, or a kept circuit that leaves no room.
    DataError
        Where the rules allow no circuit that could be found.

    Examples
    --------
    >>> small = Budget(models=2000, chains=8, steps=10, rounds=1, first_sets=8, sets=20, fit_steps=5)
    >>> found = design(None, "bistability", Stream(0), max_genes=3, best=1, budget=small)
    >>> found.proposals[0].share > 0
    True
    """
    check_function(function, min_genes)
    rules, budget = rules or Rules(), budget or Budget()
    low = max(min_genes, rules.fixed + (0 < rules.fixed < max_genes))
    if low > max_genes or rules.fixed >= max_genes:
        raise ConfigError(
            f"got {rules.fixed} genes to keep and {min_genes}-{max_genes} asked; expected room for them. "
            "Try: a larger --max-genes."
        )
    sizes = range(low, max_genes + 1)
    pool, facts, states = Pool(function, logic), [], {}
    for n in sizes:
        one = likelihood.of(n) if likelihood is not None else None
        each = budget.circuits(best, len(sizes))
        known = surrogates.of(function, n, logic) if surrogates is not None else None
        rows, states[n] = _search(one, pool, n, rules, weight, goal, budget, each, stream, fronts, learn, known)
        facts += rows
    if not len(pool):
        raise DataError(
            "got no circuit that obeys the rules; expected some. Try: more regulators, --dual, or fewer kept genes."
        )
    proposals, models = _judged(pool, likelihood, rules, best, budget, stream.at("final"))
    return Search(proposals, len(pool), models, facts, states)


def _search(
    likelihood: SizeLikelihood | None,
    pool: Pool,
    n: int,
    rules: Rules,
    weight: float,
    goal: float,
    budget: Budget,
    each: int,
    stream: Stream,
    fronts: Sequence[float],
    learn: Callable[[Tensor], None] | None,
    known: RobustnessSurrogate | None,
) -> tuple[list[dict[str, Any]], Tensor]:
    """Learn and sample for one size; judged circuits go into the pool."""
    key = stream.at("size", n)
    with key.at("parameters").seeded():
        surrogate = RobustnessSurrogate(24, 2, functions=1) if known is None else known
    first = _first(likelihood, n, rules, each, key.at("first"))
    found = None
    for turn in range(budget.rounds + 1):
        chosen = first if found is None else found.signs[:each]
        if found is not None:  # the best so far, changed: they pull the surrogate's edge along
            parents = pool.best_of(n, max(each // 8, 4))
            children = mutate(parents.repeat(-(-each // (2 * len(parents))), 1, 1), key.at("children", turn).numpy(), 2)
            chosen = torch.cat([chosen[: each // 2], children[rules.allow(children)]])[:each]
        pool.judge(_batch(chosen), key.at("judge", turn), budget.first_sets)
        if turn == budget.rounds:
            break
        data, shares = pool.examples(n)
        if not len(data):
            return [], first
        if known is None:
            _fit(surrogate, data, shares, budget.fit_steps, turn)
        state = first if found is None else found.signs
        start = state[torch.arange(budget.chains) % len(state)]
        energy = _energy(surrogate, likelihood, weight, goal)
        found = run_chains(energy, start, rules, key.at("chains", turn), budget.steps, warm=turn == 0)
        if learn is not None:
            learn(found.signs)
    assert found is not None
    rows = [_row(n, weight, found, pool)]
    for other in fronts:
        energy = _energy(surrogate, likelihood, other, goal)
        there = run_chains(energy, found.signs, rules, key.at("front", int(100 * other)), budget.steps, warm=False)
        rows.append(_row(n, other, there, pool))
    return rows, found.signs


def _row(n: int, weight: float, found: Chains, pool: Pool) -> dict[str, Any]:
    edges = float((found.signs != 0).sum((1, 2)).double().mean() / n)
    return {
        "genes": n, "weight": weight, "acceptance": found.acceptance, "R-hat": found.r_hat,
        "guessed success": float(found.function.exp().mean()), "edges per gene": edges,
        "classes": len(set(pool.keys(_batch(found.signs)))) / len(found.signs),
    }  # fmt: skip


def _batch(signs: Tensor) -> CircuitBatch:
    return CircuitBatch(signs, torch.full((len(signs),), signs.shape[1]))


def _first(
    likelihood: SizeLikelihood | None, n: int, rules: Rules, count: int, stream: Stream
) -> Int8[Tensor, "c n n"]:
    """Circuits to begin with, all within the rules: likely ones and random ones, half of each."""
    kept: list[Tensor] = []
    for turn in range(20):
        key = stream.at("turn", turn)
        drawn = [random_circuits(n, 4 * count, key.at("random").numpy(), n)]
        if likelihood is not None:
            drawn.append(likelihood.sample(4 * count, key.at("likely")))
        for signs in drawn:
            signs = rules.start(signs)
            kept.append(signs[rules.allow(signs)][: count // len(drawn) + 1])
        if sum(map(len, kept)) >= count:
            break
    found = torch.cat(kept)
    if not len(found):
        raise DataError(
            f"got no circuit of {n} genes that obeys the rules; expected some. Try: more regulators, or --dual."
        )
    return found[torch.from_numpy(stream.at("order").numpy().permutation(len(found)))][:count]


def _fit(surrogate: RobustnessSurrogate, signs: Tensor, shares: Tensor, steps: int, turn: int) -> None:
    sizes = torch.full((len(signs),), float(signs.shape[1]))
    data = {"x": edges_of(signs), "condition": condition_vector(sizes)[:, :1], "shares": shares[:, None].float()}
    surrogate.requires_grad_(True)
    Trainer(steps=steps, batch_size=128, seed=turn, device="cpu", quiet=True).fit(
        SurrogateGame(surrogate), data, Alternating(lambda p: torch.optim.Adam(p, lr=2e-3), Cosine(1.0, 0.1))
    )
    surrogate.requires_grad_(False)


def _energy(
    surrogate: RobustnessSurrogate, likelihood: SizeLikelihood | None, weight: float, goal: float
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    def energy(signs: Tensor) -> tuple[Tensor, Tensor]:
        """(log-probability of the function, weighted log-likelihood), each (n), of circuits ``signs`` (n g g)."""
        function = log_success(surrogate, signs, goal)
        if likelihood is None or weight == 0:
            return function, torch.zeros_like(function)
        return function, weight * likelihood(signs)

    return energy


def _judged(
    pool: Pool, likelihood: CircuitLikelihood | None, rules: Rules, best: int, budget: Budget, stream: Stream
) -> tuple[list[Proposal], int]:
    """The leaders once more, then the finalists on parameter sets that nothing has seen."""
    pool.again(4 * best, stream.at("again"), 2 * budget.first_sets)
    finalists = pool.best(2 * best)
    final = by_size(finalists, pool.function, stream.at("held out"), budget.sets, pool.logic, CONFIRM)
    own = None if rules.keep is None else rules.keep.signs
    out: list[Proposal] = []
    for i in final.low.argsort(descending=True).tolist():
        n = int(finalists.sizes[i])
        signs = finalists.signs[i, :n, :n]
        if float(final.share[i]) == 0 or (own is not None and n == len(own) and (signs.numpy() == own).all()):
            continue
        names = (rules.keep.genes if rules.keep else ()) + tuple(f"G{j + 1}" for j in range(rules.fixed, n))
        names = names if len(set(names)) == n else tuple(f"G{j + 1}" for j in range(n))
        circuit = Circuit(signs.numpy(), names, f"{pool.function} design {len(out) + 1}")
        model = _showing(signs[None], pool.function, stream.at("kinetics", i), budget.sets, pool.logic)
        with torch.no_grad():
            likely = float(likelihood.of(n)(signs[None])) if likelihood is not None else None
        share, low, high = float(final.share[i]), float(final.low[i]), float(final.high[i])
        out.append(Proposal(circuit, share, low, high, canonical_keys([signs.numpy()])[0], model, likely))
        if len(out) == best:
            break
    return out, pool.models + len(finalists) * budget.sets


def _showing(signs: Tensor, function: str, stream: Stream, sets: int, logic: str) -> HillModel | None:
    """One parameter set that shows the function, where the draw has one."""
    model = racipe(signs, sets, stream.at("parameters"), logic=logic)
    good = shows(function, model, stream.at("starts")).nonzero()[:, 0]
    return model[good[:1]] if len(good) else None
