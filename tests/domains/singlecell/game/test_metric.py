"""The metric of the embedding: distances of components, and networks that stay the same functions."""

import numpy as np
import torch

from advsci.nn import MLP
from advsci.streams import Stream
from advsci_singlecell.game.counts import CountEncoder
from advsci_singlecell.game.metric import metric_of, remeasure
from advsci_singlecell.game.networks import Decoder


def test_distances_are_those_of_the_components_and_batches_play_no_part():
    rng = np.random.default_rng(0)
    x, batch = rng.normal(size=(200, 3)) * [5.0, 2.0, 1.0], np.arange(200) % 2
    x -= np.stack([x[batch == b].mean(axis=0) for b in (0, 1)])[batch]
    turned = x / x.std(axis=0) @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    metric = metric_of(turned, x + 9.0 * batch[:, None], batch)
    found, expected = (torch.pdist(torch.from_numpy(np.float32(y))) for y in (turned @ metric.numpy(), x))
    torch.testing.assert_close(found / found.mean(), expected / expected.mean(), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(metric_of(turned, x, batch, 0.0), torch.eye(3), rtol=0, atol=1e-5)


def test_the_networks_stay_the_same_functions():
    stream = Stream(1)
    with stream.at("networks").seeded():
        encoder, decoder, head = CountEncoder(6, 3, width=8), Decoder(3, 2, 6, width=8), MLP(3, 4, width=8, depth=1)
    x, code, library = stream.at("x").normal((50, 6)), torch.eye(2)[torch.arange(50) % 2], torch.full((50,), 100.0)
    encoder.eval().settle(x)

    def seen():
        z = encoder(x)
        return decoder.expected(z, code, library)[0], head(z)

    before, z = seen(), encoder(x)
    root = stream.at("metric").normal((3, 3))
    metric = root @ root.T + torch.eye(3)
    remeasure(metric, encoder, decoder, head)
    torch.testing.assert_close(encoder(x), z @ metric, rtol=1e-4, atol=1e-4)
    for now, then in zip(seen(), before, strict=True):
        torch.testing.assert_close(now, then, rtol=1e-3, atol=1e-4)
