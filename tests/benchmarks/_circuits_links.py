"""Rows on completing networks of 13 to 200 genes: a tenth of the edges hidden, which absent pairs are they.

Families are held out. What is hidden leaves the network connected, so that no gene without an edge gives a place away;
loops are not asked about. AUROC of hidden edges among all absent pairs of a network; means over networks.
"""

import sys
import time

import numpy as np
import torch
from _circuits_completion import auroc
from _circuits_large import trained
from _circuits_models import Bench
from _row import interval, row
from scipy.sparse.csgraph import connected_components

from advsci.training import Run
from advsci_circuits.data.networks import Networks, real_networks, whole_or_part
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.breadth_first import breadth_first
from advsci_circuits.networks.fitting_links import fit_links
from advsci_circuits.networks.links import NetworkLinks
from advsci_circuits.networks.model import NetworkModel
from advsci_circuits.networks.wishes import wishes_of
from advsci_circuits.store import load_networks

SHARE = 0.1
ORDERS = 4
"""Breadth-first orders over which the likelihood of rows is averaged."""
BESIDE = 12
"""Absent pairs per network where every pair costs a network's likelihood."""


def network_links(bench: Bench) -> None:
    """AUROC and sign of hidden edges of held-out families, beside nulls, the likelihood of rows and discriminators."""
    _shipped(bench)
    found: dict[str, dict[str, list[float]]] = {}
    for seed in bench.seeds:
        train, test = real_networks("library", 13).split((0.72, 0.28), seed)
        links = _links(bench, train, seed)
        up = np.mean([(a > 0).sum() / (a != 0).sum() for a in train.matrices]) > 0.5
        for sizes in ((13, 60), (61, 200)):
            rng = np.random.default_rng(seed)
            some = hidden(test, 12 if bench.quick else 150, *sizes, rng)
            here = found.setdefault(f"{sizes[0]}-{sizes[1]} genes", {})
            for key, value in _all_pairs(links, some, bool(up)).items():
                here.setdefault(key, []).append(value)
            print(sizes, seed, {k: round(v[-1], 3) for k, v in here.items()}, file=sys.stderr, flush=True)
        few = hidden(test, 6 if bench.quick else 60, 13, 40, np.random.default_rng(seed))
        here = found.setdefault("13-40 genes, twelve absent pairs a network", {})
        for key, value in _some_pairs(links, trained(bench, train, seed), few, seed).items():
            here.setdefault(key, []).append(value)
        print("rows", seed, {k: round(v[-1], 3) for k, v in here.items()}, file=sys.stderr, flush=True)
    for name, here in found.items():
        ours = here.pop("links")
        aside = ("sign", "first", "CPU", "links and")
        others = {k: float(np.mean(v)) for k, v in here.items() if not k.startswith(aside)}
        best = max(others, key=others.__getitem__)
        ahead = [a - b for a, b in zip(ours, here[best], strict=True)]
        row(f"circuits/hidden edges of networks, {name}: AUROC", float(np.mean(ours)), 0.75, "higher", seeds=len(ours),
            interval=interval(ours), peer=f"best other: {best}",
            note=", ".join(f"{k} {np.mean(v):.3f}" for k, v in here.items())
            + f"; ahead by {np.mean(ahead):.3f} {interval(ahead)}")  # fmt: skip
        if "sign" in here:
            row(f"circuits/hidden edges of networks, {name}: sign", float(np.mean(here["sign"])), 0.75, "higher",
                seeds=len(ours), interval=interval(here["sign"]),
                peer=f"the commoner sign {np.mean(here['sign, the commoner']):.3f}")  # fmt: skip


def _shipped(bench: Bench) -> None:
    """The link predictor of the package on the families of the packages' networks that it was not trained on."""
    model, facts = load_networks()
    assert model.links is not None
    held = facts["settings"]["held_out"]
    test = real_networks("embedded", 13).split((1 - held, held), facts["settings"]["seed"])[1]
    some = hidden(test, 22 if bench.quick else 88, 13, 100, np.random.default_rng(0))
    found = _all_pairs(model.links, some, True)
    row("circuits/hidden edges of networks, the model of the package: AUROC", found["links"], 0.75, "higher",
        note=f"{len(set(test.families))} families; " + ", ".join(f"{k} {v:.3f}" for k, v in found.items()))  # fmt: skip


