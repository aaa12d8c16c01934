"""Figures of the circuits domain, one JSON object a line.

Usage: ``python tests/benchmarks/circuits.py [--quick] [--only WORD] [--models FOLDER] [--seeds N]``. Models are trained
once a seed into the folder (default runs/bench-circuits) and taken from there afterwards.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from _row import compare, interval, row

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_circuits.baselines import Judge, TreeSearch, evolution, from_generator, random_search, search
from advsci_circuits.baselines.search import robust_classes
from advsci_circuits.config import Train
from advsci_circuits.dynamics import HillModel, fixed_points, integrate, is_stable, racipe
from advsci_circuits.dynamics.robustness import robustness, wilson_interval
from advsci_circuits.dynamics.theory import ring_hopf_rate, toggle_threshold
from advsci_circuits.formats import read, write
from advsci_circuits.game.condition import condition_vector
from advsci_circuits.game.design import design
from advsci_circuits.game.sample import edges_of, generate
from advsci_circuits.game.screen import screened
from advsci_circuits.game.store import load_generator
from advsci_circuits.graphs import Circuit, CircuitBatch, canonical_keys, cycle_signs
from advsci_circuits.library import balanced, library
from advsci_circuits.metrics import NULLS, describe, discrepancy, null_sample, ratios, vun
from advsci_circuits.train import held_out_oscillators, run
from advsci_datasets.circuits import load_enumeration, split_by_family

RING = torch.tensor(-np.roll(np.eye(3), 1, 0)[None]).to(torch.int8)
TOGGLE = torch.tensor([[[0, -1], [-1, 0]]], dtype=torch.int8)


@dataclass(frozen=True)
class Bench:
    """What all rows share."""

    quick: bool
    models: Path
    seeds: tuple[int, ...]

    def generator(self, seed: int):
        """The trained generator of one seed."""
        path = self.models / f"seed{seed}" / "model.safetensors"
        if not path.is_file():
            small = {"examples": 120, "sets": 16, "warmup": 300, "steps": 10, "rounds": 1, "draws": 4000, "width": 16}
            small |= {"blocks": 2, "batch": 32, "surrogate_steps": 60}
            full = {"examples": 1000, "sets": 40, "warmup": 4500, "steps": 150, "rounds": 1, "draws": 60_000}
            full |= {"surrogate_steps": 400}
            run(Train(out=path.parent, seed=seed, **(small if self.quick else full)))
        return load_generator(path)[0]


def pure(signs: torch.Tensor, rate: float, exponent: float) -> HillModel:
    one = torch.ones(signs.shape, dtype=torch.float64)
    flat = torch.ones(signs.shape[:2], dtype=torch.float64)
    return HillModel(signs, rate * flat, flat, one, exponent * one, 0 * one)


def bisect(happens, low: float, high: float) -> float:
    while high - low > 1e-5:
        middle = (low + high) / 2
        low, high = (low, middle) if happens(middle) else (middle, high)
    return (low + high) / 2


def facts(bench: Bench) -> None:
    """Exact dynamics: thresholds found by the simulator's own verdicts, against closed forms."""
    errors = {}
    for n in (2, 3, 4):
        found = bisect(
            lambda a, n=n: int(fixed_points(pure(TOGGLE, a, n), Stream(0), starts=60).stable_count) > 1, 0.5, 4
        )
        errors[f"toggle n={n}"] = abs(found - toggle_threshold(n))
    for n in (3, 4, 5):
        found = bisect(lambda a, n=n: bool(fixed_points(pure(RING, a, n), Stream(0)).none_stable), 1.0, 8.0)
        errors[f"ring n={n}"] = abs(found - ring_hopf_rate(n))

    def goodwin(n: float) -> bool:
        """Unstable at rate 1e12, where the loop gain is the exponent to twelve digits."""
        x = bisect_root(lambda x: x * (1 + x**n) - 1e12)
        gain = n * x**n / (1 + x**n)
        matrix = torch.tensor([[-1, 0, -gain], [1, -1, 0], [0, 1, -1]], dtype=torch.float64)
        return not bool(is_stable(matrix))

    errors["Goodwin exponent"] = abs(bisect(goodwin, 4, 16) - 8)
    row("circuits/exact thresholds, largest error", max(errors.values()), 1e-3, unit="absolute", peer="closed forms",
        note=", ".join(f"{k} {v:.1e}" for k, v in errors.items()))  # fmt: skip
    even = torch.tensor(-np.roll(np.eye(4), 1, 0)[None]).to(torch.int8)
    pair = torch.tensor([[[0, -1], [1, 0]]], dtype=torch.int8)
    cycles = sum(int(fixed_points(racipe(s, 500, Stream(0)), Stream(1)).none_stable.sum()) for s in (even, pair))
    row("circuits/even rings and Bendixson pairs that cycle", cycles, 0, unit="of 1000 parameter sets", peer="theory")


