"""Rows on designs: how real winners look, and the best robustness for equal budgets.

The judge is gradient boosting on features that no method sees; real circuits of held-out families with the function
against winners of the search, isomorphism classes never in two folds: 0.5 means that they look the same.
"""

import sys
import time
from collections.abc import Callable

import networkx as nx
import numpy as np
import torch
from _circuits_critic import Critic
from _circuits_models import Bench, split
from _row import interval, row

from advsci.streams import Stream
from advsci_circuits.baselines import Judge, TreeSearch, evolution, from_generator, random_search, search
from advsci_circuits.data.real import balanced
from advsci_circuits.design.likelihood import CircuitLikelihood
from advsci_circuits.design.posterior import Budget, design
from advsci_circuits.design.rules import Rules, is_dual
from advsci_circuits.design.surrogates import FunctionSurrogates
from advsci_circuits.dynamics import fixed_points, racipe
from advsci_circuits.dynamics.robustness import CONFIRM, robustness
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.variation import random_circuits
from advsci_circuits.store import load_surrogates
from advsci_datasets.circuits import SignedGraphs

SUCCESS = 0.01


def shape_features(graphs: list[np.ndarray]) -> np.ndarray:
    """What only the judge sees: strongly connected parts, paths, four-walks, betweenness, coherence, spectrum."""
    rows = []
    for signs in graphs:
        a = signs.astype(float)
        n, b = len(a), (a != 0).astype(float)
        graph = nx.from_numpy_array(b.T, create_using=nx.DiGraph)
        parts = sorted((len(c) for c in nx.strongly_connected_components(graph)), reverse=True)
        paths = [d for _, t in nx.all_pairs_shortest_path_length(graph) for d in t.values() if d]
        between = np.array(list(nx.betweenness_centrality(graph).values()))
        b4, a4 = np.linalg.matrix_power(b, 4), np.linalg.matrix_power(a, 4)
        out = [abs(a[:, j].sum()) / max(b[:, j].sum(), 1) for j in range(n)]
        inn = [abs(a[i].sum()) / max(b[i].sum(), 1) for i in range(n)]
        values, sizes = np.linalg.eigvals(a), np.linalg.svd(a, compute_uv=False)
        rows.append(
            [len(parts), parts[0], max(paths), np.mean(paths), len(paths), np.trace(b4), b4.sum(), np.trace(a4),
             a4.sum(), np.abs(a4).sum(), between.max(), between.std(), np.mean(out), np.min(out), np.mean(inn),
             np.min(inn), np.abs(np.linalg.eigvals(b)).max(), np.abs(values).max(), values.real.max(),
             values.real.min(),
             values.imag.max(), sizes[0], sizes[1], sizes[-1]]
        )  # fmt: skip
    return np.array(rows)


def judge_auc(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Cross-validated AUC of a boosted classifier between two samples."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    x, y = shape_features([*one, *other]), np.r_[np.ones(len(one)), np.zeros(len(other))]
    number: dict[bytes, int] = {}
    groups = np.array([number.setdefault(k, len(number)) for k in canonical_keys([*one, *other])])
    weight, found = np.where(y == 1, 1.0, len(one) / len(other)), []
    for fit, held in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(x, y, groups):
        model = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=12, min_samples_leaf=15, l2_regularization=1.0
        )
        score = model.fit(x[fit], y[fit], sample_weight=weight[fit]).predict_proba(x[held])[:, 1]
        if len(set(y[held])) == 2:
            found.append(roc_auc_score(y[held], score))
    return float(np.mean(found))


def _four(graphs: SignedGraphs, count: int, rng: np.random.Generator) -> torch.Tensor:
    """Real circuits of four genes, every family alike."""
    some = graphs.take(graphs.sizes == 4)
    chosen = balanced(some, np.arange(len(some)), count, rng, 4)
    return torch.from_numpy(some.signs[chosen][:, :4, :4].copy())


def _winners(signs: torch.Tensor, sets: int, stream: Stream) -> torch.Tensor:
    """Those of the circuits that oscillate in one of a hundred fresh parameter sets."""
    return signs[robustness(signs, "oscillation", stream, sets).share >= SUCCESS]


