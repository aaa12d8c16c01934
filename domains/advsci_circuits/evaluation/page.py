"""What pages say of circuits: ranked designs, one circuit, a generator's sample beside its nulls."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from advsci.report import Report
from advsci.streams import Stream
from advsci_circuits.design.proposal import Proposal
from advsci_circuits.dynamics.functions import oscillation
from advsci_circuits.dynamics.stochastic import tau_leaping
from advsci_circuits.evaluation.diagram import Diagram
from advsci_circuits.evaluation.pictures import (
    WORDS,
    bifurcation_figure,
    circuit_figure,
    robustness_figure,
    time_course_figure,
)
from advsci_circuits.evaluation.scores import SampleScores
from advsci_circuits.formats.course import Course, course_of
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.graphs.cycles import cycle_signs
from advsci_circuits.networks.plausibility import Plausibility

__all__ = ["circuit_section", "designs_section", "diagram_section", "sample_section", "search_section"]


def designs_section(
    page: Report,
    proposals: Sequence[Proposal],
    function: str,
    known: Collection[bytes] | None,
    real: Callable[[Circuit], Plausibility | None],
) -> None:
    """A section for ranked designs: table, drawings, the first one's time course.

    Parameters
    ----------
    page
        Where it is written.
    proposals
        Designs, best first.
    function
        What they were designed for.
    known
        Keys of published circuits; None where no such data are at hand.
    real
        Whether a circuit would be taken for a real one.
    """
    rows = []
    for rank, proposal in enumerate(proposals, 1):
        positive, _, negative = cycle_signs(proposal.circuit.signs)
        rows.append(
            {
                "rank": rank,
                "circuit": ", ".join(f"{s}{'→' if sign > 0 else '⊣'}{t}" for s, t, sign in proposal.circuit.edges),
                "robustness [%]": f"{100 * proposal.share:.1f} ({100 * proposal.low:.1f}-{100 * proposal.high:.1f})",
                "published": "unknown" if known is None else ("yes" if proposal.key in known else "no"),
                "taken for real": _said(real(proposal.circuit)),
                "log likelihood": "" if proposal.log_likelihood is None else f"{proposal.log_likelihood:.1f}",
                "feedback": " ".join(w for w, have in (("positive", positive), ("negative", negative)) if have),
            }
            | (_rhythm(proposal) if function == "oscillation" else {})
        )
    page.section(
        "Ranked designs",
        f"Robustness is the share of random parameter sets that show {function}, with a 95 % interval, from a draw "
        "that the search had not seen. The SBML files carry one parameter set that shows it.",
    )
    page.table(
        rows,
        caption="Designs, most robust first. Of oscillators also the period (in units of the decay rates), relative "
        "amplitude, and the spread of the period with about a hundred molecules per gene. Taken for real: probability "
        "at even odds between real circuits and random ones of the same make; off where the judge has no say.",
    )
    page.figure(circuit_figure([p.circuit for p in proposals[:5]]), caption="Blue arrows activate, red bars repress.")
    first = next((p for p in proposals if p.model is not None), None)
    if first is not None:
        course = course_of(KineticCircuit(first.circuit, first.model), Stream(0))
        page.figure(
            time_course_figure(first.circuit.genes, course.times, course.levels),
            caption=f"Time course of {first.circuit.name}.",
        )


def _said(real: Plausibility | None) -> str:
    """Probability of being taken for a real circuit, with the judges' least and greatest; off where none has a say."""
    return "off" if real is None else f"{real.p:.2f} ({real.low:.2f}-{real.high:.2f})"


def _rhythm(proposal: Proposal) -> dict[str, str]:
    """Period, relative amplitude and, with about a hundred molecules of each gene, the spread of the period."""
    if proposal.model is None:
        return {"period": "", "amplitude": "", "period's spread": ""}
    model, end = proposal.model, 400.0
    start = 0.5 * model.rate / model.decay * torch.linspace(0.2, 1.0, model.genes, dtype=model.rate.dtype)
    found = oscillation(model, start, end)
    times = torch.linspace(0, end, 401, dtype=start.dtype)
    omega = 100 / float((model.rate / model.decay).mean())
    counts = tau_leaping(model, (start * omega).round(), times, Stream(11), omega)[0, 200:, 0]
    centred = counts - counts.mean()
    rises = ((centred[:-1] < 0) & (centred[1:] >= 0)).nonzero()[:, 0].double().diff()
    spread = f"{100 * float(rises.std() / rises.mean()):.0f} %" if len(rises) > 2 else ""
    return {
        "period": f"{float(found.period):.3g}",
        "amplitude": f"{float(found.amplitude):.2f}",
        "period's spread": spread,
    }