def bisect_root(function, low: float = 1e-6, high: float = 1e6) -> float:
    for _ in range(200):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return low


def enumeration(bench: Bench) -> None:
    """All three-gene topologies against Thomas' rules and the stored enumeration."""
    table = load_enumeration()
    index = np.random.default_rng(0).permutation(len(table.signs))[: 150 if bench.quick else None]
    sets = 20 if bench.quick else 60
    several, cycling = [], []
    for part in torch.from_numpy(table.signs[index]).split(200):
        points = fixed_points(racipe(part, sets, Stream(4)), Stream(5))
        several.append((points.stable_count > 1).view(len(part), sets).double().mean(1))
        cycling.append(points.none_stable.view(len(part), sets).double().mean(1))
    bi, osc = torch.cat(several).numpy(), torch.cat(cycling).numpy()
    rules = [cycle_signs(table.signs[i]) for i in index]
    wrong = sum(b > 0 and not p for b, (p, _, _) in zip(bi, rules, strict=True))
    wrong += sum(o > 0 and not longer for o, (_, _, longer) in zip(osc, rules, strict=True))
    row("circuits/Thomas violations, three genes", wrong, 0, unit=f"of {len(index)} topologies", peer="Thomas' rules")
    core = sum(not rules[k][2] for k in np.flatnonzero(osc > 0.01))
    row("circuits/oscillators without activator-inhibitor, AAI or III core", core, 0, peer="brief",
        note=f"{int((osc > 0.01).sum())} oscillate; a core is a negative cycle of two or three genes")  # fmt: skip
    row("circuits/enumeration, mean oscillating share against the stored one",
        abs(float(osc.mean()) / float(table.oscillating[index].mean()) - 1), None, unit="relative", peer="stored table",
        note=f"correlation {np.corrcoef(osc, table.oscillating[index])[0, 1]:.3f}")  # fmt: skip


def _roadrunner(circuit: Circuit, model: HillModel, folder: Path):
    import roadrunner

    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    engine = roadrunner.RoadRunner(str(write(circuit, folder / "a.sbml", model)))
    engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = 1e-6, 1e-8
    return engine


def throughput(bench: Bench) -> None:
    """Repressilators to t = 100 against a libRoadRunner loop on the exported SBML, one thread."""
    try:
        import roadrunner
    except ImportError:
        row("circuits/throughput", None, 2, "higher", peer="libRoadRunner", note="not installed")
        return
    torch.set_num_threads(1)
    circuit = Circuit(RING[0].numpy(), ("A", "B", "C"))
    for count, target in ((1000, 2.0), (10_000, 4.0)):
        if bench.quick and count > 1000:
            continue
        model = racipe(RING, count, Stream(0))
        start = model.rate / model.decay * Stream(1).uniform((count, 3), dtype=torch.float64)
        times = torch.linspace(0, 100, 101, dtype=torch.float64)
        with tempfile.TemporaryDirectory() as folder:
            engine = _roadrunner(circuit, model[:1], Path(folder))
        ids = list(engine.model.getGlobalParameterIds())
        names, columns = [], []
        for i, gene in enumerate("ABC"):
            j = int(RING[0, i].nonzero()[0])
            edge = f"{gene}__{'ABC'[j]}"
            names += [f"g_{gene}", f"k_{gene}", f"K_{edge}", f"n_{edge}", f"leak_{edge}"]
            columns += [model.rate[:, i], model.decay[:, i], model.threshold[:, i, j], model.cooperativity[:, i, j]]
            columns += [model.leak[:, i, j]]
        index, values = [ids.index(name) for name in names], torch.stack(columns, 1).tolist()
        starts = start.tolist()

        def theirs(engine=engine, count=count, index=index, values=values, starts=starts):
            out = np.empty((count, 101, 3))
            for b in range(count):
                engine.model.setTime(0.0)
                engine.model.setGlobalParameterValues(index, values[b])
                engine.model.setFloatingSpeciesConcentrations([0, 1, 2], starts[b])
                out[b] = engine.simulate(0, 100, 101, ["A", "B", "C"])
            return out

        def ours(model=model, start=start, times=times):
            with torch.no_grad():
                return integrate(model.field(), start, times)

        seconds = compare(theirs, ours, rounds=3 if bench.quick or count > 1000 else 7, warmup=1)
        paired = sorted(a / b for a, b in zip(*seconds, strict=True))
        value = float(np.median(seconds[0]) / np.median(seconds[1]))
        exact = integrate(model.field(), start, times, rtol=1e-10, atol=1e-12)
        scale = exact.abs().amax((1, 2))
        error = [float(((torch.as_tensor(r) - exact).abs().amax((1, 2)) / scale).median()) for r in (theirs(), ours())]
        row(f"circuits/throughput, {count} repressilators", value, target, "higher", unit="x libRoadRunner loop",
            peer=f"libroadrunner {roadrunner.__version__}", interval=(paired[0], paired[-1]),
            note=f"t = 100, rtol 1e-6, 1 thread; median error theirs {error[0]:.0e}, ours {error[1]:.0e}")  # fmt: skip


