"""Surrogates of robustness fitted once per function, from which every search starts.

A search of 31,000 models cannot tell a share of one in a hundred from none: it sees a circuit's 32 parameter sets. A
surrogate that is fitted once can: likely and random circuits are simulated with a hundred sets each, then, round after
round, mutants of the best and of those that just do it, which is where a chain needs to know.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Int8
from torch import Tensor, nn

from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Run, Trainer
from advsci.training.weights import load_weights, save_weights
from advsci_circuits.design.likelihood import CircuitLikelihood, SizeLikelihood
from advsci_circuits.design.pool import Pool
from advsci_circuits.game.condition import condition_vector
from advsci_circuits.game.surrogate import RobustnessSurrogate, SurrogateGame, surrogate_batch
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.edges import edges_of
from advsci_circuits.graphs.variation import mutate, random_circuits

__all__ = ["FunctionSurrogates", "fit_surrogate", "judged_circuits", "log_success"]

SHARP = 6.0
LEAST = 1e-3
"""Guesses of Q below it count as it."""

ROUNDS, GOOD = 3, 0.01
"""Rounds of mutants; the share from which a circuit counts as one that does it."""
JUDGED = "judged circuits of one size"


class FunctionSurrogates(nn.Module):
    """One surrogate per function; each knows circuits of several sizes, with promoter logic ``product``.

    Parameters
    ----------
    functions
        Names of `advsci_circuits.dynamics.functions.FUNCTIONS`.
    sizes
        Numbers of genes that they know.
    width, blocks
        Size of each network.
    """

    def __init__(self, functions: Sequence[str], sizes: Sequence[int] = (3, 4, 5, 6), width: int = 32, blocks: int = 2):
        super().__init__()
        self.functions, self.sizes, self.width, self.blocks = tuple(functions), tuple(sizes), width, blocks
        self.each = nn.ModuleDict({name: RobustnessSurrogate(width, blocks, functions=1) for name in functions})

    def of(self, function: str, genes: int, logic: str = "product") -> RobustnessSurrogate | None:
        """The surrogate of a function, or None where it is not known of such circuits.

        Parameters
        ----------
        function
            What the circuits must do.
        genes
            Their size.
        logic
            How regulators of a promoter combine.
        """
        if function not in self.functions or genes not in self.sizes or logic != "product":
            return None
        found = self.each[function]
        assert isinstance(found, RobustnessSurrogate)
        return found


def log_success(surrogate: RobustnessSurrogate, signs: Int8[Tensor, "c n n"], goal: float) -> Tensor:
    """``log s(x)``, with ``s(x) = sigmoid(SHARP log(Q(x) / goal))`` and Q as the surrogate guesses it; shape [c].

    Parameters
    ----------
    surrogate
        Of the function.
    signs
        Circuits of one size.
    goal
        Share of parameter sets at which s is one half.

    Examples
    --------
    >>> ring = torch.tensor([[[0, 0, -1], [-1, 0, 0], [0, -1, 0]]], dtype=torch.int8)
    >>> log_success(RobustnessSurrogate(8, 1, functions=1), ring, 0.1).shape
    torch.Size([1])
    """
    genes = torch.full((len(signs), 1), float(signs.shape[1]))
    guess = surrogate(edges_of(signs), genes).mean(1)[:, 0].clamp_min(LEAST**0.5)  # square roots of shares
    return nn.functional.logsigmoid(SHARP * (2 * guess.log() - math.log(goal)))


def judged_circuits(
    function: str, genes: int, likelihood: SizeLikelihood | None, count: int, stream: Stream, sets: int = 100
) -> tuple[Int8[Tensor, "c n n"], Tensor]:
    """Simulated circuits of one size: a third likely, a sixth random, half mutants of the best and of the good.

    Parameters
    ----------
    function
        What is simulated.
    genes
        Their size.
    likelihood
        Of real circuits of that size; None: random ones in their place.
    count
        Circuits proposed; of each isomorphism class one is simulated.
    stream
        Where the draws come from.
    sets
        Parameter sets per circuit.

    Returns
    -------
    (signs, shares) : Tensor, shape [c, n, n]; Tensor, shape [c]
    """
    pool, rng = Pool(function), stream.at("propose").numpy()
    drawn = [random_circuits(genes, count // 6 if likelihood is not None else count // 2, rng, genes)]
    if likelihood is not None:
        drawn.append(likelihood.sample(count // 3, stream.at("likely")))
    new = torch.cat(drawn)
    for turn in range(ROUNDS + 1):
        pool.judge(CircuitBatch(new, torch.full((len(new),), genes)), stream.at("judge", turn), sets)
        if turn == ROUNDS:
            break
        signs, shares = pool.examples(genes)
        best = shares.argsort(descending=True)[: max(len(shares) // 6, 1)]
        good = (shares >= GOOD).nonzero()[:, 0]
        each = max(count // (4 * ROUNDS), 1)
        parents = [p[torch.from_numpy(rng.integers(len(p), size=each))] for p in (best, good) if len(p)]
        new = mutate(signs[torch.cat(parents)], rng, 4)
    return pool.examples(genes)


def fit_surrogate(
    function: str,
    likelihood: CircuitLikelihood | None,
    seed: int,
    run: Run,
    *,
    sizes: Sequence[int] = (3, 4, 5, 6),
    count: int = 6000,
    steps: int = 4000,
    device: str | None = None,
) -> tuple[RobustnessSurrogate, dict[str, Any]]:
    """The surrogate of one function, and how well it ranks circuits that it was not fitted to.

    Parameters
    ----------
    function
        One of `advsci_circuits.dynamics.functions.FUNCTIONS`.
    likelihood
        Of real circuits, of which a third of the first circuits are drawn; None: only random ones.
    seed
        Root of all draws.
    run
        The run; simulated circuits are kept in a stage of it, so that an interrupted fit goes on.
    sizes
        Numbers of genes.
    count
        Circuits proposed per size.
    steps
        Training steps.
    device
        Where it is trained; None takes an accelerator if there is one.

    Returns
    -------
    (surrogate, facts)
        Facts: circuits simulated, and the AUC with which held-out classes of a share of 1 % and 5 % are told.
    """
    from sklearn.metrics import roc_auc_score

    stream, stage, width = Stream(seed).at(f"surrogate {function}"), run.stage(f"surrogate-{function}"), max(sizes)
    signs, genes, shares = [], [], []
    for n in sizes:
        path = stage.path / f"judged{n}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            one = likelihood.of(n) if likelihood is not None else None
            x, q = judged_circuits(function, n, one, count, stream.at("size", n))
            save_weights(path, {"signs": x, "shares": q}, {"kind": JUDGED})
        found, _ = load_weights(path, kind=JUDGED)
        signs.append(nn.functional.pad(found["signs"], (0, width - n) * 2))
        shares.append(found["shares"])
        genes.append(torch.full((len(found["shares"]),), n))
    x, q, size = torch.cat(signs), torch.cat(shares), torch.cat(genes)
    held = torch.from_numpy(stream.at("held").numpy().random(len(x)) < 0.1)
    with stream.at("parameters").seeded():
        surrogate = RobustnessSurrogate(32, 2, functions=1)
    Trainer(
        steps=steps, batch_size=256, seed=seed, device=device, log_every=100, run=stage, title=f"surrogate, {function}"
    ).fit(
        SurrogateGame(surrogate), surrogate_batch(x[~held], size[~held], q[~held, None]),
        Alternating(lambda p: torch.optim.AdamW(p, lr=2e-3, weight_decay=1e-2), Cosine(1.0, 0.02)),
    )  # fmt: skip
    surrogate.eval().requires_grad_(False).to("cpu")
    guess = surrogate(edges_of(x[held]), condition_vector(size[held].float())[:, :1]).mean(1)[:, 0]
    facts: dict[str, Any] = {"circuits": len(x)}
    for share in (0.01, 0.05):
        true = (q[held] >= share).numpy()
        facts[f"AUC of {share:.0%}"] = float(roc_auc_score(true, guess)) if 0 < true.sum() < len(true) else None
    return surrogate, facts
