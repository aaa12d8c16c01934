"""Neighbourhoods are mutual across batches; diffusion keeps what is constant; votes weigh labels."""

import numpy as np

from advsci_singlecell.embedding.anchor import Anchor
from advsci_singlecell.embedding.neighbours import Neighbourhoods, mutual_pairs, nearest, nearest_distances, partners_of
from advsci_singlecell.embedding.posterior import neighbour_votes, pool_weights, pooled, type_posterior


def test_weights_are_the_mutual_neighbours_no_farther_than_those_of_the_own_batch():
    rng = np.random.default_rng(0)
    z, batch = rng.normal(size=(80, 3)).astype(np.float32), np.arange(80) % 2
    hoods, seen = Neighbourhoods.fit(z, batch, 2, 5)
    graph = hoods.weights(seen, batch).toarray()
    np.testing.assert_allclose(graph.sum(axis=1), 1.0, rtol=1e-5)
    near = np.zeros((80, 80), bool)
    for b in (0, 1):
        members = np.flatnonzero(batch == b)
        near[np.repeat(np.arange(80), 5), members[nearest(z[members], z, 5)].ravel()] = True
    distance = np.linalg.norm(z[:, None] - z[None], axis=2)
    own = np.array([np.sort(distance[i, batch == batch[i]])[4] for i in range(80)])
    close = distance <= np.sqrt(own[:, None] * own[None])
    other = batch[:, None] != batch[None]
    assert ((graph > 0)[other] == (near & near.T & close)[other]).all() and (graph > 0)[other].any()
    assert ((graph > 0)[~other] == near[~other]).all()


def test_mutual_pairs_are_among_each_others_nearest():
    z, batch = np.random.default_rng(5).normal(size=(60, 3)).astype(np.float32), np.arange(60) % 3
    distance = np.linalg.norm(z[:, None] - z[None], axis=2)
    rank = np.stack([np.where(batch == b, distance, np.inf).argsort(axis=1).argsort(axis=1) for b in range(3)])
    found = {(int(i), int(j)) for _, _, *rows in mutual_pairs(z, batch, 4) for i, j in zip(*rows, strict=True)}
    sees = rank[batch[None, :].repeat(60, axis=0), np.arange(60)[:, None], np.arange(60)[None]] < 5  # least size: 5
    assert found == {(i, j) for i in range(60) for j in range(60) if batch[i] < batch[j] and sees[i, j] and sees[j, i]}


def test_a_type_that_a_batch_lacks_finds_no_partner_there():
    rng = np.random.default_rng(1)
    present = rng.normal(size=(200, 4))
    lacking = rng.normal(size=(60, 4)) + 2.5  # near the present type, in batch 0 only
    z = np.concatenate([present, lacking]).astype(np.float32)
    batch = np.concatenate([np.arange(200) % 2, np.zeros(60, int)])
    hoods, seen = Neighbourhoods.fit(z, batch, 2, 15)
    graph = hoods.weights(seen, batch)
    plain = nearest(z[batch == 1], z[200:], 15).size  # without agreement every cell has 15 there
    assert (graph[200:][:, batch == 1] > 0).sum() < 0.25 * plain


