"""Two hospitals that share an encoder and no cell: what is lost against pooling their cells.

Each hospital has half of the batches. Components, groups and neighbours are those of the pooled cells in every arm, so
that the arms differ in the training alone; neighbours lie within a batch, and so within a hospital.
"""

from dataclasses import replace

import numpy as np
from _cells import corrected
from _row import interval, row
from scipy import sparse

from advsci.games import Federation
from advsci.solvers import Federated
from advsci.streams import Stream
from advsci.training import Sites, Trainer
from advsci_datasets import load_cells
from advsci_singlecell.evaluation.scores import correction_scores, scib_scores
from advsci_singlecell.game.count_training import CountEmbedding, count_data, count_game, count_solver

__all__ = ["hospitals"]

ARMS = {
    "pooled": None, "pooled, adversary off": None, "one hospital's encoder": (0, False),
    "task shared, adversary off, means every step": (1, False),
    "shared task, adversaries of their own, means every step": (1, False),
    "adversary shared too, means every step": (1, True),
    "adversary shared too, means every 10 steps": (10, True),
}  # fmt: skip
"""Arm -> steps between two means (0: no mean is ever taken), and whether the adversary is shared."""
FEDERATIONS = [arm for arm, how in ARMS.items() if how and how[0]]
"""What the sites share is averaged: the arms that may lose something against pooling."""


def _fitted(model, arm: str, seed: int, steps: int) -> np.ndarray:
    """Embedding of all cells by an arm; every step of every arm sees as many cells."""
    projection, _ = model.fitted()
    cells, stream = model.cells, Stream(seed)
    off = {"adversary": "none"} if "adversary off" in arm else {}
    settings = model.settings.replace(steps=steps, **off)
    components, counts = projection(cells.matrix), projection.selected(cells.matrix)
    data = count_data(components, cells, settings, stream=stream)
    half = cells.batch % 2
    parts = {"all": np.arange(len(half))}
    if ARMS[arm] is not None:
        parts = {name: np.flatnonzero(half == k) for k, name in enumerate(("north", "south"))}
    every, both = ARMS[arm] or (1, True)
    games, own = {}, {}
    for site, rows in parts.items():
        place = np.full(len(half), -1)
        place[rows] = np.arange(len(rows))
        own[site] = {key: value[rows] for key, value in data.items()}
        own[site]["row"] = own[site]["row"].new_tensor(place[rows])
        own[site]["neighbours"] = own[site]["neighbours"].new_tensor(place[own[site]["neighbours"].numpy()])
        table = sparse.csr_matrix(counts[rows])
        games[site] = count_game(components[rows], table, cells, own[site], settings, stream=stream)
    adversaries = [name for name in games[next(iter(parts))].players if name != "task"]
    sizes = {site: len(rows) for site, rows in parts.items()}
    game = Federation(games, sizes, shared=("task", *adversaries) if both else ("task",))
    size = settings.training()[1] // len(parts)
    trainer = Trainer(steps, size, seed=seed, quiet=True, device="cpu", log_every=steps)
    trainer.fit(game, Sites(own), Federated(_rule(settings, game), every or steps + 1))
    task = games[next(iter(parts))].players["task"]
    return CountEmbedding.of(task, components, replace(cells, matrix=None), settings).encode(components)


def _rule(settings, game: Federation):
    """The domain's own solver, its optimizers by the names of every site's players."""
    names = {player: player.partition("/")[2] for player in game.players}
    rule = count_solver(settings, [name for name in names.values() if name != "task"])
    return type(rule)({player: rule.optimizer[name] for player, name in names.items()}, rule.lr_schedule)


def hospitals(quick: bool, arms: "list[str] | None" = None, data: "list[str] | None" = None) -> None:
    """The rows: scIB's total, mixing where it is due and purity of every arm.

    Parameters
    ----------
    quick
        The small form: few steps of one seed.
    arms
        Words of the names of the arms that are run beside the pooled one; None: all.
    data
        Data sets.
    """
    seeds, steps = (1, 20) if quick else (3, 300)
    chosen = [arm for arm in ARMS if arm == "pooled" or arms is None or any(word in arm for word in arms)]
    for name in data or ("kang_ifnb_4batch", "cellmix_5batch"):
        adata = load_cells(name)
        about = adata.obs["batch"], adata.obs["cell_type"]
        _, _, model = corrected(adata, 0, {"method": "counts", "steps": 1})
        projection, _ = model.fitted()
        components = projection(model.cells.matrix)
        found: dict[str, list[dict[str, float]]] = {arm: [] for arm in chosen}
        for seed in range(seeds):
            z = {arm: _fitted(model, arm, seed, steps) for arm in chosen}
            table = scib_scores(z, *about, components)
            for arm, embedding in z.items():
                scores = correction_scores(embedding, *about)
                found[arm].append({"scIB total": float(table.loc[arm, "Total"])} | scores)
                print(f"# {name}, seed {seed}, {arm}: {found[arm][-1]}", flush=True)
        for arm, scores in found.items():
            for measure in ("scIB total", "mixing where due", "purity"):
                values = [s[measure] for s in scores]
                row(
                    f"two hospitals, {name}, {arm}: {measure}", sum(values) / seeds, None, "higher", seeds=seeds,
                    interval=interval(values) if seeds > 1 else None, note=f"{steps} steps",
                )  # fmt: skip
        for arm in (arm for arm in FEDERATIONS if arm in found):
            lost = [a["scIB total"] - b["scIB total"] for a, b in zip(found["pooled"], found[arm], strict=True)]
            row(
                f"two hospitals, {name}, {arm}: scIB total lost against pooling", sum(lost) / seeds, 0.02, "lower",
                seeds=seeds, interval=interval(lost) if seeds > 1 else None,
            )  # fmt: skip
