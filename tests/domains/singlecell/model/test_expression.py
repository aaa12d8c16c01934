"""Corrected expression: the mean of neighbours, carried to the batch that is asked for."""

import numpy as np
import pytest
import torch
from scipy import sparse

from advsci_singlecell.data.cells import Cells
from advsci_singlecell.game.likelihood import Likelihood
from advsci_singlecell.game.networks import Decoder
from advsci_singlecell.model.expression import NEAR, Expression

FACTOR = np.array([[1.0, 1.0, 1.0], [3.0, 1.0, 0.5]])  # of the genes in two batches


class Known(Decoder):
    """A decoder that knows the batches' factors."""

    def __init__(self, likelihood: Likelihood):
        super().__init__(2, 2, 3, likelihood=likelihood, width=4)

    def expected(self, z, covariates, library):
        """The factors (n 3), whatever the embedding."""
        return covariates @ torch.from_numpy(FACTOR.astype("f")) * library[:, None], None


def exact(rng: np.random.Generator, likelihood: Likelihood) -> Expression:
    """400 cells of two batches, equal but for the factors, and their decoder."""
    batch = np.arange(400) % 2
    counts = likelihood != "gaussian"
    profile = np.array([[10.0, 50.0, 40.0]])
    y = profile * FACTOR[batch] if counts else profile + FACTOR[batch]
    names, matrix = np.array(["a", "b", "c"]), sparse.csr_matrix(y.astype("f"))
    cells = Cells(matrix, counts, names, batch, ["one", "two"], np.full(400, -1), [])
    z = rng.normal(size=(400, 2)).astype("f")
    return Expression(cells, np.arange(400), z, Known(likelihood), np.arange(3), np.zeros((5, 3), "f"))


@pytest.mark.parametrize("batch", [0, 1])
def test_log_expression_is_that_of_the_batch(batch):
    found = exact(np.random.default_rng(0), "gaussian")
    value = found.corrected(found.z[:20], [batch], [0, 1, 2])
    np.testing.assert_allclose(value, np.tile([10.0, 50.0, 40.0] + FACTOR[batch], (20, 1)), rtol=1e-4)


def test_counts_change_by_the_ratio_of_the_batches():
    found = exact(np.random.default_rng(0), "nb")
    one, two, both = (found.corrected(found.z[:20], b, [0, 1, 2]) for b in ([0], [1], [0, 1]))
    np.testing.assert_allclose(two / one, np.tile(FACTOR[1] / FACTOR[0], (20, 1)), rtol=1e-3)
    np.testing.assert_allclose(both, 0.5 * (one + two), rtol=1e-5)


def test_a_batch_that_is_asked_of_its_own_cells_is_a_gaussian_mean_of_counts():
    rng = np.random.default_rng(1)
    z, counts = rng.normal(size=(90, 3)).astype("f"), rng.poisson(20.0, size=(90, 4)).astype("f")
    cells = Cells(
        sparse.csr_matrix(counts), True, np.arange(4).astype(str), np.zeros(90, int), ["one"], np.zeros(90), []
    )
    found = Expression(cells, np.arange(90), z, Known("nb"), np.arange(0), np.zeros((5, 4), "f"))
    distance = np.linalg.norm(z[:7, None] - z[None], axis=2)
    weight = np.exp(-0.5 * (distance / np.sort(distance, axis=1)[:, NEAR - 1, None]) ** 2)
    mean = (weight / weight.sum(axis=1, keepdims=True)) @ (1e4 * counts / counts.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found.corrected(z[:7], [0], [3, 1]), mean[:, [3, 1]], rtol=1e-4)
