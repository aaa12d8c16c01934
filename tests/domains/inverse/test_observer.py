"""The learned likelihood ratio of details against the exact one of Gaussian images."""

import math

import pytest
import torch

from advsci.errors import ShapeError
from advsci.streams import Stream
from advsci_inverse.evaluation.scores import auroc
from advsci_inverse.game.observing import learn_details
from advsci_inverse.operators import gaussian_sensing
from advsci_inverse.uncertainty import Observer, disc_templates

SIGMA = 0.1


def gaussian_kind():
    """Images that are Gaussian with known moments, an operator, details, and the exact log ratios of data."""
    shape, stream = (8, 8), Stream(0)
    operator, details = gaussian_sensing(48, shape), 0.4 * disc_templates(shape, 1.0, stride=3)
    i = torch.cartesian_prod(torch.arange(8.0), torch.arange(8.0))
    covariance = 0.04 * torch.exp(-torch.cdist(i, i) / 3) + 1e-4 * torch.eye(64)
    root = torch.linalg.cholesky(covariance)
    images = 0.5 + (stream.at("images").normal((3000, 64)) @ root.T).reshape(-1, 8, 8)
    seen = operator(torch.eye(64).reshape(64, 8, 8)).flatten(1).T
    precision = torch.linalg.inv(seen @ covariance @ seen.T + SIGMA**2 * torch.eye(48))
    signal = operator(details).flatten(1)

    def exact(y):
        missing = y - operator(torch.full((1, 8, 8), 0.5))
        return missing @ precision @ signal.T - 0.5 * (signal @ precision * signal).sum(1)

    return operator, images, details, exact


def test_comes_near_the_exact_ratio_of_gaussian_images():
    operator, images, details, exact = gaussian_kind()
    with Stream(1).seeded():
        observer = Observer(operator, SIGMA, images, details, width=8)
    observer = learn_details(observer, operator, SIGMA, images[:2000], 300)
    rest, stream = images[2000:], Stream(2)
    place = stream.at("place").integers(len(details), (500,))
    noise = SIGMA * stream.at("noise").normal((1000, 48))
    y = operator(torch.cat([rest[:500], rest[500:] + details[place]])) + noise
    with torch.no_grad():
        logs, ratio, truth = observer(y), observer.ratio(y), exact(y)
    best = truth.logsumexp(1)
    assert auroc(best[:500], best[500:]) > 0.75
    assert auroc(ratio[:500], ratio[500:]) > auroc(best[:500], best[500:]) - 0.04
    assert torch.corrcoef(torch.stack([logs.flatten(), truth.flatten()]))[0, 1] > 0.85


def test_no_scale_or_shift_of_the_exact_ratios_is_judged_better():
    operator, images, details, exact = gaussian_kind()
    stream = Stream(3)
    place = torch.where(torch.arange(3000) % 2 == 0, stream.at("place").integers(len(details), (3000,)), -1)
    planted = torch.where((place < 0)[:, None, None], 0.0, details[place.clamp(min=0)])
    y = operator(images + planted) + SIGMA * stream.at("noise").normal((3000, 48))
    observer = Observer(operator, SIGMA, images, details, width=4)

    def judged(change):
        observer.forward = lambda y: change(exact(y))  # type: ignore[method-assign]
        return float(observer.misjudged(y, place))

    own = judged(lambda m: m)
    assert own < min(judged(lambda m, s=s: s * m) for s in (0.7, 1.4))
    assert own < min(judged(lambda m, s=s: m + s) for s in (-0.7, 0.7))
    assert own < 0.5 * (math.log(2) + math.log(2 * len(details)))  # better than not looking


def test_centres_are_those_of_the_discs():
    operator, images, details, _ = gaussian_kind()
    observer = Observer(operator, SIGMA, images, details)
    expected = torch.cartesian_prod(torch.arange(0, 8, 3), torch.arange(0, 8, 3))
    inner = (expected > 0).all(1) & (expected < 7).all(1)  # at the border part of a disc is outside
    assert torch.equal(observer.centres[inner], (expected[:, 0] * 8 + expected[:, 1])[inner])


def test_wrong_sizes_are_named():
    operator, images, details, _ = gaussian_kind()
    with pytest.raises(ShapeError, match=r"details of \(7, 8\)"):
        Observer(operator, SIGMA, images, details[:, 1:])
