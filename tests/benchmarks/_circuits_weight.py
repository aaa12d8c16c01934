"""Rows on parts of `design`: the weight of the likelihood, and what a surrogate that was fitted before is worth."""

import sys

import numpy as np
import torch
from _circuits_design import SUCCESS, _four, _look, _winners
from _circuits_models import Bench, split
from _row import interval, row

from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.design.fitting import fit_likelihood
from advsci_circuits.design.posterior import Budget, design
from advsci_circuits.design.rules import Rules
from advsci_circuits.dynamics.robustness import robustness
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.store import load_likelihood, load_surrogates
from advsci_datasets.circuits import split_by_family

WEIGHTS = (0.5, 0.75, 1.0, 1.25)


def weights(bench: Bench) -> None:
    """Four-gene oscillators: judge's AUC, success and novelty by weight; the test families take no part."""
    surrogates, scores = load_surrogates()[0], {}
    for seed in bench.seeds:
        train, _ = split(seed)
        one, other = (train.take(part) for part in split_by_family(train, (0.5, 0.5), seed + 40))
        steps = 100 if bench.quick else 1500
        folder = Run(bench.models / f"weights{seed}")
        likelihood, _ = fit_likelihood(one, np.arange(len(one)), (4,), seed, folder, steps, "cpu")
        real = _winners(_four(other, 800, np.random.default_rng(seed)), 100, Stream(seed).at("theirs"))
        known = set(canonical_keys(list(one.take(one.sizes == 4).signs[:, :4, :4])))
        for weight in WEIGHTS:
            found = design(
                likelihood, "oscillation", Stream(seed), min_genes=4, max_genes=4, goal=0.015, weight=weight,
                rules=Rules(4, dual=True), surrogates=surrogates,
                budget=Budget(models=2000, chains=240, steps=60 if bench.quick else 600, rounds=1),
            ).states[4]  # fmt: skip
            won = _winners(found, 100, Stream(seed).at("judge"))
            made = scores.setdefault(weight, {})
            made.setdefault("success", []).append(len(won) / len(found))
            _look(made, won, real, known)
            print(weight, seed, {k: round(v[-1], 3) for k, v in made.items()}, file=sys.stderr, flush=True)
    for weight, made in scores.items():
        row(f"circuits/weight {weight} of the likelihood, validation: judge's AUC", float(np.mean(made["AUC"])), None,
            seeds=len(made["AUC"]), interval=interval(made["AUC"]), peer="0.5 looks real",
            note=", ".join(f"{k} {np.mean(v):.2f}" for k, v in made.items() if k != "AUC"))  # fmt: skip


def adapting(bench: Bench) -> None:
    """Four genes that adapt: the best of a search, and what its chains hold, with the surrogate and without."""
    likelihood, budget = load_likelihood()[0], Budget(models=2000 if bench.quick else 9_500)
    for name, surrogates in (("surrogate of the package", load_surrogates()[0]), ("learned in the search", None)):
        best, success = [], []
        for seed in bench.seeds:
            found = design(
                likelihood, "adaptation", Stream(seed), min_genes=4, max_genes=4, best=1, budget=budget,
                surrogates=surrogates,
            )  # fmt: skip
            signs = torch.from_numpy(np.stack([p.circuit.signs for p in found.proposals]))
            best.append(float(robustness(signs, "adaptation", Stream(77), 4000).share.max()) if len(signs) else 0.0)
            held = robustness(found.states[4], "adaptation", Stream(78), 100).share
            success.append(float((held >= SUCCESS).double().mean()))
            print(name, seed, round(best[-1], 4), round(success[-1], 3), file=sys.stderr, flush=True)
        low, high = interval(success)
        row(f"circuits/four genes that adapt, {name}: best share", float(np.mean(best)), None, "higher",
            seeds=len(best), interval=interval(best),
            note=f"{SUCCESS:.0%} in {np.mean(success):.2f} ({low:.2f} to {high:.2f}) of the chains")  # fmt: skip