def front(bench: Bench) -> None:
    """Four-gene oscillators on equal budgets of simulated models, by what holds the search to what exists.

    Four regulators per promoter and dual genes are allowed to every search, so that what holds it decides what its
    winners look like; the last row is the command's own rules.
    """
    sets = 40 if bench.quick else 100
    scores: dict[str, dict[str, list[float]]] = {}
    for seed in bench.seeds:
        train, test = split(seed)
        rng = np.random.default_rng(seed)
        mine, theirs = (_four(part, 300 if bench.quick else 800, rng) for part in (train, test))
        real_train, real_test = (
            _winners(b, sets, Stream(seed).at(name)) for name, b in (("mine", mine), ("theirs", theirs))
        )
        known = set(canonical_keys(list(train.take(train.sizes == 4).signs[:, :4, :4])))
        _look(scores.setdefault("real training oscillators", {}), real_train, real_test, known)
        for name, sample in _holders(bench, seed, mine).items():
            begin = time.process_time()
            signs = sample()
            made = scores.setdefault(name, {})
            made.setdefault("seconds", []).append(time.process_time() - begin)
            won = _winners(signs, sets, Stream(seed).at("judge"))
            made.setdefault("success", []).append(len(won) / len(signs))
            _look(made, won, real_test, known)
            print(name, seed, {k: round(v[-1], 3) for k, v in made.items()}, file=sys.stderr, flush=True)
    for name, made in scores.items():
        row(f"circuits/front, four-gene oscillators: {name}, judge's AUC", float(np.mean(made["AUC"])), 0.58,
            seeds=len(made["AUC"]), interval=interval(made["AUC"]), peer="target; 0.5 looks real",
            note=", ".join(f"{k} {np.mean(v):.2f}" for k, v in made.items() if k != "AUC"))  # fmt: skip


