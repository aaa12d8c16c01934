"""One loop for every search: propose, judge what is new, stop when the CPU time is spent.

A proposer is a function of (turn, found so far); all searches share the judge, its parameter sets and the clock.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int8
from torch import Tensor

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_circuits.dynamics.robustness import robustness
from advsci_circuits.game.condition import condition_vector
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.sample import generate, sample
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.validity import is_valid
from advsci_circuits.graphs.variation import mutate, random_circuits

__all__ = ["Found", "Judge", "Proposer", "evolution", "from_generator", "random_search", "search"]


@dataclass
class Found:
    """Judged circuits by class: matrix and share."""

    circuits: dict[bytes, tuple[Tensor, float]] = field(default_factory=dict)
    seconds: float = 0.0

    def best(self, count: int) -> list[tuple[Tensor, float]]:
        """The circuits with the highest shares.

        Parameters
        ----------
        count
            How many.
        """
        return sorted(self.circuits.values(), key=lambda item: -item[1])[:count]


@dataclass(frozen=True)
class Judge:
    """Robustness of a function with a fixed number of parameter sets a circuit."""

    function: str
    stream: Stream
    sets: int = 40

    def __call__(self, signs: Int8[Tensor, "c n n"], turn: int) -> Float[Tensor, " c"]:
        return robustness(signs, self.function, self.stream.at("judge", turn), self.sets).share


Proposer = Callable[[int, Found], Tensor]


def search(
    propose: Proposer,
    judge: Judge,
    seconds: float = math.inf,
    forbidden: Callable[[bytes], bool] | None = None,
    models: float = math.inf,
) -> Found:
    """Run a proposer for so many CPU seconds of this process (its own included), or so many simulated models.

    Parameters
    ----------
    propose
        Proposes circuits from (turn, found).
    judge
        Gives shares.
    forbidden
        Tells of a key whether it may not be judged.

    Returns
    -------
    Found
        The judged circuits, by class.

    Raises
    ------
    ConfigError
        Where neither ends.
    """
    if math.isinf(seconds) and math.isinf(models):
        raise ConfigError("got a search without an end; expected seconds or models. Try: seconds=10.")
    found, begin, turn = Found(), time.process_time(), 0
    while time.process_time() - begin < seconds and len(found.circuits) * judge.sets < models:
        signs = propose(turn, found)
        sizes = torch.full((len(signs),), signs.shape[1])
        signs = signs[is_valid(CircuitBatch(signs, sizes))]
        fresh: dict[bytes, int] = {}
        for i, key in enumerate(canonical_keys(CircuitBatch(signs, sizes[: len(signs)])) if len(signs) else []):
            if key not in found.circuits and not (forbidden and forbidden(key)):
                fresh.setdefault(key, i)
        if fresh:
            chosen = signs[torch.tensor(list(fresh.values()))]
            for key, matrix, share in zip(fresh, chosen, judge(chosen, turn).tolist(), strict=True):
                found.circuits[key] = (matrix, share)
        turn += 1
    found.seconds = time.process_time() - begin
    return found


def random_search(size: int, stream: Stream, each: int = 64) -> Proposer:
    """Valid random circuits.

    Parameters
    ----------
    size
        Number of genes.
    stream
        Where the draws come from.
    each
        Circuits proposed per turn.
    """
    return lambda turn, _: random_circuits(size, each, stream.at("random", turn).numpy())


def evolution(start: Int8[Tensor, "c n n"], stream: Stream, each: int = 64, parents: int = 32) -> Proposer:
    """Genetic search: the first generation resamples a library, later ones mutate the best.

    Parameters
    ----------
    start
        The first generation's pool.
    stream
        Where the draws come from.
    each
        Circuits proposed per turn.
    parents
        The best so far, of which children are made.
    """

    def propose(turn: int, found: Found) -> Tensor:
        """Circuits to judge in this ``turn``: mutants of the best of those ``found``."""
        rng = stream.at("evolution", turn).numpy()
        elite = [matrix for matrix, _ in found.best(parents)]
        pool = start if turn < 2 or not elite else torch.stack(elite)
        picked = pool[torch.from_numpy(rng.integers(len(pool), size=each))]
        return picked if turn == 0 else mutate(picked, rng, most=3)

    return propose


def from_generator(
    generator: CompletionGenerator,
    size: int,
    function: str | None,
    stream: Stream,
    each: int = 64,
    parents: int = 32,
    temperature: float = 1.0,
) -> Proposer:
    """Circuits of a trained generator: first from nothing, later half of them the best found, a third drawn again.

    The second half is what `advsci_circuits.design.search.design` does between its rounds; without ``parents`` all
    circuits are drawn from nothing.

    Parameters
    ----------
    size
        Number of genes.
    function
        What is asked for; None: nothing.
    stream
        Where the draws come from.
    each
        Circuits proposed per turn.
    temperature
        Below one: likelier circuits; above: more diverse.
    """

    def propose(turn: int, found: Found) -> Tensor:
        """Circuits to judge in this ``turn``: fresh samples, and mutants of the best of those ``found``."""
        key = stream.at("generator", turn)
        elite = [matrix for matrix, _ in found.best(parents)] if turn > 1 else []
        old = each // 2 if elite else 0
        sizes = torch.full((each - old,), size)
        new = generate(generator, sizes, key, function=function, temperature=temperature, rounds=4, tries=2).signs
        if not old:
            return new
        picked = torch.stack(elite)[key.at("parents").integers(len(elite), (old,))]
        stays = key.at("hide").uniform((old, size, size)) >= 0.35
        condition = condition_vector(torch.full((old,), float(size)), None, function)
        again = sample(
            generator, condition, size, key.at("redraw"), fixed=picked, known=stays, rounds=4, temperature=temperature
        )
        return torch.cat([new, again.signs])

    return propose


def robust_classes(found: Found, judge_again: Judge, at_least: float, candidates: float = 0.5) -> int:
    """Classes that a held-out draw confirms: those that scored at least ``candidates`` of the bar are judged again.

    Parameters
    ----------
    found
        What a search found.
    judge_again
        A judge with parameter sets of its own.
    at_least
        The bar.
    """
    some = [matrix for matrix, share in found.circuits.values() if share >= candidates * at_least]
    if not some:
        return 0
    return int((np.asarray(judge_again(torch.stack(some), 0)) >= at_least).sum())
