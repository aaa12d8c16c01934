"""What adversaries read of a domain."""

from statistics import median

from advsci.diagnostics.rules.reading import Finding, Records, adversaries_of, remedies, share_read

__all__ = ["deaf_adversary", "readable_domain"]


def deaf_adversary(history: Records, late: Records) -> Finding | None:
    """An adversary that does worse than a constant: its silence means nothing.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    read = {name: median([share_read(r, name) for r in late[len(late) // 2 :]]) for name in adversaries_of(late)}
    deaf = {name: share for name, share in read.items() if share < -0.05}
    if not deaf:
        return None
    return Finding(
        "deaf adversary",
        "; ".join(f"{name} does {100 * -share:.0f} % worse than by chance" for name, share in deaf.items())
        + ": it does not follow the features, so that what it cannot read may be there.",
        remedies(
            history,
            ("many_moves", "more moves of the adversary per move of the task"),
            ("", "a higher learning rate of the adversary"),
            ("", "a lower strength"),
        ),
    )


def readable_domain(history: Records, late: Records) -> Finding | None:
    """An adversary still reads the domain at the end.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    late
        The records of its last quarter.
    """
    read = {name: median([share_read(r, name) for r in late[len(late) // 2 :]]) for name in adversaries_of(late)}
    loud = {name: share for name, share in read.items() if share > 0.2}
    if not loud:
        return None
    return Finding(
        "readable domain",
        "; ".join(f"{name} reads {100 * share:.0f} % of its domain from the features" for name, share in loud.items())
        + ", where 0 % is chance.",
        remedies(
            history,
            ("", "a higher strength of the adversary"),
            ("", "a longer training"),
            ("", "to check whether the task itself differs between the domains, which no features can hide"),
        ),
    )
