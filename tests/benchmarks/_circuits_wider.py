"""Rows on designs beyond four-gene oscillators of one set in a hundred: more robust ones, six genes, adaptation.

As in ``front``: the judge is gradient boosting on features that no method sees, and every search simulates as many
models; real winners are of families held out, drawn with every family alike.
"""

import sys

import numpy as np
import torch
from _circuits_critic import Critic
from _circuits_design import judge_auc
from _circuits_models import Bench, split
from _row import interval, row

from advsci.streams import Stream
from advsci_circuits.data.real import balanced
from advsci_circuits.design.posterior import Budget, design
from advsci_circuits.design.rules import Rules
from advsci_circuits.dynamics.robustness import robustness
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.store import load_surrogates
from advsci_datasets.circuits import SignedGraphs

FEWEST = 20


def wider_front_robust(bench: Bench) -> None:
    """Four-gene oscillators of one parameter set in twenty."""
    _front(bench, "four-gene oscillators of 5 %", "oscillation", 4, 0.05, 0.60)


def wider_front_six(bench: Bench) -> None:
    """Oscillators of six genes."""
    _front(bench, "six-gene oscillators", "oscillation", 6, 0.01, 0.68)


def wider_front_adaptation(bench: Bench) -> None:
    """Four genes that adapt."""
    _front(bench, "four genes that adapt", "adaptation", 4, 0.01, 0.58)


def _front(bench: Bench, name: str, function: str, genes: int, success: float, goal: float) -> None:
    """Success, and how winners look beside real ones, by what holds the search; ``goal`` is the AUC asked for."""
    scores: dict[str, dict[str, list[float]]] = {}
    for seed in bench.seeds:
        _one(bench, seed, scores, function, genes, success)
        print(name, seed, {k: {f: round(v[-1], 3) for f, v in s.items()} for k, s in scores.items()},
              file=sys.stderr, flush=True)  # fmt: skip
    for arm, made in scores.items():
        auc = made.pop("AUC", [])
        row(f"circuits/front, {name}: {arm}, judge's AUC", float(np.mean(auc)) if auc else None, goal,
            seeds=len(auc), interval=interval(auc) if auc else None, peer="target; 0.5 looks real",
            note=", ".join(f"{k} {np.mean(v):.3f}" for k, v in made.items()))  # fmt: skip


def _one(
    bench: Bench, seed: int, scores: dict[str, dict[str, list[float]]], function: str, genes: int, success: float
) -> None:
    """One seed of one task, into a table of figures by arm."""
    train, test = split(seed)
    rng, count = np.random.default_rng(seed), 300 if bench.quick else 3000
    mine, theirs = (_some(part, genes, count, rng) for part in (train, test))
    sets = 40 if bench.quick else 100

    def won(signs: torch.Tensor, name: str) -> torch.Tensor:
        """Those that do it on fresh parameter sets; equal circuits are simulated once."""
        each, back = torch.unique(signs, dim=0, return_inverse=True)
        share = robustness(each, function, Stream(seed).at("wider", name), sets).share
        return signs[share[back] >= success]

    real, known = won(theirs, "theirs"), set(canonical_keys(_matrices(train, genes)))
    chains, steps = (32, 30) if bench.quick else (240, 600)
    free, surrogates = Rules(4, dual=True), load_surrogates()[0]
    made = {"real ones of training families": mine}
    for arm in ("likelihood", "critic", "function alone"):
        critic = Critic(mine[:800], Stream(seed)) if arm == "critic" else None
        prior = bench.likelihood(seed, genes) if arm == "likelihood" else critic
        rounds = 3 if critic is None else 6
        made[arm] = design(
            prior, function, Stream(seed), min_genes=genes, max_genes=genes, goal=1.5 * success, rules=free,
            budget=Budget(models=9_500, chains=chains, steps=3 * steps // rounds, rounds=rounds),
            learn=None if critic is None else critic.learn, surrogates=surrogates,
        ).states[genes]  # fmt: skip
    for arm, signs in made.items():
        good = won(signs, arm)
        here = scores.setdefault(arm, {})
        figures = {"success": len(good) / len(signs), "winners": len(good), "real winners": len(real)}
        if min(len(good), len(real)) >= FEWEST:  # fewer cannot be judged
            keys = canonical_keys(list(good.numpy()))
            figures |= {
                "AUC": judge_auc(list(real.numpy()), list(good.numpy())),
                "edges per gene": float((good != 0).sum((1, 2)).double().mean() / genes),
                "classes": len(set(keys)) / len(keys), "novel": float(np.mean([k not in known for k in keys])),
            }  # fmt: skip
        for key, value in figures.items():
            here.setdefault(key, []).append(value)


def _some(graphs: SignedGraphs, genes: int, count: int, rng: np.random.Generator) -> torch.Tensor:
    """Real circuits of one size, every family alike."""
    some = graphs.take(graphs.sizes == genes)
    chosen = balanced(some, np.arange(len(some)), count, rng, genes)
    return torch.from_numpy(some.signs[chosen][:, :genes, :genes].copy())


def _matrices(graphs: SignedGraphs, genes: int) -> list[np.ndarray]:
    return list(graphs.take(graphs.sizes == genes).signs[:, :genes, :genes])
