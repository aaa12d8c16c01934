"""Rows on completing real circuits: one edge and one absent pair hidden, and which is which."""

import numpy as np
import torch
from _circuits_models import Bench, split
from _circuits_peers import link_predictor
from _row import interval, row

from advsci_circuits.data.real import balanced
from advsci_circuits.game.missing_edges import link_probabilities
from advsci_circuits.graphs import CircuitBatch
from advsci_circuits.graphs.edges import edges_of


def hidden_edges(bench: Bench) -> None:
    """One edge and one absent pair of each held-out circuit hidden: which is the edge, and with what sign."""
    count, steps = (200, 100) if bench.quick else (2000, 6000)
    scores: dict[str, list[float]] = {}
    sign: dict[str, list[float]] = {}
    for seed in bench.seeds:
        train, test = split(seed)
        rng = np.random.default_rng(seed)
        chosen = test.take(balanced(test, np.arange(len(test)), count, rng, 5))
        pairs, labels = hidden_pairs(chosen.matrices(), rng)
        x, sizes = edges_of(torch.from_numpy(chosen.signs)), torch.from_numpy(chosen.sizes).float()
        rows, index = torch.arange(count), torch.from_numpy(pairs)
        unknown = torch.zeros(x.shape[:3], dtype=torch.bool)
        for k in (0, 1):
            unknown[rows, index[:, k, 0], index[:, k, 1]] = True
        generator, link = bench.generator(seed), link_predictor(train, bench.settings(seed), steps)
        batch = CircuitBatch(torch.from_numpy(chosen.signs), torch.from_numpy(chosen.sizes))
        # what `complete` shows the user; and the same without the network that only completes
        probability = {"ours": link_probabilities(generator, batch, unknown)}
        generator.link_predictor = None
        probability["generator alone"] = link_probabilities(generator, batch, unknown)
        with torch.no_grad():
            probability["graph network"] = link(x, unknown, sizes).softmax(-1)
        for name, p in probability.items():
            edge = torch.stack([1 - p[rows, index[:, k, 0], index[:, k, 1], 0] for k in (0, 1)], 1).numpy()
            scores.setdefault(name, []).append(auroc(edge[:, 0], edge[:, 1]))
            at = p[rows, index[:, 0, 0], index[:, 0, 1]].numpy()
            sign.setdefault(name, []).append(float(((at[:, 1] > at[:, 2]) == (labels > 0)).mean()))
        for name, value in unlearned(chosen.matrices(), pairs).items():
            scores.setdefault(name, []).append(auroc(value[:, 0], value[:, 1]))
        majority = float((train.signs > 0).sum() > (train.signs < 0).sum())
        sign.setdefault("majority", []).append(float(((labels > 0) == majority).mean()))
    others = {name: float(np.mean(v)) for name, v in scores.items() if name not in ("ours", "generator alone")}
    ours, best = scores["ours"], max(others, key=others.__getitem__)
    ahead = interval([a - b for a, b in zip(ours, scores[best], strict=True)])
    row("circuits/hidden edge, AUROC", float(np.mean(ours)), others[best], "higher", seeds=len(ours),
        interval=interval(ours), peer=f"best baseline: {best}",
        note=", ".join(f"{k} {v:.3f}" for k, v in others.items())
        + f"; the generator alone {np.mean(scores['generator alone']):.3f}; ahead of the best baseline by "
        f"{np.mean(ours) - others[best]:.3f} ({ahead[0]:.3f} to {ahead[1]:.3f}), seed by seed "
        + ", ".join(f"{a:.3f}/{b:.3f}" for a, b in zip(ours, scores[best], strict=True)))  # fmt: skip
    row("circuits/hidden edge, sign accuracy", float(np.mean(sign["ours"])), None, "higher", seeds=len(ours),
        interval=interval(sign["ours"]),
        note=", ".join(f"{k} {np.mean(v):.3f}" for k, v in sign.items() if k != "ours"))  # fmt: skip


def hidden_pairs(graphs: list[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """For each circuit an edge and an absent pair, [graphs, 2, 2], no loops; and the signs of the edges."""
    pairs, labels = [], []
    for signs in graphs:
        off = ~np.eye(len(signs), dtype=bool)
        present, absent = np.argwhere((signs != 0) & off), np.argwhere((signs == 0) & off)
        edge = present[rng.integers(len(present))]
        pairs.append([edge, absent[rng.integers(len(absent))]])
        labels.append(signs[tuple(edge)])
    return np.array(pairs), np.array(labels)


def unlearned(graphs: list[np.ndarray], pairs: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of the hidden pairs, [graphs, 2], by what is left of each circuit."""
    found: dict[str, list] = {}
    for signs, hidden in zip(graphs, pairs, strict=True):
        blind = (signs != 0).astype(float)
        for pair in hidden:
            blind[tuple(pair)] = 0
        skeleton = np.maximum(blind, blind.T)
        np.fill_diagonal(skeleton, 0)
        u, s, v = np.linalg.svd(blind)
        measures = {
            "common neighbours": skeleton @ skeleton,
            "factorisation of rank 2": (u[:, :2] * s[:2]) @ v[:2],
            "degrees": np.outer(blind.sum(1), blind.sum(0)),
        }
        for name, matrix in measures.items():
            found.setdefault(name, []).append([matrix[tuple(pair)] for pair in hidden])
    return {name: np.array(values) for name, values in found.items()}


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Share of (positive, negative) pairs in the right order, ties half."""
    difference = positive[:, None] - negative[None]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())
