"""The linear discriminant against scikit-learn's, in closed form for known covariance, and where neighbours fail."""

import numpy as np
import pytest

from advsci_singlecell.embedding.discriminant import Discriminant
from advsci_singlecell.embedding.posterior import neighbour_votes


def clouds(n=300, d=6):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    return rng.normal(size=(n, d)) * np.linspace(0.5, 3.0, d) + 2.0 * np.eye(d)[y], y


def test_it_is_scikit_learns():
    lda = pytest.importorskip("sklearn.discriminant_analysis").LinearDiscriminantAnalysis
    x, y = clouds()
    reference = lda(solver="lsqr", shrinkage="auto").fit(x, y)
    found = Discriminant.fit(x, y, 3)
    # scikit-learn shrinks the covariance of every class by itself; here the pooled one is shrunk
    assert np.abs(found(x) - reference.predict_proba(x)).max() < 0.02


def test_a_type_without_cells_is_never_named():
    x, y = clouds()
    p = Discriminant.fit(x, y, 4)(x)
    assert (p[:, 3] == 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


def test_it_tells_types_apart_along_a_direction_of_little_variance():
    rng = np.random.default_rng(2)
    y = np.arange(400) % 2
    x = rng.normal(size=(400, 10)) * 5.0
    x[:, 0] = 0.3 * rng.normal(size=400) + y
    right = (Discriminant.fit(x[:200], y[:200], 2)(x[200:]).argmax(axis=1) == y[200:]).mean()
    votes = (neighbour_votes(x[:200], y[:200], x[200:], 2).argmax(axis=1) == y[200:]).mean()
    assert right > 0.9 > 0.7 > votes
