"""Lists of edges: RACIPE's ``.topo`` and ``.tpo`` (``source target type``), Cytoscape's ``.sif`` (``source relation
target ...``).
"""

from collections.abc import Sequence
from pathlib import Path

from advsci.errors import DataError
from advsci.files.text import read_text
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["SIGN_WORDS", "read_sif", "read_topology", "sign_of", "write_sif", "write_topology"]

TYPES = {"1": 1, "2": -1}
BEYOND = {"3", "4", "5", "6"}
"""sRACIPE's regulation of degradation and signalling between proteins."""
SIGN_WORDS = {
    "1": 1, "+1": 1, "+": 1, "1.0": 1, "activation": 1, "activates": 1, "activate": 1, "positive": 1, "->": 1, "up": 1,
    "stimulates": 1, "stimulation": 1, "induces": 1, "induction": 1, "upregulates": 1, "act": 1,
    "-1": -1, "-": -1, "-1.0": -1, "inhibition": -1, "inhibits": -1, "inhibit": -1, "repression": -1, "represses": -1,
    "negative": -1, "-|": -1, "--|": -1, "down": -1, "downregulates": -1, "inh": -1, "suppresses": -1,
}  # fmt: skip
"""How programs of the field write signs, in small letters."""


def sign_of(word: object, where: str) -> int:
    """+1 or -1.

    Parameters
    ----------
    word
        How a file writes the sign.
    where
        Which edge of which file, for the error.

    Raises
    ------
    DataError
        On a word without a sign.
    """
    sign = SIGN_WORDS.get(str(word).strip().lower())
    if sign is None:
        raise DataError(
            f"got the unknown sign {word!r} on {where}; expected words as activates or inhibits, or +1 or -1. "
            "Try: resolve or drop such edges."
        )
    return sign


def read_topology(path: str | Path) -> Circuit:
    """The circuit of a .topo or .tpo file.

    Parameters
    ----------
    path
        The file, also gzipped; the first line may be a header.

    Returns
    -------
    Circuit

    Raises
    ------
    DataError
        On a line without three fields, or a type other than 1 and 2; those of sRACIPE beyond are named.
    """
    path, edges = Path(path), []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = line.replace(",", " ").split()
        if not fields or (number == 1 and fields[-1].lower() in ("type", "interaction")):
            continue
        where = f"line {number} of {path.name}"
        if len(fields) != 3:
            raise DataError(
                f"got '{line[:60]}' in {where}; expected 'source target type'. Try: no spaces in gene names."
            )
        edge = f"{fields[0]} -> {fields[1]}"
        if fields[2] in BEYOND:
            raise DataError(
                f"got type {fields[2]} on {edge} in {where}: sRACIPE's regulation of degradation or signalling; "
                "expected transcription, 1 (activation) or 2 (inhibition). Try: the type that has the same sign."
            )
        if fields[2] not in TYPES:
            raise DataError(
                f"got the unknown sign (type) '{fields[2]}' on {edge} in {where}; expected 1 or 2. Try: RACIPE's types."
            )
        edges.append((fields[0], fields[1], TYPES[fields[2]]))
    return Circuit.from_edges(edges, name=path.name.split(".")[0])


def write_topology(circuit: Circuit) -> str:
    """RACIPE's text.

    Parameters
    ----------
    circuit
        A circuit whose genes all have an edge.

    Raises
    ------
    DataError
        On a gene without any edge, or with a space in its name: the format cannot hold it.
    """
    linked = {gene for source, target, _ in circuit.edges for gene in (source, target)}
    lost = [gene for gene in circuit.genes if gene not in linked or len(gene.split()) != 1 or "," in gene]
    if lost:
        raise DataError(
            f"got the gene '{lost[0]}' without an edge or with a space in its name; expected what .topo can hold. "
            "Try: .graphml."
        )
    lines = ["Source Target Type"] + [f"{s} {t} {1 if sign > 0 else 2}" for s, t, sign in circuit.edges]
    return "\n".join(lines) + "\n"


def read_sif(path: str | Path) -> Circuit:
    """The circuit of a Cytoscape .sif file; a line with one field is a gene.

    Parameters
    ----------
    path
        The file, also gzipped; fields are parted by tabs where a line has any, else by spaces.

    Returns
    -------
    Circuit

    Raises
    ------
    DataError
        On a relation without a sign.
    """
    path, edges, genes = Path(path), [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = [f.strip() for f in line.split("\t")] if "\t" in line else line.split()
        if len(fields) == 2:
            raise DataError(
                f"got '{line[:60]}' in line {number} of {path.name}; expected 'source relation target'. Try: A "
                "inhibits B."
            )
        ends = [*fields[:1], *fields[2:]]
        genes += ends
        for target in fields[2:]:
            where = f"{fields[0]} -> {target} in line {number} of {path.name}"
            edges.append((fields[0], target, sign_of(fields[1], where)))
    return Circuit.from_edges(edges, list(dict.fromkeys(genes)), path.name.split(".")[0])


def write_sif(circuit: Circuit) -> str:
    """Tab-separated ``source activates|inhibits target``; genes without an edge have a line of their own.

    Parameters
    ----------
    circuit
        The circuit.
    """
    linked: set[Sequence[str]] = {gene for source, target, _ in circuit.edges for gene in (source, target)}
    lines = [f"{s}\t{'activates' if sign > 0 else 'inhibits'}\t{t}" for s, t, sign in circuit.edges]
    return "\n".join([*lines, *(gene for gene in circuit.genes if gene not in linked)]) + "\n"
