"""What is sick, and what to change: from the numbers of a `Probe` to words.

Each rule reads the records of a run and compares a detector with what real data themselves score, never with a fixed
ideal. Causes come before symptoms: a coupled, exploding, silent or circling game is named before what it did to the
samples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev

from advsci.errors import DataError

__all__ = ["RULES", "Diagnosis", "Finding", "judge"]

Records = Sequence[Mapping[str, float | int]]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its name, the evidence in words and numbers, and what to change."""

    name: str
    evidence: str
    advice: str


@dataclass(frozen=True)
class Diagnosis:
    """All findings, the most causal first; empty for a healthy training."""

    findings: tuple[Finding, ...]
    probed: bool

    @property
    def verdict(self) -> str:
        """The name of the first finding, ``"healthy"``, or ``"unknown"`` where the run was not probed."""
        return self.findings[0].name if self.findings else "healthy" if self.probed else "unknown"

    def text(self) -> str:
        """The diagnosis as a paragraph a finding."""
        if not self.findings:
            return (
                "Healthy: samples cover the data as well as data cover themselves, and the game is calm."
                if self.probed
                else "Nothing stands out, but the run was not probed. Try: Trainer(callbacks=[Probe(data)])."
            )
        return "\n\n".join(f"{f.name}: {f.evidence} {f.advice}" for f in self.findings)


