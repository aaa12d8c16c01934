"""The domain's part of ``advsci demo``: a short game between a generator and a discriminator, and designs."""

from pathlib import Path

from advsci.cli import execute
from advsci.report import Report, verdict_section
from advsci.streams import Stream
from advsci_circuits.commands.train import run
from advsci_circuits.config import Train
from advsci_circuits.data.real import batch_of, published_keys, real_circuits
from advsci_circuits.design.posterior import Budget, design
from advsci_circuits.evaluation.page import designs_section, search_section
from advsci_circuits.evaluation.pictures import circuit_figure, time_course_figure
from advsci_circuits.evaluation.vun import vun
from advsci_circuits.formats.course import course_of
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.looks import looks_real
from advsci_circuits.store import load_generator, load_likelihood, load_surrogates, save_designs

__all__ = ["demo"]


def demo(report: Report, out: Path, quick: bool) -> Path:
    """Play the game on the Boolean networks that pyboolnet carries, and design oscillators of at most four genes.

    Parameters
    ----------
    report
        The page that all domains share; a section is added.
    out
        Folder of this part.
    quick
        The smallest form: for tests.

    Returns
    -------
    Path
        The page of the designs.
    """
    settings = Train(  # no simulated function: the page shows the game alone
        out=out / "training", game=True, data="embedded", examples=0, warmup=10 if quick else 80,
        steps=2 if quick else 50, rounds=1, batch=16 if quick else 32, draws=100 if quick else 3000, width=16, blocks=2,
        largest=6, links=0, adversarial=0.2,
    )  # fmt: skip
    generator, _ = load_generator(execute(run, settings))
    known = set(canonical_keys(batch_of(real_circuits("embedded", 3, 6))))
    sizes = 4 + Stream(1).at("sizes").integers(3, (40 if quick else 300,))
    made = generate(generator, sizes, Stream(1).at("sample"))
    score = vun(made, known)
    likelihood, _ = load_likelihood()
    budget = Budget(models=1000 if quick else 6_000, chains=8 if quick else 32, steps=10 if quick else 100,
                    rounds=1, sets=40 if quick else 200, fit_steps=10 if quick else 100)  # fmt: skip
    search = design(likelihood, "oscillation", Stream(2), best=3, budget=budget, surrogates=load_surrogates()[0])
    save_designs(out, search, "oscillation", published_keys())
    page = Report(
        "Gene circuits that oscillate", f"{search.judged} circuits judged by {search.models} simulated models"
    )
    designs_section(page, search.proposals, "oscillation", published_keys(), looks_real)
    search_section(page, search.facts)
    best = search.proposals[0]
    report.section(
        "Gene circuits",
        "A likelihood of real regulatory circuits, learned from the Boolean networks that pyboolnet carries, and "
        "simulated function together gave these oscillators of at most four genes. Their robustness is measured on "
        "kinetics that the search had not seen.",
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
    report.text(
        "Beside it a game was played: a graph network completes real circuits, another judges the whole. "
        "Below are circuits that the first then made from nothing."
    )
    drawn = [c for c in made.circuits() if len(c) == 5][:5]
    report.figure(circuit_figure(drawn), caption="Circuits from the game.")
    report.card("Valid, unique, novel circuits", f"{100 * score.together:.0f} %")
    verdict_section(report, out / "training" / "round0", title="Verdict on the game of circuits")
    return page.write(out / "report.html")
