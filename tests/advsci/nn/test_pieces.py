"""A generator in pieces: what is torn, what is shared, what each latent entry does."""

import pytest
import torch

from advsci.errors import ConfigError, ShapeError
from advsci.nn import MLP, Pieces
from advsci.streams import Stream


def test_pieces_are_equally_likely_and_normal_about_their_centres():
    net = Pieces(2, torch.nn.Identity(), pieces=5, size=0.1, strength=0.0)
    z = Stream(1).normal((200_000, net.latent))
    x, k = net(z), net.piece(z)
    for i in range(5):
        mine = x[k == i]
        assert len(mine) / len(x) == pytest.approx(0.2, abs=0.005)
        torch.testing.assert_close(mine.mean(0), net.centres[i], atol=0.003, rtol=0.0)
        torch.testing.assert_close(torch.cov(mine.T), 0.01 * torch.eye(2), atol=3e-4, rtol=0.0)


def test_a_shape_is_an_affine_map_of_the_piece_alone():
    net = Pieces(3, torch.nn.Identity(), pieces=4, size=0.5, strength=1.0).double()
    with torch.no_grad():
        net.shapes.copy_(Stream(0).normal((4, 3, 3)))
    z = Stream(1).normal((7, 4)).double()
    expected = [2.0 * (net.centres[k] + 0.5 * net.shapes[k] @ e) for k, e in zip(net.piece(z), z[:, 1:], strict=True)]
    torch.testing.assert_close(net(z), torch.stack(expected))


def test_only_the_chosen_piece_and_the_bend_receive_gradients():
    net = Pieces(2, MLP(2, 2, 8, 1), pieces=8, seed=3)
    z = torch.zeros(1, 3)
    net(z).sum().backward()
    assert net.centres.grad is not None and net.centres.grad.abs().sum(1).nonzero().flatten().tolist() == [4]
    assert all(p.grad is not None for p in net.bend.parameters())


def test_the_ends_of_the_latent_line_have_pieces():
    net = Pieces(1, torch.nn.Identity(), pieces=3)
    assert net.piece(torch.tensor([[-40.0, 0.0], [0.0, 0.0], [40.0, 0.0]])).tolist() == [0, 1, 2]


def test_errors_say_what_was_expected():
    with pytest.raises(ConfigError, match="at least 1"):
        Pieces(2, torch.nn.Identity(), pieces=0)
    with pytest.raises(ShapeError, match="one more than the samples"):
        Pieces(2, torch.nn.Identity())(torch.zeros(5, 2))
