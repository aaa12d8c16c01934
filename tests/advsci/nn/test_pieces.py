"""A generator in pieces: what is torn, what is shared, what each latent entry does."""

import pytest
import torch
from torch.nn.functional import softplus

from advsci.errors import ConfigError, ShapeError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP, Pieces
from advsci.objectives import NonSaturating, RelativisticPairing
from advsci.penalties import R1, R2
from advsci.penalties.scores import input_gradient
from advsci.solvers import player_gradient, vector_field
from advsci.streams import Stream


def enumerated(pieces, dim, seed=0):
    """One latent vector for each piece, as `Pieces.weighted` reads them."""
    quantile = (torch.arange(pieces, dtype=torch.float64) + 0.5) / pieces
    within = Stream(seed).normal((pieces, dim)).double()
    return torch.cat([torch.special.ndtri(quantile).unsqueeze(1), within], 1)


def uneven(pieces=6, dim=2, pace=3.0):
    net = Pieces(dim, MLP(dim, dim, 8, 1), pieces=pieces, size=0.3, strength=0.5, pace=pace, seed=2).double()
    with torch.no_grad():
        net.scores.copy_(0.4 * Stream(5).normal((pieces,)))
    return net


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


def test_pieces_come_as_often_as_their_weights_say():
    net = uneven()
    z = Stream(1).normal((200_000, net.latent)).double()
    share = torch.bincount(net.piece(z), minlength=6) / len(z)
    torch.testing.assert_close(net.weights.sum(), torch.ones((), dtype=torch.float64))
    torch.testing.assert_close(share.double(), net.weights.detach(), atol=0.005, rtol=0.0)


def test_weighted_samples_have_the_distribution_of_plain_ones():
    net = uneven()
    z = Stream(1).normal((400_000, net.latent)).double()
    with torch.no_grad():
        x, weight = net.weighted(z)
        plain = net(z)
    assert float(weight.mean()) == pytest.approx(1.0, abs=0.01)
    for moment in (lambda x: x, lambda x: x.square(), lambda x: (3.0 * x).sin()):
        torch.testing.assert_close((weight[:, None] * moment(x)).mean(0), moment(plain).mean(0), atol=0.01, rtol=0.0)


@pytest.mark.parametrize("objective", [RelativisticPairing(), NonSaturating()], ids=lambda o: type(o).__name__)
def test_the_gradient_in_the_weights_is_that_of_the_mixtures_loss(objective):
    r"""Every piece enumerated: sum_k pi_k l_k, whose gradient in the logits is pi_k (l_k - sum_j pi_j l_j)."""
    net, critic = uneven(), MLP(2, 1, 8, 1).double()
    game = GAN(net, critic, Gaussian(net.latent), objective=objective, penalties=())
    batch, draw = {"x": Stream(3).normal((6, 2)).double()}, {"latent": enumerated(6, 2)}
    _, gradient = player_gradient(game, "generator", batch, draw)
    names = [name for name, _ in net.named_parameters()]
    with torch.no_grad():
        x, _ = net.weighted(draw["latent"])
        gap = critic(x).flatten() - (critic(batch["x"]).flatten() if objective.uses_real_in_generator else 0.0)
        losses, pi = softplus(-gap), net.weights
        torch.testing.assert_close(game.loss("generator", batch, draw), (pi * losses).sum())
        expected = net.pace * pi * (losses - (pi * losses).sum())
    torch.testing.assert_close(gradient[names.index("scores")], expected)


def test_the_discriminator_sees_the_mixture():
    net, critic = uneven(), MLP(2, 1, 8, 1).double()
    game = GAN(net, critic, Gaussian(net.latent), penalties=(R2(2.0),))
    batch, draw = {"x": Stream(3).normal((6, 2)).double()}, {"latent": enumerated(6, 2)}
    terms = game.terms("discriminator", batch, draw)
    x, _ = net.weighted(draw["latent"])
    pairs = softplus(critic(x).flatten() - critic(batch["x"]).flatten())
    torch.testing.assert_close(terms["objective"], (net.weights * pairs).sum())
    torch.testing.assert_close(terms["r2"], (net.weights * input_gradient(critic, x).square().sum(1)).sum())


@pytest.mark.parametrize("penalties", [(), (R1(0.3), R2(0.5))], ids=["bare", "penalised"])
def test_one_backward_pass_serves_weights_too(penalties):
    net, critic = uneven(), MLP(2, 1, 8, 1).double()
    game = GAN(net, critic, Gaussian(net.latent), penalties=penalties)
    batch = {"x": Stream(3).normal((9, 2)).double(), "weight": torch.arange(1.0, 10.0, dtype=torch.float64)}
    draw = game.draw(batch, Stream(4))
    _, shared = vector_field(game, batch, draw)
    for player in game.players:
        _, gradient = player_gradient(game, player, batch, draw)
        for a, b in zip(shared[player], gradient, strict=True):
            assert a is not None and b is not None
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-14)
