"""Boolean networks in .bnet: signs are computed from the rules, never believed.

A line is ``target, rule`` with ``& | !``, parentheses and the constants 0 and 1. Gene j acts on gene i with sign s when
turning j on changes i's rule only ever in the direction s over the whole truth table; in both directions the edge is
*dual* and has no sign.
"""

import re
from pathlib import Path

import numpy as np

from advsci.errors import DataError
from advsci_circuits.formats.untrusted import read_text
from advsci_circuits.graphs.circuit import MAX_GENES, Circuit

__all__ = ["parse_bnet", "read_bnet", "rule_signs", "write_bnet"]

MOST_INPUTS = 18  # 2^18 rows of a truth table
TOKEN = re.compile(r"\s*(?:([A-Za-z_0-9][\w.\-/:@\[\]]*)|([!&|()~]))")
DEEPEST = 60  # nested parentheses


def _tokens(rule: str) -> list[str]:
    tokens, place = [], 0
    rule = rule.strip()
    while place < len(rule):
        match = TOKEN.match(rule, place)
        if not match:
            raise DataError(f"got the character {rule[place]!r} in the rule '{rule}'; expected names, & | ! ( ) 0 1")
        tokens.append(match[1] or match[2].replace("~", "!"))
        place = match.end()
    return tokens


class _Rule:
    """A recursive-descent parser that evaluates the rule on truth-table columns as it reads."""

    def __init__(self, tokens: list[str], columns: dict[str, np.ndarray], rows: int):
        self.tokens, self.columns, self.rows, self.place, self.depth = tokens, columns, rows, 0, 0

    def value(self) -> np.ndarray:
        result = self._either()
        if self.place < len(self.tokens):
            raise DataError(f"got '{self.tokens[self.place]}' after a complete rule; expected its end")
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
            raise DataError(f"got a rule nested over {DEEPEST} deep; expected a flatter one. Try: its disjunctive form")
        try:
            if token == "!":
                return ~self._single()
            if token == "(":
                value = self._either()
                if self._next() != ")":
                    raise DataError("got an opening parenthesis without its closing one in a rule")
                self.place += 1
                return value
            if token in ("0", "1", "True", "False", "true", "false"):
                return np.full(self.rows, token in ("1", "True", "true"))
            if token is None or token in "&|)":
                raise DataError(f"got {token!r} where a rule needs a name, '!' or '('")
            return self.columns[token]
        finally:
            self.depth -= 1


def rule_signs(rule: str) -> dict[str, int]:
    """Sign of every regulator that has an effect in a Boolean rule: +1, -1, or 0 where it acts both ways.

    Raises
    ------
    DataError
        On a rule that does not parse or has more than 18 regulators.
    """
    tokens = _tokens(rule)
    constants = {"0", "1", "True", "False", "true", "false", "!", "&", "|", "(", ")"}
    names = list(dict.fromkeys(token for token in tokens if token not in constants))
    if len(names) > MOST_INPUTS:
        raise DataError(f"got a rule with {len(names)} regulators; expected at most {MOST_INPUTS}. Try: split the rule")
    rows = 1 << len(names)
    bits = np.arange(rows)
    columns = {name: (bits >> k) & 1 == 1 for k, name in enumerate(names)}
    table = _Rule(tokens, columns, rows).value().reshape((2,) * len(names))
    signs: dict[str, int] = {}
    for k, name in enumerate(names):
        off, on = np.split(table, 2, axis=len(names) - 1 - k)
        rises, falls = bool((~off & on).any()), bool((off & ~on).any())
        if rises or falls:
            signs[name] = int(rises) - int(falls)
    return signs


def parse_bnet(text: str) -> dict[str, str]:
    """Target -> rule of .bnet text.

    Raises
    ------
    DataError
        On a line without a comma, or a target that comes twice.
    """
    rules: dict[str, str] = {}
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if not line or re.fullmatch(r"targets\s*,\s*(factors|functions)", line):
            continue
        target, comma, rule = line.partition(",")
        if not comma or not rule.strip():
            raise DataError(f"got the line '{line[:60]}'; expected 'target, rule'. Try: the .bnet format")
        target = target.strip()
        if target in rules:
            raise DataError(
                f"got the duplicate gene or species '{target}'; expected one rule a target. Try: remove one"
            )
        rules[target] = rule.strip()
    return rules


def read_bnet(
    source: str | Path, name: str | None = None, *, identity_is_input: bool = True, dual: str = "refuse"
) -> Circuit:
    """The circuit of a Boolean network.

    Parameters
    ----------
    source : path, or the text itself where it holds a line break
    identity_is_input : bool
        A rule ``x, x`` is the format's usual way to write an input; False reads it as self-activation.
    dual : {"refuse", "drop"}
        What to do with regulators that both activate and repress.

    Raises
    ------
    DataError
        On text that does not parse, dual regulators (unless dropped), no regulation, or over 100 genes.
    """
    is_text = isinstance(source, str) and "\n" in source
    text = source if is_text else read_text(source)
    rules = parse_bnet(str(text))
    genes = list(rules)
    if len(genes) > MAX_GENES:
        raise DataError(f"got {len(genes)} genes; expected at most {MAX_GENES}. Try: a sub-circuit")
    edges = []
    for target, rule in rules.items():
        if identity_is_input and rule.strip("() ") == target:
            continue
        for regulator, sign in rule_signs(rule).items():
            if sign == 0:
                if dual == "drop":
                    continue
                raise DataError(
                    f"got the unknown sign of {regulator} on {target}: it both activates and represses; "
                    "expected one sign. Try: dual='drop'"
                )
            edges.append((regulator, target, sign))
            if regulator not in genes:
                genes.append(regulator)
    title = name or ("circuit" if is_text else Path(str(source)).stem)
    return Circuit.from_edges(edges, genes, title)


def write_bnet(circuit: Circuit) -> str:
    """Rules with exactly the circuit's signs: any activator, and no repressor; an unregulated gene is constantly on."""
    lines = ["targets, factors"]
    for i, gene in enumerate(circuit.genes):
        activators = [circuit.genes[j] for j in np.flatnonzero(circuit.signs[i] > 0)]
        repressors = ["!" + circuit.genes[j] for j in np.flatnonzero(circuit.signs[i] < 0)]
        some = " | ".join(activators)
        if activators and repressors:
            some = f"({some})"
        lines.append(f"{gene}, " + (" & ".join(([some] if some else []) + repressors) or "1"))
    return "\n".join(lines) + "\n"