def _links(bench: Bench, train: Networks, seed: int) -> NetworkLinks:
    """The link predictor of one split, trained once."""
    folder = Run(bench.models / f"network-links{seed}")
    path = folder.path / "links.pt"
    network = NetworkLinks()
    if not path.is_file():
        size = {"steps": 40, "draws": 200} if bench.quick else {}
        begin = time.process_time()
        network, facts = fit_links(train, seed, folder, device="cpu", **size)
        torch.save(network.state_dict(), path)
        print("trained", seed, round(time.process_time() - begin), "s", facts, file=sys.stderr, flush=True)
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def hidden(
    networks: Networks, count: int, smallest: int, largest: int, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Networks of all families alike and the edges hidden in each; trees, of which nothing can be hidden, left out."""
    families = [[a for a in own if len(a) >= smallest] for own in networks.by_family().values()]
    families = [own for own in families if own]
    found = []
    for k in range(count):
        own = families[k % len(families)]
        signs = whole_or_part(own[rng.integers(len(own))], smallest, largest, rng)
        seen, gone = signs.copy(), []
        wanted = max(round(SHARE * int((signs != 0).sum())), 1)
        for i, j in rng.permutation(np.argwhere((signs != 0) & ~np.eye(len(signs), dtype=bool))):
            seen[i, j] = 0
            if connected_components(seen != 0, directed=True, connection="weak")[0] == 1:
                gone.append((i, j))
            else:
                seen[i, j] = signs[i, j]
            if len(gone) == wanted:
                break
        if gone:
            found.append((signs, np.array(gone)))
    return found


@torch.no_grad()
def _all_pairs(links: NetworkLinks, some: list[tuple[np.ndarray, np.ndarray]], up: bool) -> dict[str, float]:
    """Means over networks of AUROC among all absent pairs, sign, and hits among the ten likeliest pairs."""
    found: dict[str, list[float]] = {}
    begin = time.process_time()
    for signs, gone in some:
        n = len(signs)
        seen = signs.copy()
        seen[tuple(gone.T)] = 0
        asked = np.argwhere((seen == 0) & ~np.eye(n, dtype=bool))
        i, j = (torch.from_numpy(x.copy()) for x in asked.T)
        logits = links(CircuitBatch.of([seen]), torch.zeros_like(i), i, j).numpy()
        truth = signs[tuple(asked.T)]
        edge = np.logaddexp(logits[:, 1], logits[:, 2]) - logits[:, 0]
        scores = {"links": edge} | {name: m[tuple(asked.T)] for name, m in nulls(seen).items()}
        for name, score in scores.items():
            found.setdefault(name, []).append(auroc(score[truth != 0], score[truth == 0]))
        said = np.where(logits[:, 1] > logits[:, 2], 1, -1)[truth != 0]
        found.setdefault("sign", []).append(float((said == truth[truth != 0]).mean()))
        found.setdefault("sign, the commoner", []).append(float(((truth[truth != 0] > 0) == up).mean()))
        ten = np.argsort(-edge)[:10]
        found.setdefault("first ten that are hidden edges", []).append(float((truth[ten] != 0).mean()))
        found.setdefault("first ten, by chance", []).append(float((truth != 0).mean()))
    seconds = (time.process_time() - begin) / len(some)
    return {k: float(np.mean(v)) for k, v in found.items()} | {"CPU s per network": seconds}


def nulls(seen: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of all pairs by what is seen of a network."""
    b = (seen != 0).astype(float)
    np.fill_diagonal(b, 0)
    u = np.maximum(b, b.T)
    return {
        "degree product": np.outer(b.sum(1), b.sum(0)),
        "common neighbours": u @ u,
        "walks of three": b @ b.T @ b,
    }


@torch.no_grad()
def _some_pairs(
    links: NetworkLinks, model: NetworkModel, some: list[tuple[np.ndarray, np.ndarray]], seed: int
) -> dict[str, float]:
    """The same where each pair costs two whole networks: likelihood of rows, and discriminators."""
    found: dict[str, list[float]] = {}
    rng = np.random.default_rng(seed)
    for signs, gone in some:
        seen = signs.copy()
        seen[tuple(gone.T)] = 0
        absent = np.argwhere((signs == 0) & ~np.eye(len(signs), dtype=bool))
        asked = np.concatenate([gone, rng.permutation(absent)[:BESIDE]])
        i, j = (torch.from_numpy(x.copy()) for x in asked.T)
        logits = links(CircuitBatch.of([seen]), torch.zeros_like(i), i, j)
        scores = {"links": (logits[:, 1:].logsumexp(1) - logits[:, 0]).numpy()}
        both = {
            "likelihood of rows": _by_rows(model, seen, asked),
            "discriminators": _by_discriminators(model, seen, asked),
        }
        truth = signs[tuple(gone.T)]
        for name, two in both.items():
            scores[name] = np.logaddexp(*two.T)
            said = np.where(two[: len(gone), 0] > two[: len(gone), 1], 1, -1)
            found.setdefault(f"sign, {name}", []).append(float((said == truth).mean()))
        z = {k: (v - v.mean()) / (v.std() + 1e-9) for k, v in scores.items()}
        scores["links and rows"] = z["links"] + 0.5 * z["likelihood of rows"]
        scores["links and discriminators"] = z["links"] + 0.5 * z["discriminators"]
        scores["degree product"] = nulls(seen)["degree product"][tuple(asked.T)]
        for name, score in scores.items():
            found.setdefault(name, []).append(auroc(score[: len(gone)], score[len(gone) :]))
    return {k: float(np.mean(v)) for k, v in found.items()}


def _with(seen: np.ndarray, asked: np.ndarray) -> list[np.ndarray]:
    """The network with each pair as an activation, then as a repression."""
    found = []
    for i, j in asked:
        for sign in (1, -1):
            more = seen.copy()
            more[i, j] = sign
            found.append(more)
    return found


def _by_rows(model: NetworkModel, seen: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Log likelihood with the pair as activation and repression, the mean over orders with the same ties."""
    total = np.zeros((len(asked), 2))
    n = len(seen)
    for turn in range(ORDERS):
        ordered = [breadth_first(a, np.random.default_rng(turn)) for a in _with(seen, asked)]
        signs = torch.from_numpy(np.stack(ordered))
        sizes = torch.full((len(signs),), n)
        wishes = wishes_of(signs, sizes)
        each = sum(model.generator.log_likelihood(signs, torch.full((len(signs),), k), sizes, wishes) for k in range(n))
        total += np.asarray(each).reshape(-1, 2) / ORDERS
    return total


def _by_discriminators(model: NetworkModel, seen: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Logits with the pair as activation and as repression."""
    return model.log_ratio(CircuitBatch.of(_with(seen, asked))).numpy().reshape(-1, 2)
