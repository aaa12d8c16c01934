"""Neighbours in the own batch are searched once for the same coordinates, and the fit of the chain searches no more."""

import numpy as np
import pytest

from advsci.streams import Stream
from advsci_singlecell.embedding import neighbours, own
from advsci_singlecell.embedding.anchor import Anchor
from advsci_singlecell.embedding.chain import Chain
from advsci_singlecell.embedding.equaliser import neighbour_means
from advsci_singlecell.embedding.own import OwnNeighbours


def drawn(cells: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Two batches of three types."""
    rng = np.random.default_rng(0)
    x = 6.0 * np.eye(5)[rng.integers(0, 3, cells)] + rng.normal(size=(cells, 5))
    return x.astype(np.float32), np.arange(cells) % 2


def test_means_are_those_of_a_fresh_search():
    x, batch = drawn()
    batch[:4] = 2  # a batch smaller than its neighbourhood
    found = OwnNeighbours.fit(x, batch, 30)
    np.testing.assert_allclose(found.means(), neighbour_means(x, batch, x, batch, 30), rtol=1e-6)


def test_others_are_of_the_own_batch_and_not_the_cell_itself():
    x, batch = drawn()
    batch[:4] = 2
    others = OwnNeighbours.fit(x, batch, 30).others(10)
    assert (batch[others] == batch[:, None]).all() and (others != np.arange(len(x))[:, None]).all()
    distance = np.linalg.norm(x[:, None] - x[None], axis=2)
    distance[batch[:, None] != batch[None]] = np.inf
    np.fill_diagonal(distance, np.inf)
    assert (others[4:] == distance[4:].argsort(axis=1)[:, :10]).all()
    assert all(len(set(row)) == 3 for row in others[:4])


def test_others_of_the_same_cells_are_their_others():
    x, batch = drawn()
    batch[:4] = 2
    found = OwnNeighbours.fit(x, batch, 30)
    numbers = np.arange(len(x))
    assert (found.others_of(x, batch, 10, numbers) == found.others(10)).all()
    shifted = found.others_of(x + 1e-6, batch, 10)  # cells that are not there: each is nearest to where it stands
    assert (shifted[:, 0] == numbers).all() and (shifted[4:, 1:] == found.others(10)[4:, :9]).all()
    assert all(len(set(row)) == 4 for row in shifted[:4])


@pytest.mark.parametrize("types", [0, 3])
def test_every_graph_is_searched_once(monkeypatch, types):
    seen = []

    def counted(reference, query, k):
        seen.append((reference.tobytes(), query.tobytes()))
        return search(reference, query, k)

    search = neighbours.nearest_distances
    for module in (neighbours, own):
        monkeypatch.setattr(module, "nearest_distances", counted)
    x, batch = drawn()
    labels = np.arange(len(x)) % 3 if types else np.full(len(x), -1)
    chain, even = Chain.fit(x, batch, 2, labels, stream=Stream(0))
    fitted = len(seen)
    aligned, plain = chain.moved(even.cells, batch)
    anchor, reference = Anchor.fit(aligned, plain, batch, 2, labels, types)
    anchor.placed(reference, labels)
    anchor.placed(reference)
    even.others(10)
    assert len(seen) - fitted == 2  # of the whole reference in each batch
    assert len(set(seen)) == len(seen)
    shared = sum(a == b for a, b in seen)
    assert shared == 2 * 4  # of both batches: as they are, twice while they are made equally noisy, equally noisy
