"""Messenger RNA and protein of one gene, joined: kinetic models have both, circuits have genes."""

import numpy as np

from advsci_circuits.graphs.circuit import Circuit

__all__ = ["without_messengers"]


def without_messengers(circuit: Circuit) -> tuple[Circuit, list[tuple[str, str]]]:
    """The circuit with every messenger joined to its protein.

    A messenger acts on nothing but one protein, which it activates and which nothing else acts on; it is not acted on
    by nothing.

    Parameters
    ----------
    circuit
        The circuit of a kinetic model.

    Returns
    -------
    (circuit, pairs)
        Proteins under their own names; (messenger, protein) names of what was joined.

    Examples
    --------
    >>> toggle = Circuit.from_edges([("mA", "A", 1), ("mB", "B", 1), ("A", "mB", -1), ("B", "mA", -1)])
    >>> joined, pairs = without_messengers(toggle)
    >>> print(joined)
    circuit: A -| B, B -| A
    """
    signs, pairs = circuit.signs, []
    for m in range(len(circuit)):
        targets = np.flatnonzero(signs[:, m])
        if len(targets) != 1 or targets[0] == m or not signs[m].any():
            continue
        protein = int(targets[0])
        taken = {end for pair in pairs for end in pair}
        if signs[protein, m] > 0 and (signs[protein] != 0).sum() == 1 and not {m, protein} & taken:
            pairs.append((m, protein))
    if not pairs:
        return circuit, []
    joined = signs.copy()
    for m, protein in pairs:
        joined[protein] = signs[m]
    kept = [k for k in range(len(circuit)) if k not in {m for m, _ in pairs}]
    genes = tuple(circuit.genes[k] for k in kept)
    named = [(circuit.genes[m], circuit.genes[protein]) for m, protein in pairs]
    return Circuit(joined[np.ix_(kept, kept)], genes, circuit.name), named
