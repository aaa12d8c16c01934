"""What the commands of ``advsci-circuits`` do beyond training."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from advsci.errors import DataError
from advsci.report import Report
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.config import Complete, Design, Evaluate, Export, Generate, ReportConfig, Simulate
from advsci_circuits.drawing import bifurcation_figure, circuit_figure, robustness_figure, time_course_figure
from advsci_circuits.dynamics.functions import FUNCTIONS, shows
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.dynamics.refine import sharpen
from advsci_circuits.dynamics.robustness import robustness
from advsci_circuits.formats import KineticCircuit, read, write
from advsci_circuits.game.design import Proposal, design
from advsci_circuits.game.links import complete
from advsci_circuits.game.sample import generate
from advsci_circuits.game.store import load_generator
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.graphs.cycles import cycle_signs
from advsci_circuits.library import balanced, library
from advsci_circuits.metrics import NULLS, describe, discrepancy, null_sample, random_features, ratios, vun
from advsci_datasets.circuits import load_gates, load_unique, split_by_family

__all__ = [
    "run_complete", "run_design", "run_evaluate", "run_export", "run_generate", "run_report", "run_simulate",
    "write_designs",
]  # fmt: skip


def _folder(config: Any, name: str) -> Path:
    return Run(config.out if config.out else Path("runs") / f"circuits-{name}-{config.seed}").path


def run_generate(config: Generate) -> Path:
    """Draw circuits, one file each, valid ones only; returns the folder."""
    generator, _ = load_generator(config.model)
    stream = Stream(config.seed)
    if config.smallest > config.largest:
        raise DataError(f"got sizes {config.smallest} to {config.largest}; expected the fewest first")
    sizes = config.smallest + stream.at("sizes").integers(config.largest - config.smallest + 1, (config.count,))
    batch = generate(
        generator, sizes, stream.at("generate"), function=config.function, temperature=config.temperature,
        rounds=config.rounds,
    )  # fmt: skip
    folder = _folder(config, "generated")
    for k, matrix in enumerate(batch.matrices()):
        if matrix.any():
            write(Circuit(matrix, name=f"circuit {k}"), folder / f"circuit_{k:05d}.{config.format}")
    return folder


def run_complete(config: Complete) -> Path:
    """Probabilities of the open pairs as JSON, likeliest edge first, and the completed circuit; returns the JSON."""
    circuit = read(config.file).circuit
    pairs = [tuple(word.split(":")) for word in config.open]
    odd = next((word for word, pair in zip(config.open, pairs, strict=True) if len(pair) != 2), None)
    if odd is not None:
        raise DataError(f"got the pair '{odd}'; expected source:target. Try: --open lacI:tetR")
    found = complete(load_generator(config.model)[0], circuit, [(s, t) for s, t in pairs] or None)
    folder = _folder(config, "completed")
    if pairs:
        write(found.circuit, folder / f"completed.{config.format}")
    path = folder / "links.json"
    path.write_text(json.dumps({"circuit": str(found.circuit), "links": [asdict(k) for k in found.links]}, indent=2))
    return path


def run_design(config: Design) -> Path:
    """Search, write every design as SBML and GraphML, and a page; returns the page."""
    gates = _gates(config.parts)
    keep = read(config.keep).circuit if config.keep is not None else None
    generator, _ = load_generator(config.model)
    search = design(
        generator, config.function, Stream(config.seed), max_genes=config.max_genes, min_genes=config.min_genes,
        keep=keep, proposals=config.proposals, refine=config.refine, best=config.best, sets=config.sets,
        logic=config.logic, gates=gates,
    )  # fmt: skip
    folder = _folder(config, "design")
    page = Report(
        f"Circuits for {config.function}", f"{search.judged} circuits judged, {search.models} models simulated"
    )
    write_designs(page, folder, search.proposals, config.function, _known_keys())
    return page.write(folder / "report.html")


def _gates(parts: Path | str | None) -> list[dict[str, Any]] | None:
    """The user's repressors: a list of objects with the names ``gate`` and ``ucf`` (library)."""
    if parts is None or parts == "cello":
        return None if parts is None else load_gates()
    try:
        gates = json.loads(Path(parts).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise DataError(
            f'got no parts in {parts} ({why}); expected a JSON list like [{{"gate": "A1_AmtR"}}]. Try: --parts cello'
        ) from error
    if not isinstance(gates, list) or not all(isinstance(g, dict) and "gate" in g for g in gates):
        raise DataError(f'got {parts}; expected a JSON list like [{{"gate": "A1_AmtR"}}]')
    return gates


def _known_keys() -> set[bytes] | None:
    """Whole published circuits, where the data are at hand."""
    try:
        return set(canonical_keys(load_unique().matrices()))
    except DataError:
        return None


def write_designs(
    page: Report, folder: Path, proposals: list[Proposal], function: str, known: set[bytes] | None
) -> None:
    """Files and a section for ranked designs."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for rank, proposal in enumerate(proposals, 1):
        stem = folder / f"design_{rank}"
        write(proposal.circuit, stem.with_suffix(".graphml"))
        if proposal.model is not None:
            model = sharpen(proposal.model) if function == "oscillation" else proposal.model
            model = model if bool(shows(function, model, Stream(5))[0]) else proposal.model
            write(proposal.circuit, stem.with_suffix(".sbml"), model)
        positive, _, negative = cycle_signs(proposal.circuit.signs)
        rows.append(
            {
                "rank": rank,
                "circuit": ", ".join(f"{s}{'→' if sign > 0 else '⊣'}{t}" for s, t, sign in proposal.circuit.edges),
                "robustness [%]": f"{100 * proposal.share:.1f} ({100 * proposal.low:.1f}-{100 * proposal.high:.1f})",
                "published": "unknown" if known is None else ("yes" if proposal.key in known else "no"),
                "feedback": " ".join(w for w, have in (("positive", positive), ("negative", negative)) if have),
            }
        )
    page.section(
        "Ranked designs",
        f"Robustness is the share of random parameter sets that show {function}, with a 95 % interval, from a draw "
        "that the search had not seen. The SBML files carry one parameter set that shows it.",
    )
    page.table(rows, caption="Designs, most robust first.")
    page.figure(circuit_figure([p.circuit for p in proposals[:5]]), caption="Blue arrows activate, red bars repress.")
    first = next((p for p in proposals if p.model is not None), None)
    if first is not None and first.model is not None:
        page.figure(time_course_figure(first.circuit, first.model), caption=f"Time course of {first.circuit.name}.")


def _with_kinetics(loaded: KineticCircuit, stream: Stream, logic: str = "product") -> HillModel:
    if loaded.model is not None:
        return loaded.model
    return racipe(CircuitBatch.of([loaded.circuit]).signs, 1, stream.at("kinetics"), logic=logic)


def _judged(circuit: Circuit, functions: tuple[str, ...], sets: int, stream: Stream, **options: Any) -> list[tuple]:
    signs = CircuitBatch.of([circuit]).signs
    rows = []
    for function in functions:
        found = robustness(signs, function, stream.at(function), sets, **options)
        rows.append((function, float(found.share[0]), float(found.low[0]), float(found.high[0])))
    return rows


def run_simulate(config: Simulate) -> Path:
    """Robustness of each function as JSON, and the time course; returns the JSON file."""
    loaded = read(config.file)
    stream = Stream(config.seed)
    rows = _judged(
        loaded.circuit, config.functions, config.sets, stream, logic=config.logic, source=config.source,
        output=config.output,
    )  # fmt: skip
    folder = _folder(config, "simulated")
    figure = time_course_figure(loaded.circuit, _with_kinetics(loaded, stream, config.logic), config.end, loaded.start)
    figure.savefig(folder / "time_course.png", dpi=120)
    facts = {name: {"share": share, "low": low, "high": high} for name, share, low, high in rows}
    path = folder / "functions.json"
    path.write_text(json.dumps({"circuit": str(loaded.circuit), "sets": config.sets, "functions": facts}, indent=2))
    return path


def run_evaluate(config: Evaluate) -> Path:
    """V.U.N., MMD ratios and classifier discrepancy beside their nulls; returns the page."""
    from advsci_circuits.metrics.prdc import prdc

    generator, facts = load_generator(config.model)
    settings = {"seed": 0, "held_out": 0.2} | facts.get("settings", {})
    source = config.data or settings.get("data", "library")
    if source != settings.get("data", source):
        raise DataError(
            f"got the data '{source}' for a model of '{settings['data']}'; expected the same: families it was trained "
            "on would be among those it is judged by. Try: leave --data out"
        )
    graphs = library(source, 3, config.largest)
    # the split of the training, so that no family it saw is on the test side
    train, test = split_by_family(graphs, (1 - settings["held_out"], settings["held_out"]), settings["seed"])
    rng = Stream(config.seed).at("evaluate").numpy()
    real_train = graphs.take(balanced(graphs, train, config.count, rng, config.smallest))
    real_test = graphs.take(balanced(graphs, test, config.count, rng, config.smallest))
    sizes = torch.from_numpy(rng.permutation(real_train.sizes))
    made = generate(generator, sizes, Stream(config.seed).at("generate"))
    raw = generate(generator, sizes, Stream(config.seed).at("raw"), valid=False)
    known = set(
        canonical_keys(CircuitBatch(torch.from_numpy(graphs.signs[train]), torch.from_numpy(graphs.sizes[train])))
    )
    described = {name: describe(s) for name, s in (("train", real_train.matrices()), ("test", real_test.matrices()))}
    samples = {"generator": describe(made.matrices())}
    samples |= {name: describe(null_sample(name, real_train.matrices(), config.seed)) for name in NULLS}
    page = Report("Circuits: a generator against held-out real circuits", f"{config.count} circuits a side")
    scores = []
    for name, batch in (("as drawn", raw), ("invalid ones redrawn", made)):
        v = vun(batch, known)
        scores.append({"sample": name, "valid": v.valid, "unique": v.unique, "novel": v.novel, "V.U.N.": v.together})
    page.section("Valid, unique, novel").table(
        scores, caption="Isomorphism is exact; novel against all training graphs."
    )
    rows = []
    for name, sample in samples.items():
        bound = discrepancy(sample, described["test"], seed=config.seed)
        rows.append({"sample": name} | ratios(sample, described["train"], described["test"]))
        rows[-1]["discrepancy"] = f"{bound.value:.3f} ({bound.low:.3f}-{bound.high:.3f})"
    page.section("Distance to held-out circuits").table(
        rows, caption="MMD² over that of the training set (1: as close as it), and a classifier's bound; nulls below."
    )
    real_features, made_features = random_features(_batch(real_test)), random_features(made)
    page.table(
        [prdc(real_features, made_features)],
        caption="Precision, recall, density, coverage in a random network's features.",
    )
    return page.write(_folder(config, "evaluated") / "report.html")


def _batch(graphs: Any) -> CircuitBatch:
    return CircuitBatch(torch.from_numpy(graphs.signs), torch.from_numpy(graphs.sizes))


def run_export(config: Export) -> Path:
    """Convert one circuit; returns the written file."""
    loaded = read(config.file)
    return write(loaded.circuit, config.to, _with_kinetics(loaded, Stream(config.seed)), loaded.start)


def run_report(config: ReportConfig) -> Path:
    """A page on one circuit."""
    loaded = read(config.file)
    circuit, stream = loaded.circuit, Stream(config.seed)
    model = _with_kinetics(loaded, stream)
    positive, negative, longer = cycle_signs(np.asarray(circuit.signs))
    page = Report(circuit.name, f"{len(circuit)} genes, {len(circuit.edges)} regulations")
    page.section("Circuit").figure(circuit_figure([circuit]), caption="Blue arrows activate, red bars repress.")
    page.bullets(
        [
            f"Positive feedback: {'yes' if positive else 'no'} (several steady states need it).",
            f"Negative feedback of two genes or more: {'yes' if longer else 'no'} (sustained oscillation needs it).",
            f"Negative autoregulation only: {'yes' if negative and not longer else 'no'}.",
        ]
    )
    page.section("One parameter set", "From the file where it has kinetics, else drawn.")
    page.figure(time_course_figure(circuit, model, start=loaded.start), caption="Time course.")
    page.figure(bifurcation_figure(circuit, model), caption="Steady states as the first gene's production is scaled.")
    rows = _judged(circuit, FUNCTIONS if len(circuit) > 1 else FUNCTIONS[:3], config.sets, stream)
    page.section("Robustness").figure(
        robustness_figure(rows), caption="Share of random parameter sets with each function, 95 % intervals."
    )
    return page.write(_folder(config, "report") / "report.html")
