"""Rows on the alarm and on "would be taken for a real one": what both are worth on families that nothing has seen."""

import warnings

import numpy as np
import torch
from _circuits_large import joined, trained
from _circuits_models import Bench, real, split
from _row import interval, row

from advsci.metrics import calibrate
from advsci.metrics.ranking import ranking_probability
from advsci.streams import Stream
from advsci_circuits.data.networks import real_networks, whole_or_part
from advsci_circuits.data.real import balanced, batch_of
from advsci_circuits.evaluation.alarm import LEVEL, unlikeness
from advsci_circuits.evaluation.judge import fit_judge
from advsci_circuits.evaluation.nulls import erdos_renyi, rewired
from advsci_circuits.game.condition import contents_of
from advsci_circuits.graphs import Circuit, CircuitBatch
from advsci_circuits.networks.plausibility import plausibility
from advsci_circuits.networks.sample import proposals
from advsci_circuits.networks.wishes import wishes_of
from advsci_circuits.store import load_networks


def plausible(bench: Bench) -> None:
    """Calibrated slopes and AUC on unseen families, 4 to 200 genes; false and right alarms, 3 to 8 genes."""
    _small(bench)
    _alarm(bench)
    _large(bench)
    _package()


def _small(bench: Bench) -> None:
    """The judge of small circuits, on the five parts of the library's families."""
    _, facts = fit_judge(real(4, 12), 0, 300 if bench.quick else 2500)
    for name, values in facts.items():
        row(f"circuits/judge of small circuits, {name} on unseen families", float(np.mean(values)),
            0.0 if name.endswith("slope") else None, "higher", seeds=len(values), interval=interval(values),
            peer="random ones as dense", note=", ".join(f"{v:.2f}" for v in values))  # fmt: skip


def _alarm(bench: Bench) -> None:
    """Share of circuits that raise the alarm: real ones of unseen families, and what is made up."""
    found: dict[str, list[float]] = {}
    for seed in bench.seeds:
        train, test = split(seed)
        rng = np.random.default_rng(seed)
        known = batch_of(train.take(balanced(train, np.arange(len(train)), 4096, rng)))
        prior = torch.cat([known.sizes[:, None], contents_of(known.signs, known.sizes)], 1)
        some = test.take(balanced(test, np.arange(len(test)), 60 if bench.quick else 400, rng)).matrices()
        made = {
            "real circuits of unseen families": some,
            "twice as many regulations more, anywhere": [_dense(a, rng) for a in some],
            "rings": [_ring(len(a), rng) for a in some],
            "signs turned": [-a for a in some],
            "rewired": [rewired(a, rng) for a in some],
        }
        for name, graphs in made.items():
            said = [unlikeness(prior, Circuit(a)) for a in graphs]
            found.setdefault(name, []).append(float(np.mean([s is not None and s.alarm for s in said])))
    for name, values in found.items():
        row(f"circuits/alarm, 3-8 genes: {name}", float(np.mean(values)), LEVEL if name.startswith("real") else None,
            "lower", seeds=len(values), interval=interval(values))  # fmt: skip


def _dense(signs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    more, count = signs.copy(), 2 * int((signs != 0).sum())
    target, source = rng.integers(len(signs), size=(2, count))
    more[target, source] = rng.choice([-1, 1], count)
    return more


def _ring(genes: int, rng: np.random.Generator) -> np.ndarray:
    return (np.roll(np.eye(genes), 1, 0) * rng.choice([-1, 1], genes)).astype(np.int8)


def _large(bench: Bench) -> None:
    """The discriminators' log-ratio calibrated again on unseen families, within and beyond the sizes trained on."""
    found: dict[str, dict[str, list[float]]] = {}
    for seed in bench.seeds:
        train, test = real_networks("library", 13).split((0.72, 0.28), seed)
        model, rng = trained(bench, train, seed), np.random.default_rng(seed)
        for low, high in ((13, 60), (61, 200)):
            families = [[a for a in own if len(a) >= low] for own in test.by_family().values()]
            graphs = [
                whole_or_part(own[rng.integers(len(own))], low, high, rng) for own in families if own for _ in range(2)
            ]
            some = CircuitBatch.of(graphs)
            wishes = wishes_of(some.signs, some.sizes)
            made = proposals(model.generator, some.sizes, wishes, Stream(seed).at("plausible", low))
            logits = model.log_ratio(some), model.log_ratio(made)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                again = calibrate(*logits)
            here = found.setdefault(f"{low}-{high} genes", {})
            told = {"slope": again.slope, "offset": again.offset, "AUC": float(ranking_probability(*logits))}
            for key, value in told.items():
                here.setdefault(key, []).append(value)
    for name, here in found.items():
        row(f"circuits/discriminators of networks, {name}: slope on unseen families", float(np.mean(here["slope"])),
            0.0, "higher", seeds=len(here["slope"]), interval=interval(here["slope"]), peer="generated ones",
            note="; ".join(f"{k} {np.mean(v):.2f} {interval(v)}" for k, v in here.items()))  # fmt: skip


def _package() -> None:
    """What the model of the package says of the packages' networks, most of which it was trained on, and of nulls."""
    model, rng = load_networks()[0], np.random.default_rng(0)
    real = [a for a in real_networks("embedded", 13).matrices if len(a) <= 60]
    kinds = {"real": real, "as many edges and signs, anywhere": [erdos_renyi(a, rng) for a in real],
             "rewired": [rewired(a, rng) for a in real]}  # fmt: skip
    said = {
        name: np.array([plausibility(model, Circuit(joined(a, rng))).p for a in graphs])
        for name, graphs in kinds.items()
    }
    for name, p in said.items():
        ahead = (said["real"][:, None] > p[None]).mean()
        low, middle, high = np.quantile(p, [0.1, 0.5, 0.9])
        row(f"circuits/taken for real by the model of the package, 13-60 genes: {name}", float(middle), None, "higher",
            note=f"of {len(p)} a tenth below {low:.2f}, above {high:.2f}; real above {ahead:.2f} of them")  # fmt: skip
