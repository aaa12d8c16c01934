"""Circuits with a function drawn in one pass: ``p_real(x) s(x)`` by rejection, without chains.

A circuit x of the likelihood is kept with probability ``s(x) = sigmoid(SHARP log(Q(x) / goal))``, Q as a surrogate
guesses it. What is kept are independent, exact samples of the posterior that `design` samples by chains at w = 1, since
``s <= 1`` bounds the ratio of the two (von Neumann 1951).
"""

import torch
from jaxtyping import Int8
from torch import Tensor

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_circuits.design.likelihood import SizeLikelihood
from advsci_circuits.design.rules import Rules
from advsci_circuits.design.surrogates import log_success
from advsci_circuits.game.surrogate import RobustnessSurrogate

__all__ = ["draw"]

BLOCK, MOST = 2000, 400
"""Circuits drawn at once; blocks after which a function counts as too rare."""


@torch.no_grad()
def draw(
    likelihood: SizeLikelihood,
    surrogate: RobustnessSurrogate,
    count: int,
    stream: Stream,
    *,
    goal: float = 0.015,
    rules: Rules | None = None,
) -> Int8[Tensor, "c n n"]:
    """Circuits of one size that look like real ones and are guessed to have the function.

    Parameters
    ----------
    likelihood
        Of real circuits of that size.
    surrogate
        Of the function.
    count
        How many.
    stream
        Where the draws come from.
    goal
        Share of parameter sets at which a circuit is kept with probability one half.
    rules
        Hard limits; by default four regulators per promoter, and genes may have both signs.

    Returns
    -------
    Tensor, shape [count, n, n]

    Raises
    ------
    DataError
        Where too few of 800,000 circuits are kept.

    Examples
    --------
    >>> from advsci_circuits.store import load_likelihood, load_surrogates
    >>> surrogate = load_surrogates()[0].of("oscillation", 3)
    >>> draw(load_likelihood()[0].of(3), surrogate, 5, Stream(0)).shape
    torch.Size([5, 3, 3])
    """
    rules, kept, found = rules or Rules(4, dual=True), [], 0
    for block in range(MOST):
        key = stream.at("block", block)
        signs = likelihood.sample(BLOCK, key.at("likely"))
        signs = signs[rules.allow(signs)]
        uniform = key.at("accept").uniform((BLOCK,))[: len(signs)]
        kept.append(signs[uniform.log() < log_success(surrogate, signs, goal)] if len(signs) else signs)
        found += len(kept[-1])
        if found >= count:
            return torch.cat(kept)[:count]
    raise DataError(
        f"got {found} of {BLOCK * MOST} circuits of {likelihood.genes} genes that obey the rules and are guessed to "
        f"have the function; expected {count}. Try: fewer circuits, a lower goal, or advsci-circuits design."
    )
