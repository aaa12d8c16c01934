"""Generators draw what they were shown, class by class; remedies for rare classes do what their formulas say."""

import pytest
import torch

from advsci.errors import ConfigError, DataError
from advsci.games import VAE
from advsci.streams import Stream
from advsci_images.baselines.diffusion import Diffusion, levels, time_features
from advsci_images.baselines.imbalance import class_weights, oversampled, smote
from advsci_images.data.form import Form
from advsci_images.data.stack import Stack
from advsci_images.game.supervised import Supervised
from advsci_images.game.training import Play
from advsci_images.systems.generate import drawn_images, trained_generator
from advsci_images.systems.models import importance_bound
from advsci_images.systems.rare import made_rare, remedied

SIDE = 8


def squares(n: int, stream: Stream) -> tuple[torch.Tensor, torch.Tensor]:
    """A bright square in the upper (0) or lower (1) half at a random column, (n 1 8 8)."""
    label = stream.at("label").integers(2, (n,))
    column = stream.at("column").integers(SIDE - 2, (n,))
    x = -torch.ones(n, 1, SIDE, SIDE)
    for i in range(n):
        row = 1 + 4 * int(label[i])
        x[i, 0, row : row + 2, column[i] : column[i] + 2] = 1.0
    return x, label


def test_a_conditional_generator_draws_the_wanted_class_in_all_its_forms():
    x, label = squares(400, Stream(0))
    net = trained_generator(x, Play(150, 32, 3e-3, device="cpu"), label=label, latent=8, width=8)
    wanted = torch.arange(200) % 2
    made = drawn_images(net, 200, 8, Stream(1), label=wanted)
    lower = made[:, 0, 4:].mean((1, 2)) > made[:, 0, :4].mean((1, 2))
    assert float((lower.long() == wanted).float().mean()) > 0.9
    forms = x.flatten(1).unique(dim=0)  # twelve: two halves, six columns
    nearest = torch.cdist(made.flatten(1), forms).argmin(1)
    assert len(forms) == 12 and len(nearest.unique()) >= 8
    again = drawn_images(net, 200, 8, Stream(1), label=wanted)
    assert bool((again == made).all())


def test_a_judge_that_reads_classes_brings_them_sooner():
    x, label = squares(400, Stream(0))
    wanted, right = torch.arange(200) % 2, []
    for auxiliary in (0.0, 1.0):
        play = Play(30, 32, 3e-3, device="cpu")
        net = trained_generator(x, play, label=label, latent=8, width=8, auxiliary=auxiliary)
        made = drawn_images(net, 200, 8, Stream(1), label=wanted)
        lower = made[:, 0, 4:].mean((1, 2)) > made[:, 0, :4].mean((1, 2))
        right.append(float((lower.long() == wanted).float().mean()))
    assert right[0] < 0.95 and right[1] > 0.98, right


def test_generators_want_squares():
    with pytest.raises(ConfigError, match="expected squares"):
        trained_generator(torch.zeros(4, 1, 8, 12), Play(1))


def test_weights_and_repetition_make_classes_count_alike():
    label = torch.tensor([0] * 90 + [1] * 10)
    weights = class_weights(label)
    assert float(weights[0] * 90) == pytest.approx(float(weights[1] * 10))
    rows = oversampled(label, Stream(0))
    assert torch.bincount(label[rows]).tolist() == [90, 90] and rows[:100].tolist() == list(range(100))


def test_smote_stays_between_neighbours_of_the_class():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [10.0, 0.0]])
    new = smote(x, 200, Stream(0), neighbours=1)
    assert bool((new[:, 1] == 0).all())
    assert float(new[:, 0].min()) >= 0.0 and float(new[:, 0].max()) <= 10.0
    inner = new[new[:, 0] <= 1.0]
    assert 0.4 < float(inner[:, 0].mean()) < 0.6
    with pytest.raises(DataError, match="oversampling"):
        smote(x[:1], 3, Stream(0))


