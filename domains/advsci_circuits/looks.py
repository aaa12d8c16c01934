"""What every page says of a circuit's looks: would it be taken for a real one, and is it unlike anything known."""

import torch

from advsci_circuits.evaluation.alarm import LEVEL, unlikeness
from advsci_circuits.evaluation.judge import CircuitJudge
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.networks.plausibility import FEWEST, MOST, Plausibility, plausibility
from advsci_circuits.store import load_generator, load_judge, load_networks

__all__ = ["looks", "looks_real", "small_plausibility"]


def looks_real(circuit: Circuit) -> Plausibility | None:
    """Whether a circuit or network of any size would be taken for a real one, by the models of the package.

    Parameters
    ----------
    circuit
        The circuit.

    Returns
    -------
    Plausibility or None
        None where no judge tells real circuits of unseen families at this size.

    Examples
    --------
    >>> looks_real(Circuit.from_edges([("lacI", "tetR", -1), ("tetR", "lacI", -1)])) is None
    True
    """
    if len(circuit) > MOST:
        return None
    if len(circuit) >= FEWEST:
        return plausibility(load_networks()[0], circuit)
    return small_plausibility(load_judge()[0], circuit)


@torch.no_grad()
def small_plausibility(judge: CircuitJudge, circuit: Circuit) -> Plausibility | None:
    """Whether a circuit of up to twelve genes would be taken for a real one.

    Parameters
    ----------
    judge
        A trained judge.
    circuit
        The circuit.

    Returns
    -------
    Plausibility or None
        By the mean of the members, the least and the greatest; None where the judge has no say.
    """
    if not judge.has_a_say(len(circuit)):
        return None
    logits = judge(CircuitBatch.of([circuit]))[0]
    p, low, high = (x.sigmoid().item() for x in (logits.mean(), logits.min(), logits.max()))
    return Plausibility(p, low, high, "random ones with as many genes, activations and repressions")


def looks(circuit: Circuit) -> list[str]:
    """Sentences for a page.

    Parameters
    ----------
    circuit
        The circuit.
    """
    real, large = looks_real(circuit), len(circuit) >= FEWEST
    if real is None:
        said = (
            f"Would it be taken for a real circuit: off. With {len(circuit)} genes the judge does not tell real "
            "circuits of families that it has not seen (calibrated slope 0 within its interval)."
        )
    else:
        said = (
            f"Would be taken for a real {'network' if large else 'circuit'}: p = {real.p:.2f} "
            f"(judges: {real.low:.2f} to {real.high:.2f}), at even odds between real ones and {real.against}."
        )
    if large:
        return [said, "Unlike anything known: off. Real networks of unseen families raised the alarm too often."]
    unlike = unlikeness(load_generator()[0].prior, circuit)
    if unlike is None:
        return [said, f"Unlike anything known: off. Too few circuits of {len(circuit)} genes are at hand."]
    return [
        said,
        f"Unlike anything known: {'yes' if unlike.alarm else 'no'}. {unlike.p:.1%} of {unlike.known} known circuits of "
        f"its size have contents as far from the middle; the alarm is given up to {LEVEL:.0%}.",
    ]
