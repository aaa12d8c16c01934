"""Boolean networks in .bnet: signs are computed from the rules, never believed.

A line is ``target, rule`` with ``& | !``, parentheses and the constants 0 and 1; BooleanNet's ``target* = a and not
b`` is read too. A rule ``x, x`` is a self-activation: it is how the format writes an input that keeps its value. Gene j
acts on gene i with sign s when turning j on changes i's rule only ever in the direction s over the whole truth table;
in both directions the edge is *dual* and has no sign.
"""

import re
from pathlib import Path

import numpy as np

from advsci.errors import DataError
from advsci.files.text import read_text
from advsci_circuits.formats.truth_table import table_signs, truth_columns
from advsci_circuits.graphs.circuit import MAX_GENES, Circuit

__all__ = ["parse_bnet", "read_bnet", "rule_signs", "write_bnet"]

TOKEN = re.compile(r"\s*(?:([A-Za-z_0-9][\w.\-/:@\[\]]*)|(&&|\|\||[!&|()~]))")
DEEPEST = 60
"""Nested parentheses."""
LONGEST = 20_000
"""Characters of a rule."""
WORDS = {"and": "&", "or": "|", "not": "!", "~": "!", "&&": "&", "||": "|"}


def _tokens(rule: str) -> list[str]:
    tokens, place = [], 0
    rule = rule.strip()
    if len(rule) > LONGEST:
        raise DataError(
            f"got a rule of {len(rule):,} characters, '{rule[:60]}...'; expected at most {LONGEST:,}. "
            "Try: its shortest disjunctive form."
        )
    while place < len(rule):
        match = TOKEN.match(rule, place)
        if not match:
            raise DataError(
                f"got the character {rule[place]!r} in the rule '{rule[:60]}'; expected names, & | ! ( ) 0 1. "
                "Try: letters, digits and _ in names."
            )
        word = match[1] or match[2]
        tokens.append(WORDS.get(word.lower(), word))
        place = match.end()
    return tokens


class _Rule:
    """A recursive-descent parser that evaluates the rule on truth-table columns as it reads."""

    def __init__(self, tokens: list[str], columns: dict[str, np.ndarray], rows: int):
        self.tokens, self.columns, self.rows, self.place, self.depth = tokens, columns, rows, 0, 0

    def value(self) -> np.ndarray:
        """Truth values of the whole rule, one per row of the columns."""
        result = self._either()
        if self.place < len(self.tokens):
            raise DataError(
                f"got '{self.tokens[self.place]}' after a complete rule; expected its end. "
                "Try: no spaces in names, & or | between them."
            )
        return result

    def _next(self) -> str | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def _either(self) -> np.ndarray:
        value = self._both()
        while self._next() == "|":
            self.place += 1
            value = value | self._both()
        return value

    def _both(self) -> np.ndarray:
        value = self._single()
        while self._next() == "&":
            self.place += 1
            value = value & self._single()
        return value

    def _single(self) -> np.ndarray:
        token = self._next()
        self.place += 1
        self.depth += 1
        if self.depth > DEEPEST:
            raise DataError(
                f"got a rule nested over {DEEPEST} deep; expected a flatter one. Try: its disjunctive form."
            )
        try:
            if token == "!":
                return ~self._single()
            if token == "(":
                value = self._either()
                if self._next() != ")":
                    raise DataError("got '(' without ')' in a rule; expected pairs. Try: close it.")
                self.place += 1
                return value
            if token in ("0", "1", "True", "False", "true", "false"):
                return np.full(self.rows, token in ("1", "True", "true"))
            if token is None or token in "&|)":
                raise DataError(
                    f"got {token or 'the end'} where a rule needs a name; expected a name, '!' or '('. Try: A & !B."
                )
            return self.columns[token]
        finally:
            self.depth -= 1


def rule_signs(rule: str) -> dict[str, int]:
    """Sign of every regulator that has an effect in a Boolean rule: +1, -1, or 0 where it acts both ways.

    Parameters
    ----------
    rule
        The rule, without its target.

    Examples
    --------
    >>> rule_signs("a & !b | c & b")
    {'a': 1, 'b': 0, 'c': 1}

    Raises
    ------
    DataError
        On a rule that does not parse or has more than 18 regulators.
    """
    tokens = _tokens(rule)
    constants = {"0", "1", "True", "False", "true", "false", "!", "&", "|", "(", ")"}
    names = list(dict.fromkeys(token for token in tokens if token not in constants))
    columns = truth_columns(names, f"'{rule[:60]}'")
    return table_signs(_Rule(tokens, columns, 1 << len(names)).value(), names)


