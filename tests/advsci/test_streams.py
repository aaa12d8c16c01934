"""Streams: independent of each other and of order, with the right distributions, shardable."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from advsci.latents import Gaussian, Mixture, Sphere, Truncated, Uniform
from advsci.streams import Stream


@given(st.integers(0, 2**64), st.text(), st.integers(0, 10**9))
def test_a_draw_is_a_pure_function_of_its_key(seed, purpose, step):
    first = Stream(seed).at(purpose, step).normal((3,))
    Stream(seed).at("other").uniform((5,))
    assert torch.equal(Stream(seed).at(purpose, step).normal((3,)), first)


@given(st.integers(0, 2**64), st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_draws_are_those_of_a_fresh_generator(seed, sizes):
    for size in sizes:  # each leaves the shared generator in another state
        stream = Stream(seed).at("x", size)
        assert torch.equal(stream.normal((size,)), torch.from_numpy(stream.numpy().standard_normal(size, np.float32)))
        assert torch.equal(stream.permutation(size), torch.from_numpy(stream.numpy().permutation(size)))
        assert torch.equal(stream.integers(7, (size,)), torch.from_numpy(stream.numpy().integers(7, size=size)))


def test_different_keys_give_different_streams():
    root = Stream(0)
    keys = {root.at(p, i, j).key() for p in "abc" for i in range(50) for j in range(20)}
    assert len(keys) == 3000
    assert root.at("a", 12).key() != root.at("a1", 2).key() and root.at("a", 1, 2).key() != root.at("a", 12).key()


def test_distributions():
    stream = Stream(1)
    assert stats.kstest(stream.at("n").normal((20_000,), dtype=torch.float64).numpy(), "norm").pvalue > 1e-3
    assert stats.kstest(stream.at("u").uniform((20_000,), dtype=torch.float64).numpy(), "uniform").pvalue > 1e-3
    assert stats.chisquare(torch.bincount(stream.at("i").integers(7, (20_000,)))).pvalue > 1e-3
    means = [float(stream.at("m", i).normal((4,)).mean()) * 2 for i in range(5000)]
    assert stats.kstest(means, "norm").pvalue > 1e-3


@given(st.integers(1, 4), st.integers(1, 5))
def test_shards_together_are_the_whole(world, rows):
    whole = Stream(5).at("z").normal((world * rows, 2))
    parts = [Stream(5, shard=(rank, world)).at("z").normal((rows, 2)) for rank in range(world)]
    assert torch.equal(torch.cat(parts), whole)


def test_latents():
    n, stream = 50_000, Stream(2)
    assert Gaussian(3).sample(n, stream).std(0).sub(1).abs().max() < 0.02
    u = Uniform(3).sample(n, stream)
    assert -1 <= u.min() and u.max() < 1 and u.var(0).sub(1 / 3).abs().max() < 0.01
    torch.testing.assert_close(Sphere(7).sample(n, stream).norm(dim=1), torch.full((n,), 7**0.5))
    t = Truncated(1, bound=1.5).sample(n, stream, dtype=torch.float64)[:, 0]
    assert stats.kstest(t.numpy(), stats.truncnorm(-1.5, 1.5).cdf).pvalue > 1e-3
    m = Mixture(2, components=4, spread=0.01).sample(n, stream)
    assert len(torch.unique((m * 5).round(), dim=0)) < 40


def test_meta_device_draws_nothing():
    assert Stream(0).normal((2, 3), device="meta").is_meta
    assert Truncated(2).sample(4, Stream(0), device="meta").shape == (4, 2)
