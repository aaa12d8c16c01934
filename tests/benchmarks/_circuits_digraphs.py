"""Rows on synthetic digraphs, where what is valid is known: random graphs and block models, as in the literature.

Sets and measures of Directo (Carballo-Castro et al. 2025, https://arxiv.org/abs/2506.16404), which takes them from
SPECTRE (https://arxiv.org/abs/2204.01613): 20 to 79 nodes with every arrow of probability .6, and 2 to 5 blocks of 20
to 40 nodes with arrows of probability .3 within and .05 between; 160 graphs to learn from, 40 to compare with. V.U.N.
is the share that is valid (a Wald test of its probabilities, over the blocks that are found again), new and single; the
ratio is the mean over five statistics of MMD^2(made, test) / MMD^2(train, test). What is not theirs: the blocks are
found by spectra and greedy moves under a description length (theirs: graph-tool), degrees are compared as histograms.
TPU tiles and visual genomes are not at hand.
"""

import sys
import time

import networkx as nx
import numpy as np
import torch
from _circuits_large import TRIES
from _circuits_models import Bench
from _row import interval, row
from scipy import stats

from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.data.families import colour_key
from advsci_circuits.data.networks import Networks
from advsci_circuits.networks.fitting import fit_networks
from advsci_circuits.networks.model import NetworkModel
from advsci_circuits.networks.sample import generate_networks
from advsci_circuits.store import load_networks, save_networks

LEARNED, TESTED, DRAWS = 160, 40, 600
WITHIN, BETWEEN, ANY = 0.3, 0.05, 0.6
PUBLISHED = {
    "random graphs": "ER-DAG: Directo .92-.94 / 1.3-1.7, DeFoG .75 / 1.6, edge model 0 / 15.1",
    "block models": "Directo .965-.995 / 1.8-2.0, DeFoG .37 / 4.3, edge model 0 / 11.6; undirected: SPECTRE .525 / 2.2",
}


def digraphs(bench: Bench) -> None:
    """V.U.N. and ratios of the generator, with its discriminators and without, beside training graphs and nulls."""
    for name, draw, valid in (("random graphs", random_graph, is_random), ("block models", block_graph, is_block)):
        scores: dict[str, dict[str, list[float]]] = {}
        for seed in bench.seeds:
            rng = np.random.default_rng(seed)
            train = [draw(rng) for _ in range(12 if bench.quick else LEARNED)]
            test = [draw(rng) for _ in range(8 if bench.quick else TESTED)]
            model, seconds = _trained(bench, train, f"{name.replace(' ', '-')}{seed}", seed), {}
            sizes = torch.tensor([len(train[i]) for i in rng.choice(len(train), len(test), replace=False)])
            some = [train[i] for i in rng.choice(len(train), len(test), replace=False)]
            made = {"training graphs": some, "as many arrows, anywhere": [_anywhere(a, rng) for a in some]}
            for arm, tries in (("discriminator off", 1), ("discriminators, best of 24", TRIES)):
                begin = time.process_time()
                made[arm] = generate_networks(model, sizes, Stream(seed).at("digraphs"), tries=tries).matrices()
                seconds[arm] = time.process_time() - begin
            known, base = set(map(colour_key, train)), [_looks(part) for part in (train, test)]
            for arm, graphs in made.items():
                here, keys = scores.setdefault(arm, {}), list(map(colour_key, graphs))
                fine = [valid(a) for a in graphs]
                fresh = {
                    k for k, f in zip(keys, fine, strict=True) if f and (k not in known or arm == next(iter(made)))
                }
                each = _ratios(_looks(graphs), *base)
                figures = {"V.U.N.": len(fresh) / len(keys), "valid": float(np.mean(fine)),
                           "ratio": float(np.mean(list(each.values())))} | each  # fmt: skip
                figures["CPU s"] = seconds.get(arm, 0.0) / len(graphs)
                for key, value in figures.items():
                    here.setdefault(key, []).append(value)
                print(name, seed, arm, {k: round(v, 3) for k, v in figures.items()}, file=sys.stderr, flush=True)
        for arm, figures in scores.items():
            row(f"circuits/digraphs, {name}: {arm}, V.U.N.", float(np.mean(figures["V.U.N."])),
                0.9 if arm.startswith("disc") else None, "higher", seeds=len(figures["V.U.N."]),
                interval=interval(figures["V.U.N."]), peer=PUBLISHED[name],
                note=", ".join(f"{k} {np.mean(v):.3f}" for k, v in figures.items() if k != "V.U.N."))  # fmt: skip