def parse_bnet(text: str) -> dict[str, str]:
    """Target -> rule of .bnet or BooleanNet text.

    Parameters
    ----------
    text
        Lines ``target, rule`` or ``target* = rule``; ``#`` begins a comment; BooleanNet's initial values are skipped.

    Raises
    ------
    DataError
        On a line that is neither, or a target that comes twice.
    """
    rules: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line or re.fullmatch(r"targets\s*,\s*(factors|functions)", line):
            continue
        if re.fullmatch(r"[\w.\-]+\s*=\s*(True|False|Random|0|1)", line):
            continue
        update = re.fullmatch(r"(?:\d+\s*:\s*)?([^*,]+?)\s*\*\s*=\s*(.+)", line)
        target, comma, rule = (update[1], ",", update[2]) if update else line.partition(",")
        if not comma or not rule.strip():
            raise DataError(f"got the line '{line[:60]}' (line {number}); expected 'target, rule'. Try: A, B & !C.")
        target = target.strip()
        if target in rules:
            raise DataError(
                f"got the duplicate gene or species '{target}' (line {number}); expected one rule per target. "
                "Try: remove one."
            )
        rules[target] = rule.strip()
    return rules


def read_bnet(
    source: str | Path, name: str | None = None, *, identity_is_input: bool = False, dual: str = "refuse"
) -> Circuit:
    """The circuit of a Boolean network.

    Parameters
    ----------
    source : path, or the text itself where it holds a line break
        Where the rules are; a file may be gzipped.
    name
        The circuit's name; by default the file's.
    identity_is_input
        True reads a rule ``x, x`` as an input without self-activation.
    dual : {"refuse", "drop"}
        What to do with regulators that both activate and repress.

    Returns
    -------
    Circuit

    Raises
    ------
    DataError
        On text that does not parse, dual regulators (unless dropped), no regulation, or too many genes.

    Examples
    --------
    >>> print(read_bnet("A, !B\\nB, !A", "toggle"))
    toggle: A -| B, B -| A
    """
    is_text = isinstance(source, str) and "\n" in source
    text = source if is_text else read_text(source)
    title = name or ("circuit" if is_text else Path(str(source)).name.split(".")[0])
    rules = parse_bnet(str(text))
    genes = list(rules)
    if len(genes) > MAX_GENES:
        raise DataError(f"got {len(genes)} genes in {title}; expected at most {MAX_GENES}. Try: a sub-circuit.")
    edges = []
    for target, rule in rules.items():
        if identity_is_input and rule.strip("() ") == target:
            continue
        try:
            signs = rule_signs(rule)
        except DataError as error:
            error.args = (f"rule of '{target}' in {title}: {error}",)
            raise
        for regulator, sign in signs.items():
            if sign == 0 and dual == "drop":
                continue
            if sign == 0:
                raise DataError(
                    f"got the unknown sign of '{regulator}' on '{target}' in {title}: it both activates and represses; "
                    "expected one sign. Try: a rule in which it acts one way."
                )
            edges.append((regulator, target, sign))
            if regulator not in genes:
                genes.append(regulator)
    return Circuit.from_edges(edges, genes, title)


def write_bnet(circuit: Circuit) -> str:
    """Rules with exactly the circuit's signs: any activator, and no repressor; an unregulated gene is constantly on.

    Parameters
    ----------
    circuit
        The circuit.

    Raises
    ------
    DataError
        On a gene name that a rule cannot hold.
    """
    odd = [
        gene
        for gene in circuit.genes
        if not TOKEN.fullmatch(gene) or gene.lower() in (*WORDS, "0", "1", "true", "false")
    ]
    if odd:
        raise DataError(
            f"got the gene name '{odd[0]}'; expected letters, digits and _ as .bnet has them. Try: rename it, or "
            ".graphml."
        )
    lines = ["targets, factors"]
    for i, gene in enumerate(circuit.genes):
        activators = [circuit.genes[j] for j in np.flatnonzero(circuit.signs[i] > 0)]
        repressors = ["!" + circuit.genes[j] for j in np.flatnonzero(circuit.signs[i] < 0)]
        some = " | ".join(activators)
        if activators and repressors:
            some = f"({some})"
        lines.append(f"{gene}, " + (" & ".join(([some] if some else []) + repressors) or "1"))
    return "\n".join(lines) + "\n"
