"""Rows on designs in one pass: `generate --function` by rejection, the generator of the game, the chains, and maximum
likelihood and the game on the chains' samples.

Four-gene oscillators. Success is Q >= 1 % of fresh parameter sets; the judge tells winners from real oscillators of
held-out families. Seconds are of drawing alone: neither training nor, of the chains, the training of the likelihood.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from _circuits_design import SUCCESS, _four, _winners, judge_auc
from _circuits_models import Bench, split
from _circuits_played import played
from _row import interval, row

from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_circuits.design.draws import draw
from advsci_circuits.design.likelihood import CircuitLikelihood, LikelihoodGame, SizeLikelihood
from advsci_circuits.design.posterior import Budget, design
from advsci_circuits.design.rules import Rules
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.store import load_generator, load_surrogates

COUNT = 360
PLAYED = {"the game on the chains' samples": 0.2, "the same, discriminator off": 0.0}
"""Weight of the discriminator beside the likelihood."""


def one_pass(bench: Bench) -> None:
    """Success, judge's AUC and CPU seconds per design of one-pass proposals beside the chains."""
    count, sets = (60, 40) if bench.quick else (COUNT, 100)
    scores: dict[str, dict[str, list[float]]] = {}
    for seed in bench.seeds:
        stream = Stream(seed).at("one pass")
        likelihood = bench.likelihood(seed)
        theirs = _four(split(seed)[1], 300 if bench.quick else 800, np.random.default_rng(seed))
        real = _winners(theirs, sets, stream.at("real"))
        samples: dict[str, torch.Tensor] = {}

        def chains(seed: int = seed, likelihood: CircuitLikelihood = likelihood) -> torch.Tensor:
            budget = Budget(models=9_500, chains=count, steps=40 if bench.quick else 600)
            found = design(
                likelihood, "oscillation", Stream(seed), min_genes=4, max_genes=4, goal=0.015,
                rules=Rules(4, dual=True), weight=1.0, budget=budget, surrogates=load_surrogates()[0],
            )  # fmt: skip
            return found.states[4]

        def rejected(stream: Stream = stream, likelihood: CircuitLikelihood = likelihood) -> torch.Tensor:
            surrogate = load_surrogates()[0].of("oscillation", 4)
            assert surrogate is not None
            return draw(likelihood.of(4), surrogate, count, stream.at("rejection"))

        def drawn(stream: Stream = stream) -> torch.Tensor:
            generator = load_generator()[0]
            sizes = torch.full((count,), 4)
            return generate(generator, sizes, stream.at("generate"), function="oscillation").signs[:, :4, :4]

        ways: dict[str, Callable[[], torch.Tensor]] = {
            "chains": chains,
            "rejection (generate --function)": rejected,
            "the generator of the game": drawn,
        }
        for name in (*ways, "maximum likelihood on the chains' samples", *PLAYED):
            if name.startswith("maximum"):
                network = _fitted(samples["chains"], seed, 100 if bench.quick else 600)
                ways[name] = lambda n=network, s=stream: n.sample(count, s.at("drawn"))
            if name in PLAYED:
                draws = played(samples["chains"], seed, quick=bench.quick, adversarial=PLAYED[name])
                ways[name] = lambda d=draws: d(count)
            begin = time.process_time()
            samples[name] = signs = ways[name]()
            made = scores.setdefault(name, {})
            made.setdefault("CPU s per design", []).append((time.process_time() - begin) / len(signs))
            won = _winners(signs, sets, stream.at("judge"))
            made.setdefault("success", []).append(len(won) / len(signs))
            made.setdefault("AUC", []).append(judge_auc(list(real.numpy()), list(won.numpy())))
            made.setdefault("classes", []).append(len(set(canonical_keys(list(won.numpy())))) / len(won))
            made.setdefault("edges per gene", []).append(float((won != 0).sum((1, 2)).double().mean() / 4))
            print(name, seed, {k: round(v[-1], 4) for k, v in made.items()}, file=sys.stderr, flush=True)
    for name, made in scores.items():
        row(f"circuits/one pass, four-gene oscillators: {name}, success", float(np.mean(made["success"])), 0.9,
            "higher", seeds=len(made["success"]), interval=interval(made["success"]), peer=f"Q >= {SUCCESS:.0%}",
            note=", ".join(f"{k} {np.mean(v):.4f}" for k, v in made.items() if k != "success"))  # fmt: skip
    for name in list(scores)[1:]:
        ahead = [a - b for a, b in zip(scores[name]["AUC"], scores["chains"]["AUC"], strict=True)]
        row(f"circuits/one pass: {name}, judge's AUC less the chains'", float(np.mean(ahead)), 0.03, "lower",
            seeds=len(ahead), interval=interval(ahead), peer="chains",
            note="seed by seed " + ", ".join(f"{x:.3f}" for x in ahead))  # fmt: skip


def _fitted(signs: torch.Tensor, seed: int, steps: int) -> SizeLikelihood:
    """The likelihood of what the chains hold, in any order of the genes."""
    with Stream(seed).at("one pass", 1).seeded():
        network = SizeLikelihood(signs.shape[1])
    Trainer(steps=steps, batch_size=96, seed=seed, device="cpu", quiet=True).fit(
        LikelihoodGame(network), {"signs": signs},
        Alternating(lambda p: torch.optim.AdamW(p, lr=2e-3, weight_decay=1e-2), Cosine(1.0, 0.05)),
    )  # fmt: skip
    return network.eval()