@pytest.mark.parametrize("remedy", ["oversampling", "SMOTE"])
def test_remedies_fill_rare_classes_up(remedy):
    x, label = squares(100, Stream(0))
    stack = Stack(x, Form(".png", "uint8"), tuple(map(str, range(100))), label, ("upper", "lower"))
    rare = made_rare(stack, [1], 0.1, 0)
    assert int((rare.labels == 1).sum()) == max(2, round(0.1 * int((label == 1).sum())))
    images, labels = remedied(remedy, rare.images, rare.labels, Stream(1), None)
    counts = torch.bincount(labels)
    assert counts[0] == counts[1] and len(images) == len(labels)
    assert bool((labels[len(rare) :] == 1).all())


def test_a_class_that_is_not_there_cannot_be_rare():
    stack = Stack(torch.zeros(4, 1, 8, 8), Form(".png", "uint8"), tuple("abcd"), torch.zeros(4).long(), ("a",))
    with pytest.raises(DataError, match="class 3"):
        made_rare(stack, [3], 0.5, 0)


def test_mixup_of_equal_images_is_their_plain_loss():
    x, label = torch.ones(6, 1, 8, 8), torch.zeros(6, dtype=torch.long)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    batch = {"x": x, "label": label}
    mixed, plain = Supervised(net, mixup=0.4), Supervised(net)
    draw = mixed.draw(batch, Stream(0))
    assert float(draw["share"].min()) >= 0 and float(draw["share"].max()) <= 1
    torch.testing.assert_close(mixed.loss("classifier", batch, draw), plain.loss("classifier", batch, {}))


class Exact(torch.nn.Module):
    """The best denoiser of images that are all equal: it knows the image."""

    def __init__(self, image: torch.Tensor):
        super().__init__()
        self.image = torch.nn.Parameter(image)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return self.image.expand_as(x)


def test_diffusion_ends_at_the_data_when_the_denoiser_is_exact():
    image = torch.linspace(-0.9, 0.9, 16).reshape(1, 4, 4)
    game = Diffusion(Exact(image), (1, 4, 4))
    torch.testing.assert_close(game.sample(3, Stream(0)), image.expand(3, 1, 4, 4), atol=5e-3, rtol=0)
    batch = {"x": image.expand(5, 1, 4, 4)}
    assert float(game.loss("model", batch, game.draw(batch, Stream(0)))) == 0.0


def test_noise_levels_lie_on_a_circle():
    signal, noise = levels(torch.linspace(0, 1, 7))
    torch.testing.assert_close(signal.square() + noise.square(), torch.ones(7))
    assert time_features(torch.rand(5)).shape == (5, 16)


def test_the_importance_bound_is_the_likelihood_of_a_linear_model():
    """A decoder A z with noise has p(x) = N(0, A A' + s^2), and its bound meets that with the exact posterior."""
    matrix, sigma = torch.tensor([[1.0, 0.5], [0.0, 0.7], [0.3, 0.0], [0.2, 0.2]]), 0.5
    posterior = torch.linalg.inv(torch.eye(2) + matrix.T @ matrix / sigma**2)

    class Decoder(torch.nn.Module):
        def forward(self, z):
            return (z @ matrix.T).reshape(len(z), 1, 2, 2)

    class Encoder(torch.nn.Module):
        def forward(self, x):
            mean = x.flatten(1) @ matrix @ posterior.T / sigma**2
            return torch.cat([mean, posterior.diagonal().log().expand_as(mean)], 1)

    vae = VAE(Encoder(), Decoder(), 2)
    vae.log_sigma.data.fill_(torch.tensor(sigma).log())
    x = Stream(0).normal((20, 1, 2, 2))
    law = torch.distributions.MultivariateNormal(torch.zeros(4), matrix @ matrix.T + sigma**2 * torch.eye(4))
    exact = law.log_prob(x.flatten(1))
    one, many = importance_bound(vae, x, 1, Stream(1)).mean(), importance_bound(vae, x, 500, Stream(1))
    torch.testing.assert_close(many, exact, atol=0.1, rtol=0)
    assert float(one) < float(exact.mean())  # the encoder takes the coordinates for independent
