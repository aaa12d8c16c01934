"""Rows on networks of 20 to 60 and 61 to 200 genes: the row-wise generator without and with discriminators, and nulls.

Three splits by family. The judge is gradient boosting on features that no method sees (strongly connected parts, paths,
betweenness, cores, feed-forward loops, coherence, spectra); no network and none of its copies is in two folds.
"""

import sys
import time
from collections import Counter

import networkx as nx
import numpy as np
import torch
from _circuits_models import Bench
from _row import interval, row

from advsci.cli import execute
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.commands.train import run
from advsci_circuits.config import Train
from advsci_circuits.data.families import colour_key
from advsci_circuits.data.networks import Networks, largest_part, real_networks, whole_or_part
from advsci_circuits.evaluation import describe, ratios
from advsci_circuits.evaluation.nulls import rewired
from advsci_circuits.graphs import CircuitBatch
from advsci_circuits.graphs.validity import is_weakly_connected
from advsci_circuits.networks.fitting import fit_networks
from advsci_circuits.networks.model import NetworkModel
from advsci_circuits.networks.sample import generate_networks
from advsci_circuits.store import load_networks, save_networks

LARGE, LARGER = (20, 60), (61, 200)
"""Fewest and most genes; a training sees 13 to 60."""
TRIES = 24


def large(bench: Bench) -> None:
    """Judge's AUC, MMD ratio, V.U.N. and CPU seconds with and without discriminators, and nulls."""
    _shipped(bench)
    _judged(bench, LARGE, 24 if bench.quick else 120, {"generator": 0.65, "best of 24": 0.6}, 0.95)


def larger(bench: Bench) -> None:
    """The same beyond the sizes that a training sees."""
    _judged(bench, LARGER, 8 if bench.quick else 40, {}, 0.9)


def _judged(bench: Bench, sizes: tuple[int, int], count: int, targets: dict[str, float], vun: float) -> None:
    """All figures of networks of some sizes."""
    scores: dict[str, dict[str, list[float]]] = {}
    for seed in bench.seeds:
        train, test = real_networks("library", 13).split((0.72, 0.28), seed)
        model = trained(bench, train, seed)
        rng = np.random.default_rng(seed)
        real, group = _some(test, count, rng, sizes)
        floor, floor_group = _alike(train, real, rng, sizes)
        made: dict[str, tuple[list[np.ndarray], float]] = {"real training networks": (floor, 0.0)}
        for name, null in (("degree-preserving rewiring", rewired), ("block model", block_model)):
            made[name] = ([joined(null(a, rng), rng) for a in floor], 0.0)
        made |= _drawn(model, real, seed)
        known = set(map(colour_key, train.matrices))
        parts = [_parts(a) for a in train.matrices]
        described = {"train": describe(floor), "test": describe(real)}
        base = np.array([network_features(a) for a in real])
        for name, (graphs, seconds) in made.items():
            here = scores.setdefault(name, {})
            groups = floor_group if name in list(made)[:3] else [str(i) for i in range(len(graphs))]
            found = _figures(graphs, known, parts) | {"CPU s": seconds / len(graphs)}
            found["AUC"] = _auc(base, group, np.array([network_features(a) for a in graphs]), groups)
            found["ratio"] = float(np.mean(list(ratios(describe(graphs), *described.values()).values())))
            for key, value in found.items():
                here.setdefault(key, []).append(value)
            print(name, seed, {k: round(v, 4) for k, v in found.items()}, file=sys.stderr, flush=True)
    _rows(scores, sizes, targets, vun)


def _shipped(bench: Bench) -> None:
    """The command that makes the model of the package, and what it finds on families held out for its stop."""
    small = {"network_steps": 40, "ranking_steps": 20, "draws": 300} if bench.quick else {}
    settings = Train(networks=True, data="embedded", out=bench.models / "embedded", **small)
    begin = time.process_time()
    _, facts = load_networks(execute(run, settings))
    row("circuits/networks of the packages' own data: held-out bits per gene", facts["held-out bits per gene"], None,
        note=f"{time.process_time() - begin:.0f} CPU s; {facts['discriminators']}")  # fmt: skip


def trained(bench: Bench, train: Networks, seed: int) -> NetworkModel:
    """The model of one split, trained once."""
    folder = Run(bench.models / f"networks{seed}")
    path = folder.path / "model.safetensors"
    if not path.is_file():
        size = {"steps": 40, "ranking_steps": 20, "draws": 300} if bench.quick else {"draws": 6000}
        begin = time.process_time()
        model, facts = fit_networks(train, seed, folder, device="cpu", **size)
        save_networks(model, path, facts)
        print("trained", seed, round(time.process_time() - begin), "s", facts, file=sys.stderr, flush=True)
    return load_networks(path)[0]


