"""Rows on completing real circuits: one edge and one absent pair hidden, and which is which."""

import numpy as np
import torch
from _circuits_models import Bench, split
from _circuits_peers import link_predictor
from _row import interval, row

from advsci_circuits.data.families import families_of
from advsci_circuits.data.networks import installed_networks
from advsci_circuits.data.real import balanced, real_circuits
from advsci_circuits.game.missing_edges import link_probabilities
from advsci_circuits.graphs import CircuitBatch
from advsci_circuits.graphs.edges import edges_of
from advsci_circuits.store import load_generator
from advsci_datasets.circuits import split_by_family


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


def wider_edges(bench: Bench) -> None:
    """The model of the package on families held out of its training: circuits beyond eight genes, and self-loops."""
    generator, facts = load_generator()
    settings, family = facts["settings"], families_of(installed_networks())
    trained = real_circuits("embedded", 3, 8, curated=facts.get("curated", False))  # split by the networks' names
    mine, _ = split_by_family(trained, (1 - settings["held_out"], settings["held_out"]), settings["seed"])
    seen = {family[name] for i in mine for name in trained.families[i]}
    graphs = real_circuits("embedded", 5, 12)
    fresh = np.array([i for i in range(len(graphs)) if not seen & set(graphs.families[i])])
    for name, low, high, loops in (
        ("5-8 genes", 5, 8, False), ("9-12 genes", 9, 12, False), ("self-loops, 5-8 genes", 5, 8, True),
        ("self-loops, 9-12 genes", 9, 12, True),
    ):  # fmt: skip
        able = [i for i in fresh if low <= graphs.sizes[i] <= high and (not loops or _has_both(graphs.signs[i]))]
        scores: dict[str, list[float]] = {}
        for seed in bench.seeds:
            rng = np.random.default_rng(seed)
            chosen = graphs.take(balanced(graphs, np.array(able), 100 if bench.quick else 1000, rng, low))
            pairs, labels = hidden_pairs(chosen.matrices(), rng, loops)
            batch = CircuitBatch(torch.from_numpy(chosen.signs), torch.from_numpy(chosen.sizes))
            rows, index = torch.arange(len(pairs)), torch.from_numpy(pairs)
            unknown = torch.zeros(batch.signs.shape, dtype=torch.bool)
            for k in (0, 1):
                unknown[rows, index[:, k, 0], index[:, k, 1]] = True
            p = link_probabilities(generator, batch, unknown)
            edge = torch.stack([1 - p[rows, index[:, k, 0], index[:, k, 1], 0] for k in (0, 1)], 1).numpy()
            at = p[rows, index[:, 0, 0], index[:, 0, 1]].numpy()
            scores.setdefault("ours", []).append(auroc(edge[:, 0], edge[:, 1]))
            scores.setdefault("sign", []).append(float(((at[:, 1] > at[:, 2]) == (labels > 0)).mean()))
            scores.setdefault("the commoner sign", []).append(float(max((labels > 0).mean(), (labels < 0).mean())))
            for peer, value in unlearned(chosen.matrices(), pairs).items():
                scores.setdefault(peer, []).append(auroc(value[:, 0], value[:, 1]))
        row(f"circuits/hidden edge, the model of the package, {name}: AUROC", float(np.mean(scores["ours"])), 0.75,
            "higher", seeds=len(bench.seeds), interval=interval(scores["ours"]),
            note=f"{len({f for i in able for f in graphs.families[i]})} families; "
            + ", ".join(f"{k} {np.mean(v):.3f}" for k, v in scores.items() if k != "ours"))  # fmt: skip


def _has_both(signs: np.ndarray) -> bool:
    """Whether some genes regulate themselves and some do not; padding has no edges."""
    own, linked = np.diag(signs) != 0, (signs != 0).any(0) | (signs != 0).any(1)
    return bool((own & linked).any() and (~own & linked).any())


def hidden_pairs(
    graphs: list[np.ndarray], rng: np.random.Generator, loops: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """For each circuit an edge and an absent pair, [graphs, 2, 2], no loops or only loops; and the edges' signs."""
    pairs, labels = [], []
    for signs in graphs:
        off = np.eye(len(signs), dtype=bool) == loops
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
