"""How the players move: what is sick in the game itself."""

from statistics import fmean, median, pstdev

from advsci.diagnostics.rules.reading import (
    Finding,
    Records,
    detrended,
    is_on,
    last,
    remedies,
    shares_of_ceiling,
    turns,
)

__all__ = [
    "coupled_batch",
    "exploding_critic",
    "idle_generator",
    "oscillation",
    "overfitting",
    "saturation",
    "vanishing_gradient",
]


def coupled_batch(history: Records, late: Records) -> Finding | None:
    """D(real) depends on the fakes in its batch.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    coupling = last(late, "coupling")
    if coupling is None or coupling < 1e-4:
        return None
    return Finding(
        "batch coupling",
        f"The discriminator's score of a real sample depends on the fakes beside it (relative derivative "
        f"{coupling:.2g}).",
        remedies(
            history,
            ("", "layer, group or instance norm, or none"),
            ("", "couples_batch = True in the layer's class, which has data and samples scored apart"),
        ),
    )


def exploding_critic(history: Records, late: Records) -> Finding | None:
    """The critic's slope is out of all proportion: still growing, or steep where it tells nothing apart.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    slopes = [record["probe/slope_real"] for record in history if "probe/slope_real" in record]
    if len(slopes) < 4:
        return None
    steepest = max(last(late, f"slope_{place}") or 0.0 for place in ("real", "fake", "between"))
    quarter = max(len(slopes) // 4, 1)
    growth = fmean(slopes[-quarter:]) / max(fmean(slopes[quarter : 2 * quarter]), 1e-12)
    accuracy, shares = last(late, "accuracy"), shares_of_ceiling(late)
    blind = accuracy is not None and accuracy < 0.7 and shares is not None and shares["coverage"] < 0.85
    if steepest < 100.0 or not (growth >= 1.5 or blind):
        return None
    beside = (
        f"{growth:.2g} times more than earlier" if growth >= 1.5 else "and yet orders pairs hardly better than chance"
    )
    return Finding(
        "exploding critic",
        f"The critic changes by {steepest:.3g} logits a standard deviation of the data, {beside}.",
        remedies(
            history,
            ("penalty", "R1 and R2 (the default penalties)", "a stronger gradient penalty"),
            ("spectral_norm", "spectral normalisation"),
            ("", "a lower learning rate of the critic"),
        ),
    )


def saturation(history: Records, late: Records) -> Finding | None:
    """The generator gets no signal from a discriminator that has won.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    heard, accuracy = last(late, "signal"), last(late, "accuracy")
    if heard is None or accuracy is None or heard > 0.05 or accuracy < 0.95:
        return None
    return Finding(
        "saturation",
        f"The discriminator orders {100 * accuracy:.1f} % of pairs rightly and passes on {heard:.2g} of its slope.",
        remedies(
            history,
            ("non_saturating", "a non-saturating or relativistic objective"),
            ("r1", "a penalty on the discriminator (R1)", "a stronger R1"),
            ("many_moves", "a slower discriminator", "fewer moves of the discriminator"),
        ),
    )


def overfitting(history: Records, late: Records) -> Finding | None:
    """The discriminator scores its training data above data that it has never seen.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    known = last(late, "memorised")
    if known is None or known < 0.6:
        return None
    return Finding(
        "overfitting discriminator",
        f"A sample that the discriminator was trained on scores above one that it was not in {100 * known:.0f} % of "
        "pairs; 50 % would be even.",
        remedies(
            history,
            ("augmentation", "an augmentation of the data", "a stronger augmentation"),
            ("", "a smaller discriminator"),
            ("penalty", "R1", "a stronger gradient penalty"),
            ("", "a shorter training, or more data"),
        ),
    )


def oscillation(history: Records, late: Records) -> Finding | None:
    """The generator's mass moves to and fro instead of settling.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    series = [[r[f"probe/position_{i}"] for r in late if f"probe/position_{i}" in r] for i in range(3)]
    series = [values for values in series if len(values) >= 6]
    if not series:
        return None
    swing = max(pstdev(detrended(values)) for values in series)
    reversals = max(turns(values) for values in series)
    if swing < 0.15 or reversals < 2:
        return None
    text = (
        f"The mean of the samples swings by {swing:.2g} standard deviations of the data and turned back "
        f"{reversals} times."
    )
    limit, rate = last(late, "stable_rate"), last(late, "rate")
    if limit is not None and rate is not None and rate > limit:
        bound = f"beyond the largest stable one, {limit:.2g}" if limit > 0.0 else "unstable, as any would be"
        text += f" In the spectrum of the game the learning rate {rate:.2g} is {bound}."
    return Finding(
        "oscillation",
        text,
        remedies(
            history,
            ("r1", "R1", "a stronger R1"),
            *([("", "no momentum in the optimizers")] if is_on(history, "momentum") else []),
            ("", "lower rates"),
            ("damped_rotation", "extragradient"),
            ("average", "an average of the generator (EMA)"),
        ),
    )


def idle_generator(history: Records, late: Records) -> Finding | None:
    """The samples are far from the data and cannot have moved, though the discriminator has something to say.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    shares, heard = shares_of_ceiling(late), last(late, "signal")
    if shares is None or heard is None or shares["coverage"] > 0.6 or heard < 0.05:
        return None
    steps = [0, *(record["step"] for record in history)]
    paces = [record.get("probe/pace") for record in history]
    if None in paces:
        return None
    reach = sum(pace * (b - a) for pace, a, b in zip(paces, steps, steps[1:], strict=False))  # type: ignore[operator]
    if reach > 0.5:
        return None
    return Finding(
        "idle generator",
        f"All its steps together can have changed the generator's parameters by {100 * reach:.2g} % of their norm, and "
        f"its samples cover {100 * shares['coverage']:.0f} % of what data cover.",
        remedies(
            history,
            ("", "a higher learning rate of the generator"),
            ("", "a longer training"),
            ("", "to look for frozen parameters"),
        ),
    )


def vanishing_gradient(history: Records, late: Records) -> Finding | None:
    """The generator's gradient is a small fraction of what it was.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    norms = [record["generator/gradient_norm"] for record in history if "generator/gradient_norm" in record]
    if len(norms) < 4:
        return None
    ratio = median(norms[-max(len(norms) // 4, 1) :]) / max(max(norms[: max(len(norms) // 4, 1)]), 1e-300)
    shares = shares_of_ceiling(late)
    if ratio > 1e-4 or (shares is not None and shares["coverage"] > 0.85):
        return None
    return Finding(
        "vanishing signal",
        f"The generator's gradient has shrunk to {ratio:.1g} of its start.",
        remedies(
            history,
            ("non_saturating", "a non-saturating or relativistic objective"),
            ("r1", "a penalty on the discriminator (R1)", "a stronger R1"),
        ),
    )
