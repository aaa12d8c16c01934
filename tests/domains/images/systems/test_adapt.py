"""Adaptation closes a gap that the same network without adversary leaves, on images whose cure is known."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from advsci.errors import ConfigError, DataError, ShapeError
from advsci.streams import Stream
from advsci_images.adapter import DomainAdapter
from advsci_images.game.aligned import RandomProducts, aligned_game
from advsci_images.game.players import Classifier
from advsci_images.game.recolouring import colours, recoloured
from advsci_images.game.training import Play
from advsci_images.systems.adapt import adapt, predict

SIDE = 12


def bars(n: int, stream: Stream) -> tuple[torch.Tensor, torch.Tensor]:
    """Bright bars on black, upright (0) or lying (1), at random places, (n 1 side side) in [0, 1]."""
    label = stream.at("label").integers(2, (n,))
    place = 2 + stream.at("place").integers(SIDE - 4, (n,))
    upright = (torch.arange(SIDE)[None, None, None, :] - place[:, None, None, None]).abs() < 2
    images = torch.where(label[:, None, None, None] == 0, upright, upright.transpose(2, 3)).float()
    return images.expand(n, 1, SIDE, SIDE), label


def painted(n: int, stream: Stream) -> tuple[torch.Tensor, torch.Tensor]:
    """Bars in a random grey on a random ground: where the ground is bright the bar is darker."""
    images, label = bars(n, stream)
    ground = 0.4 + 0.6 * stream.at("ground").uniform((n, 1, 1, 1))
    return 2.0 * (ground - images * (0.4 + 0.6 * ground)).abs() - 1.0, label


def marked(n: int, stream: Stream, source: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy bars; in the target domain every image has the same bright frame along two sides, as a scanner's mark."""
    images, label = bars(n, stream)
    x = 2.0 * images - 1.0 + 0.5 * stream.at("noise").normal((n, 1, SIDE, SIDE))
    if not source:
        x[:, :, -2:] += 3.0
        x[:, :, :2] += 3.0
    return x.clamp(-1, 1), label


def accuracy(classifier, images, label):
    """Share of images that get their own label."""
    return float((predict(classifier, images).argmax(1) == label).float().mean())


def test_pixelda_learns_the_look_of_the_target():
    x, label = bars(600, Stream(0))
    target, _ = painted(600, Stream(1))
    held, truth = painted(400, Stream(2))
    play = Play(60, 16, 5e-3, device="cpu")
    plain = accuracy(adapt("source", 2 * x - 1, label, target, play), held, truth)
    adapted = accuracy(adapt("pixelda", 2 * x - 1, label, target, play), held, truth)
    assert plain < 0.92 and adapted > 0.97, (plain, adapted)


@pytest.fixture(scope="module")
def scanned():
    """Labelled images, target images, held-out ones with their classes, and what a network without adversary knows."""
    x, label = marked(600, Stream(0), True)
    target, _ = marked(600, Stream(1), False)
    held, truth = marked(400, Stream(2), False)
    plain = accuracy(adapt("source", x, label, target, Play(120, 16, 3e-3, device="cpu")), held, truth)
    return x, label, target, held, truth, plain


@pytest.mark.parametrize(("method", "steps", "least"), [("dann", 120, 0.95), ("cdan", 120, 0.95), ("adda", 250, 0.74)])
def test_features_leave_alone_what_only_one_domain_has(method, steps, least, scanned):
    x, label, target, held, truth, plain = scanned
    adapted = accuracy(adapt(method, x, label, target, Play(steps, 16, 3e-3, device="cpu")), held, truth)
    assert plain < 0.69 and adapted > least, (plain, adapted)


def test_the_adversary_sees_what_the_convolutions_make():
    """An adversary of the last dense layer sees classes and little else: it closed no gap on textured digits."""
    x, label = bars(8, Stream(0))
    classifier = Classifier(1, (SIDE, SIDE), 2, groups=True)
    batch = {"x": x, "label": label, "target": -x}
    for conditional, length in ((False, classifier.flat), (True, 1024)):
        game = aligned_game(classifier, conditional=conditional)
        features, _ = game.task(batch, game.draw(batch, Stream(0)))
        assert features.shape == (16, length)
    dann = aligned_game(classifier)
    torch.testing.assert_close(dann.task(batch, {})[0], classifier.maps(torch.cat([x, -x])))


def test_random_products_are_products_on_average():
    f, g = Stream(0).normal((4, 5)), Stream(1).normal((4, 3))
    with Stream(2).seeded():
        h = RandomProducts((5, 3), 40_000)(f, g)
    exact = (f @ f.T) * (g @ g.T)  # inner products of the outer products
    torch.testing.assert_close(h @ h.T, exact, atol=0.1 * float(exact.diagonal().max()), rtol=0)


def test_random_colours_invert_half_of_the_channels_and_spare_the_target():
    x = torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8).expand(2000, 3, 8, 8)
    made = recoloured(x, colours(x, Stream(0)))
    falling = (made[:, :, 0, 0] > made[:, :, -1, -1]).float().mean(0)
    assert bool(((falling - 0.5).abs() < 0.05).all()) and float(made.abs().max()) <= 1
    with pytest.raises(ConfigError, match="source, dann or cdan"):
        adapt("pixelda", x[:8], torch.zeros(8).long(), x[:8], Play(1), recolour=True)


def test_the_estimator_keeps_the_conventions_of_skada():
    x, label = bars(200, Stream(0))
    images = np.concatenate([2 * x.numpy() - 1, 1 - 2 * x.numpy()])
    names = np.array(["upright", "lying"])[np.concatenate([label, label])]
    domain = np.repeat([1, -1], 200)
    model = DomainAdapter("dann", steps=60, rate=3e-3).fit(images, names, sample_domain=domain)
    assert model.classes_.tolist() == ["lying", "upright"]
    assert (model.predict(images[:200]) == names[:200]).mean() > 0.95
    np.testing.assert_allclose(model.predict_proba(images[:5]).sum(1), 1.0, rtol=1e-5)
    assert model.get_params()["method"] == "dann"


def test_the_estimator_is_cloned_pickled_and_unfitted_as_scikit_learn_wants_it():
    x, label = bars(40, Stream(0))
    domain = np.repeat([1, -1], 20)
    model = DomainAdapter("source", steps=2, batch_size=8, random_state=3)
    with pytest.raises(NotFittedError):
        model.predict(x.numpy())
    again = clone(model).fit(x.numpy(), label.numpy(), sample_domain=domain)
    first = model.fit(x.numpy(), label.numpy(), sample_domain=domain).predict_proba(x.numpy())
    np.testing.assert_array_equal(first, again.predict_proba(x.numpy()))
    np.testing.assert_array_equal(first, pickle.loads(pickle.dumps(model)).predict_proba(x.numpy()))
    with pytest.raises(DataError, match="NaN"):
        model.fit(np.full_like(x.numpy(), np.nan), label.numpy(), sample_domain=domain)


def test_wrong_domains_are_named():
    x, label = bars(20, Stream(0))
    with pytest.raises(ShapeError, match="repeat a grey channel"):
        adapt("dann", x, label, x.expand(-1, 3, -1, -1), Play(1))
    with pytest.raises(DataError, match="expected both"):
        DomainAdapter().fit(x.numpy(), label.numpy())
