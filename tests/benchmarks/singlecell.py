"""``make bench-singlecell``: every figure of the single-cell domain, one JSON object a line.

``--quick`` takes one seed, fewer simulated cells and the fastest peers; the method and its settings stay. Real data
come from the folder that ``ADVSCI_DATA`` names; a peer or a data set that is
missing gives a row with ``"met": false`` and a note.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from _cells import corrected, mean_interval, mixing_over_cells, partial_labels, run_peer, scaled_components
from _cells_expression import expression_rows
from _cells_game import ARMS, game_rows, held_out_rows
from _cells_query import mapped_rows, query_rows
from _cells_real import real_rows
from _cells_streamed import streamed_cost_rows, streamed_rows
from _cells_whole import whole_rows
from _row import row

from advsci_singlecell.baselines.peers import PEERS, Prepared, installed
from advsci_singlecell.data.cells import UNKNOWN
from advsci_singlecell.data.matrix import log_normalise
from advsci_singlecell.embedding.anchor import Anchor
from advsci_singlecell.evaluation.scores import correction_scores, scib_scores

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
REAL = ("pbmc_4batch", "cellmix_5batch", "kang_ifnb_4batch")
BIO = "Bio conservation"
SKEWED = np.random.default_rng(7).dirichlet(np.full(12, 0.6), 6)
SKEWED[SKEWED < 0.02] = 0.0
SIMULATORS = {
    "simulator": {},
    "deeper simulator": {"distance": 0.35, "interaction": 0.25, "library": (8.0, 7.3, 8.4)},
    "skewed simulator": {"composition": SKEWED, "groups": (0, 0, 0, 1, 1, 1)},
    "strong simulator": {"batch_scale": 0.4},
}
"""The second has counts as deep, and a missing type as far from its look-alike, as that on which Harmony was found to
reach .841, .004 and .996. In the third each of six batches, of two assays, lacks two to five of twelve types; in the
fourth batches differ more than types do."""


def simulator_rows(seeds, cells, names):
    """Rows on the simulator, with no and with 20 % of the labels; Harmony and the marginal adversary beside."""
    from advsci_datasets.cells import simulate_cells

    targets = {"no labels": (0.80, 0.05, 0.95), "20 % labels": (0.83, 0.03, 0.97)}
    for simulator in names:
        design = SIMULATORS[simulator]
        found = {"no labels": [], "20 % labels": [], "Harmony": [], "marginal": []}
        for seed in range(seeds):
            adata = simulate_cells(cells, rng=np.random.default_rng(seed), **design)
            obs = adata.obs
            z, _, model = corrected(adata, seed)
            found["no labels"].append(correction_scores(z, obs.batch, obs.cell_type))
            obs["given"] = partial_labels(adata, 0.2, seed)
            found["20 % labels"].append(
                correction_scores(corrected(adata, seed, labels_key="given")[0], obs.batch, obs.cell_type)
            )
            marginal = corrected(adata, seed, {"adversary": "marginal", "strength": 0.3})[0]
            found["marginal"].append(correction_scores(marginal, obs.batch, obs.cell_type))
            if installed("Harmony"):
                z, _ = run_peer("Harmony", Prepared.of(model.cells, model.fitted()[0], obs, seed=seed))
                found["Harmony"].append(correction_scores(z, obs.batch, obs.cell_type))
        for labels, limits in targets.items():
            for (score, better), target in zip(
                (("purity of missing types", "higher"), ("phantom mixing", "lower"), ("mixing where due", "higher")),
                limits,
                strict=True,
            ):
                values = [s[score] for s in found[labels]]
                value, interval = mean_interval(values)
                beside = {m: round(mean_interval([s[score] for s in found[m]])[0], 3) for m in ("Harmony", "marginal")}
                row(
                    f"{simulator}, {labels}: {score}",
                    value,
                    target,
                    better,
                    seeds=seeds,
                    interval=interval,
                    peer="Harmony",
                    note=f"Harmony {beside['Harmony']}, marginal adversary {beside['marginal']}; "
                    f"by seed {', '.join(f'{v:.3f}' for v in values)}",
                )


def reference_rows(seeds, cells):
    """Harmony on the deeper simulator as it was reported: on components of scaled genes, mixing over cells."""
    from advsci_datasets.cells import simulate_cells

    found = {"purity of missing types": [], "phantom mixing": [], "mixing over cells": []}
    for seed in range(seeds):
        adata = simulate_cells(cells, rng=np.random.default_rng(seed), **SIMULATORS["deeper simulator"])
        batch, types = adata.obs.batch, adata.obs.cell_type
        expression = log_normalise(adata.X.tocsr())
        x = scaled_components(expression)
        z, _ = run_peer("Harmony", Prepared(adata.X, expression, x, batch, None, seed))
        score = correction_scores(z, batch, types) | {"mixing over cells": mixing_over_cells(z, batch, types)}
        for name, values in found.items():
            values.append(score[name])
    for name, values in found.items():
        value, interval = mean_interval(values)
        better = "lower" if name == "phantom mixing" else "higher"
        row(f"deeper simulator, Harmony, scaled genes: {name}", value, None, better, seeds=seeds, interval=interval)


def control_rows(names, seeds):
    """Negative control: where batch labels are shuffled, correcting must not change the bio score by 0.03.

    Two comparisons: with the adversary against without; and the whole method against what it does when all cells are
    of one batch, which is to diffuse components along neighbours.
    """
    from advsci_datasets import load_cells

    rivals = {"without": "by the adversary", "one batch": "by the whole correction"}
    for name in names:
        try:
            adata = load_cells(name)
        except Exception as error:
            row(f"{name}: shuffled batches, change of bio score", None, 0.03, "lower", note=f"not run: {error}")
            continue
        scored: dict[str, list[float]] = {"with": [], "without": [], "one batch": []}
        for seed in range(seeds):
            adata.obs["batch"] = np.random.default_rng(seed).permutation(adata.obs["batch"].astype(str).to_numpy())
            with_, _, model = corrected(adata, seed)
            without, _, _ = corrected(adata, seed, {"adversary": "none"})
            components = model.fitted()[0](model.cells.matrix)
            alone = np.zeros(len(components), int)
            anchor, found = Anchor.fit(components, components, alone, 1, alone + UNKNOWN, 0)
            one = anchor.placed(found)
            embeddings = {"with": with_, "without": without, "one batch": one}
            table = scib_scores(embeddings, adata.obs["batch"], adata.obs["cell_type"], components)
            for method, values in scored.items():
                values.append(float(table.loc[method, BIO]))
        for rival, words in rivals.items():
            value, interval = mean_interval(np.subtract(scored["with"], scored[rival]))
            row(
                f"{name}: shuffled batches, change of bio score {words}",
                abs(value),
                0.03,
                "lower",
                seeds=seeds,
                interval=interval,
                note=f"bio score {np.mean(scored['with']):.3f}, {rival} {np.mean(scored[rival]):.3f}; the interval is "
                "that of the signed change",
            )


SCALE = """
import json, resource, sys, time
import numpy as np, torch
torch.set_num_threads(1)
from advsci_singlecell.data.files import read_cells
from advsci_singlecell.model.model import CHUNK, Model
start = time.process_time()
a = read_cells(sys.argv[1])
Model.setup_anndata(a, batch_key="batch")
m = Model(a, device="cpu")
read = time.process_time()
m.train()
trained = time.process_time()
starts = np.arange(0, a.n_obs, CHUNK)
chosen = starts[np.unique(np.linspace(0, len(starts) - 1, int(sys.argv[2])).astype(int))]
z, done = np.zeros((a.n_obs, m.settings.dimensions), np.float32), 0
for first in chosen:
    rows = np.arange(first, min(first + CHUNK, a.n_obs))
    z[rows] = m.embed_rows(rows)
    done += len(rows)
