"""Games and networks of the priors: what they minimise, masked data, the meta device, files."""

import pytest
import torch

from advsci.errors import CheckpointError, ConfigError, DataError, ShapeError
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_inverse.config import Train
from advsci_inverse.game.denoising import DenoisingGame
from advsci_inverse.game.hybrid import HybridGAN
from advsci_inverse.game.training import train_prior
from advsci_inverse.priors.denoiser import Denoiser, gaussian_nll
from advsci_inverse.priors.networks import build_discriminator, build_synthesis
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.priors.unet import ResidualUNet
from advsci_inverse.search.projection import project_onto_range
from advsci_inverse.store import load_prior, save


def _game(kind="dense", condition=0, **settings):
    widths = (16, 12) if kind == "dense" else (16, 8)
    synthesis = build_synthesis(kind, 3, (8, 8), widths, condition=condition)
    return HybridGAN(synthesis, build_discriminator(kind, (8, 8), widths[::-1], condition=condition), **settings)


@pytest.mark.parametrize("condition", [0, 4])
@pytest.mark.parametrize("kind", ["dense", "residual", "style"])
def test_both_players_have_finite_terms_and_gradients(kind, condition):
    game = _game(kind, condition)
    batch = {"x": torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))}
    if condition:
        batch["condition"] = torch.arange(6) % condition
    draw = game.draw(batch, Stream(0))
    game.check(batch, draw)
    for player in game.players:
        loss = game.loss(player, batch, draw)
        grads = torch.autograd.grad(loss, game.parameters_of(player), allow_unused=True)
        assert torch.isfinite(loss) and any(g is not None and bool(g.abs().sum() > 0) for g in grads)


def test_reconstruction_term_is_the_gaussian_likelihood_at_its_best_variance():
    game = _game(adversary=0.0)
    batch = {"x": torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))}
    draw = game.draw(batch, Stream(0))
    terms = game.terms("generator", batch, draw)
    mean, log_s = game.generator.encode(batch["x"])
    error = (batch["x"] - game.generator.generator(mean + log_s.exp() * draw["posterior"])).square().mean()
    variances = torch.linspace(0.5, 2.0, 301) * error
    likelihood = (0.5 * variances.log() + 0.5 * error / variances).min() - 0.5
    torch.testing.assert_close(terms["reconstruction"], likelihood, rtol=1e-3, atol=1e-3)
    q, p = torch.distributions.Normal(mean, log_s.exp()), torch.distributions.Normal(0.0, 1.0)
    divergence = torch.distributions.kl_divergence(q, p).sum(1).mean() / 64
    torch.testing.assert_close(terms["prior"], divergence, rtol=1e-4, atol=1e-6)
    assert list(game.players) == ["generator"]


def test_hidden_pixels_do_not_enter_any_loss():
    game = _game()
    mask = (torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * mask
    batch = {"x": x, "mask": mask}
    draw = game.draw(batch, Stream(0))
    fake = game.samples(batch, draw)
    assert float((fake * (1 - draw["mask"])).abs().max()) == 0.0
    rebuilt = game.generator.generator(torch.zeros(6, 3)).detach()
    error = ((x - rebuilt).square() * mask).sum() / mask.sum()
    assert torch.isfinite(error) and torch.isfinite(game.loss("generator", batch, draw))


def test_games_run_on_the_meta_device():
    game = _game().to("meta")
    batch = {"x": torch.zeros(4, 1, 8, 8, device="meta")}
    draw = game.draw({"x": torch.zeros(4, 1, 8, 8)}, Stream(0))
    draw = {k: v.to("meta") for k, v in draw.items()}
    for player in game.players:
        assert game.loss(player, batch, draw).shape == ()
    denoising = DenoisingGame(Denoiser(0.3, 0.3, widths=(8, 8), blocks=(1, 1))).to("meta")
    x = torch.zeros(4, 8, 8)
    draw = {k: v.to("meta") for k, v in denoising.draw({"x": x}, Stream(0)).items()}
    assert denoising.loss("denoiser", {"x": x.to("meta")}, draw).shape == ()


def test_trained_denoiser_reaches_the_optimum_of_constant_images():
    """Images of one random grey value each: the best estimate averages the pixels, far below the white noise."""
    x = torch.rand(512, 1, 1, generator=torch.Generator().manual_seed(0)).expand(512, 8, 8).contiguous()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        denoiser = Denoiser(0.5, 0.29, widths=(16, 16), blocks=(1, 1))
    game = DenoisingGame(denoiser, levels=(0.05, 1.0))
    Trainer(steps=150, batch_size=32, device="cpu", quiet=True).fit(
        game, x, Simultaneous(adam(3e-3, betas=(0.9, 0.99)))
    )
    noise = torch.randn(64, 8, 8, generator=torch.Generator().manual_seed(5))
    level = torch.full((64,), 0.3)
    with torch.no_grad():
        mean, deviation = denoiser(x[:64] + 0.3 * noise, level)
    error = float((mean - x[:64]).square().mean())
    assert error < 0.2 * 0.3**2  # the noise has variance 0.09, the optimum about 0.0014
    assert 0.5 < float(deviation.square().mean()) / error < 2.0


def test_untrained_denoiser_is_the_linear_one():
    denoiser = Denoiser(0.4, 0.3, widths=(8, 8), blocks=(1, 1))
    r = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(0))
    mean, _ = denoiser(r, torch.tensor([0.1, 1.0]))
    gain = 0.09 / (0.09 + torch.tensor([0.01, 1.0]))
    torch.testing.assert_close(mean, 0.4 + gain[:, None, None] * (r - 0.4))


