"""Rows on the sample as a whole: validity, novelty, distribution, speed, recall."""

import os
import time

import numpy as np
import torch
from _circuits_models import Bench, split
from _row import interval, row

from advsci.streams import Stream
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs import CircuitBatch, canonical_keys
from advsci_circuits.library import balanced
from advsci_circuits.metrics import NULLS, describe, discrepancy, null_sample, ratios, vun
from advsci_circuits.train import held_out_oscillators

ROUNDS = 32
"""Rounds of sampling where the sample's distribution is judged."""


def distribution(bench: Bench) -> None:
    """V.U.N. and distances to held-out families, 4 to 8 genes, beside the nulls."""
    count = 200 if bench.quick else 1000
    together, unique, bounds, tables, nulls = [], [], [], [], {}
    for seed in bench.seeds:
        train, test = split(seed)
        rng = np.random.default_rng(seed)
        a, b = (part.take(balanced(part, np.arange(len(part)), count, rng, 4)) for part in (train, test))
        known = set(canonical_keys(CircuitBatch(torch.from_numpy(train.signs), torch.from_numpy(train.sizes))))
        made = generate(bench.generator(seed), torch.from_numpy(a.sizes), Stream(seed), rounds=ROUNDS)
        score = vun(made, known)
        together.append(score.together)
        unique.append(score.unique)
        da, db, dm = (describe(s.matrices()) for s in (a, b, made))
        tables.append(ratios(dm, da, db))
        bounds.append(discrepancy(dm, db, seed=seed))
        for name in NULLS:
            dn = describe(null_sample(name, a.matrices(), seed))
            nulls.setdefault(name, []).append((ratios(dn, da, db), discrepancy(dn, db, seed=seed)))
    seeds = len(bench.seeds)
    row("circuits/V.U.N., 4-8 genes", float(np.mean(together)), 0.9, "higher", seeds=seeds, interval=interval(together),
        note=f"{count} circuits; valid by redrawing up to 16 times; novel against all training graphs")  # fmt: skip
    row("circuits/uniqueness, 4-8 genes", float(np.mean(unique)), 0.95, "higher", seeds=seeds)
    for statistic in tables[0]:
        means = {name: float(np.mean([t[statistic] for t, _ in nulls[name]])) for name in NULLS}
        beside = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
        values = [t[statistic] for t in tables]
        row(f"circuits/MMD ratio, {statistic}", float(np.mean(values)), min(means.values()), seeds=seeds,
            unit="x train against test", peer="lowest null", interval=interval(values), note=beside)  # fmt: skip
    means = {name: float(np.mean([d.value for _, d in nulls[name]])) for name in NULLS}
    beside = ", ".join(
        f"{name} {mean:.3f} ({min(d.low for _, d in nulls[name]):.3f}-{max(d.high for _, d in nulls[name]):.3f})"
        for name, mean in means.items()
    )
    row("circuits/classifier discrepancy", float(np.mean([b.value for b in bounds])), min(means.values()), seeds=seeds,
        unit="lower bound on JS distance", peer="lowest null", note=beside,
        interval=(min(b.low for b in bounds), max(b.high for b in bounds)))  # fmt: skip


def speed(bench: Bench) -> None:
    """Ten thousand circuits of 4 to 8 genes on the cores there are."""
    generator = bench.generator(bench.seeds[0])
    count = 1000 if bench.quick else 10_000
    sizes = 4 + Stream(0).integers(5, (count,))
    threads = torch.get_num_threads()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    begin = time.perf_counter()
    generate(generator, sizes, Stream(1), rounds=8, valid=False)
    seconds = (time.perf_counter() - begin) * 10_000 / count
    torch.set_num_threads(threads)
    row("circuits/10,000 circuits generated", seconds, 5, unit="s wall on 2 cores", note="8 rounds a circuit")


def recall(bench: Bench) -> None:
    """How many of the three-gene oscillators that are in no library, and were never seen, are drawn."""
    held = held_out_oscillators()
    count = 2000 if bench.quick else 20_000
    values, chance = [], []
    for seed in bench.seeds:
        sizes = torch.full((count,), 3)
        made = generate(
            bench.generator(seed), sizes, Stream(seed).at("recall"), function="oscillation", temperature=1.5
        )
        values.append(len(held & set(canonical_keys(made))) / len(held))
        plain = generate(bench.generator(seed), sizes, Stream(seed).at("recall"), temperature=1.0)
        chance.append(len(held & set(canonical_keys(plain))) / len(held))
    row("circuits/recall of unseen three-gene oscillators", float(np.mean(values)), 0.6, "higher", seeds=len(values),
        interval=interval(values), peer=f"the same generator, not asked: {np.mean(chance):.3f}",
        note=f"{count} samples, {len(held)} classes")  # fmt: skip