def fixed_point_cost(bench: Bench) -> None:
    """All fixed points with stability against RK4 to t = 100 from as many starts."""
    torch.set_num_threads(1)
    count, starts = (200, 14) if bench.quick else (1000, 14)
    model = racipe(RING, count, Stream(0))
    field = model.field().take(torch.arange(count).repeat_interleave(starts))
    x0 = 100 * Stream(1).uniform((3, count * starts), dtype=torch.float64)
    steps = 100  # a tenth of the 1000 steps of 0.1; the time is scaled

    def rk4():
        x = x0
        for _ in range(steps):
            a = field(x)
            b = field(x + 0.05 * a)
            c = field(x + 0.05 * b)
            x = x + 0.1 / 6 * (a + 2 * b + 2 * c + field(x + 0.1 * c))

    seconds = compare(rk4, lambda: fixed_points(model, Stream(2), starts=starts), rounds=5, warmup=1)
    cost = float(np.median(seconds[1]) / np.median(seconds[0])) * steps / 1000
    points = fixed_points(model, Stream(2), starts=starts)
    row("circuits/fixed points with stability, cost", 1 / cost, 30, "higher", unit="x cheaper than RK4 to t = 100",
        peer="batched RK4, same field",
        note=f"index theorem complete for {float(points.complete.double().mean()):.3f}")  # fmt: skip


def agreement(bench: Bench) -> None:
    """Exported SBML in libRoadRunner: trajectories, and whether it calls the same models oscillating."""
    try:
        import roadrunner  # noqa: F401
    except ImportError:
        row("circuits/agreement with libRoadRunner", None, 0.99, "higher", note="not installed")
        return
    count = 12 if bench.quick else 100
    rng = np.random.default_rng(0)
    table = load_enumeration()
    likely = np.flatnonzero(table.oscillating > 0.1)
    worst, same = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for k in range(count):
            circuit = Circuit(table.signs[rng.choice(likely)])
            models = racipe(CircuitBatch.of([circuit]).signs, 60, Stream(k))
            points = fixed_points(models, Stream(1))
            # as many that oscillate as that settle, where there are any
            wanted = (points.none_stable if k % 2 else ~points.none_stable & points.complete).nonzero()[:, 0]
            if not len(wanted):
                wanted = torch.tensor([0])
            model = models[wanted[:1]]
            engine = _roadrunner(circuit, model, Path(folder))
            engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = 1e-10, 1e-12
            start = 0.5 * model.rate / model.decay * torch.tensor([[0.3, 0.6, 0.9]], dtype=torch.float64)
            engine.model.setFloatingSpeciesConcentrations([0, 1, 2], start[0].tolist())
            peer = np.asarray(engine.simulate(0, 50, 51))[:, 1:]
            own = integrate(model.field(), start, torch.linspace(0, 50, 51).double(), rtol=1e-9, atol=1e-11)[0].numpy()
            worst = max(worst, float(np.abs(own - peer).max() / np.abs(peer).max()))
            late = np.asarray(engine.simulate(50, 4000, 4000))[-1000:, 1:]
            swings = bool((np.ptp(late, 0) / late.mean(0)).max() > 0.01)
            same += swings == bool(points.none_stable[wanted[0]])
    row("circuits/trajectories against libRoadRunner, worst", worst, 1e-4, unit="relative", peer="libRoadRunner CVODE")
    low, high = (float(v) for v in wilson_interval(torch.tensor(float(same)), count))
    row("circuits/oscillation calls against libRoadRunner", same / count, 0.99, "higher", interval=(low, high),
        peer="libRoadRunner CVODE to t = 4000", note="a stable steady state may coexist with a cycle")  # fmt: skip