def _some(
    networks: Networks, count: int, rng: np.random.Generator, sizes: tuple[int, int]
) -> tuple[list[np.ndarray], list[str]]:
    """Real networks of some sizes, every family alike."""
    families = {name: [a for a in own if len(a) >= sizes[0]] for name, own in networks.by_family().items()}
    names = [name for name, own in families.items() if own]
    group = [names[i % len(names)] for i in range(count)]
    some = [families[name][rng.integers(len(families[name]))] for name in group]
    return [whole_or_part(a, *sizes, rng) for a in some], group


def _alike(
    train: Networks, real: list[np.ndarray], rng: np.random.Generator, sizes: tuple[int, int]
) -> tuple[list[np.ndarray], list[str]]:
    """Training networks of about the sizes of the real ones."""
    pool, names = _some(train, 1500, rng, sizes)
    apart = np.abs(np.array([len(a) for a in pool])[:, None] - [len(a) for a in real])
    picks = [int(rng.choice(np.flatnonzero(far <= max(2, far.min())))) for far in apart.T]
    return [pool[i] for i in picks], [names[i] for i in picks]


def _drawn(model: NetworkModel, real: list[np.ndarray], seed: int) -> dict[str, tuple[list[np.ndarray], float]]:
    """Networks of the real sizes: the first proposal, and the best of 24."""
    sizes, found = torch.tensor([len(a) for a in real]), {}
    for name, tries in (("generator", 1), ("best of 24", TRIES)):
        begin = time.process_time()
        batch = generate_networks(model, sizes, Stream(seed).at("large"), tries=tries)
        found[name] = (batch.matrices(), time.process_time() - begin)
    return found


def _figures(graphs: list[np.ndarray], known: set[bytes], parts: list[Counter]) -> dict[str, float]:
    """V.U.N., near-copies of training networks, edges per gene."""
    keys = list(map(colour_key, graphs))
    valid = is_weakly_connected(CircuitBatch.of(graphs)).tolist()
    good = {key for key, fine in zip(keys, valid, strict=True) if fine and key not in known}
    copies = [max(sum((_parts(a) & b).values()) for b in parts) / len(a) for a in graphs]
    edges = [(a != 0).sum() / len(a) for a in graphs]
    near = float(np.mean(np.array(copies) >= 0.8))
    return {"valid": float(np.mean(valid)), "V.U.N.": len(good) / len(keys), "near-copies": near,
            "edges per gene": float(np.mean(edges))}  # fmt: skip


def _parts(signs: np.ndarray) -> Counter:
    """Neighbourhoods of the genes, two edges wide; a near-copy has four in five of its own in one training network."""
    colours = [str(int(loop)) for loop in np.diag(signs)]
    for _ in range(2):
        colours = [
            str(hash((colours[i], tuple(sorted((int(signs[i, j]), colours[j]) for j in np.flatnonzero(signs[i]))),
                      tuple(sorted((int(signs[j, i]), colours[j]) for j in np.flatnonzero(signs[:, i]))))))
            for i in range(len(signs))
        ]  # fmt: skip
    return Counter(colours)


def network_features(signs: np.ndarray) -> np.ndarray:
    """What only the judge sees."""
    a, n = signs.astype(float), len(signs)
    b = np.abs(a)
    directed = nx.from_numpy_array(b.T, create_using=nx.DiGraph)
    plain = directed.to_undirected()
    plain.remove_edges_from(list(nx.selfloop_edges(plain)))
    strong = [*sorted((len(c) for c in nx.strongly_connected_components(directed)), reverse=True), 0]
    ways = [d for _, t in nx.all_pairs_shortest_path_length(directed) for d in t.values() if d] or [0]
    steps = [d for _, t in nx.all_pairs_shortest_path_length(plain) for d in t.values() if d] or [0]
    between = np.array(list(nx.betweenness_centrality(directed).values()))
    core = np.array(list(nx.core_number(plain).values()))
    x = a - np.diag(np.diag(a))
    y, w = np.abs(x), nx.to_numpy_array(plain)
    forward, squares = ((y @ y) * y).sum(), np.trace(np.linalg.matrix_power(y, 4))
    near = np.maximum(w.sum(1), 1)
    laplacian = np.linalg.eigvalsh(np.eye(n) - w / np.sqrt(np.outer(near, near)))
    values = np.linalg.eigvals(a)
    agree = [np.abs(side[i][side[i] != 0].mean()) for side in (a, a.T) for i in range(n) if (side[i] != 0).sum() > 1]
    return np.r_[
        strong[0] / n, strong[1] / n, sum(c > 1 for c in strong), max(ways), np.mean(ways), len(ways) / n / (n - 1),
        max(steps), np.mean(steps), np.quantile(between, [0.25, 0.5, 0.75, 0.9, 1]), (between == 0).mean(),
        core.max(), core.mean(), (core == 1).mean(), (core >= 3).mean(), np.log1p(forward) - np.log1p(b.sum()),
        ((x @ x) * x).sum() / max(forward, 1), np.log1p(squares),
        np.trace(np.linalg.matrix_power(x, 4)) / max(squares, 1),
        np.quantile(laplacian, [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1]), (np.abs(laplacian - 1) < 1e-6).mean(),
        np.abs(np.linalg.eigvals(b)).max(), values.real.max(), np.abs(values.imag).max(),
        np.mean(agree or [1]), np.mean(np.array(agree or [1]) > 0.999),
    ]  # fmt: skip


