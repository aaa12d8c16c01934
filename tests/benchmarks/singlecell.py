"""``make bench-singlecell``: every figure of the single-cell domain, one JSON object a line.

``--quick`` takes one seed, fewer simulated cells and the fastest peers; the method and its settings stay. Real data
come from the folder that ``ADVSCI_DATA`` names; a peer or a data set that is
missing gives a row with ``"met": false`` and a note.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from _row import interval as t_interval
from _row import row

from advsci_singlecell.evaluate import correction_scores, scib_scores
from advsci_singlecell.model import Model
from advsci_singlecell.peers import PEERS, Prepared, installed

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
REAL = ("pbmc_4batch", "cellmix_5batch", "kang_ifnb_4batch")
BIO = "Bio conservation"


def mean_interval(values):
    """Mean over seeds and its 95 % interval (None for one seed)."""
    values = [float(v) for v in values if np.isfinite(v)]
    if len(values) < 2:
        return (values[0] if values else float("nan")), None
    return float(np.mean(values)), t_interval(values)


def corrected(adata, seed, **keys):
    """(embedding, CPU seconds to it, model) of ours."""
    design = {k: keys.pop(k) for k in ("strength", "adversary") if k in keys}
    data = adata.copy()
    Model.setup_anndata(data, batch_key="batch", **keys)
    start = time.process_time()
    model = Model(data, seed=seed, device="cpu", **design).train()
    z = model.get_latent_representation()
    return z, time.process_time() - start, model


def partial_labels(adata, share, seed):
    """Labels of a share of the cells, at least three a type; Unknown elsewhere."""
    rng = np.random.default_rng(seed)
    labels = adata.obs["cell_type"].astype(str).to_numpy()
    keep = rng.random(len(labels)) < share
    for t in np.unique(labels):
        rows = np.flatnonzero(labels == t)
        keep[rng.permutation(rows)[:3]] = True
    return np.where(keep, labels, "Unknown")


def flipped_labels(adata, share, seed):
    """Labels of which a share is replaced by another type at random."""
    rng = np.random.default_rng(seed)
    labels = adata.obs["cell_type"].astype(str).to_numpy()
    names = np.unique(labels)
    others = np.array([rng.choice(names[names != label]) for label in labels])
    return np.where(rng.random(len(labels)) < share, others, labels)


def run_peer(name, prepared):
    """(embedding, CPU seconds), or (None, the error)."""
    start = time.process_time()
    try:
        z = PEERS[name](prepared)
    except Exception as error:  # a peer that fails is a row, not the end of the benchmark
        return None, f"{type(error).__name__}: {error}"
    return np.asarray(z), time.process_time() - start


def real_data(name, seeds, peers):
    """All scores of ours and the peers on one data set: {method: [scores of seed 0, 1, ...]}."""
    from advsci_datasets import load_cells

    adata = load_cells(name)
    batch, types = adata.obs["batch"], adata.obs["cell_type"]
    scores, errors = {}, {}
    for seed in range(seeds):
        embeddings, seconds = {}, {}
        embeddings["ours"], seconds["ours"], model = corrected(adata, seed)
        prepared = Prepared.of(model.cells, model._trained()[0], adata.obs, seed=seed)
        for peer in ("Harmony", "Scanorama", "scVI"):
            if peer in peers:
                z, t = run_peer(peer, prepared)
                if z is None:
                    errors[peer] = t
                else:
                    embeddings[peer], seconds[peer] = z, t
        for key, labels in (
            ("all labels", partial_labels(adata, 1.0, seed)),
            ("20 % labels", partial_labels(adata, 0.2, seed)),
            ("flipped", flipped_labels(adata, 0.2, seed)),
        ):
            adata.obs["given"] = labels
            embeddings[f"ours, {key}"], seconds[f"ours, {key}"], _ = corrected(adata, seed, labels_key="given")
            if "scANVI" in peers:
                z, t = run_peer("scANVI", replace(prepared, labels=labels))
                if z is None:
                    errors[f"scANVI, {key}"] = t
                else:
                    embeddings[f"scANVI, {key}"], seconds[f"scANVI, {key}"] = z, t
        table = scib_scores(embeddings, batch, types, prepared.components)
        for method, z in embeddings.items():
            found = {**table.loc[method].to_dict(), **correction_scores(z, batch, types), "seconds": seconds[method]}
            scores.setdefault(method, []).append(found)
        print(
            f"# {name} seed {seed}: " + json.dumps({m: round(v[-1]["Total"], 3) for m, v in scores.items()}),
            file=sys.stderr,
            flush=True,
        )
    return scores, errors


def real_rows(names, seeds, peers):
    """Rows on real data: scIB totals, over-correction, probe, transfer, labels, time."""
    gains = {"unsupervised": [], "all labels": [], "20 % labels": []}
    for name in names:
        try:
            scores, errors = real_data(name, seeds, peers)
        except Exception as error:
            for what in ("scIB total", "purity of missing types", "batch probe, linear", "label transfer F1", "time"):
                row(f"{name}: {what}", None, None, "higher", note=f"not run: {error}")
            continue

        def of(method, score, scores=scores):
            return mean_interval([s[score] for s in scores[method]]) if method in scores else (float("nan"), None)

        rivals = [m for m in ("Harmony", "Scanorama", "scVI") if m in scores]
        note = "; ".join(f"{m}: {e}" for m, e in errors.items())

        def best(score, better, rivals=rivals, of=of):
            pairs = [(of(m, score)[0], m) for m in rivals if np.isfinite(of(m, score)[0])]
            return (max if better == "higher" else min)(pairs) if pairs else (None, "no peer installed")

        for what, score, better in (
            ("scIB total, unsupervised", "Total", "higher"),
            ("purity of missing types", "purity of missing types", "higher"),
            ("batch probe within type, linear", "batch probe, linear", "lower"),
            ("batch probe within type, neighbours", "batch probe, neighbours", "lower"),
            ("label transfer F1", "label transfer F1", "higher"),
        ):
            value, interval = of("ours", score)
            if not np.isfinite(value):
                continue
            target, peer = best(score, better)
            row(f"{name}: {what}", value, target, better, peer=peer, seeds=seeds, interval=interval, note=note)
            if score == "Total" and target is not None:
                gains["unsupervised"].append(value - target)
        for labels in ("all labels", "20 % labels"):
            value, interval = of(f"ours, {labels}", "Total")
            target, _ = of(f"scANVI, {labels}", "Total")
            have = np.isfinite(target)
            row(
                f"{name}: scIB total, {labels}",
                value,
                target if have else None,
                "higher",
                peer="scANVI",
                seeds=seeds,
                interval=interval,
                note="" if have else "scANVI was not run",
            )
            if have:
                gains[labels].append(value - target)
        lost = {m: of(f"{m}, all labels", "Total")[0] - of(f"{m}, flipped", "Total")[0] for m in ("ours", "scANVI")}
        have = np.isfinite(lost["scANVI"])
        row(
            f"{name}: scIB total lost with 20 % of labels flipped",
            lost["ours"],
            lost["scANVI"] if have else None,
            "lower",
            peer="scANVI",
            seeds=seeds,
            note="" if have else "scANVI was not run",
        )
        seconds, interval = of("ours", "seconds")
        harmony = of("Harmony", "seconds")[0]
        if "scVI" in scores:
            ratio = seconds / of("scVI", "seconds")[0]
            row(
                f"{name}: CPU time to the embedding / scVI's",
                ratio,
                1 / 3,
                "lower",
                unit="ratio",
                peer="scVI",
                seeds=seeds,
                note=f"ours {seconds:.1f} s, Harmony {harmony:.2f} s",
            )
        else:
            row(
                f"{name}: CPU time to the embedding / scVI's",
                None,
                1 / 3,
                "lower",
                unit="ratio",
                peer="scVI",
                note=f"scVI was not run; ours {seconds:.1f} s, Harmony {harmony:.2f} s",
            )
    for what, target in (("unsupervised", 0.02), ("all labels", 0.05), ("20 % labels", 0.03)):
        value = float(np.mean(gains[what])) if gains[what] else None
        row(
            f"scIB total above the best peer's, mean over data sets, {what}",
            value,
            target,
            "higher",
            seeds=seeds,
            peer="scANVI" if "labels" in what else ", ".join(p for p in peers if p != "scANVI"),
        )


def simulator_rows(seeds, cells):
    """Rows on the simulator, with no and with 20 % of the labels; Harmony and the marginal adversary beside."""
    from advsci_datasets.cells import simulate_cells

    found = {"no labels": [], "20 % labels": [], "Harmony": [], "marginal": []}
    for seed in range(seeds):
        adata = simulate_cells(cells, rng=np.random.default_rng(seed))
        obs = adata.obs
        z, _, model = corrected(adata, seed)
        found["no labels"].append(correction_scores(z, obs.batch, obs.cell_type))
        obs["given"] = partial_labels(adata, 0.2, seed)
        found["20 % labels"].append(
            correction_scores(corrected(adata, seed, labels_key="given")[0], obs.batch, obs.cell_type)
        )
        marginal = corrected(adata, seed, adversary="marginal", strength=0.3)[0]
        found["marginal"].append(correction_scores(marginal, obs.batch, obs.cell_type))
        if installed("Harmony"):
            z, _ = run_peer("Harmony", Prepared.of(model.cells, model._trained()[0], obs, seed=seed))
            if z is not None:
                found["Harmony"].append(correction_scores(z, obs.batch, obs.cell_type))
    targets = {"no labels": (0.80, 0.05, 0.95), "20 % labels": (0.83, 0.03, 0.97)}
    for labels, limits in targets.items():
        for (score, better), target in zip(
            (("purity of missing types", "higher"), ("phantom mixing", "lower"), ("mixing where due", "higher")),
            limits,
            strict=True,
        ):
            value, interval = mean_interval([s[score] for s in found[labels]])
            beside = {m: round(mean_interval([s[score] for s in found[m]])[0], 3) for m in ("Harmony", "marginal")}
            row(
                f"simulator, {labels}: {score}",
                value,
                target,
                better,
                seeds=seeds,
                interval=interval,
                peer="Harmony",
                note=f"Harmony {beside['Harmony']}, marginal adversary {beside['marginal']}",
            )


def control_rows(names, seeds):
    """Negative control: where batch labels are shuffled, the adversary must not change the bio score by 0.03."""
    from advsci_datasets import load_cells

    for name in names:
        try:
            adata = load_cells(name)
        except Exception as error:
            row(f"{name}: shuffled batches, change of bio score", None, 0.03, "lower", note=f"not run: {error}")
            continue
        changes = []
        for seed in range(seeds):
            adata.obs["batch"] = np.random.default_rng(seed).permutation(adata.obs["batch"].astype(str).to_numpy())
            with_, _, model = corrected(adata, seed)
            without, _, _ = corrected(adata, seed, adversary="none")
            components = model._trained()[0](model.cells.matrix)
            table = scib_scores(
                {"with": with_, "without": without}, adata.obs["batch"], adata.obs["cell_type"], components
            )
            changes.append(abs(table.loc["with", BIO] - table.loc["without", BIO]))
        value, interval = mean_interval(changes)
        row(
            f"{name}: shuffled batches, change of bio score by the adversary",
            value,
            0.03,
            "lower",
            seeds=seeds,
            interval=interval,
        )


SCALE = """
import json, resource, sys, time
import torch; torch.set_num_threads(1)
from advsci_singlecell.fields import read_cells
from advsci_singlecell.model import Model
a = read_cells(sys.argv[1])
Model.setup_anndata(a, batch_key="batch")
m = Model(a, device="cpu", genes=1000)
m.train()
start = time.process_time()
for row in range(0, a.n_obs, 8192):
    m._embed_rows(__import__("numpy").arange(row, min(row + 8192, a.n_obs)))
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": time.process_time() - start, "memory": memory}))
"""


def scale_rows(cells):
    """Rows on size: peak memory, and time per embedded cell against that of 10,000 cells; each in a fresh process."""
    from advsci_datasets.cells import write_cells_zarr

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for n in (10_000, cells):
            write_cells_zarr(Path(folder) / f"{n}.zarr", n, rng=np.random.default_rng(0), n_genes=1000)
            command = [sys.executable, "-c", SCALE, str(Path(folder) / f"{n}.zarr")]
            out = subprocess.run(command, capture_output=True, text=True)
            if out.returncode:
                row(f"{n} cells: memory", None, 2.0, "lower", unit="GB", note=out.stderr.strip().splitlines()[-1])
                return
            found[n] = json.loads(out.stdout.splitlines()[-1])
    row(f"{cells} cells from zarr: peak memory", found[cells]["memory"] / 1e9, 2.0, "lower", unit="GB")
    ratio = (found[cells]["seconds"] / cells) / (found[10_000]["seconds"] / 10_000)
    row(
        f"{cells} cells from zarr: time per embedded cell / that of 10,000",
        ratio,
        1.1,
        "lower",
        unit="ratio",
        note=f"{cells / found[cells]['seconds']:.0f} cells/s",
    )


def test_rows():
    """Rows that tests of the repository decide: meta device, bad inputs."""
    folder = Path(__file__).parents[1] / "domains" / "singlecell"
    for name, selection in (
        ("meta-device step", "test_adversary.py"),
        ("bad inputs, each a named error", "test_fields.py"),
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
    parser.add_argument("--only", nargs="*", default=["tests", "simulator", "real", "control", "scale"])
    parser.add_argument("--data", nargs="*", default=list(REAL))
    parser.add_argument("--peers", nargs="*", default=None)
    parser.add_argument("--cells", type=int, default=None)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    seeds = options.seeds or (1 if options.quick else 3)
    peers = (
        options.peers
        if options.peers is not None
        else [p for p in PEERS if installed(p) and not (options.quick and p in ("scVI", "scANVI"))]
    )
    if "tests" in options.only:
        test_rows()
    if "simulator" in options.only:
        simulator_rows(seeds, 900 if options.quick else 1800)
    if "real" in options.only:
        real_rows(options.data, seeds, peers)
    if "control" in options.only:
        control_rows(options.data, seeds)
    if "scale" in options.only:
        scale_rows(options.cells or (30_000 if options.quick else 1_000_000))


if __name__ == "__main__":
    main()