def random_graph(rng: np.random.Generator) -> np.ndarray:
    """20 to 79 nodes, every arrow with probability .6."""
    n = int(rng.integers(20, 80))
    return _without_loops((rng.random((n, n)) < ANY).astype(np.int8))


def block_graph(rng: np.random.Generator) -> np.ndarray:
    """2 to 5 blocks of 20 to 40 nodes; arrows with probability .3 within a block and .05 between two."""
    while True:
        label = np.repeat(np.arange(k := int(rng.integers(2, 6))), rng.integers(20, 41, size=k))
        chance = np.where(label[:, None] == label[None], WITHIN, BETWEEN)
        signs = _without_loops((rng.random(chance.shape) < chance).astype(np.int8))
        if nx.is_weakly_connected(nx.from_numpy_array(signs, create_using=nx.DiGraph)):
            return signs[np.ix_(order := rng.permutation(len(signs)), order)]


def _anywhere(signs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many arrows between as many nodes."""
    pairs = rng.permutation(np.argwhere(~np.eye(len(signs), dtype=bool)))[: int((signs != 0).sum())]
    found = np.zeros_like(signs)
    found[tuple(pairs.T)] = 1
    return found


def _without_loops(signs: np.ndarray) -> np.ndarray:
    np.fill_diagonal(signs, 0)
    return signs


def _wald(found: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """p-values of arrows' shares against what they should be; the literature's statistic, which no size enters."""
    return stats.chi2.sf((found - asked) ** 2 / (found * (1 - found) + 1e-6), 1)


def is_random(signs: np.ndarray) -> bool:
    """Whether a graph's share of arrows is that of the random graphs, and none is a loop or represses."""
    n = len(signs)
    plain = (signs >= 0).all() and not np.diag(signs).any()
    return bool(plain and _wald(np.array((signs != 0).sum() / (n * (n - 1))), np.array(ANY)) > 0.9)


def is_block(signs: np.ndarray) -> bool:
    """Whether 2 to 5 blocks of 20 to 40 nodes are found with the probabilities that they should have, in the mean."""
    label = blocks_of(signs)
    count = np.bincount(label)
    if not 2 <= len(count) <= 5 or count.min() < 20 or count.max() > 40 or (signs < 0).any() or np.diag(signs).any():
        return False
    arrows, pairs = _block_counts(signs, label, len(count))
    asked = np.where(np.eye(len(count), dtype=bool), WITHIN, BETWEEN)
    return bool(_wald(arrows / pairs, asked).mean() > 0.9)


def blocks_of(signs: np.ndarray, most: int = 7) -> np.ndarray:
    """Blocks of least description length: singular vectors, k-means, then nodes moved one at a time while it helps."""
    from sklearn.cluster import KMeans

    a = (signs != 0).astype(float)
    u, s, v = np.linalg.svd(a)
    best, shortest = np.zeros(len(a), dtype=int), _length(a, np.zeros(len(a), dtype=int), 1)
    for k in range(2, most + 1):
        where = np.concatenate([u[:, :k] * s[:k], v[:k].T * s[:k]], 1)
        label = _moved(a, KMeans(k, n_init=5, random_state=0).fit_predict(where), k)
        if (length := _length(a, label, k)) < shortest:
            best, shortest = label, length
    return np.unique(best, return_inverse=True)[1]


def _block_counts(a: np.ndarray, label: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Arrows from block to block, and pairs of nodes that could have one."""
    member = np.eye(k)[label]
    size = member.sum(0)
    return member.T @ a @ member, np.outer(size, size) - np.diag(size)


def _length(a: np.ndarray, label: np.ndarray, k: int) -> float:
    """Nats that tell the arrows given the blocks, the blocks' probabilities and the labels."""
    arrows, pairs = _block_counts(a, label, k)
    share = np.clip(arrows / np.maximum(pairs, 1), 1e-9, 1 - 1e-9)
    told = -(arrows * np.log(share) + (pairs - arrows) * np.log1p(-share)).sum()
    return float(told + k * k * np.log(a.size) / 2 + len(a) * np.log(k))


def _moved(a: np.ndarray, label: np.ndarray, k: int, rounds: int = 10) -> np.ndarray:
    """Every node to the block that explains its arrows best, again and again."""
    for _ in range(rounds):
        member = np.eye(k)[label]
        arrows, pairs = _block_counts(a, label, k)
        share = np.clip((arrows + 0.5) / (pairs + 1), 1e-6, 1 - 1e-6)
        into, out, size = a @ member, a.T @ member, member.sum(0)
        odds, none = np.log(share) - np.log1p(-share), np.log1p(-share)
        fit = into @ odds.T + out @ odds + (none @ size)[None] + (none.T @ size)[None]
        if (new := fit.argmax(1)).tolist() == label.tolist():
            break
        label = new
    return label


def _looks(graphs: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Histograms of degrees, clustering, spectrum and wavelets, one row per graph."""
    rows: dict[str, list[np.ndarray]] = {}
    for signs in graphs:
        a = (signs != 0).astype(float)
        graph = nx.from_numpy_array(a.T, create_using=nx.DiGraph)
        values, vectors = np.linalg.eigh(np.asarray(nx.directed_laplacian_matrix(graph, walk_type="pagerank")))
        found = {
            "in-degree": np.bincount(a.sum(1).astype(int), minlength=200),
            "out-degree": np.bincount(a.sum(0).astype(int), minlength=200),
            "clustering": np.histogram(list(nx.clustering(graph).values()), bins=100, range=(0, 1))[0],
            "spectrum": np.histogram(values, bins=200, range=(-1e-5, 2))[0],
            "wavelets": _wavelets(values, vectors),
        }  # fmt: skip
        for key, histogram in found.items():
            rows.setdefault(key, []).append(histogram / histogram.sum())
    return {key: np.stack(each) for key, each in rows.items()}


def _wavelets(values: np.ndarray, vectors: np.ndarray, filters: int = 12, largest: float = 2.0) -> np.ndarray:
    """Squared norms of spectral wavelets at each node, in 100 bins per scale (Hammond et al. 2011, section 8)."""
    smallest = largest / 20
    scales = np.geomspace(2 / smallest, 1 / largest, filters - 1)
    kernels = [1.2 * np.exp(-1) * np.exp(-((values / (0.4 * smallest)) ** 4)), *(_spline(t * values) for t in scales)]
    norms = [(vectors**2 @ g**2) for g in kernels]
    return np.concatenate([np.histogram(norm, bins=100, range=(0, 1.4))[0] for norm in norms])


def _spline(x: np.ndarray) -> np.ndarray:
    """``x^2`` up to one, a cubic up to two, then ``4 / x^2``."""
    return np.where(x < 1, x**2, np.where(x <= 2, -5 + 11 * x - 6 * x**2 + x**3, 4 / np.maximum(x, 1) ** 2))


def _ratios(made: dict[str, np.ndarray], train: dict[str, np.ndarray], test: dict[str, np.ndarray]) -> dict[str, float]:
    """MMD^2(made, test) / MMD^2(train, test) of each statistic."""
    return {key: _mmd(made[key], test[key]) / _mmd(train[key], test[key]) for key in test}


def _mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Squared MMD under a Gaussian of the total variation, the literature's kernel."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        """Mean over the pairs."""
        return float(np.exp(-((np.abs(a[:, None] - b[None]).sum(-1) / 2) ** 2) / 2).mean())

    return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)


def _trained(bench: Bench, train: list[np.ndarray], name: str, seed: int) -> NetworkModel:
    """The model of one set, trained once."""
    folder = Run(bench.models / name)
    path = folder.path / "model.safetensors"
    if not path.is_file():
        size = {"steps": 30, "ranking_steps": 10, "draws": 40} if bench.quick else {"draws": DRAWS}
        begin, networks = time.process_time(), Networks(tuple(train), tuple(str(i) for i in range(len(train))))
        model, facts = fit_networks(networks, seed, folder, device="cpu", sizes=(20, 200), parts=False, **size)
        save_networks(model, path, facts | {"CPU s": time.process_time() - begin})
    model, facts = load_networks(path)
    print(name, facts, file=sys.stderr, flush=True)
    return model
