"""The domain's part of ``make demo``: a small training, a design, a simulated circuit."""

from pathlib import Path

import torch

from advsci.cli import execute
from advsci.report import Report
from advsci.streams import Stream
from advsci_circuits.commands.train import run
from advsci_circuits.config import Train
from advsci_circuits.data.real import real_circuits
from advsci_circuits.design.search import design
from advsci_circuits.evaluation import vun
from advsci_circuits.evaluation.page import designs_section
from advsci_circuits.evaluation.pictures import circuit_figure, time_course_figure
from advsci_circuits.formats.course import course_of
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.store import load_generator, save_designs

__all__ = ["demo"]


def demo(report: Report, out: Path, quick: bool) -> Path:
    """Train on the Boolean networks that pyboolnet carries and design oscillators with at most four genes."""
    settings = Train(
        out=out / "training", data="embedded", examples=40 if quick else 300, sets=16 if quick else 32,
        warmup=40 if quick else 400, steps=4 if quick else 40, rounds=1, surrogate_steps=10 if quick else 150,
        batch=16 if quick else 48, draws=500 if quick else 8000, width=16, blocks=2, largest=6, links=0,
    )  # fmt: skip
    model = execute(run, settings)
    generator, _ = load_generator(model)
    graphs = real_circuits("embedded", 3, 6)
    known = set(canonical_keys(CircuitBatch(torch.from_numpy(graphs.signs), torch.from_numpy(graphs.sizes))))
    sizes = 4 + Stream(1).at("sizes").integers(3, (100 if quick else 500,))
    score = vun(generate(generator, sizes, Stream(1).at("sample")), known)
    search = design(
        generator, "oscillation", Stream(2), max_genes=4, min_genes=3, proposals=40 if quick else 200, refine=1, best=3,
        sets=60 if quick else 300, first_sets=20 if quick else 40,
    )  # fmt: skip
    page = Report(
        "Gene circuits that oscillate", f"{search.judged} circuits judged by {search.models} simulated models"
    )
    save_designs(out, search.proposals, "oscillation")
    designs_section(page, search.proposals, "oscillation", None)
    best = search.proposals[0]
    report.section(
        "Gene circuits",
        "A generator learned real regulatory circuits from the Boolean networks that pyboolnet carries, and from "
        "simulation what oscillates. Asked for oscillators of at most four genes, it proposed these circuits. Their "
        "robustness is measured on kinetics that the search had not seen.",
    )
    report.figure(circuit_figure([p.circuit for p in search.proposals]), caption="The three most robust designs.")
    if best.model is not None:
        course = course_of(KineticCircuit(best.circuit, best.model), Stream(0))
        report.figure(
            time_course_figure(best.circuit.genes, course.times, course.levels), caption="A time course of the first."
        )
    report.card(
        "Oscillates in", f"{100 * best.share:.0f} % of parameter sets",
        note=f"interval {100 * best.low:.0f}-{100 * best.high:.0f} %; the repressilator: about 7 %",
    )  # fmt: skip
    report.card("Valid, unique, novel circuits", f"{100 * score.together:.0f} %")
    return page.write(out / "report.html")
