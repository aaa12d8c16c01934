"""The posterior sampler: draws with the true law, scores with the right minimum, a game that reaches the posterior."""

import math

import pytest
import torch
from torch import nn

from advsci.errors import ConfigError
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer, Training
from advsci_inverse.game.posterior import PosteriorGAN, SpreadControl, started
from advsci_inverse.game.scoring import energy_score, mean_and_spread
from advsci_inverse.operators import DenseOperator
from advsci_inverse.priors.networks import Synthesis
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.priors.sampler import Consistency, PairDiscriminator, PosteriorSampler
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.search.proposal import GaussianProposal, LatentProposal, Start, carried
from advsci_inverse.uncertainty.posterior import posterior_samples, recentred, spot_probability, trust_in_point


def _normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _posterior(matrix, covariance, mean, y, sigma):
    """Mean and covariance of a Gaussian posterior, by the textbook formula in precision form."""
    precision = torch.linalg.inv(covariance.double()) + matrix.double().T @ matrix.double() / sigma**2
    after = torch.linalg.inv(precision)
    shift = matrix.double().T @ (y.double() - matrix.double() @ mean.double()) / sigma**2
    return mean.double() + after @ shift, after


def _wasserstein(mean_a, cov_a, mean_b, cov_b):
    """Squared Wasserstein-2 distance of two Gaussians."""
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return float((mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * cross)


def test_gaussian_draws_have_the_law_of_the_posterior():
    root, matrix, sigma = _normal(9, 9), _normal(4, 9, seed=1), 0.5
    covariance = root @ root.T / 9 + 0.1 * torch.eye(9)
    mean, operator = _normal(9, seed=2), DenseOperator(matrix, (3, 3))
    y = _normal(1, 4, seed=3)
    start = GaussianProposal(operator, sigma, mean.reshape(3, 3), covariance)(y, 20000, Stream(0))
    wanted, after = _posterior(matrix, covariance, mean, y[0], sigma)
    draws = start.draws[0].flatten(1).double()
    torch.testing.assert_close(start.point.flatten().double(), wanted, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(start.deviation.flatten().double(), after.diagonal().sqrt(), rtol=1e-3, atol=1e-3)
    assert _wasserstein(draws.mean(0), torch.cov(draws.T), wanted, after) < 5e-3 * float(after.trace())


def test_latent_draws_have_the_law_of_the_posterior_of_a_linear_generator():
    weight, matrix, sigma = _normal(9, 2), _normal(5, 9, seed=1), 0.4

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", weight)

        def forward(self, z):
            return (z @ self.weight.T).reshape(-1, 1, 3, 3)

    prior = GeneratorPrior(Synthesis(Linear(), None, 2), (3, 3), 1)
    prior.residual_diagonal.fill_(1e-6)
    operator, y = DenseOperator(matrix, (3, 3)), _normal(1, 5, seed=4)
    search = LatentSearch(prior, operator, sigma, screen=64)
    draws = LatentProposal(search, starts=2, steps=12)(y, 8000, Stream(1)).draws[0].flatten(1).double()
    latent, after = _posterior(matrix @ weight, torch.eye(2), torch.zeros(2), y[0], sigma)
    wide = weight.double()
    distance = _wasserstein(draws.mean(0), torch.cov(draws.T), wide @ latent, wide @ after @ wide.T)
    assert distance < 1e-2 * float((wide @ after @ wide.T).trace())


def test_carried_draws_keep_their_correlation_and_take_mean_and_deviation():
    draws = torch.linalg.cholesky(torch.tensor([[4.0, 1.8], [1.8, 1.0]])) @ _normal(2, 20000)
    start = Start(torch.zeros(1, 1, 2), torch.tensor([[[2.0, 1.0]]]), draws.T.reshape(1, -1, 1, 2))
    found = carried(start, torch.tensor([[[5.0, 6.0]]]), torch.tensor([[[0.1, 0.3]]]))
    moved = found.draws[0, :, 0]
    torch.testing.assert_close(moved.mean(0), torch.tensor([5.0, 6.0]), rtol=0.0, atol=0.02)
    torch.testing.assert_close(moved.std(0), torch.tensor([0.1, 0.3]), rtol=0.03, atol=0.0)
    assert float(torch.corrcoef(moved.T)[0, 1]) == pytest.approx(0.9, abs=0.01)


def _expected(score, spread, shift=0.0, truth=None, count=2):
    """The score's expectation for samples N(shift, spread^2) of a truth that is standard normal by default."""
    n = 400_000
    x = _normal(n, seed=7) if truth is None else truth
    return float(score(shift + spread * _normal(count, n, seed=8), x))


@pytest.mark.parametrize("score", [energy_score, mean_and_spread])
@pytest.mark.parametrize("count", [2, 4])
def test_scores_are_least_at_the_true_gaussian(score, count):
    at = lambda spread, shift=0.0: _expected(score, spread, shift, count=count)  # noqa: E731
    best = at(1.0)
    for spread, shift in ((0.7, 0.0), (1.4, 0.0), (1.0, 0.3), (1.0, -0.3)):
        assert at(spread, shift) > best + 1e-3, (spread, shift)


def test_squared_error_with_a_reward_for_variance_has_no_such_minimum():
    """It is linear in the variance: at any weight either no spread or ever more spread is best."""

    def squared(samples, truth, beta):
        return (samples.mean(0) - truth).square().mean() - beta * samples.var(0).mean()

    for beta in (0.25, 0.5, 0.75):
        values = [_expected(lambda s, x, b=beta: squared(s, x, b), v**0.5) for v in (0.5, 1.0, 1.5)]
        assert values[0] - 2 * values[1] + values[2] == pytest.approx(0.0, abs=5e-3)
    curved = [_expected(mean_and_spread, v**0.5) for v in (0.5, 1.0, 1.5)]
    assert curved[0] - 2 * curved[1] + curved[2] > 0.008


def test_a_pixel_that_is_rarely_bright_is_kept_by_the_ranked_probability_score_alone():
    """Bright in one image of ten: the true law has E|x-s| - E|s-s'|/2 = .18 - .09, no light at all .1 (closed form).

    The mean's absolute error prefers the median, which is dark, and its reward for spread does not make up for that.
    """
    n = 200_000
    rare = lambda seed: (torch.rand(n, generator=torch.Generator().manual_seed(seed)) < 0.1).float()  # noqa: E731
    x, own, dark = rare(1), torch.stack([rare(2), rare(3)]), torch.zeros(2, n)
    assert float(energy_score(own, x)) == pytest.approx(0.09, abs=3e-3)
    assert float(energy_score(dark, x)) == pytest.approx(0.1, abs=3e-3)
    assert float(mean_and_spread(own, x)) > float(mean_and_spread(dark, x)) + 0.02


class _Affine(nn.Module):
    """The least class that holds the Gaussian posterior: an affine map of draw, estimate and noise."""

    def __init__(self, pixels: int):
        super().__init__()
        self.body = nn.Linear(3 * pixels, pixels)
        nn.init.zeros_(self.body.weight)

    def forward(self, draw, point, deviation, noise):
        flat = torch.cat([part.flatten(1) for part in (draw, point, noise)], 1)
        return (point.flatten(1) + self.body(flat)).reshape(point.shape)


def test_with_more_than_the_proper_reward_for_spread_the_score_has_no_minimum():
    """Samples that are rarely large: E|x-s| = pM, E|s-s'| = 2p(1-p)M, so that above 1 / (1-p) more is better."""
    n = 200_000
    rare = lambda seed: (torch.rand(n, generator=torch.Generator().manual_seed(seed)) < 0.05).float()  # noqa: E731
    one, x = torch.stack([rare(2), rare(3)]), torch.zeros(n)
    for beta, sign in ((1.0, 1), (1.2, -1)):
        rise = float(energy_score(100 * one, x, beta)) - float(energy_score(10 * one, x, beta))
        assert sign * rise > 0.1


@pytest.mark.parametrize("adversarial", [0.0, 0.05])
def test_the_game_reaches_the_posterior_of_gaussian_images(adversarial):
    """Draws of a prior that is wrong by a factor become the true posterior, mean and marginal deviations alike."""
    torch.manual_seed(0)
    covariance = torch.diag(torch.tensor([1.0, 1.0, 0.5, 0.2]))
    covariance[0, 1] = covariance[1, 0] = 0.6
    matrix, sigma, n = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]), 0.3, 4000
    x = (_normal(n, 4) @ torch.linalg.cholesky(covariance).T).reshape(n, 2, 2)
    operator = DenseOperator(matrix, (2, 2))
    y = operator(x) + sigma * _normal(n, 2, seed=1)
    start = GaussianProposal(operator, sigma, torch.zeros(2, 2), 3.0 * torch.eye(4))(y, 4, Stream(2))
    consistency = Consistency.of(operator, sigma, 1e-6)  # no data step: the network must find the posterior itself
    judge = PairDiscriminator((2, 2), 8)
    game = PosteriorGAN(_Affine(4), judge, [consistency], adversarial=adversarial)
    trainer = Trainer(steps=500, batch_size=256, device="cpu", ema=EMA(0.98, of=("generator",)), quiet=True)
    data = started(x, y, start, consistency)
    net = trainer.fit(game, data, Simultaneous(adam(1e-2, betas=(0.5, 0.99)))).averaged("generator")
    test = _normal(1, 2, seed=9)
    point = GaussianProposal(operator, sigma, torch.zeros(2, 2), 3.0 * torch.eye(4))(test, 4000, Stream(3))
    each = Start(point.point.expand(4000, 2, 2), point.deviation.expand(4000, 2, 2), point.draws[0][:, None])
    samples = posterior_samples_unclipped(net, each)
    wanted, after = _posterior(matrix, covariance, torch.zeros(4), test[0], sigma)
    own = samples.std(0).flatten().double()
    torch.testing.assert_close(samples.mean(0).flatten().double(), wanted, rtol=0.0, atol=0.15)
    torch.testing.assert_close(own, after.diagonal().sqrt(), rtol=0.2, atol=0.0)