def _auc(real: np.ndarray, real_group: list[str], made: np.ndarray, made_group: list[str], repeats: int = 2) -> float:
    """AUC of a boosted classifier on folds that part no group, its say averaged over several foldings."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    x, y = np.r_[real, made], np.r_[np.ones(len(real)), np.zeros(len(made))]
    _, number = np.unique([f"r{g}" for g in real_group] + [f"m{g}" for g in made_group], return_inverse=True)
    said = np.zeros(len(y))
    for turn in range(repeats):
        fold = np.random.default_rng(turn).permutation(number.max() + 1)[number] % 5
        for k in range(5):
            judge = HistGradientBoostingClassifier(
                max_iter=70, learning_rate=0.07, max_leaf_nodes=8, min_samples_leaf=10, l2_regularization=3.0
            )
            said[fold == k] += judge.fit(x[fold != k], y[fold != k]).predict_proba(x[fold == k])[:, 1]
    return float(roc_auc_score(y, said))


def block_model(signs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Signs drawn pair by pair with the rates of their blocks: communities, each apart in hubs and others."""
    linked = nx.from_numpy_array(((signs != 0) | (signs != 0).T).astype(int))
    label = np.zeros(len(signs), dtype=int)
    for k, part in enumerate(nx.community.greedy_modularity_communities(linked)):
        label[list(part)] = k
    out = (signs != 0).sum(0)
    _, label = np.unique(2 * label + (out > np.quantile(out, 0.8)), return_inverse=True)
    member = np.eye(label.max() + 1)[label]
    pairs = np.outer(member.sum(0), member.sum(0))
    up, down = (member @ (member.T @ (signs == s) @ member / pairs) @ member.T for s in (1, -1))
    u = rng.random(signs.shape)
    return np.where(u < up, 1, np.where(u < up + down, -1, 0)).astype(np.int8)


def joined(signs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The network made connected: what is apart gets the targets of random edges of the largest part."""
    from scipy.sparse.csgraph import connected_components

    signs = signs.copy()
    for _ in range(10 * len(signs)):
        parts, part = connected_components(signs != 0, directed=True, connection="weak")
        if parts == 1:
            return signs
        main = part == np.bincount(part).argmax()
        apart = int(rng.choice(np.flatnonzero(~main)))
        edges = np.argwhere((signs != 0) & main[None, :] & main[:, None])
        target, source = edges[rng.integers(len(edges))]
        moved = signs.copy()
        moved[apart, source], moved[target, source] = signs[target, source], 0
        if connected_components(moved != 0, directed=True, connection="weak")[0] < parts:
            signs = moved
    return largest_part(signs)


def _rows(
    scores: dict[str, dict[str, list[float]]], sizes: tuple[int, int], targets: dict[str, float], vun: float
) -> None:
    """One row per sample, V.U.N. as drawn, and the discriminators' gain."""
    about = f"circuits/networks of {sizes[0]}-{sizes[1]} genes"
    for name, made in scores.items():
        row(f"{about}: {name}, judge's AUC", float(np.mean(made["AUC"])), targets.get(name),
            seeds=len(made["AUC"]), interval=interval(made["AUC"]), peer="0.5 looks real",
            note=", ".join(f"{k} {np.mean(v):.3f}" for k, v in made.items() if k != "AUC"))  # fmt: skip
    drawn = scores["generator"]["V.U.N."]
    row(f"{about}: V.U.N. as drawn", float(np.mean(drawn)), vun, "higher", seeds=len(drawn), interval=interval(drawn))
    for key, goal in (("AUC", 0.0), ("ratio", 0.0)):
        gain = [a - b for a, b in zip(scores["best of 24"][key], scores["generator"][key], strict=True)]
        row(f"{about}: {key} with less without discriminators", float(np.mean(gain)), goal,
            seeds=len(gain), interval=interval(gain), peer="no discriminator",
            note="split by split " + ", ".join(f"{x:.3f}" for x in gain))  # fmt: skip