embedded = time.process_time()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"read": read - start, "train": trained - read, "embed": (embedded - trained) / done,
                  "embedded": done, "memory": memory}))
"""


def scale_rows(cells, most_chunks=16):
    """Rows on size: peak memory, and time per cell against that of 10,000 cells; each in a fresh process.

    Every cell is read and checked, and a place kept for its embedding; embedded are ``most_chunks`` chunks, evenly
    spread, whose time per cell stands for the others'.
    """
    from advsci_datasets.cells import write_simulated

    found, whole = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for n in (10_000, cells):
            write_simulated(Path(folder) / f"{n}.zarr", n, rng=np.random.default_rng(0), n_genes=1000)
            command = [sys.executable, "-c", SCALE, str(Path(folder) / f"{n}.zarr"), str(most_chunks)]
            out = subprocess.run(command, capture_output=True, text=True)
            if out.returncode:
                row(f"{n} cells: memory", None, 2.0, "lower", unit="GB", note=out.stderr.strip().splitlines()[-1])
                return
            found[n] = json.loads(out.stdout.splitlines()[-1])
            whole[n] = found[n]["read"] + found[n]["train"] + n * found[n]["embed"]
    big = found[cells]
    row(f"{cells} cells from zarr: peak memory", big["memory"] / 1e9, 2.0, "lower", unit="GB")
    row(
        f"{cells} cells from zarr: time per cell, from file to embedding / that of 10,000",
        (whole[cells] / cells) / (whole[10_000] / 10_000),
        1.1,
        "lower",
        unit="ratio",
        note=f"{whole[cells]:.0f} s: reading {big['read']:.0f}, training {big['train']:.0f}, the rest embedding, of "
        f"which {big['embedded']} cells were timed",
    )
    row(
        f"{cells} cells from zarr: time per embedded cell / that of 10,000",
        big["embed"] / found[10_000]["embed"],
        1.1,
        "lower",
        unit="ratio",
        note=f"{1 / big['embed']:.0f} cells/s; neighbours are sought among the cells trained on, 20,000 and 10,000",
    )


MANY = """
import sys
import numpy as np
from advsci_datasets.cells import simulate_cells
batches, each = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(0)
composition = rng.dirichlet(np.full(7, 4.0), batches)
a = simulate_cells(batches * each, rng=rng, n_genes=1000, composition=composition, batch_scale=float(sys.argv[3]))
del a.layers["mu_true"]
a.write_h5ad(sys.argv[4])
"""
BATCHES = """
import json, resource, sys, time
import numpy as np, torch
torch.set_num_threads(1)
import sklearn.cluster, sklearn.neighbors, torch._dynamo
from advsci_singlecell.data.files import read_cells
from advsci_singlecell.evaluation.scores import correction_scores, own_neighbours
from advsci_singlecell.model.model import Model
a, method = read_cells(sys.argv[1]), sys.argv[2]
Model.setup_anndata(a, batch_key="batch")
start = time.process_time()
m = Model(a, method=method, device="cpu").train()
z = m.get_latent_representation()
seconds, memory = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
about = a.obs["batch"], a.obs["cell_type"]
plain = m.fitted()[0](m.cells.matrix)
found = {n: correction_scores(e, *about) for n, e in (("ours", z), ("components", plain))}
types = np.asarray(about[1]).astype(str)
for name, e in (("ours", z), ("components", plain)):
    same = (types[own_neighbours(e, 15)] == types[:, None]).mean(axis=1)
    clear = [same[types == t].mean() for t in np.unique(types) if t not in ("type2", "type5")]
    found[name]["purity, the two alike aside"] = float(np.mean(clear))
