"""A run that ended on a number that is not finite, or on its way there."""

from math import isfinite
from statistics import median

from advsci.diagnostics.rules.reading import Finding, Records, remedies

__all__ = ["diverged"]


def diverged(history: Records, late: Records) -> Finding | None:
    """The run ended on a number that is not finite, or on its way there.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    last = history[-1]
    named = [key for key in last if key.startswith("diverged/")]
    broken = [
        key
        for record in history
        for key, v in record.items()
        # singular data have an infinite condition number from the start: a fact about them, not about the game
        if isinstance(v, float) and not isfinite(v) and key != "probe/input_condition"
    ]
    norms = {
        key: [r[key] for r in history if key in r]
        for key in last
        if key.endswith("/gradient_norm") or key.startswith("probe/slope_")
    }
    grown = {
        key: values[-1] / max(median(values[: max(len(values) // 2, 1)]), 1e-12)
        for key, values in norms.items()
        if len(values) >= 4
    }
    worst = max(grown, key=grown.__getitem__, default=None)
    runaway = worst is not None and grown[worst] > 1e6
    if not (named or broken or runaway):
        return None
    what = sorted({key.removeprefix("diverged/") for key in [*named, *broken]})
    evidence = (
        f"At step {last['step']:,} {', '.join(what)} {'was' if len(what) == 1 else 'were'} not finite."
        if what
        else f"{worst} grew by a factor of {grown[worst]:.1g}."  # type: ignore[index]
    )
    return Finding(
        "divergence",
        evidence,
        remedies(
            history,
            ("", "lower learning rates"),
            ("penalty", "R1 and R2 (the default penalties)", "a stronger gradient penalty"),
            ("", "data of standard deviation 1"),
        ),
    )
