r"""The status of every cell: reproduced, deviates, data absent, or left to the full form.

A cell is judged by the mean over its seeds; its interval is Student's, :math:`\bar x \pm t_{0.975, n-1}\, s / \sqrt n`.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from advsci.papers.paper import Cell, Effort, Paper

__all__ = ["Result", "Status", "interval", "judge"]

Status = Literal["reproduced", "deviates", "data absent", "left to --full"]


@dataclass(frozen=True)
class Result:
    """A published cell with what was measured.

    Attributes
    ----------
    cell
        What was published.
    values
        Ours, one a seed; empty where nothing was measured.
    status
        Its status.
    reason
        Why it is no reproduction, in words; empty where it is one.
    """

    cell: Cell
    values: tuple[float, ...]
    status: Status
    reason: str = ""

    @property
    def ours(self) -> float | None:
        """Mean over the seeds."""
        return math.fsum(self.values) / len(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """Half the width of the 95 % interval of the mean; None with fewer than two seeds."""
        return interval(self.values)

    def record(self) -> dict[str, Any]:
        """The result as plain values, for JSON and CSV.

        Returns
        -------
        dict
            Cell, published and own numbers, seeds, status and reason.
        """
        cell = self.cell
        return {
            "cell": cell.name,
            "row": cell.row,
            "column": cell.column,
            "published": cell.published,
            "published error": cell.error,
            "ours": self.ours,
            "interval": self.spread,
            "seeds": len(self.values),
            "tolerance": cell.tolerance,
            "relative": cell.relative,
            "least": cell.least,
            "most": cell.most,
            "control": cell.control,
            "status": self.status,
            "reason": self.reason,
            "values": list(self.values),
        }


def interval(values: Sequence[float]) -> float | None:
    """Half the width of the 95 % interval of a mean.

    Parameters
    ----------
    values
        One a seed.

    Returns
    -------
    float or None
        None with fewer than two values.

    Examples
    --------
    >>> round(interval([1.0, 2.0, 3.0]), 2)
    2.48
    """
    n = len(values)
    if n < 2:
        return None
    from scipy import stats

    mean = math.fsum(values) / n
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    return float(stats.t.ppf(0.975, n - 1)) * deviation / math.sqrt(n)


def judge(
    paper: Paper, measured: Mapping[str, Sequence[float]], effort: Effort = "full", absent: Collection[str] = ()
) -> list[Result]:
    """Give every cell of a paper its status.

    Parameters
    ----------
    paper
        The published cells.
    measured
        Values by the cell's name, one a seed.
    effort
        The form that was run.
    absent
        Data sets that this machine does not have.

    Returns
    -------
    list of Result
        One a cell, in the paper's order.

    Examples
    --------
    >>> from advsci.papers import judge, read_paper
    >>> {result.status for result in judge(read_paper("dirac"), {})}
    {'deviates'}
    """
    return [_judged(cell, tuple(measured.get(cell.name, ())), effort, absent) for cell in paper.cells]


def _judged(cell: Cell, values: tuple[float, ...], effort: Effort, absent: Collection[str]) -> Result:
    if not values and cell.needs in absent:
        where = f"advsci datasets fetch {cell.needs}, or a folder named by ADVSCI_DATA that holds it"
        return Result(cell, (), "data absent", cell.reason or f"Needs the data set {cell.needs}: {where}.")
    if not values and cell.effort == "full" and effort == "quick":
        return Result(cell, (), "left to --full", "Takes too long for the quick form.")
    if not values:
        return Result(cell, (), "deviates", "Nothing was measured.")
    # a statement must hold on every seed, a number on average
    judged = values if isinstance(cell.published, bool) else (math.fsum(values) / len(values),)
    if all(map(cell.expects, judged)):
        return Result(cell, values, "reproduced")
    return Result(cell, values, "deviates", cell.reason or "No reason is known yet.")
