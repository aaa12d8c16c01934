"""Rows on dynamics and files: closed forms, Thomas' rules, agreement and speed against libRoadRunner."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from _circuits_models import Bench
from _row import compare, row

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_circuits.dynamics import HillModel, fixed_points, integrate, is_stable, racipe
from advsci_circuits.dynamics.robustness import wilson_interval
from advsci_circuits.dynamics.theory import ring_hopf_rate, toggle_threshold
from advsci_circuits.formats import read, write
from advsci_circuits.graphs import Circuit, CircuitBatch, cycle_signs
from advsci_datasets.circuits import load_enumeration

RING = torch.tensor(-np.roll(np.eye(3), 1, 0)[None]).to(torch.int8)
TOGGLE = torch.tensor([[[0, -1], [-1, 0]]], dtype=torch.int8)


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
    row(
        "circuits/Thomas violations, three genes",
        int(wrong),
        0,
        unit=f"of {len(index)} topologies",
        peer="Thomas' rules",
    )
    core = sum(not rules[k][2] for k in np.flatnonzero(osc > 0.01))
    row("circuits/oscillators without activator-inhibitor, AAI or III core", int(core), 0, peer="brief",
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
        note=f"index sum consistent for {float(points.consistent.double().mean()):.3f}")  # fmt: skip


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
            wanted = (points.none_stable if k % 2 else ~points.none_stable & points.consistent).nonzero()[:, 0]
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
