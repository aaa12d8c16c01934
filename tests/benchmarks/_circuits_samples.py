"""Rows on the sample as a whole: validity, novelty, distribution, speed."""

import os
import time

import numpy as np
import torch
from _circuits_models import Bench, split
from _row import interval, row

from advsci.streams import Stream
from advsci_circuits.data.real import balanced
from advsci_circuits.evaluation import NULLS, describe, discrepancy, null_sample, ratios, vun
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs import CircuitBatch, canonical_keys, is_valid

ROUNDS = 64
"""Rounds of sampling where the distribution of a sample is judged: up to eight genes, one pair at a time."""
FEW = 4
"""Rounds where time is."""


def distribution(bench: Bench) -> None:
    """V.U.N. and distances to held-out families, 4 to 8 genes, beside the nulls."""
    count = 200 if bench.quick else 1000
    together, unique, bounds, tables, nulls, reals = [], [], [], [], {}, []
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
        # what nobody could tell from the training set: the luck of one more sample of it
        more = train.take(balanced(train, np.arange(len(train)), count, np.random.default_rng(100 + seed), 4))
        reals.append(ratios(describe(more.matrices()), da, db))
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
        beside += f"; another training sample {np.mean([t[statistic] for t in reals]):.2f}"
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
    """Ten thousand circuits of 4 to 8 genes on the cores there are, in few rounds, and how good those are."""
    seed = bench.seeds[0]
    generator, (train, _) = bench.generator(seed), split(seed)
    count = 1000 if bench.quick else 10_000
    sizes = 4 + Stream(0).integers(5, (count,))
    threads = torch.get_num_threads()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    seconds: dict[bool, list[float]] = {False: [], True: []}
    valid: dict[bool, float] = {}
    for turn in range(3):
        for redraw, times in seconds.items():
            begin = time.perf_counter()
            made = generate(generator, sizes, Stream(1).at("turn", turn), rounds=FEW, valid=redraw, half=True)
            times.append((time.perf_counter() - begin) * 10_000 / count)
            valid[redraw] = float(is_valid(made).double().mean())
    torch.set_num_threads(threads)
    real = train.take(balanced(train, np.arange(len(train)), 1000, np.random.default_rng(seed), 4))
    asked, quality = torch.from_numpy(real.sizes), {}
    for name, rounds, half in (("as here", FEW, True), (f"{ROUNDS} rounds", ROUNDS, False)):
        drawn = generate(generator, asked, Stream(2), rounds=rounds, half=half)
        quality[name] = discrepancy(describe(drawn.matrices()), describe(real.matrices()), splits=4, seed=seed).value
    beside = ", ".join(f"{how} {value:.3f}" for how, value in quality.items())
    for redraw, how in ((False, "as drawn"), (True, "those not valid or not kept drawn anew")):
        name = "circuits/10,000 circuits generated" + (", redrawn" if redraw else "")
        row(name, float(np.median(seconds[redraw])), 5, unit="s wall on 2 cores",
            interval=(min(seconds[redraw]), max(seconds[redraw])),
            note=f"{FEW} rounds a circuit, bfloat16, {how} (valid {valid[redraw]:.3f}); classifier discrepancy to "
            f"training circuits, redrawn: {beside}")  # fmt: skip