def posterior_samples_unclipped(net, start: Start):
    with torch.no_grad():
        return net(start.draws[:, 0], start.point, start.deviation, _normal(*start.point.shape, seed=11))


def _small_game(adversarial=0.1):
    operator = DenseOperator(_normal(6, 64) / 6**0.5, (8, 8))
    x = torch.rand(40, 8, 8, generator=torch.Generator().manual_seed(0))
    y = operator(x)
    start = GaussianProposal(operator, 0.1, x.mean(0), 0.1 * torch.eye(64))(y, 3, Stream(0))
    consistency = Consistency.of(operator, 0.1, 0.3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, judge = PosteriorSampler(0.05, widths=(8,), blocks=(1,)), PairDiscriminator((8, 8), 4)
    return PosteriorGAN(net, judge, [consistency], adversarial=adversarial), started(x, y, start, consistency), start


def test_samples_hold_to_the_data_and_differ():
    game, data, start = _small_game()
    consistency = game.family[0]
    samples = posterior_samples(game.generator, start, data["back"], consistency, 5, Stream(1))
    assert samples.shape == (5, 40, 8, 8) and float(samples.std(0).mean()) > 1e-4
    y = consistency.operator(data["x"])
    miss = lambda u: float((consistency.operator(u) - y).square().mean())  # noqa: E731
    once = (start.draws[:, 0] + data["back"] - consistency.again(start.draws[:, 0])).clamp(0, 1)
    assert miss(samples[0]) < 0.5 * miss(once)  # clipping after the data step would undo it
    v = torch.rand(40, 8, 8, generator=torch.Generator().manual_seed(1))
    held = v + data["back"] - consistency.again(v)
    before, after = ((consistency.operator(u) - y).square().mean() for u in (v, held))
    assert float(after) < 0.1 * float(before)


def test_no_other_weight_of_the_point_estimate_has_a_smaller_error():
    stream = Stream(0)
    samples, point, truth = (
        stream.at(k).uniform(n) for k, n in zip("spt", ((6, 5, 4, 4), (5, 4, 4), (5, 4, 4)), strict=True)
    )
    trust = trust_in_point(samples, point, truth)
    error = lambda t: float((torch.lerp(samples.mean(0), point, t) - truth).square().mean())  # noqa: E731
    assert 0.0 < trust < 1.0
    assert error(trust) < min(error(trust - 0.02), error(trust + 0.02), error(0.0), error(1.0))
    assert trust_in_point(samples, truth, truth) == 1.0
    assert trust_in_point(samples, truth, 2 * samples.mean(0) - truth) == 0.0  # the estimate is on the wrong side


def test_recentred_samples_keep_their_differences_and_have_the_mean_that_is_asked_for():
    stream, clip = Stream(0), lambda v: v.clamp(0, 1)
    samples, point = 0.3 + 0.4 * stream.at("s").uniform((6, 5, 4, 4)), 0.4 + 0.2 * stream.at("p").uniform((5, 4, 4))
    moved = recentred(samples, clip, point, 0.5)
    torch.testing.assert_close(moved.mean(0), (samples.mean(0) + point) / 2)
    torch.testing.assert_close(moved[1:] - moved[:1], samples[1:] - samples[:1])
    assert torch.equal(recentred(2 * samples, clip, point, 0.0), clip(2 * samples))
    bounded = recentred(samples.round(), clip, point, 1.0)  # where clipping takes a part of the move
    assert bounded.min() >= 0.0 and bounded.max() <= 1.0
    assert (bounded.mean(0) - point).abs().mean() < 0.3 * (samples.round().mean(0) - point).abs().mean()


def test_samples_are_scored_and_judged_within_their_bounds_and_come_back():
    game, data, _ = _small_game()
    game.bounds = (0.25, 0.75)
    draw = game.draw(data, Stream(0))
    several = game.several(data, draw).detach()
    made = game.make(data, draw)
    assert 0.25 <= float(several.min()) and float(several.max()) <= 0.75
    torch.testing.assert_close(game.scores(data, draw, made).fake, several[0])
    nn.init.constant_(game.generator.body.head.bias, -3.0)  # far below: no clipped value moves any more
    terms = game.terms("generator", data, draw)
    assert float(terms["bounds"].detach()) > 0.1
    (slope,) = torch.autograd.grad(sum(terms.values()), game.generator.body.head.bias)
    assert bool((slope < 0).all())  # descent raises every pixel


def test_without_an_adversary_the_discriminator_is_idle():
    game, data, _ = _small_game(adversarial=0.0)
    assert set(game.players) == {"generator"}
    batch = {k: v[:8] for k, v in data.items()}
    terms = game.terms("generator", batch, game.draw(batch, Stream(0)))
    assert float(terms["objective"]) == 0.0 and terms["score"].requires_grad


def test_the_family_holds_each_image_to_its_own_operator():
    game, data, start = _small_game()
    other = Consistency.of(DenseOperator(_normal(6, 64, seed=5) / 6**0.5, (8, 8)), 0.1, 0.3)
    both = PosteriorGAN(game.generator, game.discriminator, [game.family[0], other])
    mixed = {k: v.clone() for k, v in data.items()}
    mixed["member"][20:] = 1
    mixed["back"][20:] = other.back(other.operator(data["x"][20:]))
    draw = both.draw(mixed, Stream(0))
    made = both.samples(mixed, draw)
    for part, one in ((slice(0, 20), game.family[0]), (slice(20, 40), other)):
        net = both.generator(
            data["draws"][torch.arange(40), draw["pick"][:, 0]], data["point"], data["deviation"], draw["latent"][:, 0]
        )
        torch.testing.assert_close(made[part], net[part] + mixed["back"][part] - one.again(net[part]))


def test_spread_control_raises_the_reward_where_samples_are_too_alike():
    game, data, _ = _small_game()

    class Still(nn.Module):  # all samples are the estimate, which is wrong
        def forward(self, draw, point, deviation, noise):
            return point + 0.01 * noise

    game.generator = Still()
    training = Training(game, Simultaneous(adam(1e-3)))
    game.beta.fill_(0.5)
    logged = SpreadControl(game, data, rate=0.5)(training)
    assert logged["spread/ratio_over_wanted"] < 0.7 and logged["spread/beta"] > 0.6
    assert float(game.beta) == pytest.approx(logged["spread/beta"])


def test_a_spot_is_the_share_of_samples_that_show_it():
    x = 0.5 + 0.01 * _normal(10, 2, 16, 16)
    x[:7, 0, 6:9, 6:9] -= 0.3
    x[:4, 1, 6:9, 6:9] += 0.3
    dark, bright = spot_probability(x, 7, 7, 2)
    torch.testing.assert_close(dark[0], torch.tensor(0.7))
    torch.testing.assert_close(bright[1], torch.tensor(0.4))
    with pytest.raises(ConfigError, match="inside"):
        spot_probability(x, 40, 40, 2)
    assert math.isfinite(float(dark.sum()))
