"""VAE and autoencoder against what linear models give in closed form."""

import math

import pytest
import torch
from torch import nn

from advsci.errors import DataError, ShapeError
from advsci.games import VAE, Autoencoder
from advsci.nn import MLP
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import Trainer

DOUBLE = torch.double


def data(n=4000, seed=0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 4, generator=g, dtype=DOUBLE) * torch.tensor([3.0, 2.0, 0.5, 0.5], dtype=DOUBLE)
    return x - x.mean(0)


def test_the_bound_of_a_linear_vae_is_the_likelihood_of_probabilistic_pca():
    # Tipping and Bishop 1999: W = U (L - s^2)^(1/2), posterior N(M^-1 W^T x, s^2 M^-1), M = W^T W + s^2
    x = data()
    covariance = x.T @ x / len(x)
    values, u = torch.linalg.eigh(covariance)
    variance = values[:2].mean()
    w = u[:, 2:] * (values[2:] - variance).sqrt()
    m = (w.T @ w).diagonal() + variance
    encoder, decoder = nn.Linear(4, 4).double(), nn.Linear(2, 4, bias=False).double()
    model = VAE(encoder, decoder, 2).double()
    with torch.no_grad():
        decoder.weight.copy_(w)
        encoder.weight.copy_(torch.cat([(w / m).T, torch.zeros(2, 4)]))
        encoder.bias.copy_(torch.cat([torch.zeros(2), (variance / m).log()]))
        model.log_sigma.copy_(0.5 * variance.log())
    c = w @ w.T + variance * torch.eye(4)
    exact = 0.5 * (4 * math.log(2 * math.pi) + torch.logdet(c) + torch.trace(torch.linalg.solve(c, covariance)))
    # over both signs of the noise the bound is exact but for the sampled square of the noise
    noise = Stream(0).normal((len(x), 2), dtype=DOUBLE)
    noise = noise @ torch.linalg.inv(torch.linalg.cholesky(noise.T @ noise / len(x))).T  # second moment I
    bounds = [model.loss("model", {"x": x}, {"noise": sign * noise}) for sign in (1.0, -1.0)]
    assert float(sum(bounds) / 2) == pytest.approx(float(exact), rel=1e-9)


def test_a_trained_linear_autoencoder_leaves_the_variance_of_the_minor_components():
    x = data(500).float()
    model = Autoencoder(nn.Linear(4, 2), nn.Linear(2, 4), 2)
    Trainer(1500, 100, quiet=True, device="cpu").fit(model, x, Simultaneous(adam(1e-2)))
    left = float(model.loss("model", {"x": x}, {}).detach()) * 4
    assert left == pytest.approx(float(torch.linalg.eigvalsh(torch.cov(x.T))[:2].sum()), rel=0.05)
    model.fit_codes(x)
    made = model.sample(20_000, Stream(0))
    projected = torch.cov(model.decoder(model.encoder(x)).detach().T)
    assert float((torch.cov(made.T) - projected).norm() / projected.norm()) < 0.05


def test_sampling_with_noise_adds_the_model_s_variance():
    model = VAE(nn.Linear(3, 4), nn.Linear(2, 3), 2)
    with torch.no_grad():
        model.log_sigma.fill_(math.log(2.0))
    plain, noisy = model.sample(20_000, Stream(1)), model.sample(20_000, Stream(1), noise=True)
    assert torch.equal(plain, model.sample(20_000, Stream(1)))
    assert float((noisy - plain).std()) == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize(
    "build", [lambda: VAE(MLP(3, 4, 8), MLP(2, 3, 8), 2), lambda: Autoencoder(MLP(3, 2, 8), MLP(2, 3, 8), 2)]
)
def test_both_play_on_the_meta_device(build):
    with torch.device("meta"):
        game = build()
    batch = {"x": torch.empty(5, 3, device="meta")}
    game.loss("model", batch, game.draw(batch, Stream(0))).backward()


def test_errors_say_what_was_expected():
    x = torch.randn(8, 3)
    with pytest.raises(ShapeError, match="log-variances"):
        Trainer(1, 4, quiet=True, device="cpu").fit(VAE(MLP(3, 2, 8), MLP(2, 3, 8), 2), x, Simultaneous())
    with pytest.raises(ShapeError, match="decoder"):
        Trainer(1, 4, quiet=True, device="cpu").fit(Autoencoder(MLP(3, 2, 8), MLP(2, 5, 8), 2), x, Simultaneous())
    model = Autoencoder(MLP(3, 2, 8), MLP(2, 3, 8), 2)
    with pytest.raises(DataError, match="fit_codes"):
        model.sample(2, Stream(0))
    with pytest.raises(DataError, match="more"):
        model.fit_codes(x[:2])
