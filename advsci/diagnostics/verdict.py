"""What is sick, and what to change: from the numbers of a `Probe` to words.

Each rule reads the records of a run and compares a detector with what real data themselves score, never with a fixed
ideal. Causes come before symptoms: a diverged, coupled, exploding, silent or circling game is named before what it did
to the samples. Advice never names what is on already (`advsci.diagnostics.settings_of`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from advsci.diagnostics import rules
from advsci.diagnostics.rules.reading import Finding, Records, adversaries_of, share_read, shares_of_ceiling
from advsci.errors import DataError

__all__ = ["RULES", "Diagnosis", "Finding", "judge"]

Rule = Callable[[Records, Records], Finding | None]

RULES: tuple[Rule, ...] = (
    rules.coupled_batch,
    rules.dead_generator,
    rules.exploding_critic,
    rules.saturation,
    rules.overfitting,
    rules.oscillation,
    rules.idle_generator,
    rules.fooled_frechet,
    rules.mode_dropping,
    rules.shrunken_samples,
    rules.manifold_collapse,
    rules.junk,
    rules.rank_collapse,
    rules.vanishing_gradient,
    rules.ill_conditioned,
)
"""Of adversarial games, in the order in which findings are listed: causes first, after divergence."""

DOMAIN_RULES: tuple[Rule, ...] = (rules.deaf_adversary, rules.readable_domain)
"""Of domain-adversarial games."""


@dataclass(frozen=True)
class Diagnosis:
    """All findings, the most causal first; empty for a healthy training.

    Parameters
    ----------
    findings
        What was found.
    probed
        Whether a `Probe` looked on.
    remarks
        Sentences that are no findings.

    Examples
    --------
    >>> from advsci.diagnostics import judge
    >>> print(judge([{"step": 1, "generator/objective": 0.7, "discriminator/objective": 0.7}]).text())
    Nothing stands out, but the run was not probed. Try: Trainer(callbacks=[Probe(data)]).
    """

    findings: tuple[Finding, ...]
    probed: bool
    """Whether a `Probe` looked on."""
    remarks: tuple[str, ...] = ()
    """Sentences that are no findings: what adversaries read, what could not be seen."""

    @property
    def verdict(self) -> str:
        """The name of the first finding, ``"healthy"``, or ``"unknown"`` where the run was not probed."""
        return self.findings[0].name if self.findings else "healthy" if self.probed else "unknown"

    def text(self) -> str:
        """The diagnosis as one paragraph per finding, then the remarks."""
        parts = [f"{f.name}: {f.evidence} {f.advice}" for f in self.findings]
        if not parts and not self.probed:
            parts = ["Nothing stands out, but the run was not probed. Try: Trainer(callbacks=[Probe(data)])."]
        elif not parts:
            parts = ["Healthy: " + (self.remarks[0] if self.remarks else "nothing stands out.")]
        return "\n\n".join([*parts, *self.remarks[0 if self.findings or not self.probed else 1 :]])


def judge(records: Records) -> Diagnosis:
    """The diagnosis of a run from its records.

    Parameters
    ----------
    records
        ``training.log``, or ``Run.records()``: one mapping per logging step.

    Returns
    -------
    Diagnosis
        Findings, the most causal first.

    Raises
    ------
    DataError
        There are no records.

    Examples
    --------
    >>> judge([{"step": i, "generator/gradient_norm": 10.0**-i} for i in range(12)]).verdict
    'vanishing signal'
    """
    if not records:
        raise DataError("got no records; expected at least one logging step. Try: a smaller log_every.")
    domains = adversaries_of(records)
    probed = [r for r in records if "probe/coverage" in r or any(f"probe/loss_{name}" in r for name in domains)]
    history = probed or list(records)
    late = history[len(history) // 2 :]
    applied = (rules.diverged, *(DOMAIN_RULES if domains else RULES))
    # a run that ended on a number that is not finite is known by its last records, probed or not
    findings = (rule(list(records) if rule is rules.diverged else history, late) for rule in applied)
    return Diagnosis(tuple(f for f in findings if f is not None), bool(probed), _remarks(history, late, domains))


def _remarks(history: Records, late: Records, domains: tuple[str, ...]) -> tuple[str, ...]:
    if not domains:
        shares = shares_of_ceiling(late)
        if shares is None:
            return ()
        text = (
            f"samples cover {100 * shares['coverage']:.0f} % of what data cover of themselves, with "
            f"{100 * shares['density']:.0f} % of their density."
        )
        return (text,)
    parts = []
    for name in domains:
        read = [share_read(record, name) for record in history if f"probe/loss_{name}" in record]
        now, most = median(read[-max(len(read) // 4, 1) :]), max(read)
        parts.append(f"{name} reads {100 * max(now, 0.0):.0f} % of its domain (at most {100 * max(most, 0.0):.0f} %)")
    return ("of the features, " + ", ".join(parts) + "; 0 % is chance.",)
