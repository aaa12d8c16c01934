"""Rows on real cells: ours and the peers on the same genes and components, scored alike.

Labels enter in two forms. *Given*: a cell's own label is part of what its embedding is computed from. *Hidden*: labels
train the model, but the embedding is computed without the cell's own, which is what scANVI's encoder does; this is the
form that is compared with it. With 20 % of the labels, cells whose label nobody was told are scored alone, too.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from _cells import PeerScores, corrected, flipped_labels, mean_interval, partial_labels, scores
from _row import row

from advsci_singlecell.baselines.peers import Prepared

__all__ = ["real_rows"]

FREE = ("Harmony", "Scanorama", "scVI")
TRAINED = ("scVI", "scANVI")
UNSUPERVISED = (
    ("scIB total, unsupervised", "Total", "higher"),
    ("purity of missing types", "purity of missing types", "higher"),
    ("phantom mixing", "phantom mixing", "lower"),
    ("batch probe within type, linear", "batch probe, linear", "lower"),
    ("batch probe within type, neighbours", "batch probe, neighbours", "lower"),
    ("label transfer F1", "label transfer F1", "higher"),
)


def stored_totals(folder: Path | None, name: str) -> dict[str, list[dict[str, float]]]:
    """scIB totals of scVI and scANVI from ``results_NAME.csv`` of an earlier comparison, where they were not run."""
    file = folder / f"results_{name}.csv" if folder is not None else None
    if file is None or not file.exists():
        return {}
    names = {"scvi": "scVI", "scanvi": "scANVI, all labels", "scanvi20": "scANVI, 20 % labels"}
    with open(file, newline="") as lines:
        rows = {row["Embedding"]: float(row["Total"]) for row in csv.DictReader(lines)}
    return {f"{names[key]} (stored)": [{"Total": rows[key]}] for key in names if key in rows}


def real_data(name: str, seeds: int, peer_seeds: int, peers, keep: Path | None):
    """({method: [scores of seed 0, 1, ...]}, peers' errors, whether peers' scores were kept ones)."""
    from advsci_datasets import load_cells

    adata = load_cells(name)
    found: dict[str, list[dict[str, float]]] = {}
    kept = PeerScores(keep)
    for seed in range(seeds):
        labels = {
            "all labels": partial_labels(adata, 1.0, seed),
            "20 % labels": partial_labels(adata, 0.2, seed),
            "flipped": flipped_labels(adata, 0.2, seed),
        }
        untold = labels["20 % labels"] == "Unknown"
        embeddings, seconds = {}, {}
        embeddings["ours"], seconds["ours"], model = corrected(adata, seed)
        prepared = Prepared.of(model.cells, model.fitted()[0], adata.obs, seed=seed)
        for key, given in labels.items():
            adata.obs["given"] = given
            method = f"ours, {key}"
            z, seconds[f"{method}, hidden"], model = corrected(adata, seed, labels_key="given")
            embeddings[f"{method}, hidden"] = model.get_latent_representation(labels=False)
            if key != "flipped":
                embeddings[method] = z
        result = scores(embeddings, adata, prepared.components)
        half = {m: embeddings[m] for m in ("ours, 20 % labels", "ours")}
        for method, value in scores(half, adata, prepared.components, untold).items():
            result[f"{method}, untold cells"] = value
        for method, value in seconds.items():
            result[method]["seconds"] = value
        for peer in FREE:
            if peer in peers and (peer not in TRAINED or seed < peer_seeds):

                def score(z, adata=adata, prepared=prepared):
                    return scores({"z": z}, adata, prepared.components)["z"]

                result[peer] = kept.of(f"{name} {peer} {seed}", peer, prepared, None, score)
        if "scANVI" in peers and seed < peer_seeds:
            for key, given in labels.items():

                def score_labelled(z, adata=adata, prepared=prepared, key=key, untold=untold):
                    whole = scores({"z": z}, adata, prepared.components)["z"]
                    if key == "20 % labels":
                        part = scores({"z": z}, adata, prepared.components, untold)["z"]
                        whole |= {f"untold {s}": v for s, v in part.items()}
                    return whole

                method = f"scANVI, {key}"
                result[method] = kept.of(f"{name} {method} {seed}", "scANVI", prepared, given, score_labelled)
                if "untold Total" in result[method]:
                    result[f"{method}, untold cells"] = {
                        s.removeprefix("untold "): v for s, v in result[method].items() if s.startswith("untold ")
                    }
        for method, value in result.items():
            if value:
                found.setdefault(method, []).append(value)
        totals = {m: round(v[-1]["Total"], 3) for m, v in found.items()}
        print(f"# {name} seed {seed}: {json.dumps(totals)}", file=sys.stderr, flush=True)
    return found, kept.errors, kept.reused


def real_rows(names, seeds: int, peer_seeds: int, peers, keep: Path | None, stored: Path | None = None) -> None:
    """Rows on real data: scIB totals, over-correction, probe, transfer, labels, time."""
    gains = {"unsupervised": [], "all labels": [], "20 % labels": []}
    for name in names:
        try:
            found, errors, reused = real_data(name, seeds, peer_seeds, peers, keep)
        except Exception as error:
            for what, _, better in UNSUPERVISED:
                row(f"{name}: {what}", None, None, better, note=f"not run: {type(error).__name__}: {error}")
            continue
        for method, value in stored_totals(stored, name).items():
            if method.removesuffix(" (stored)") not in found:
                found[method] = value
        notes = [f"{m}: {e}" for m, e in errors.items()]
        if seeds > peer_seeds and set(peers) & set(TRAINED):
            notes.append(f"scVI and scANVI with {peer_seeds} seed(s)")
        if reused:
            notes.append("peers' scores kept from an earlier run of this benchmark")
        note = "; ".join(notes)

        def of(method, score, found=found):
            return mean_interval([s[score] for s in found.get(method, []) if score in s])

        for what, score, better in UNSUPERVISED:
            value, interval = of("ours", score)
            if not np.isfinite(value):
                continue
            rivals = {m: of(m, score)[0] for m in (*FREE, "scVI (stored)") if np.isfinite(of(m, score)[0])}
            peer = (max if better == "higher" else min)(rivals, key=lambda m: rivals[m]) if rivals else ""
            target = rivals.get(peer)
            shown = ", ".join(f"{m} {v:.3f}" for m, v in rivals.items())
            row(
                f"{name}: {what}",
                value,
                target,
                better,
                peer=peer or "none installed",
                seeds=seeds,
                interval=interval,
                note="; ".join(filter(None, [shown, note])),
            )
            if score == "Total" and target is not None:
                gains["unsupervised"].append(value - target)
        for labels in ("all labels", "20 % labels"):
            peer = next(
                (p for p in (f"scANVI, {labels}", f"scANVI, {labels} (stored)") if p in found), f"scANVI, {labels}"
            )
            target = of(peer, "Total")[0]
            for form in (", hidden", ""):
                value, interval = of(f"ours, {labels}{form}", "Total")
                row(
                    f"{name}: scIB total, {labels}, {'own label hidden' if form else 'own label given'}",
                    value,
                    target if np.isfinite(target) else None,
                    "higher",
                    peer=peer,
                    seeds=seeds,
                    interval=interval,
                    note=note if np.isfinite(target) else "scANVI was not run",
                )
                if form and np.isfinite(target):
                    gains[labels].append(value - target)
        value, interval = of("ours, 20 % labels, untold cells", "Total")
        target = of("scANVI, 20 % labels, untold cells", "Total")[0]
        without = of("ours, untold cells", "Total")[0]
        row(
            f"{name}: scIB total of the cells whose label was not told, 20 % labels",
            value,
            target if np.isfinite(target) else None,
            "higher",
            peer="scANVI",
            seeds=seeds,
            interval=interval,
            note="; ".join(filter(None, [f"ours without labels {without:.3f}", note])),
        )
        lost = {
            m: of(f"{m}, all labels{form}", "Total")[0] - of(f"{m}, flipped{form}", "Total")[0]
            for m, form in (("ours", ", hidden"), ("scANVI", ""))
        }
        have = np.isfinite(lost["scANVI"])
        flipped = of("ours, flipped, hidden", "Total")[0], of("scANVI, flipped", "Total")[0]
        shown = f"with flipped labels ours {flipped[0]:.3f}, scANVI {flipped[1]:.3f}"
        row(
            f"{name}: scIB total lost with 20 % of labels flipped",
            lost["ours"],
            lost["scANVI"] if have else None,
            "lower",
            peer="scANVI",
            seeds=seeds,
            note=f"with flipped labels ours {flipped[0]:.3f}, scANVI {flipped[1]:.3f}; {note}"
            if have
            else "scANVI was not run",
        )
        seconds, scvi = of("ours", "seconds")[0], of("scVI", "seconds")[0]
        harmony = of("Harmony", "seconds")[0]
        times = f"ours {seconds:.1f} s, Harmony {harmony:.2f} s"
        have = np.isfinite(scvi)
        row(
            f"{name}: CPU time to the embedding / scVI's",
            seconds / scvi if have else None,
            1 / 3,
            "lower",
            unit="ratio",
            peer="scVI",
            seeds=seeds,
            note=f"{times}, scVI {scvi:.0f} s at its default epochs; {note}" if have else f"scVI was not run; {times}",
        )
    for what, target in (("unsupervised", 0.02), ("all labels", 0.05), ("20 % labels", 0.03)):
        row(
            f"scIB total above the best peer's, mean over data sets, {what}",
            float(np.mean(gains[what])) if gains[what] else None,
            target,
            "higher",
            seeds=seeds,
            peer="scANVI" if "labels" in what else ", ".join(p for p in peers if p in FREE),
            note=f"{len(gains[what])} data sets" + (", own label hidden" if "labels" in what else ""),
        )