def test_diffusion_keeps_a_constant_and_lowers_the_spread():
    rng = np.random.default_rng(2)
    z, batch = rng.normal(size=(120, 3)).astype(np.float32), np.arange(120) % 2
    z[:, 0] = 7.0
    anchor, found = Anchor.fit(z, z, batch, 2, np.full(120, -1), 0, neighbours=10)
    s = anchor(z, z, batch)
    np.testing.assert_allclose(anchor.placed(found), s, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(s[:, 0], 7.0, rtol=1e-4)
    assert s[:, 1].std() < 0.9 * z[:, 1].std()


def two_clouds():
    rng = np.random.default_rng(3)
    z = np.concatenate([rng.normal(size=(100, 3)), rng.normal(size=(100, 3)) + 8.0]).astype(np.float32)
    return z, np.repeat([0, 1], 100)


def test_clean_labels_stand_and_votes_reach_the_unlabelled():
    z, y = two_clouds()
    labels = np.where(np.arange(200) % 5 == 0, y, -1)
    p, rate = type_posterior(neighbour_votes(z, labels, z, 2), labels)
    assert (p.argmax(axis=1) == y).all() and rate == 0.01


def test_flipped_labels_are_outvoted_and_their_rate_is_found():
    z, y = two_clouds()
    flipped = np.random.default_rng(4).random(200) < 0.2
    labels = np.where(flipped, 1 - y, y)
    p, rate = type_posterior(neighbour_votes(z, labels, z, 2), labels)
    assert abs(rate - flipped.mean()) < 0.05
    assert (p.argmax(axis=1) == y).mean() > 0.93


def test_a_cell_has_no_vote_on_itself():
    z, y = two_clouds()
    lone = y.copy()
    lone[0] = 1  # alone among zeros
    p, _ = type_posterior(neighbour_votes(z, lone, z[:1], 2), None)
    assert p[0, 0] > 0.9


def test_a_pool_of_equal_opinions_is_that_opinion():
    q = np.array([[0.2, 0.8], [0.6, 0.4]])
    np.testing.assert_allclose(pooled([q, q], [0.5, 0.5]), q)
    np.testing.assert_allclose(pooled([q, 1.0 - q], [1.0, 1.0]), 0.5)
    np.testing.assert_allclose(pooled([q, 1.0 - q], [1.0, 0.0]), q)


def test_the_opinion_that_is_right_gets_the_say():
    y = np.arange(100) % 2
    right, guess = np.eye(2)[y] * 0.8 + 0.1, np.random.default_rng(5).dirichlet([1.0, 1.0], 100)
    assert pool_weights([right, guess], y)[0] == 1.0 and pool_weights([right, guess], y)[1] < 0.5
    assert pool_weights([guess, right], y)[1] == 1.0
    often_wrong = np.where(np.random.default_rng(6).random(100)[:, None] < 0.3, np.eye(2)[1 - y], np.eye(2)[y])
    assert pool_weights([often_wrong, np.full((100, 2), 0.5)], y)[0] <= 0.25


def test_types_count_alike_in_a_pool_however_few_their_cells():
    y = np.repeat([0, 1], [300, 3])
    of_many = np.tile([0.95, 0.05], (303, 1))  # right about the many, wrong about the few
    of_few = np.where(y[:, None] == 0, [[0.7, 0.3]], [[0.3, 0.7]])
    first, second = pool_weights([of_many, of_few], y)
    assert second > first


def test_many_batches_are_not_compared_all_with_all():
    centres = np.random.default_rng(0).normal(size=(150, 4))
    pairs = partners_of(centres)
    assert len(pairs) < 150 * 10 and all(p < q for p, q in pairs)
    reached, found = {0}, [0]
    while found:
        here = found.pop()
        near = {q for pair in pairs if here in pair for q in pair} - reached
        reached |= near
        found += near
    assert reached == set(range(150))


def test_many_batches_are_dealt_into_sixteen_groups():
    rng = np.random.default_rng(0)
    z, batch = rng.normal(size=(1200, 3)).astype(np.float32), np.arange(1200) % 60
    hoods, seen = Neighbourhoods.fit(z, batch, 60, 30)
    assert hoods.radius.shape == (1200, 16) and len(seen) == 16
    graph = hoods.weights(seen, batch)
    np.testing.assert_allclose(np.asarray(graph.sum(axis=1)).ravel(), 1.0, rtol=1e-5)
    own = np.array([(batch[graph[i].indices] == batch[i]).mean() for i in range(1200)])
    assert own.mean() < 0.3  # neighbours are not those of the own batch alone
    np.testing.assert_array_equal(hoods.weights(hoods.look(z[:5]), batch[:5]).toarray(), graph[:5].toarray())


def test_searches_grow_with_batches_not_with_their_pairs(monkeypatch):
    from advsci_singlecell.embedding import neighbours

    seen = []
    monkeypatch.setattr(neighbours, "_mutual", lambda p, q, k: seen.append(1) or (np.array([], int), np.array([], int)))
    z = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    mutual_pairs(z, np.arange(600) % 120, 5)
    assert len(seen) < 120 * 10


def test_few_cells_are_sought_without_a_search_object_and_found_alike():
    from sklearn.neighbors import NearestNeighbors

    x = np.random.default_rng(0).normal(size=(60, 3))
    distance, found = nearest_distances(x, x, 4)
    expected = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(x).kneighbors(x)
    np.testing.assert_allclose(distance, expected[0], atol=1e-6)
    assert (found == expected[1]).all()