def judge(records: Records) -> Diagnosis:
    """The diagnosis of a run from its records (``training.log``, or ``Run.records()``).

    Raises
    ------
    DataError
        There are no records.
    """
    if not records:
        raise DataError("got no records; expected at least one logging step. Try: a smaller log_every.")
    probed = [record for record in records if "probe/coverage" in record]
    history = probed or list(records)
    late = history[len(history) // 2 :]
    findings = tuple(finding for rule in RULES if (finding := rule(history, late)) is not None)
    return Diagnosis(findings, bool(probed))


def _last(late: Records, name: str) -> float | None:
    """The median over the last quarter of the run, None where it was not read."""
    values = [record[f"probe/{name}"] for record in late[len(late) // 2 :] if f"probe/{name}" in record]
    return median(values) if values else None


def coupled_batch(history: Records, late: Records) -> Finding | None:
    """D(real) depends on the fakes in its batch."""
    coupling = _last(late, "coupling")
    if coupling is None or coupling < 1e-4:
        return None
    return Finding(
        "batch coupling",
        f"The discriminator's score of a real sample depends on the fakes beside it (relative derivative "
        f"{coupling:.2g}).",
        "Use layer, group or instance norm or none, or declare couples_batch = True, which has real and fake scored "
        "apart.",
    )


def exploding_critic(history: Records, late: Records) -> Finding | None:
    """The critic's slope is out of all proportion: still growing, or steep where it tells nothing apart."""
    slopes = [record["probe/slope_real"] for record in history if "probe/slope_real" in record]
    if len(slopes) < 4:
        return None
    steepest = max(_last(late, f"slope_{place}") or 0.0 for place in ("real", "fake", "between"))
    quarter = max(len(slopes) // 4, 1)
    growth = fmean(slopes[-quarter:]) / max(fmean(slopes[quarter : 2 * quarter]), 1e-12)
    accuracy, shares = _last(late, "accuracy"), _shares(late)
    blind = accuracy is not None and accuracy < 0.7 and shares is not None and shares["coverage"] < 0.85
    if steepest < 100.0 or not (growth >= 1.5 or blind):
        return None
    beside = (
        f"{growth:.2g} times more than earlier" if growth >= 1.5 else "and yet orders pairs hardly better than chance"
    )
    return Finding(
        "exploding critic",
        f"The critic changes by {steepest:.3g} logits a standard deviation of the data, {beside}.",
        "Add R1 and R2 (the default penalties), a gradient penalty or spectral normalisation; lower the critic's "
        "learning rate.",
    )


def saturation(history: Records, late: Records) -> Finding | None:
    """The generator gets no signal from a discriminator that has won."""
    heard, accuracy = _last(late, "signal"), _last(late, "accuracy")
    if heard is None or accuracy is None or heard > 0.05 or accuracy < 0.95:
        return None
    return Finding(
        "saturation",
        f"The discriminator orders {100 * accuracy:.1f} % of pairs rightly and passes on {heard:.2g} of its slope.",
        "Use a non-saturating or relativistic objective, penalise the discriminator (R1), or train it less often.",
    )


def oscillation(history: Records, late: Records) -> Finding | None:
    """The generator's mass moves to and fro instead of settling."""
    series = [[r[f"probe/position_{i}"] for r in late if f"probe/position_{i}" in r] for i in range(3)]
    series = [values for values in series if len(values) >= 6]
    if not series:
        return None
    swing = max(pstdev(_detrended(values)) for values in series)
    turns = max(_turns(values) for values in series)
    if swing < 0.15 or turns < 2:
        return None
    text = (
        f"The mean of the samples swings by {swing:.2g} standard deviations of the data and turned back {turns} times."
    )
    limit, rate = _last(late, "stable_rate"), _last(late, "rate")
    if limit is not None and rate is not None and rate > limit:
        bound = f"beyond the largest stable one, {limit:.2g}" if limit > 0.0 else "unstable, as any would be"
        text += f" In the spectrum of the game the learning rate {rate:.2g} is {bound}."
    return Finding(
        "oscillation",
        text,
        "Add R1, drop the optimizer's momentum, lower the rates, or use extragradient; average the generator (EMA).",
    )


def _detrended(values: Sequence[float]) -> list[float]:
    n, mean = len(values), fmean(values)
    centre = (n - 1) / 2
    slope = sum((i - centre) * (v - mean) for i, v in enumerate(values)) / sum((i - centre) ** 2 for i in range(n))
    return [v - mean - slope * (i - centre) for i, v in enumerate(values)]


def _turns(values: Sequence[float]) -> int:
    """How often the series crosses its own trend."""
    rest = _detrended(values)
    return sum(a * b < 0 for a, b in zip(rest, rest[1:], strict=False))


def _shares(late: Records) -> dict[str, float] | None:
    """The neighbourhood scores over what real data score against themselves."""
    shares = {}
    for name in ("precision", "recall", "density", "coverage"):
        value, ceiling = _last(late, name), _last(late, f"{name}_ceiling")
        if value is None or ceiling is None:
            return None
        shares[name] = value / max(ceiling, 1e-6)
    return shares


def fooled_frechet(history: Records, late: Records) -> Finding | None:
    """A small Frechet distance beside poor coverage."""
    frechet, floor, shares = _last(late, "frechet"), _last(late, "frechet_floor"), _shares(late)
    if frechet is None or shares is None or shares["coverage"] > 0.8:
        return None
    if frechet > max(0.02, 5.0 * (floor or 0.0)):  # of finite samples real data do not score 0 either
        return None
    return Finding(
        "fooled FID",
        f"The Frechet distance is {frechet:.2g} of the data's variance, yet only {100 * shares['coverage']:.0f} % "
        "of the data that "
        "data cover are covered: mean and covariance agree, the distributions do not.",
        "Do not select by this distance; compare in a second feature space, and give the discriminator more than "
        "moments to see.",
    )


def mode_dropping(history: Records, late: Records) -> Finding | None:
    """Good samples of a part of the data."""
    shares = _shares(late)
    if shares is None or shares["coverage"] > 0.8 or min(shares["precision"], shares["density"]) < 0.6:
        return None
    return Finding(
        "mode dropping",
        f"Samples are as good as data (precision {shares['precision']:.2f}, density {shares['density']:.2f} of the "
        "data's own), "
        f"but cover only {100 * shares['coverage']:.0f} % of what data cover.",
        "Check sample weights and class balance; use the relativistic objective with R1 and R2, larger batches, or "
        "packing.",
    )


def manifold_collapse(history: Records, late: Records) -> Finding | None:
    """Samples between the modes: neither dense nor covering."""
    shares = _shares(late)
    if shares is None or shares["density"] >= 0.6 or shares["coverage"] >= 0.85:
        return None
    if shares["recall"] > 0.9 and shares["coverage"] > 0.5:
        return None  # everywhere, that is junk rather than collapse
    return Finding(
        "manifold collapse",
        f"Samples lie where data do not (density {shares['density']:.2f}, coverage {shares['coverage']:.2f} of the "
        "data's own).",
        "The discriminator is too smooth or too weak: lower gamma, widen it, add Fourier features, or train longer.",
    )


def junk(history: Records, late: Records) -> Finding | None:
    """All data are reached, with much besides."""
    shares = _shares(late)
    if shares is None or shares["recall"] < 0.9 or shares["precision"] > 0.7:
        return None
    return Finding(
        "junk",
        f"Samples reach the data (recall {shares['recall']:.2f} of the data's own) but many are none (precision "
        f"{shares['precision']:.2f}).",
        "Train longer, average the generator (EMA), or truncate the latent space.",
    )


def rank_collapse(history: Records, late: Records) -> Finding | None:
    """The generator hardly uses its latent space."""
    rank, limit = _last(late, "effective_rank"), _last(late, "rank_limit")
    shares = _shares(late)
    if rank is None or limit is None or limit < 2 or rank > max(1.05, 0.15 * limit):
        return None
    if shares is not None and shares["coverage"] > 0.85:
        return None  # data on a curve want rank 1
    return Finding(
        "rank collapse",
        f"The generator's Jacobian has an effective rank of {rank:.2f} of {limit:.0f}.",
        "Penalise it (Jacobian conditioning), shrink the latent space, or look for a dead layer.",
    )


def vanishing_gradient(history: Records, late: Records) -> Finding | None:
    """The generator's gradient is a small fraction of what it was."""
    norms = [record["generator/gradient_norm"] for record in history if "generator/gradient_norm" in record]
    if len(norms) < 4:
        return None
    ratio = median(norms[-max(len(norms) // 4, 1) :]) / max(max(norms[: max(len(norms) // 4, 1)]), 1e-300)
    shares = _shares(late)
    if ratio > 1e-4 or (shares is not None and shares["coverage"] > 0.85):
        return None
    return Finding(
        "vanishing signal",
        f"The generator's gradient has shrunk to {ratio:.1g} of its start.",
        "Use a non-saturating or relativistic objective and penalise the discriminator (R1).",
    )


def ill_conditioned(history: Records, late: Records) -> Finding | None:
    """The data's covariance is badly conditioned and the samples suffer."""
    condition, shares = _last(late, "input_condition"), _shares(late)
    if condition is None or shares is None or condition < 1e4 or shares["coverage"] > 0.85:
        return None
    return Finding(
        "ill-conditioned input",
        f"The largest variance of the data is {condition:.1g} times the smallest.",
        "Standardise or whiten the data (advsci.nn.Whitening).",
    )


RULES: tuple[Callable[[Records, Records], Finding | None], ...] = (
    coupled_batch,
    exploding_critic,
    saturation,
    oscillation,
    fooled_frechet,
    mode_dropping,
    manifold_collapse,
    junk,
    rank_collapse,
    vanishing_gradient,
    ill_conditioned,
)
"""In the order in which findings are listed: causes first."""
