r"""Adversaries that read the batch where reading it is a fault, and only there.

Matching the *marginals* :math:`p(z | b)` of batches of different composition must put one type upon another: the
optimum of a plain domain adversary is over-corrected. The default adversary is conditional on a group :math:`k` (a
type, or a soft cluster),

.. math:: L = -\sum_i w_i \log \frac{e^{a_{b_i}(z_i, r_i)}}{\sum_{b \in B(r_i)} e^{a_b(z_i, r_i)}}, \qquad
          w_i = \sum_k r_{ik} \min\left(\frac{n_k}{|B_k| \, n_{k b_i}}, w_{max}\right) [b_i \in B_k]

where :math:`B_k` are the batches that have the group: nobody is asked to look like a batch that lacks its type, and
batches count alike within a group (conditional adversaries: Long et al. 2018, arXiv 1705.10667; partial transfer:
Cao et al. 2018, arXiv 1808.04205).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from advsci.games import Adversary, Batch
from advsci.nn import MLP
from advsci.objectives import weighted_mean
from advsci.processes import shared_mean

__all__ = ["CategoricalAdversary", "ContinuousAdversary", "Support", "support", "support_weights"]


def support(
    membership: Float[Tensor, "n k"], batch: Int[Tensor, " n"], batches: int, *, share: float = 0.1, least: float = 5.0
) -> Bool[Tensor, "k b"]:
    """Which batches have a group: ``least`` cells and ``share`` of the largest fraction of any batch.

    Parameters
    ----------
    membership
        Soft groups (n k).
    """
    onehot = F.one_hot(batch, batches).to(membership.dtype)
    mass = membership.T @ onehot
    fraction = mass / onehot.sum(0).clamp(min=1.0)
    return (mass >= least) & (fraction >= share * fraction.max(1, keepdim=True).values)


def support_weights(
    membership: Float[Tensor, "n k"],
    batch: Int[Tensor, " n"],
    present: Bool[Tensor, "k b"],
    *,
    largest: float = 4.0,
) -> tuple[Float[Tensor, " n"], Bool[Tensor, "n b"]]:
    """(weight of every cell, batches it may be told apart from): zero weight in groups that one batch alone has.

    Parameters
    ----------
    membership
        Soft groups (n k).
    present
        Which batches have a group (k b), of `support`.
    largest
        Largest weight that a batch's rarity in a group gives its cells.
    """
    return Support.of(membership, batch, present, largest=largest)(membership, batch)


@dataclass(frozen=True)
class Support:
    """Which batches have a group, and what a cell of a batch in a group weighs.

    Attributes
    ----------
    present
        Which batches have a group (k b), of `support`.
    weight
        :math:`\\min(n_k / (|B_k| n_{kb}), w_{max})` (k b); zero in groups that one batch alone has.
    """

    present: Bool[Tensor, "k b"]
    weight: Float[Tensor, "k b"]

    @classmethod
    def of(
        cls,
        membership: Float[Tensor, "n k"],
        batch: Int[Tensor, " n"],
        present: Bool[Tensor, "k b"],
        *,
        stands_for: Float[Tensor, " n"] | None = None,
        largest: float = 4.0,
    ) -> "Support":
        """Count the cells of every batch in every group.

        Parameters
        ----------
        membership, batch, present
            As for `support_weights`.
        stands_for
            For how many cells each counts, where they are a sketch of more; None: for itself.
        largest
            Largest weight that a batch's rarity in a group gives its cells.

        Returns
        -------
        Support
            For these cells, or any others of the same groups and batches.
        """
        counted = membership if stands_for is None else membership * stands_for[:, None]
        mass = counted.T @ F.one_hot(batch, present.shape[1]).to(membership.dtype)
        shared = present.sum(1, keepdim=True) >= 2
        total = (mass * present).sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)
        balanced = total / mass.clamp(min=1e-6)
        return cls(present, torch.where(present & shared, balanced.clamp(max=largest), torch.zeros_like(balanced)))

    def __call__(
        self, membership: Float[Tensor, "m k"], batch: Int[Tensor, " m"]
    ) -> tuple[Float[Tensor, " m"], Bool[Tensor, "m b"]]:
        """Weights of cells, and the batches that each may be told apart from.

        Parameters
        ----------
        membership, batch
            Soft groups and batch numbers of the cells.

        Returns
        -------
        weight, allowed
            (m) and (m b).
        """
        allowed = (membership @ self.present.to(membership.dtype)) > 0.5
        own = F.one_hot(batch, self.present.shape[1]).bool()
        return (membership * self.weight.T[batch]).sum(1), allowed | own


LEAST_WEIGHT = 1e-9  # where no cell of a step is to be compared, the loss is that of nothing, not NaN


class CategoricalAdversary(Adversary):
    """Reads a categorical covariate (batch, donor, assay) from the features, given the group.

    Parameters
    ----------
    features, groups, classes
        Length of the features; of the condition (0: the marginal adversary); number of categories.
    target, weight, allowed, condition
        Keys of the batch: category numbers, cell weights, categories a cell is compared with, the condition. The last
        three are optional.
    """

    def __init__(
        self,
        features: int,
        groups: int,
        classes: int,
        *,
        width: int = 64,
        target: str = "batch",
        weight: str | None = "weight",
        allowed: str | None = "allowed",
        condition: str | None = "membership",
    ):
        super().__init__()
        self.network = MLP(features + (groups if condition else 0), classes, width=width, depth=2)
        self.target, self.weight, self.allowed, self.condition = target, weight, allowed, condition

    def logits(self, features: Tensor, batch: Batch) -> Tensor:
        """Scores of the categories, those a cell is not compared with at -1e4.

        Parameters
        ----------
        features
            Features (n d) that are read.
        batch
            One batch of the training.
        """
        given = torch.cat([features, batch[self.condition]], dim=1) if self.condition else features
        logits = self.network(given)
        return logits.masked_fill(~batch[self.allowed], -1e4) if self.allowed else logits

    def forward(self, features: Tensor, batch: Batch) -> Tensor:
        """Weighted cross entropy of reading the category of ``batch`` from ``features`` (n d)."""
        loss = F.cross_entropy(self.logits(features, batch), batch[self.target], reduction="none")
        if self.weight is None:
            return weighted_mean(loss)
        return weighted_mean(loss, batch[self.weight] + LEAST_WEIGHT)


class ContinuousAdversary(Adversary):
    """Reads standardised continuous covariates from the features by regression; its loss is relative to the
    variance."""

    def __init__(
        self, features: int, groups: int, covariates: int, *, width: int = 64, target: str, condition: str | None = None
    ):
        super().__init__()
        self.network = MLP(features + (groups if condition else 0), covariates, width=width, depth=2)
        self.target, self.condition = target, condition

    def forward(self, features: Tensor, batch: Batch) -> Tensor:
        """Logarithmic error of reading the covariate of ``batch`` from ``features`` (n d)."""
        given = torch.cat([features, batch[self.condition]], dim=1) if self.condition else features
        # log(1 + error): the encoder gains nothing from driving the error to infinity
        return torch.log1p(shared_mean((self.network(given) - batch[self.target]).square().mean()))