def _holders(bench: Bench, seed: int, real: torch.Tensor) -> dict[str, Callable[[], torch.Tensor]]:
    """Searches by name: each simulates 9,500 models and gives its sample."""
    free, likelihood, known = Rules(4, dual=True), bench.likelihood(seed), load_surrogates()[0]
    chains, steps = (32, 30) if bench.quick else (240, 600)

    def posterior(
        prior: CircuitLikelihood | Critic | None, rules: Rules = free, rounds: int = 3, weight: float = 1.0,
        surrogates: FunctionSurrogates | None = known,
    ) -> torch.Tensor:  # fmt: skip
        learn = prior.learn if isinstance(prior, Critic) else None
        found = design(
            prior, "oscillation", Stream(seed), min_genes=4, max_genes=4, goal=0.015, rules=rules, weight=weight,
            budget=Budget(models=9_500, chains=chains, steps=3 * steps // rounds, rounds=rounds),
            learn=learn, surrogates=surrogates,
        )  # fmt: skip
        return found.states[4]

    def genetic() -> torch.Tensor:
        start = random_circuits(4, 256, np.random.default_rng(seed), 4)
        found = search(evolution(start, Stream(seed)), Judge("oscillation", Stream(seed), 32), models=9_500)
        return torch.stack([matrix for matrix, _ in found.best(chains)])

    return {
        "likelihood": lambda: posterior(likelihood),
        "likelihood, weight 0.75": lambda: posterior(likelihood, weight=0.75),
        "likelihood, the function learned in the search": lambda: posterior(likelihood, surrogates=None),
        "critic": lambda: posterior(Critic(real, Stream(seed)), rounds=6),
        "likelihood and critic": lambda: posterior(Critic(real, Stream(seed), likelihood), rounds=6),
        "function alone": lambda: posterior(None),
        "random and mutation": genetic,
        "likelihood, rules of the command": lambda: posterior(likelihood, Rules()),
    }


def _look(made: dict[str, list[float]], won: torch.Tensor, real: torch.Tensor, known: set[bytes]) -> None:
    """How winners look beside real ones of held-out families, into a table of figures by name."""
    keys = canonical_keys(list(won.numpy()))
    made.setdefault("AUC", []).append(judge_auc(list(real.numpy()), list(won.numpy())))
    made.setdefault("edges per gene", []).append(float((won != 0).sum((1, 2)).double().mean() / 4))
    made.setdefault("two-sign genes", []).append(float(is_dual(won).double().mean()))
    made.setdefault("classes", []).append(len(set(keys)) / len(keys))
    made.setdefault("novel", []).append(float(np.mean([k not in known for k in keys])))


def budgets(bench: Bench) -> None:
    """Best four-gene oscillator per budget, one sign per regulator, at most three inputs, judged on fresh draws."""
    for models in (9_500,) if bench.quick else (9_500, 31_000):
        scores: dict[str, list[float]] = {}
        for seed in bench.seeds:
            for name, signs in _best(bench, seed, models).items():
                scores.setdefault(name, []).append(_again(signs))
            print("budget", models, seed, {k: round(v[-1], 3) for k, v in scores.items()}, file=sys.stderr, flush=True)
        ours = ("posterior", "posterior, the function learned in the search", "likelihood off")
        others = {k: v for k, v in scores.items() if k not in ours}
        peer = max(others, key=lambda k: float(np.mean(others[k])))
        for name in ours:
            ahead = [a - b for a, b in zip(scores[name], others[peer], strict=True)]
            low, high = interval(ahead)
            row(f"circuits/best oscillator of {models} models: {name}", float(np.mean(scores[name])),
                float(np.mean(others[peer])), "higher", seeds=len(ahead), interval=interval(scores[name]),
                peer=f"best other: {peer}", note=f"ahead by {np.mean(ahead):.3f} ({low:.3f} to {high:.3f}); "
                + ", ".join(f"{k} {np.mean(v):.3f}" for k, v in others.items()))  # fmt: skip


FINALISTS, FINAL_SETS = 4, 264
"""What `design` spends on judging for one best design; every rival spends as much."""


def _best(bench: Bench, seed: int, models: int) -> dict[str, torch.Tensor]:
    """The best circuit of every search that simulates so many models, all within the same rules."""
    stream, rules, found = Stream(seed).at("budget", models), Rules(3), {}
    likelihood, known = bench.likelihood(seed), load_surrogates()[0]
    for name, prior, surrogates in (
        ("posterior", likelihood, known), ("posterior, the function learned in the search", likelihood, None),
        ("likelihood off", None, known),
    ):  # fmt: skip
        made = design(
            prior, "oscillation", stream, min_genes=4, max_genes=4, rules=rules, goal=0.5, best=1,
            budget=Budget(models=models), surrogates=surrogates,
        )  # fmt: skip
        found[name] = torch.from_numpy(made.proposals[0].circuit.signs.copy())
    start = rules.start(random_circuits(4, 256, np.random.default_rng(seed), 3))
    proposers = {
        "random and mutation": evolution(start[rules.allow(start)], stream),
        "library and mutation": evolution(_four(split(seed)[0], 256, np.random.default_rng(seed)), stream),
        "random": random_search(4, stream),
        "tree search": TreeSearch(4, stream),
        "untrained network": from_generator(bench.untrained(seed), 4, "oscillation", stream),
    }
    for name, propose in proposers.items():
        ruled = lambda turn, found, p=propose: _within(p(turn, found), rules)  # noqa: E731
        judge = Judge("oscillation", stream, 32)
        best = search(ruled, judge, models=models - FINALISTS * FINAL_SETS).best(FINALISTS)
        top = torch.stack([matrix for matrix, _ in best])
        found[name] = top[robustness(top, "oscillation", stream.at("heat"), FINAL_SETS).share.argmax()]
    return found


def _within(signs: torch.Tensor, rules: Rules) -> torch.Tensor:
    """Proposals put within the rules, so that every search has the same support."""
    ruled = rules.start(signs)
    return ruled[rules.allow(ruled)]


def _again(signs: torch.Tensor) -> float:
    """A winner's share on 4,000 parameter sets that no search has seen."""
    return float(robustness(signs[None], "oscillation", Stream(77), 4000).share[0])


def best_twenty(bench: Bench) -> None:
    """Whether somebody would build the best twenty: edges per gene beside real circuits', genes with both signs."""
    edges, dual, shares, known = [], [], [], load_surrogates()[0]
    for seed in bench.seeds:
        found = design(
            bench.likelihood(seed), "oscillation", Stream(seed), min_genes=4, max_genes=4, best=20, surrogates=known,
        )  # fmt: skip
        signs = torch.stack([torch.from_numpy(p.circuit.signs.copy()) for p in found.proposals])
        edges.append(float((signs != 0).sum((1, 2)).double().median() / 4))
        dual.append(float(is_dual(signs).sum()))
        shares.append(float(np.median([p.share for p in found.proposals])))
        print("best twenty", seed, edges[-1], dual[-1], shares[-1], file=sys.stderr, flush=True)
    real = torch.cat([_four(split(seed)[1], 800, np.random.default_rng(seed)) for seed in bench.seeds])
    low, high = np.quantile((real != 0).sum((1, 2)).numpy() / 4, (0.25, 0.75))
    row("circuits/best twenty designs, median edges per gene", float(np.mean(edges)), float(high), seeds=len(edges),
        interval=interval(edges), peer="upper quartile of real circuits",
        note=f"lower quartile {low:.2f}; median share {np.mean(shares):.3f}")  # fmt: skip
    row("circuits/best twenty designs, genes with two signs", float(np.mean(dual)), 0, seeds=len(dual))


def missed_states(bench: Bench) -> None:
    """Share of models of which a steady state is missed, against 150 starts more."""
    for n in (3, 5, 8):
        signs = random_circuits(n, 20 if bench.quick else 60, np.random.default_rng(n))
        model = racipe(signs, 10, Stream(n))
        exact = fixed_points(model, Stream(1), starts=75, confirm=1)
        rates = {}
        for name, confirm in (("as screened", 0), ("as reported", CONFIRM)):
            found = fixed_points(model, Stream(2), confirm=confirm)
            most = torch.maximum(exact.count, found.count)
            rates[name] = float((found.consistent & (found.count < most)).double().mean())
        goal = {3: 0.005, 5: 0.01, 8: 0.02}[n]
        row(f"circuits/consistent sets that miss a steady state, {n} genes", rates["as reported"], goal,
            peer="225 starts", note=", ".join(f"{k} {v:.4f}" for k, v in rates.items()))  # fmt: skip
