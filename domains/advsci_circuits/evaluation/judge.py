"""Whether a circuit of 4 to 12 genes would be taken for a real one, rather than for a random one of the same make.

``p = sigmoid(a_s (w . f(x)) + b_s)``: logistic regression on invariants f of real circuits against random connected
ones with as many genes, activations and repressions. Families are dealt into `PARTS`; each member learns from all parts
but one and is calibrated on that one, apart for each range of sizes s. Where the mean slope a_s on the unseen families
is not above 0 by its 95 % interval over the parts, the judge has no say. Three genes are left out: there it had none.
"""

import warnings

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn

from advsci.metrics import calibrate
from advsci.metrics.ranking import ranking_probability
from advsci_circuits.data.real import balanced, batch_of
from advsci_circuits.evaluation.nulls import erdos_renyi
from advsci_circuits.game.acceptance import FEATURES, features
from advsci_circuits.game.logistic import logistic
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_datasets.circuits import SignedGraphs

__all__ = ["PARTS", "RANGES", "CircuitJudge", "fit_judge", "random_like"]

RANGES = ((4, 5), (6, 8), (9, 12))
"""Sizes that share a calibration."""
PARTS = 5
QUANTILE = 2.776
"""Of Student's t with four degrees of freedom, 97.5 %."""
TRIES = 60


class CircuitJudge(nn.Module):
    """Members with their weights, and a calibration for each range of sizes.

    Parameters
    ----------
    members
        How many.

    Examples
    --------
    >>> CircuitJudge(2)(CircuitBatch(torch.ones(3, 4, 4, dtype=torch.int8), torch.tensor([4, 4, 4]))).shape
    torch.Size([3, 2])
    """

    weight: Tensor
    slope: Tensor
    offset: Tensor

    def __init__(self, members: int = PARTS):
        super().__init__()
        self.register_buffer("weight", torch.zeros(members, FEATURES))
        self.register_buffer("slope", torch.zeros(members, len(RANGES)))
        self.register_buffer("offset", torch.zeros(members, len(RANGES)))

    def forward(self, batch: CircuitBatch) -> Float[Tensor, "b m"]:
        """Calibrated log odds of a real circuit, of each member; 0 where it has no say.

        Parameters
        ----------
        batch
            Circuits.
        """
        raw = features(batch.signs, batch.sizes) @ self.weight.mT
        of = torch.stack([range_of(int(n)) for n in batch.sizes]) if len(batch) else torch.zeros(0, len(RANGES))
        return raw * (of @ self.slope.mT) + of @ self.offset.mT

    def has_a_say(self, genes: int) -> bool:
        """Whether circuits of so many genes were told from random ones on unseen families."""
        return bool((range_of(genes) @ self.slope.mT != 0).any())


def range_of(genes: int) -> Float[Tensor, " r"]:
    """One-hot: which of `RANGES` a size belongs to; zeros outside.

    Parameters
    ----------
    genes
        How many genes.
    """
    return torch.tensor([float(low <= genes <= high) for low, high in RANGES])


def random_like(batch: CircuitBatch, rng: np.random.Generator) -> CircuitBatch:
    """A random connected circuit with as many genes, activations and repressions for each.

    Parameters
    ----------
    batch
        Circuits.
    rng
        Where the draws come from; after `TRIES` draws one that is not connected is taken.

    Returns
    -------
    CircuitBatch
    """
    out = torch.zeros_like(batch.signs)
    for k, signs in enumerate(batch.matrices()):
        drawn = erdos_renyi(signs, rng)
        for _ in range(TRIES):
            if connected_components(drawn, directed=True, connection="weak")[0] == 1:
                break
            drawn = erdos_renyi(signs, rng)
        out[k, : len(drawn), : len(drawn)] = torch.from_numpy(drawn)
    return CircuitBatch(out, batch.sizes)


def fit_judge(
    graphs: SignedGraphs, seed: int, draws: int = 2500, decay: float = 0.01
) -> tuple[CircuitJudge, dict[str, list[float]]]:
    """A judge of small circuits.

    Parameters
    ----------
    graphs
        Real circuits of 4 to 12 genes.
    seed
        Root of all draws.
    draws
        Real circuits that a member learns from, every family alike; a third as many calibrate it.
    decay
        Weight of the ridge.

    Returns
    -------
    (judge, facts)
        Facts: slope (before those without a say are put to 0) and AUC on unseen families, of each range and part.

    Raises
    ------
    DataError
        A part of the families has fewer than ten circuits of a range.
    """
    names = np.random.default_rng(seed).permutation(sorted({name for own in graphs.families for name in own}))
    part = {name: k % PARTS for k, name in enumerate(names)}
    of = np.array([min(part[name] for name in own) for own in graphs.families])
    alone = np.array([len({part[name] for name in own}) == 1 for own in graphs.families])
    judge = CircuitJudge()
    facts: dict[str, list[float]] = {f"{a}-{b} genes, {w}": [] for a, b in RANGES for w in ("slope", "AUC")}
    for k in range(PARTS):
        rng = np.random.default_rng([seed, k])
        train, held = np.flatnonzero((of != k) & alone), np.flatnonzero((of == k) & alone)
        real = batch_of(graphs.take(balanced(graphs, train, draws, rng, RANGES[0][0])))
        unseen = batch_of(graphs.take(balanced(graphs, held, draws // 3, rng, RANGES[0][0])))
        made, more = random_like(real, rng), random_like(unseen, rng)
        x = torch.cat([features(b.signs, b.sizes) for b in (made, real)]).double()
        y = torch.cat([torch.zeros(len(made)), torch.ones(len(real))]).double()
        mean, scale = x.mean(0), x.std(0) + 1e-3
        judge.weight[k] = (logistic((x - mean) / scale, y, decay).weight[0] / scale).float().detach()
        raw = [features(b.signs, b.sizes) @ judge.weight[k] for b in (unseen, more)]
        for r, (low, high) in enumerate(RANGES):
            fits = (unseen.sizes >= low) & (unseen.sizes <= high)
            with warnings.catch_warnings():  # a slope of nothing is what is looked for
                warnings.simplefilter("ignore")
                found = calibrate(raw[0][fits], raw[1][fits])
            judge.slope[k, r], judge.offset[k, r] = found.slope, found.offset
            facts[f"{low}-{high} genes, slope"].append(found.slope)
            facts[f"{low}-{high} genes, AUC"].append(float(ranking_probability(raw[0][fits], raw[1][fits])))
    error = judge.slope.std(0) / PARTS**0.5
    off = judge.slope.mean(0) <= QUANTILE * error
    judge.slope[:, off], judge.offset[:, off] = 0.0, 0.0
    return judge.eval(), facts
