"""Chains that sample circuits by Metropolis's rule, many at once, within hard rules.

A step changes one entry, now and then two, or turns the sign of all that a gene does; each is as likely as its reverse,
so ``pi(y) / pi(x)`` alone decides. Chains begin hot: only a part of the function's say counts, growing to all of it
over the first two fifths of the steps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int8
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.design.rules import Rules

__all__ = ["Chains", "propose", "run_chains", "split_r_hat"]

WARMING, COLDEST = 0.4, 0.2
"""Share of the steps in which the function's say grows, and its say at the start."""

Energy = Callable[[Int8[Tensor, "c n n"]], tuple[Tensor, Tensor]]
"""Circuits -> (log of the function's factor, log of the likelihood's factor)."""


def propose(signs: Int8[Tensor, "c n n"], stream: Stream, fixed: int = 0) -> Int8[Tensor, "c n n"]:
    """A change of every circuit; none among the first ``fixed`` genes.

    Parameters
    ----------
    signs
        Circuits.
    stream
        Where the changes come from.
    fixed
        Genes of a part that stays.
    """
    c, n, _ = signs.shape
    out, rows = signs.clone(), torch.arange(c)
    free = [(i, j) for i in range(n) for j in range(n) if i >= fixed or j >= fixed]
    places = torch.tensor(free)
    moves = stream.at("move").uniform((c, 3))
    for k in range(2):
        who = rows if k == 0 else rows[moves[:, 1] < 0.3]
        i, j = places[stream.at("place", k).integers(len(places), (c,))].T
        by = 1 + stream.at("by", k).integers(2, (c,))
        i, j, by = i[who], j[who], by[who]
        out[who, i, j] = ((out[who, i, j].long() + 1 + by) % 3 - 1).to(torch.int8)
    if fixed < n:
        turn = rows[moves[:, 2] < 0.1]
        gene = (fixed + stream.at("gene").integers(n - fixed, (c,)))[turn]
        out[turn] = signs[turn]
        out[turn, :, gene] = -signs[turn, :, gene]
    return out


@dataclass(frozen=True)
class Chains:
    """Final states of chains.

    Attributes
    ----------
    signs : Int8[Tensor, "c n n"]
        One circuit per chain.
    function, likelihood : Float[Tensor, "c"]
        Logs of the two factors of its density.
    acceptance
        Share of changes taken after the warming.
    r_hat
        `split_r_hat` of the log density; near one where chains have forgotten their starts.
    """

    signs: Int8[Tensor, "c n n"]
    function: Float[Tensor, " c"]
    likelihood: Float[Tensor, " c"]
    acceptance: float
    r_hat: float


def split_r_hat(trace: Float[Tensor, "s c"]) -> float:
    """Gelman and Rubin's ratio with every chain cut in half (Gelman et al., Bayesian Data Analysis, 11.4).

    Parameters
    ----------
    trace
        A number per step and chain.

    Returns
    -------
    float
        Square root of (total variance / variance within chains); one where chains agree.

    Examples
    --------
    >>> import torch
    >>> 0.98 < split_r_hat(torch.randn(400, 8)) < 1.02
    True
    """
    half = len(trace) // 2
    parts = torch.cat([trace[:half], trace[half : 2 * half]], 1).double()
    within = parts.var(0).mean()
    between = parts.mean(0).var()
    return float((((half - 1) / half * within + between) / within.clamp_min(1e-12)).sqrt())


@torch.no_grad()
def run_chains(
    energy: Energy, start: Int8[Tensor, "c n n"], rules: Rules, stream: Stream, steps: int, warm: bool = True
) -> Chains:
    """Run all chains for so many steps.

    Parameters
    ----------
    energy
        Logs of the two factors of the density of circuits.
    start
        Circuits that obey the rules.
    rules
        The support.
    stream
        Where all draws come from.
    steps
        Steps of each chain.
    warm
        Whether the chains begin hot; those that go on from a sample do not.

    Returns
    -------
    Chains
    """
    x = start.clone()
    function, likelihood = energy(x)
    taken, trace, first = 0.0, [], int(WARMING * steps) if warm else 0
    for k in range(steps):
        key = stream.at("step", k)
        say = min(1.0, COLDEST + (1 - COLDEST) * k / max(first, 1)) if warm else 1.0
        y = propose(x, key, rules.fixed)
        able = rules.allow(y).nonzero()[:, 0]
        go = torch.zeros(len(x), dtype=torch.bool)
        if len(able):
            new_function, new_likelihood = energy(y[able])
            gain = say * (new_function - function[able]) + new_likelihood - likelihood[able]
            yes = key.at("accept").uniform((len(x),), dtype=gain.dtype)[able].log() < gain
            won = able[yes]
            x[won], function[won], likelihood[won] = y[won], new_function[yes], new_likelihood[yes]
            go[won] = True
        if k >= first:
            taken += float(go.double().mean())
            trace.append(function + likelihood)
    count = max(len(trace), 1)
    return Chains(x, function, likelihood, taken / count, split_r_hat(torch.stack(trace)) if len(trace) > 3 else 1.0)