def bad_input(bench: Bench) -> None:
    """Hostile and wrong files: all must be named errors."""
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><sbml>&b;</sbml>'
    files = {
        "unknown sign.topo": "A B 7", "empty graph.bnet": "A, A\nB, 1", "entity bomb.sbml": bomb,
        "duplicate species.bnet": "A, B\nA, !B", "events.ant": "species A; A' = 1 - A; A = 1; at (A > 2): A = 0",
        "500 genes.bnet": "\n".join(f"G{i}, G{(i + 1) % 500}" for i in range(500)),
    }  # fmt: skip
    named = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder) / name
            path.write_text(text)
            try:
                read(path)
            except DataError:
                named += 1
    row(
        "circuits/bad input refused by name",
        named,
        len(files),
        "higher",
        unit=f"of {len(files)}",
        note=", ".join(files),
    )


def distribution(bench: Bench) -> None:
    """V.U.N. and distances to held-out families, 4 to 8 genes, beside the nulls."""
    graphs = library("library", 3, 8)
    count = 200 if bench.quick else 1000
    together, unique, bounds, tables, nulls = [], [], [], [], {}
    for seed in bench.seeds:
        train, test = split_by_family(graphs, (0.8, 0.2), seed)
        rng = np.random.default_rng(seed)
        a, b = (graphs.take(balanced(graphs, part, count, rng, 4)) for part in (train, test))
        known = set(
            canonical_keys(CircuitBatch(torch.from_numpy(graphs.signs[train]), torch.from_numpy(graphs.sizes[train])))
        )
        made = generate(bench.generator(seed), torch.from_numpy(a.sizes), Stream(seed), rounds=12)
        score = vun(made, known)
        together.append(score.together)
        unique.append(score.unique)
        da, db, dm = (describe(s.matrices()) for s in (a, b, made))
        tables.append(ratios(dm, da, db))
        bounds.append(discrepancy(dm, db, seed=seed))
        for name in NULLS:
            dn = describe(null_sample(name, a.matrices(), seed))
            nulls.setdefault(name, []).append((ratios(dn, da, db), discrepancy(dn, db, seed=seed).value))
    seeds = len(bench.seeds)
    row("circuits/V.U.N., 4-8 genes", float(np.mean(together)), 0.9, "higher", seeds=seeds, interval=interval(together),
        note=f"{count} circuits; valid by redrawing up to 16 times; novel against all training graphs")  # fmt: skip
    row("circuits/uniqueness, 4-8 genes", float(np.mean(unique)), 0.95, "higher", seeds=seeds)
    for statistic in tables[0]:
        lowest = min(float(np.mean([t[statistic] for t, _ in nulls[name]])) for name in NULLS)
        beside = ", ".join(f"{name} {np.mean([t[statistic] for t, _ in nulls[name]]):.2f}" for name in NULLS)
        row(f"circuits/MMD ratio, {statistic}", float(np.mean([t[statistic] for t in tables])), lowest, seeds=seeds,
            unit="x train against test", peer="lowest null", note=beside)  # fmt: skip
    lowest = min(float(np.mean([d for _, d in nulls[name]])) for name in NULLS)
    beside = ", ".join(f"{name} {np.mean([d for _, d in nulls[name]]):.3f}" for name in NULLS)
    row("circuits/classifier discrepancy", float(np.mean([b.value for b in bounds])), lowest, seeds=seeds,
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


def conditioned(bench: Bench) -> None:
    """Hard samples asked for a function, judged on held-out kinetics, beside the library's base rate."""
    count, sets = (30, 60) if bench.quick else (300, 200)
    graphs = library("library", 3, 5)
    rng = np.random.default_rng(0)
    real = graphs.take(balanced(graphs, np.arange(len(graphs)), count, rng))
    for function, targets in (
        ("oscillation", (0.8, 0.4)),
        ("tristability", (None, None)),
        ("adaptation", (None, None)),
    ):
        rates: dict[float, list[float]] = {0.01: [], 0.05: []}
        plain: list[float] = []
        for seed in bench.seeds:
            sizes = 3 + Stream(seed).at("sizes").integers(3, (count,))
            raw = generate(bench.generator(seed), sizes, Stream(seed).at("made"), function=function, rounds=12)
            made = screened(bench.generator(seed), sizes, function, Stream(seed).at("screened"))
            share = shares_by_size(made, function, Stream(1000 + seed), sets)
            plain.append(float((shares_by_size(raw, function, Stream(1000 + seed), sets) >= 0.01).double().mean()))
            for bar, values in rates.items():
                values.append(float((share >= bar).double().mean()))
        base = shares_by_size(
            CircuitBatch(torch.from_numpy(real.signs), torch.from_numpy(real.sizes)), function, Stream(9), sets
        )
        for (bar, values), target in zip(rates.items(), targets, strict=True):
            library_rate = float((base >= bar).double().mean())
            goal = 3 * library_rate if target is None else target
            row(f"circuits/asked for {function}, share with Q >= {bar:.0%}", float(np.mean(values)), goal, "higher",
                seeds=len(values), interval=interval(values), peer=f"library base rate {library_rate:.3f}",
                note=f"3-5 genes, {count} circuits screened by simulation, {sets} held-out sets; "
                f"without screening {np.mean(plain):.3f} at 1 %")  # fmt: skip


def shares_by_size(batch: CircuitBatch, function: str, stream: Stream, sets: int) -> torch.Tensor:
    out = torch.zeros(len(batch), dtype=torch.float64)
    for n in batch.sizes.unique().tolist():
        rows = (batch.sizes == n).nonzero()[:, 0]
        out[rows] = robustness(batch.signs[rows][:, :n, :n], function, stream.at("size", n), sets).share
    return out


def best_designs(bench: Bench) -> None:
    """The most robust oscillator found with three and with four genes, on held-out kinetics."""
    table = load_enumeration()
    top = np.argsort(-table.oscillating)[:40]
    sets = 200 if bench.quick else 2000
    first = robustness(torch.from_numpy(table.signs[top]), "oscillation", Stream(50), sets // 2).share
    again = robustness(torch.from_numpy(table.signs[top])[first.argmax()][None], "oscillation", Stream(51), sets)
    peer = f"best of the enumeration, judged alike: {float(again.share[0]):.3f}"
    for genes in (3, 4):
        found = [
            design(bench.generator(seed), "oscillation", Stream(seed), max_genes=genes, min_genes=genes,
                   proposals=60 if bench.quick else 500, refine=3, best=1, sets=sets).proposals[0]
            for seed in bench.seeds
        ]  # fmt: skip
        best = max(found, key=lambda p: p.share)
        row(f"circuits/best oscillator, {genes} genes", best.share, 0.23, "higher", seeds=len(found), peer=peer,
            interval=(best.low, best.high), note=f"stored maximum 0.227 of 150 sets; {best.circuit}")  # fmt: skip


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


def searches(bench: Bench) -> None:
    """Robust four-gene oscillators (Q >= 5 % on held-out kinetics) a CPU minute, each search with the same budget."""
    seconds = 3.0 if bench.quick else 20.0
    graphs = library("library", 4, 4)
    start = torch.from_numpy(graphs.signs[:, :4, :4])
    scores: dict[str, list[float]] = {}
    for seed in bench.seeds:
        stream = Stream(seed)
        generator = bench.generator(seed)
        proposers = {
            "generator": from_generator(generator, 4, "oscillation", stream),
            "generator not asked (order-agnostic diffusion)": from_generator(generator, 4, None, stream),
            "library and mutation (genetic)": evolution(start, stream),
            "tree search": TreeSearch(4, stream),
            "random": random_search(4, stream),
        }
        for name, propose in proposers.items():
            found = search(propose, Judge("oscillation", stream, 40), seconds)
            confirmed = robust_classes(found, Judge("oscillation", Stream(seed).at("held out"), 200), 0.05)
            scores.setdefault(name, []).append(60 * confirmed / found.seconds)
    others = {name: float(np.mean(v)) for name, v in scores.items() if name != "generator"}
    row("circuits/robust designs a CPU minute", float(np.mean(scores["generator"])), max(others.values()), "higher",
        seeds=len(bench.seeds), interval=interval(scores["generator"]), peer="best other search",
        note=", ".join(f"{k} {v:.0f}" for k, v in others.items()) + "; training not counted")  # fmt: skip


def hidden_edges(bench: Bench) -> None:
    """One edge and one absent pair of each held-out circuit hidden: which is the edge, and with what sign."""
    graphs = library("library", 5, 8)
    count = 200 if bench.quick else 800
    ours, common, factor, sign = [], [], [], []
    for seed in bench.seeds:
        train, test = split_by_family(graphs, (0.8, 0.2), seed)
        rng = np.random.default_rng(seed)
        chosen = graphs.take(balanced(graphs, test, count, rng, 5))
        pairs, labels, neighbours, factors = [], [], [], []
        for signs, n in zip(chosen.signs, chosen.sizes, strict=True):
            inside = signs[:n, :n]
            off = ~np.eye(n, dtype=bool)
            present, absent = np.argwhere((inside != 0) & off), np.argwhere((inside == 0) & off)
            hidden = [present[rng.integers(len(present))], absent[rng.integers(len(absent))]]
            pairs.append(hidden)
            labels.append(inside[tuple(hidden[0])])
            blind = inside.astype(float).copy()
            for pair in hidden:
                blind[tuple(pair)] = 0
            skeleton = ((blind != 0) | (blind != 0).T).astype(float)
            shared = skeleton @ skeleton
            u, s, v = np.linalg.svd(np.abs(blind))
            low_rank = (u[:, :2] * s[:2]) @ v[:2]
            neighbours.append([shared[tuple(p)] for p in hidden])
            factors.append([low_rank[tuple(p)] for p in hidden])
        x, condition = (
            edges_of(torch.from_numpy(chosen.signs)),
            condition_vector(torch.from_numpy(chosen.sizes).float()),
        )
        index = torch.tensor(np.array(pairs))
        rows = torch.arange(count)
        unknown = torch.zeros(x.shape[:3], dtype=torch.bool)
        for k in (0, 1):
            unknown[rows, index[:, k, 0], index[:, k, 1]] = True
        generator = bench.generator(seed)
        with torch.no_grad():
            probability = torch.stack(
                [generator(x, unknown, Stream(k).normal((count, x.shape[1], generator.noise)), condition).softmax(-1)
                 for k in range(8)]
            ).mean(0)  # fmt: skip
        scores = torch.stack([1 - probability[rows, index[:, k, 0], index[:, k, 1], 0] for k in (0, 1)], 1).numpy()
        at = probability[rows, index[:, 0, 0], index[:, 0, 1]].numpy()
        sign.append(float(((at[:, 1] > at[:, 2]) == (np.array(labels) > 0)).mean()))
        for values, kept in ((scores, ours), (np.array(neighbours), common), (np.array(factors), factor)):
            kept.append(auroc(values[:, 0], values[:, 1]))
    best = max(float(np.mean(common)), float(np.mean(factor)))
    row("circuits/hidden edge, AUROC", float(np.mean(ours)), best, "higher",
        seeds=len(ours), interval=interval(ours), peer="best of common neighbours and rank-2 factorisation",
        note=f"common neighbours {np.mean(common):.3f}, factorisation {np.mean(factor):.3f}")  # fmt: skip
    row(
        "circuits/hidden edge, sign accuracy",
        float(np.mean(sign)),
        None,
        "higher",
        seeds=len(sign),
        interval=interval(sign),
    )


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Share of (positive, negative) pairs in the right order, ties half."""
    difference = positive[:, None] - negative[None]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


ROWS = (
    facts, enumeration, agreement, bad_input, fixed_point_cost, throughput, distribution, speed, conditioned,
    best_designs,    recall, searches, hidden_edges,
)  # fmt: skip


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small data and a small model; the method is the same")
    parser.add_argument("--only", default="", help="run only rows whose function's name contains this")
    parser.add_argument(
        "--models", type=Path, default=None, help="folder of trained models, seed0/model.safetensors ..."
    )
    parser.add_argument("--seeds", type=int, default=0, help="number of seeds (default 3, quick 1)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    default = Path("runs") / ("bench-circuits-quick" if options.quick else "bench-circuits")
    seeds = options.seeds or (1 if options.quick else 3)
    bench = Bench(options.quick, options.models or default, tuple(range(seeds)))
    for function in ROWS:
        if options.only in function.__name__:
            try:
                function(bench)
            except DataError as error:
                row(f"circuits/{function.__name__}", None, 0, note=str(error))


if __name__ == "__main__":
    main()