def test_spread_is_learned_at_the_root_mean_square_error():
    error = torch.tensor([3.0, 4.0])
    spread = torch.linspace(1.0, 8.0, 7001)
    values = torch.stack([gaussian_nll(error, torch.zeros(2), s.expand(2)) for s in spread])
    assert abs(float(spread[values.argmin()]) - 12.5**0.5) < 2e-3


def test_unet_keeps_odd_sizes_and_starts_at_zero():
    net = ResidualUNet(2, 3, (8, 12), (1, 1))
    out = net(torch.randn(1, 2, 13, 10, generator=torch.Generator().manual_seed(0)))
    assert out.shape == (1, 3, 13, 10) and float(out.abs().max()) == 0.0
    with pytest.raises(ConfigError):
        ResidualUNet(1, 1, (8,), (1, 1))


@pytest.mark.parametrize("encoder", [True, False])
def test_training_on_masked_images_gives_a_usable_prior(encoder):
    images = torch.rand(300, 8, 8, generator=torch.Generator().manual_seed(0))
    config = Train(
        steps=5, batch_size=16, held_out=64, widths=[12], critic_widths=[8], latent=2, rank=4, encoder=encoder,
        masked=0.5 if encoder else 0.0, device="cpu",
    )  # fmt: skip
    trained = train_prior(images, config)
    projected = project_onto_range(trained.prior, images[:5])
    assert projected.shape == (5, 8, 8) and 0 < trained.card["representation_error"] < 1
    with pytest.raises(DataError, match="held_out"):
        train_prior(images[:50], config)
    with pytest.raises(DataError, match="expected"):
        train_prior(images * 3, config)


def test_conditional_prior_learns_the_image_of_each_class(tmp_path):
    """Three classes of one image each: given the class, nearly every latent makes that image."""
    images = torch.zeros(600, 4, 4)
    labels = torch.arange(600) % 3
    images[torch.arange(600), labels] = 1.0
    config = Train(
        steps=150, batch_size=32, held_out=60, widths=[24], critic_widths=[16], latent=2, rank=4, classes=3,
        rate=1e-2, device="cpu",
    )  # fmt: skip
    trained = train_prior(images, config, labels)
    prior, z = trained.prior, torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    for label in range(3):
        given = prior.given(label)
        torch.testing.assert_close(given.decode(z), prior.decode(z, torch.full((200,), label)))
        errors = (given.decode(z)[:, None] - images[:3]).square().mean((2, 3))
        assert float((errors.argmin(1) == label).float().mean()) > 0.8
    save(tmp_path / "p.safetensors", prior, trained.card)
    again = load_prior(tmp_path / "p.safetensors").given(1)
    torch.testing.assert_close(again.decode(z), prior.given(1).decode(z), rtol=0, atol=1e-2)
    image, tangents = again.jacobian(z)
    assert image.shape == (200, 4, 4) and tangents.shape == (200, 2, 4, 4)
    with pytest.raises(ShapeError, match="condition"):
        prior.decode(z)
    with pytest.raises(DataError, match="classes"):
        train_prior(images, config)


def test_style_based_prior_has_a_jacobian_and_refuses_sizes_it_cannot_make():
    prior = GeneratorPrior(build_synthesis("style", 3, (8, 8), (8, 4)).double(), (8, 8), rank=4).double()
    z = torch.randn(2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    image, tangents = prior.jacobian(z)
    step = 1e-6 * torch.eye(3, dtype=torch.float64)[0]
    numeric = (prior.decode(z + step) - prior.decode(z - step)) / 2e-6
    torch.testing.assert_close(tangents[:, 0], numeric, rtol=1e-5, atol=1e-8)
    assert image.shape == (2, 8, 8)
    with pytest.raises(ConfigError, match="square"):
        build_synthesis("style", 3, (9, 9), (8, 4))


def test_residual_covariance_is_that_of_the_residuals(tmp_path):
    prior = GeneratorPrior(build_synthesis("dense", 2, (4, 4), (8,)), (4, 4), rank=16)
    residuals = torch.randn(500, 4, 4, generator=torch.Generator().manual_seed(0))
    prior.fit_residual(residuals)
    flat = residuals.flatten(1)
    torch.testing.assert_close(prior.residual_covariance(), flat.T @ flat / 500, rtol=1e-3, atol=1e-3)
    card = {"networks": {"kind": "dense", "latent": 2, "shape": [4, 4], "widths": [8], "encoder": True, "rank": 16}}
    path = tmp_path / "p.safetensors"
    save(path, prior, card)
    z = torch.randn(3, 2)
    torch.testing.assert_close(load_prior(path).decode(z), prior.decode(z), rtol=1e-2, atol=1e-2)
    card["networks"]["latent"] = 3
    save(path, prior, card)
    with pytest.raises(CheckpointError, match="size mismatch.*expected a prior as it was written"):
        load_prior(path)
    with pytest.raises(ConfigError, match="no prior"):
        load_prior("nothing")
