"""Few molecules: exact (Gillespie) and leaping simulation of births and deaths of gene products.

Production of gene i fires at rate ``omega g_i P_i(N/omega)``, degradation at ``k_i N_i``; omega is molecules a unit of
concentration, so noise falls as omega grows and the mean follows the rate equations.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.dynamics.hill import HillModel

__all__ = ["gillespie", "tau_leaping"]


def _propensities(model: HillModel, counts: Tensor, omega: float) -> tuple[Tensor, Tensor]:
    field = model.field()
    birth = field.rate * field.activity((counts / omega).mT.contiguous()) * omega
    return birth.mT, model.decay * counts


def gillespie(
    model: HillModel,
    start: Float[Tensor, "b n"],
    times: Float[Tensor, " t"],
    stream: Stream,
    omega: float = 1.0,
    most_events: int = 1_000_000,
) -> Float[Tensor, "b t n"]:
    """Molecule counts at the given times by Gillespie's direct method (1977, https://doi.org/10.1021/j100540a008).

    All samples fire once a round; those past the last time leave. Randomness is drawn in blocks keyed by the round.

    Parameters
    ----------
    model
        The kinetics.
    start
        Initial molecule counts.
    stream
        Where the draws come from.
    omega
        Molecules per unit of concentration.
    most_events
        Events per sample after which it stops.
    """
    b, n = start.shape
    out = start[:, None].expand(b, len(times), n).clone()
    alive, counts = torch.arange(b, device=start.device), start.clone()
    t = times[0].expand(b).clone()
    block = 64
    for event in range(0, most_events, block):
        draws = stream.at("events", event).uniform((block, 2, len(alive)), device=start.device, dtype=start.dtype)
        for clock, choice in draws:
            birth, death = _propensities(model, counts, omega)
            rates = torch.cat([birth, death], 1)
            total = rates.sum(1)
            # the state holds until the event: write it to all outputs passed
            after = t - torch.log1p(-clock) / total
            passed = (times[None] >= t[:, None]) & (times[None] < after[:, None])
            sample, column = passed.nonzero(as_tuple=True)
            out[alive[sample], column] = counts[sample]
            fired = (rates.cumsum(1) < (choice * total)[:, None]).sum(1).clamp_max(2 * n - 1)
            change = torch.where(fired < n, 1.0, -1.0).to(counts.dtype)
            counts = counts.scatter_add(1, (fired % n)[:, None], change[:, None])
            t = after
        left = (t <= times[-1]).nonzero()[:, 0]
        if not len(left):
            break
        alive, counts, t, model = alive[left], counts[left], t[left], model[left]
    return out


def tau_leaping(
    model: HillModel,
    start: Float[Tensor, "b n"],
    times: Float[Tensor, " t"],
    stream: Stream,
    omega: float = 1.0,
    leap: float = 0.05,
) -> Float[Tensor, "b t n"]:
    """Molecule counts with Poisson births and binomial deaths over leaps of at most ``leap`` of the fastest lifetime.

    A molecule dies within a leap tau with probability ``1 - exp(-k tau)``, so counts never become negative (Tian &
    Burrage 2004, https://doi.org/10.1063/1.1810475).

    Parameters
    ----------
    model
        The kinetics.
    start
        Initial molecule counts.
    times
        Increasing times, the first that of the start.
    stream
        Where the draws come from.
    omega
        Molecules per unit of concentration.
    """
    counts, states = start.clone(), [start]
    fastest = float(model.decay.max())
    for index in range(1, len(times)):
        span = float(times[index] - times[index - 1])
        leaps = max(1, int(span * fastest / leap) + 1)
        tau = span / leaps
        generator = stream.at("leap", index).generator(start.device)
        for _ in range(leaps):
            birth, _ = _propensities(model, counts, omega)
            survive = torch.exp(-model.decay * tau)
            counts = torch.binomial(counts, survive, generator=generator)
            # of those born within the leap, what is left at its end; exact while the birth rate holds
            counts = counts + torch.poisson(birth * (1 - survive) / model.decay, generator=generator)
        states.append(counts)
    return torch.stack(states, 1)
