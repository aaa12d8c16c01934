"""A bifurcation diagram: all branches of steady states along one parameter, with what happens on them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from advsci.streams import Stream
from advsci_circuits.dynamics.continuation import Branch
from advsci_circuits.formats.varied import Varied

__all__ = ["Diagram", "diagram_of"]


@dataclass(frozen=True)
class Diagram:
    """Branches of one circuit's steady states.

    Parameters
    ----------
    varied
        The parameter and its range.
    genes
        Names of the genes.
    branches
        The branches.
    levels : arrays, shape [points, genes]
        Concentrations along each branch.
    """

    varied: Varied
    genes: tuple[str, ...]
    branches: tuple[Branch, ...]
    levels: tuple[np.ndarray, ...]

    @property
    def special(self) -> list[dict[str, Any]]:
        """Folds, Hopf points and branch points, each once: what, where, and the levels of the genes."""
        rows, seen = [], set()
        for branch, levels in zip(self.branches, self.levels, strict=True):
            for point in branch.special:
                key = (point.kind, *(f"{x:.6g}" for x in (point.value, *levels[point.index])))
                if key not in seen:
                    seen.add(key)
                    row: dict[str, Any] = {"kind": point.kind, "value": point.value}
                    row |= {"period": None if np.isnan(point.period) else point.period}
                    rows.append(row | {"levels": self._named(levels[point.index])})
        return sorted(rows, key=lambda row: row["value"])

    def _named(self, levels: np.ndarray) -> dict[str, float]:
        return {gene: float(level) for gene, level in zip(self.genes, levels, strict=True)}

    def facts(self) -> dict[str, Any]:
        """Everything, for JSON.

        Returns
        -------
        dict
            ``parameter``, ``factor``, ``own value``, ``range``, ``special``, and per branch ``stops`` and ``points``
            (value, levels, whether it attracts, the leading eigenvalue).
        """
        told = []
        for branch, levels in zip(self.branches, self.levels, strict=True):
            points = [
                {
                    "value": float(value), "levels": self._named(x), "stable": bool(stable),
                    "leading": [float(np.real(first)), float(np.imag(first))],
                }
                for value, x, stable, first in zip(
                    branch.values, levels, branch.stable, branch.eigenvalues[:, 0], strict=True
                )
            ]  # fmt: skip
            told.append({"stops": list(branch.stops), "points": points})
        return {
            "parameter": self.varied.name, "factor": self.varied.factor, "own value": self.varied.value,
            "range": [self.varied.low, self.varied.high], "special": self.special, "branches": told,
        }  # fmt: skip

    def table(self) -> str:
        """All points as CSV: branch, parameter, whether it attracts, the kind of a special point, levels.

        Returns
        -------
        str
        """
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["branch", self.varied.name, "stable", "special", *self.genes])
        for number, (branch, levels) in enumerate(zip(self.branches, self.levels, strict=True), 1):
            kinds = {point.index: point.kind for point in branch.special}
            for k, (value, x) in enumerate(zip(branch.values, levels, strict=True)):
                rows.writerow(
                    [number, repr(float(value)), int(branch.stable[k]), kinds.get(k, ""), *map(repr, x.tolist())]
                )
        return out.getvalue()


def diagram_of(varied: Varied, genes: Sequence[str], stream: Stream) -> Diagram:
    """The diagram of a parameter over its range.

    Parameters
    ----------
    varied
        The parameter and its range.
    genes
        Names of the genes.
    stream
        Where searches for steady states start from.

    Returns
    -------
    Diagram

    Raises
    ------
    ConvergenceError
        No steady state was found.
    """
    found = varied.branches(stream)
    return Diagram(varied, tuple(genes), tuple(found), tuple(varied.levels(branch) for branch in found))