def search_section(page: Report, facts: Sequence[Mapping[str, Any]], told: str = "") -> None:
    """How the search went: mixing of the chains, and the front between function and likelihood.

    Parameters
    ----------
    page
        Where it is written.
    facts
        One row per size and weight, as `advsci_circuits.design.proposal.Search` holds them.
    told
        A sentence on the kept part.
    """
    page.section(
        "How the designs were sampled",
        "Chains sample circuits with a density of (likelihood of real circuits)^weight times a guess of success. "
        "Higher "
        "weights give circuits more like published ones. R-hat near one means that the chains have forgotten their "
        f"starts. {told}",
    )
    page.table([dict(row) for row in facts], caption="Chains, per size and weight.")


def circuit_section(
    page: Report,
    loaded: KineticCircuit,
    course: Course,
    rows: list[tuple[str, float, float, float]],
    diagram: Diagram | None = None,
    told: Sequence[str] = (),
) -> None:
    """Sections on one circuit: drawing, feedback, one parameter set, robustness.

    Parameters
    ----------
    page
        Where they are written.
    loaded
        The circuit and its start values.
    course
        The time course that is shown, and the kinetics behind it.
    rows
        Functions with share, low and high end of its interval.
    diagram
        Steady states along a parameter, where there is one to vary.
    told
        Sentences on whether it would be taken for a real one.
    """
    circuit = loaded.circuit
    positive, negative, longer = cycle_signs(np.asarray(circuit.signs))
    page.section("Circuit").figure(circuit_figure([circuit]), caption="Blue arrows activate, red bars repress.")
    page.bullets(
        [
            f"Positive feedback: {'yes' if positive else 'no'} (several steady states need it).",
            f"Negative feedback of two genes or more: {'yes' if longer else 'no'} (sustained oscillation needs it).",
            f"Negative autoregulation only: {'yes' if negative and not longer else 'no'}.",
        ]
    )
    if told:
        page.bullets(list(told))
    page.section("One parameter set", course.origin)
    page.figure(time_course_figure(circuit.genes, course.times, course.levels), caption="Time course.")
    if diagram is not None:
        diagram_section(page, diagram)
    page.section("Robustness").figure(
        robustness_figure(rows), caption="Share of random parameter sets with each function, 95 % intervals."
    )


def diagram_section(page: Report, diagram: Diagram) -> None:
    """A section on steady states along one parameter.

    Parameters
    ----------
    page
        Where it is written.
    diagram
        The branches.
    """
    free = diagram.varied
    told = f"{free.name} goes from {free.low:g} to {free.high:g}; it is {free.value:g} here."
    page.section(
        "Steady states along one parameter",
        f"{told} Branches are followed round their folds. At a fold two steady states meet and vanish, at a Hopf point "
        "an oscillation begins or ends, at a branch point two branches cross.",
    )
    page.figure(bifurcation_figure(diagram), caption=f"Steady {diagram.genes[-1]}. Lines attract, dotted ones repel.")
    ends = [", ".join(dict.fromkeys(branch.stops)) for branch in diagram.branches]
    page.bullets(
        [
            f"Branch {number}: {len(b.values)} points; {end}."
            for number, (b, end) in enumerate(zip(diagram.branches, ends, strict=True), 1)
        ]
    )
    if diagram.special:
        page.table(
            [
                {
                    "point": WORDS[row["kind"]], diagram.varied.name: f"{row['value']:.6g}",
                    "period": "" if row["period"] is None else f"{row['period']:.4g}",
                } | {gene: f"{level:.4g}" for gene, level in list(row["levels"].items())[:8]}
                for row in diagram.special
            ],
            caption="Special points, the period of the oscillation that is born there, and levels.",
        )  # fmt: skip


def sample_section(page: Report, scores: SampleScores) -> None:
    """Sections on a generator's samples.

    Parameters
    ----------
    page
        Where they are written.
    scores
        What `advsci_circuits.evaluation.scores.sample_scores` found.
    """
    page.section("Valid, unique, novel").table(
        scores.novelty, caption="Isomorphism is exact; novel against all training graphs."
    )
    page.section("Distance to held-out circuits").table(
        scores.distance,
        caption="MMD² over that of the training set (1: as close as it), and a classifier's bound; nulls below.",
    )
    page.table(
        [scores.coverage],
        caption="Precision, recall, density, coverage in a random network's features, standardised by the real ones.",
    )