print(json.dumps({"seconds": seconds, "memory": memory, **found}))
"""


def batches_rows(numbers, scale, methods=("chain", "counts")):
    """Rows on many batches of 50 simulated cells: CPU seconds, peak memory, and what becomes of mixing and types.

    Targets are what the components have before any correction. Types 2 and 5 of the simulator are alike, and neighbours
    hardly tell them apart even where batches have no effect: they bound the purity.
    """
    with tempfile.TemporaryDirectory() as folder:
        for batches in numbers:
            file = str(Path(folder) / f"{batches}.h5ad")  # simulated elsewhere: it would count as memory of the method
            subprocess.run([sys.executable, "-c", MANY, str(batches), "50", str(scale), file], check=True)
            for method in methods:
                start = f"{batches} batches of 50 cells, scale {scale}, {method}"
                command = [sys.executable, "-c", BATCHES, file, method]
                out = subprocess.run(command, capture_output=True, text=True)
                if out.returncode:
                    row(f"{start}: CPU time", None, None, "lower", note=out.stderr.strip().splitlines()[-1])
                    continue
                found = json.loads(out.stdout.splitlines()[-1])
                row(f"{start}: CPU time", found["seconds"], None, "lower", unit="s", seeds=1)
                row(f"{start}: peak memory", found["memory"] / 1e9, 2.0, "lower", unit="GB", seeds=1)
                for score, better in (
                    ("mixing where due", "higher"),
                    ("batch probe, linear", "lower"),
                    ("purity", "higher"),
                    ("purity, the two alike aside", "higher"),
                    ("label transfer F1", "higher"),
                ):
                    row(f"{start}: {score}", found["ours"][score], found["components"][score], better, seeds=1)


def test_rows():
    """Rows that tests of the repository decide: meta device, bad inputs."""
    folder = Path(__file__).parents[1] / "domains" / "singlecell"
    for name, selection in (
        ("meta-device step", "game/test_adversary.py"),
        ("bad inputs, each a named error", "data/test_cells.py"),
    ):
        out = subprocess.run(
            [sys.executable, "-m", "pytest", str(folder / selection), "-q"], capture_output=True, text=True
        )
        row(
            name,
            float(out.returncode == 0),
            1.0,
            "higher",
            note=out.stdout.strip().splitlines()[-1] if out.stdout else "",
        )


def main():
    """Print all rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument(
        "--only",
        nargs="*",
        default=[
            "tests",
            "simulator",
            "reference",
            "real",
            "game",
            "held-out",
            "expression",
            "query",
            "mapped",
            "control",
            "scale",
            "whole",
            "streamed",
            "streamed-cost",
            "batches",
        ],
    )
    parser.add_argument("--data", nargs="*", default=list(REAL))
    parser.add_argument("--simulators", nargs="*", default=list(SIMULATORS), choices=list(SIMULATORS))
    parser.add_argument("--peers", nargs="*", default=None)
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS), help="of the game on counts")
    parser.add_argument("--methods", nargs="*", default=["chain", "counts"], help="of --only query, mapped and batches")
    parser.add_argument("--plain", action="store_true", help="arms of the game without their averaged forms")
    parser.add_argument("--no-scib", action="store_true", help="arms of the game without scIB's totals")
    parser.add_argument("--peer-seeds", type=int, default=3, help="seeds of scVI and scANVI, which take minutes")
    parser.add_argument("--keep", type=Path, default=None, help="folder for peers' scores, taken from there if present")
    parser.add_argument("--stored", type=Path, default=None, help="folder of results_DATA.csv for what is not run")
    parser.add_argument("--cells", type=int, default=None)
    parser.add_argument("--formats", nargs="*", default=["h5ad", "zarr"], help="of whole and streamed-cost")
    parser.add_argument("--batches", nargs="*", type=int, default=[60, 200], help="of --only batches: how many")
    parser.add_argument("--batch-scale", type=float, default=0.15, help="of --only batches: size of their effects")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logging.getLogger("scib_metrics").setLevel(logging.WARNING)  # it writes to the standard output
    seeds = options.seeds or (1 if options.quick else 3)
    peers = (
        options.peers
        if options.peers is not None
        else [p for p in PEERS if installed(p) and not (options.quick and p in ("scVI", "scANVI"))]
    )
    if options.peers is None and "scVI" in peers:
        peers.append("SysVI")  # of --only held-out
    if "tests" in options.only:
        test_rows()
    if "simulator" in options.only:
        simulator_rows(seeds, 900 if options.quick else 1800, options.simulators)
    if "reference" in options.only and installed("Harmony"):
        reference_rows(seeds, 900 if options.quick else 1800)
    if "real" in options.only:
        real_rows(options.data, seeds, min(seeds, options.peer_seeds), peers, options.keep, options.stored)
    if "game" in options.only:
        game_rows(options.data, seeds, options.arms, options.keep, not options.plain, not options.no_scib)
    if "held-out" in options.only:
        held_out_rows(options.data, options.arms, options.keep, peers)
    if "expression" in options.only:
        expression_rows(seeds, 900 if options.quick else 1800, peers)
    if "query" in options.only:
        for method in options.methods:
            query_rows(seeds, 900 if options.quick else 1500, method)
    if "mapped" in options.only:
        for method in options.methods:
            mapped_rows(options.data, seeds, method)
    if "control" in options.only:
        control_rows(options.data, seeds)
    if "scale" in options.only:
        scale_rows(options.cells or (30_000 if options.quick else 1_000_000))
    if "whole" in options.only:
        whole_rows(options.cells or (30_000 if options.quick else 1_000_000), options.formats)
    if "streamed" in options.only:
        many = options.cells or (6000 if options.quick else 40_000)
        streamed_rows(seeds, many, min(20_000, many // 4))
    if "streamed-cost" in options.only:
        streamed_cost_rows(options.cells or (30_000 if options.quick else 1_000_000), options.formats)
    if "batches" in options.only:
        batches_rows(options.batches, options.batch_scale, options.methods)


if __name__ == "__main__":
    main()
