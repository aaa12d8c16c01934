"""What pages say of circuits: ranked designs, one circuit, a generator's sample beside its nulls."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from advsci.metrics import prdc
from advsci.report import Report
from advsci_circuits.design.search import Proposal
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.evaluation.descriptors import describe
from advsci_circuits.evaluation.distance import discrepancy, ratios
from advsci_circuits.evaluation.features import random_features
from advsci_circuits.evaluation.nulls import NULLS, null_sample
from advsci_circuits.evaluation.pictures import (
    bifurcation_figure,
    circuit_figure,
    robustness_figure,
    time_course_figure,
)
from advsci_circuits.evaluation.vun import vun
from advsci_circuits.formats import KineticCircuit
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.cycles import cycle_signs

__all__ = ["circuit_section", "designs_section", "sample_section"]


def designs_section(
    page: Report, proposals: Sequence[Proposal], function: str, known: Collection[bytes] | None
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


def circuit_section(
    page: Report, loaded: KineticCircuit, model: HillModel, rows: list[tuple[str, float, float, float]]
) -> None:
    """Sections on one circuit: drawing, feedback, one parameter set, robustness.

    Parameters
    ----------
    page
        Where they are written.
    loaded
        The circuit and its start values.
    model
        The kinetics that are shown.
    rows
        Functions with share, low and high end of its interval.
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
    page.section("One parameter set", "From the file where it has kinetics, else drawn.")
    page.figure(time_course_figure(circuit, model, start=loaded.start), caption="Time course.")
    page.figure(bifurcation_figure(circuit, model), caption="Steady states as the first gene's production is scaled.")
    page.section("Robustness").figure(
        robustness_figure(rows), caption="Share of random parameter sets with each function, 95 % intervals."
    )


def sample_section(
    page: Report,
    samples: Mapping[str, CircuitBatch],
    real_train: CircuitBatch,
    real_test: CircuitBatch,
    known: Collection[bytes],
    seed: int,
) -> None:
    """Sections on a generator's samples: V.U.N. of each, distances of the last to held-out circuits beside nulls.

    Parameters
    ----------
    page
        Where they are written.
    samples
        Samples by name; the last is compared with real circuits.
    real_train, real_test
        Real circuits, as many as in a sample, of training and of held-out families.
    known
        Keys of all training circuits.
    seed
        Draw of the nulls and of the classifier's splits.
    """
    scores = []
    for name, batch in samples.items():
        v = vun(batch, known)
        scores.append({"sample": name, "valid": v.valid, "unique": v.unique, "novel": v.novel, "V.U.N.": v.together})
    page.section("Valid, unique, novel").table(
        scores, caption="Isomorphism is exact; novel against all training graphs."
    )
    made = list(samples.values())[-1]
    described = {name: describe(s) for name, s in (("train", real_train.matrices()), ("test", real_test.matrices()))}
    compared = {"generator": describe(made.matrices())}
    compared |= {name: describe(null_sample(name, real_train.matrices(), seed)) for name in NULLS}
    rows = []
    for name, sample in compared.items():
        bound = discrepancy(sample, described["test"], seed=seed)
        rows.append({"sample": name} | ratios(sample, described["train"], described["test"]))
        rows[-1]["discrepancy"] = f"{bound.value:.3f} ({bound.low:.3f}-{bound.high:.3f})"
    page.section("Distance to held-out circuits").table(
        rows, caption="MMD² over that of the training set (1: as close as it), and a classifier's bound; nulls below."
    )
    real, fake = random_features(real_test), random_features(made)
    centre, spread = real.mean(0), real.std(0).clamp_min(1e-6)
    shares = prdc((real - centre) / spread, (fake - centre) / spread)
    page.table(
        [{name: float(share) for name, share in shares._asdict().items()}],
        caption="Precision, recall, density, coverage in a random network's features, standardised by the real ones.",
    )
