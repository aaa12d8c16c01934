"""Rows on the graph GAN by itself: what its discriminators are worth, everything else equal.

Two generators per seed: one plays the game, the other spends as many steps on the likelihood of hidden edges alone.
Each is judged as drawn, and with what its acceptance keeps: a second discriminator, linear in invariants, which is
learned once the generator is. All are judged on circuits of 4 to 6 genes against families that neither has seen.
"""

import sys

import numpy as np
from _circuits_design import judge_auc
from _circuits_models import Bench, split
from _row import interval, row

from advsci.cli import execute
from advsci.streams import Stream
from advsci_circuits.commands.train import run
from advsci_circuits.data.real import balanced, batch_of
from advsci_circuits.evaluation import describe, ratios, vun
from advsci_circuits.evaluation.nulls import null_sample
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.store import load_generator

SIZES = {
    True: {"warmup": 300, "steps": 200, "draws": 4000, "width": 16, "blocks": 2, "batch": 32},
    False: {"warmup": 6000, "steps": 3000, "draws": 30_000},
}


def adversary(bench: Bench) -> None:
    """The game, the same without its discriminator, either with acceptance, a null: V.U.N., mean MMD ratio, AUC."""
    count = 300 if bench.quick else 1000
    scores: dict[str, dict[str, list[float]]] = {}
    for seed in bench.seeds:
        train, test = split(seed)
        rng = np.random.default_rng(seed)
        a, b = (batch_of(p.take(_some(p, count, rng))) for p in (train, test))
        known = set(canonical_keys(batch_of(train.take(train.sizes <= 6))))
        described = {name: describe(s.matrices()) for name, s in (("train", a), ("test", b))}
        for name in ("game", "discriminator off"):
            size = SIZES[bench.quick]
            size = size | (
                {"adversarial": 0.2} if name == "game" else {"warmup": size["warmup"] + size["steps"], "steps": 0}
            )
            folder = bench.models / f"{name.replace(' ', '-')}{seed}"
            settings = bench.settings(seed).replace(
                examples=0, rounds=1, links=0, largest=6, out=folder, **size,
            )  # fmt: skip
            if not (folder / "model.safetensors").is_file():
                execute(run, settings)
            generator = load_generator(folder / "model.safetensors")[0]
            drawn = {f"{name}, with acceptance": generate(generator, a.sizes, Stream(seed).at("made"), rounds=36)}
            generator.acceptance = None
            drawn[name] = generate(generator, a.sizes, Stream(seed).at("made"), rounds=36)
            for arm, sample in drawn.items():
                _judge(scores.setdefault(arm, {}), sample, described, known, b)
                print(arm, seed, {k: round(v[-1], 3) for k, v in scores[arm].items()}, file=sys.stderr, flush=True)
        null = null_sample("rewired", a.matrices(), seed)
        _judge(scores.setdefault("training circuits rewired", {}), CircuitBatch.of(null), described, known, b)
    for arm, made in scores.items():
        for key, better, goal in (("V.U.N.", "higher", 0.9), ("ratio", "lower", 1.3), ("AUC", "lower", None)):
            values, off = made[key], scores["discriminator off"][key]
            gain = [x - y for x, y in zip(values, off, strict=True)]
            row(f"circuits/the graph GAN by itself, {key}: {arm}", float(np.mean(values)), goal, better,
                seeds=len(values), interval=interval(values), peer="discriminator off",
                note=f"less off {np.mean(gain):.3f} {interval(gain)}, seed by seed "
                + ", ".join(f"{x:.3f}" for x in values))  # fmt: skip


def _judge(
    made: dict[str, list[float]], drawn: CircuitBatch, described: dict[str, dict[str, np.ndarray]], known: set[bytes],
    test: CircuitBatch,
) -> None:  # fmt: skip
    """Figures of one sample, into a table."""
    ratio = ratios(describe(drawn.matrices()), described["train"], described["test"])
    for key, value in (
        ("V.U.N.", vun(drawn, known).together), ("ratio", float(np.mean(list(ratio.values())))),
        ("AUC", judge_auc(test.matrices(), drawn.matrices())),
    ):  # fmt: skip
        made.setdefault(key, []).append(value)


def _some(graphs, count: int, rng: np.random.Generator) -> np.ndarray:
    """Circuits of 4 to 6 genes, every family alike."""
    able = np.flatnonzero((graphs.sizes >= 4) & (graphs.sizes <= 6))
    return balanced(graphs, able, count, rng, 4)
