"""What the generator gives: how its samples lie in the data."""

from statistics import median

from advsci.diagnostics.rules.reading import Finding, Records, is_on, last, remedies, shares_of_ceiling

__all__ = [
    "dead_generator",
    "fooled_frechet",
    "ill_conditioned",
    "junk",
    "manifold_collapse",
    "mode_dropping",
    "rank_collapse",
    "shrunken_samples",
]


def dead_generator(history: Records, late: Records) -> Finding | None:
    """All samples are the same point up to rounding: the generator does not answer to its latent vectors.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    variance = last(late, "variance")
    if variance is None or variance > 1e-8:
        return None  # it answers to its latent vectors: samples that differ, however little, are a collapse
    norms = [record["generator/gradient_norm"] for record in late if "generator/gradient_norm" in record]
    dead = bool(norms) and median(norms) < 1e-8
    return Finding(
        "dead generator",
        f"All samples are one point: their variance is {variance:.1g} of the data's"
        + (", and no gradient reaches the generator." if dead else "."),
        remedies(
            history,
            (
                "",
                "to look for dead units, a saturated last layer, or latent vectors that do not get through",
            ),
            ("", "another initialisation"),
            ("", "a lower learning rate of the generator"),
        ),
    )


def fooled_frechet(history: Records, late: Records) -> Finding | None:
    """A small Frechet distance beside poor coverage.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    frechet, floor, shares = last(late, "frechet"), last(late, "frechet_floor"), shares_of_ceiling(late)
    if frechet is None or shares is None or shares["coverage"] > 0.8:
        return None
    if frechet > max(0.02, 5.0 * (floor or 0.0)):  # of finite samples real data do not score 0 either
        return None
    return Finding(
        "fooled FID",
        f"The Frechet distance is {frechet:.2g} of the data's variance, yet only {100 * shares['coverage']:.0f} % "
        "of the data that "
        "data cover are covered: mean and covariance agree, the distributions do not.",
        remedies(
            history,
            ("", "not to select by this distance"),
            ("", "a second feature space"),
            ("", "a discriminator that sees more than moments"),
        ),
    )


def mode_dropping(history: Records, late: Records) -> Finding | None:
    """Good samples of a part of the data.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    shares = shares_of_ceiling(late)
    if shares is None or shares["coverage"] > 0.8 or min(shares["precision"], shares["density"]) < 0.6:
        return None
    return Finding(
        "mode dropping",
        f"Samples are as good as data (precision {shares['precision']:.2f}, density {shares['density']:.2f} of the "
        "data's own), "
        f"but cover only {100 * shares['coverage']:.0f} % of what data cover.",
        remedies(
            history,
            ("", "to check sample weights and class balance"),
            ("relativistic", "the relativistic objective"),
            ("penalty", "R1 and R2"),
            ("", "larger batches"),
            ("packing", "packing"),
        ),
    )


def shrunken_samples(history: Records, late: Records) -> Finding | None:
    """Samples deep within the data, where neighbours of data find them in plenty, but with little of their variety.

    In many dimensions the middle of the data lies within the reach of every sample's neighbours: coverage is high and
    density beyond that of data, though no sample is like one of the data. Recall tells, and mostly the variance.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    shares = shares_of_ceiling(late)
    if shares is None or shares["recall"] > 0.3 or shares["density"] < 1.5:
        return None
    averaged = last(late, "averaged_variance")
    variance = averaged if averaged is not None else last(late, "variance")
    spread = "" if variance is None else f" {100 * variance:.0f} % of the data's variance and"
    return Finding(
        "shrunken samples",
        f"The samples have{spread} {100 * shares['recall']:.0f} % of the data's recall: they lie close together deep "
        f"within the data, so that coverage and density ({shares['density']:.1f} of the data's own) say nothing.",
        remedies(
            history,
            ("", "a longer training"),
            ("", "a higher learning rate of the generator"),
            ("", "to check that the generator's last layer reaches the range of the data"),
            *([("", "a lower weight of the penalty")] if is_on(history, "penalty") else []),
            ("relativistic", "the relativistic objective"),
        ),
    )


def manifold_collapse(history: Records, late: Records) -> Finding | None:
    """Samples between the modes: neither dense nor covering.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    shares = shares_of_ceiling(late)
    if shares is None or shares["density"] >= 0.6 or shares["coverage"] >= 0.85:
        return None
    if shares["recall"] > 0.9 and shares["coverage"] > 0.5:
        return None  # everywhere, that is junk rather than collapse
    return Finding(
        "manifold collapse",
        f"Samples lie where data do not (density {shares['density']:.2f}, coverage {shares['coverage']:.2f} of the "
        "data's own).",
        "The discriminator is too smooth or too weak. "
        + remedies(
            history,
            *([("", "a lower weight of the penalty")] if is_on(history, "penalty") else []),
            ("", "a wider discriminator"),
            ("fourier", "Fourier features"),
            ("", "a longer training"),
        ),
    )


def junk(history: Records, late: Records) -> Finding | None:
    """All data are reached, with much besides.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    shares = shares_of_ceiling(late)
    if shares is None or shares["recall"] < 0.9 or shares["precision"] > 0.7:
        return None
    return Finding(
        "junk",
        f"Samples reach the data (recall {shares['recall']:.2f} of the data's own) but many are none (precision "
        f"{shares['precision']:.2f}).",
        remedies(
            history,
            ("", "a longer training"),
            ("average", "an average of the generator (EMA)"),
            ("", "a truncated latent space"),
        ),
    )


def rank_collapse(history: Records, late: Records) -> Finding | None:
    """The generator hardly uses its latent space.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    rank, limit = last(late, "effective_rank"), last(late, "rank_limit")
    shares = shares_of_ceiling(late)
    if rank is None or limit is None or limit < 2 or rank > max(1.05, 0.15 * limit):
        return None
    if shares is not None and shares["coverage"] > 0.85:
        return None  # data on a curve want rank 1
    return Finding(
        "rank collapse",
        f"The generator's Jacobian has an effective rank of {rank:.2f} of {limit:.0f}.",
        remedies(
            history,
            ("conditioning", "a penalty on it (Jacobian conditioning)"),
            ("", "fewer latent dimensions"),
            ("", "to look for a dead layer"),
        ),
    )


def ill_conditioned(history: Records, late: Records) -> Finding | None:
    """The data's covariance is badly conditioned and the samples suffer.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    condition, shares = last(late, "input_condition"), shares_of_ceiling(late)
    if condition is None or shares is None or condition < 1e4 or shares["coverage"] > 0.85:
        return None
    return Finding(
        "ill-conditioned input",
        f"The largest variance of the data is {condition:.1g} times the smallest.",
        remedies(history, ("whitening", "to standardise or whiten the data (advsci.nn.Whitening)")),
    )
