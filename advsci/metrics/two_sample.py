r"""Classifier two-sample test: can a classifier that never saw a sample tell which set it came from?

Lopez-Paz & Oquab 2017, arXiv 1610.06545. Every sample is judged by a classifier fitted to the other folds. With equal
distributions the held-out accuracy is one half; the accuracy here is *balanced* (the mean of both sets' accuracies), so
sets of unequal size need no resampling.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from advsci.errors import ConfigError
from advsci.metrics.distances import blocks, check_samples, squared_distances
from advsci.metrics.ranking import ranking_probability
from advsci.streams import Stream

__all__ = ["Classifier", "TwoSample", "classifier_two_sample_test"]

Classifier = Callable[[Tensor, Tensor, Tensor, Stream], Tensor]
"""``classifier(train_x, train_is_real, test_x, stream) -> logits`` of being real."""


class TwoSample(NamedTuple):
    """Outcome of the test."""

    accuracy: Float[Tensor, ""]
    """Balanced held-out accuracy: 1/2 for equal distributions."""
    auc: Float[Tensor, ""]
    """Area under the curve: the chance that a real sample has a higher logit than a generated one."""
    p_value: Float[Tensor, ""]
    """Chance of this accuracy or more if both sets have one distribution."""


@torch.no_grad()
def classifier_two_sample_test(
    real: Num[Tensor, "n d"],
    fake: Num[Tensor, "m d"],
    classifier: Literal["logistic", "knn", "mlp"] | Classifier = "knn",
    *,
    folds: int = 5,
    permutations: int = 0,
    stream: Stream,
) -> TwoSample:
    r"""Cross-fitted test.

    Parameters
    ----------
    real, fake
        Samples or features; they are standardised with the training folds' statistics.
    classifier
        ``"logistic"`` (linear differences), ``"knn"`` (any, few dimensions), ``"mlp"`` (any, slower) or one's own.
    folds
        Parts that each are judged by the classifier of the others.
    permutations
        If positive, the p-value is :math:`(1 + \#\{A_\pi \ge A\})/(1 + N)` over so many random relabellings :math:`N`:
        exact at any size, but so many times the work. If 0, the normal limit of the accuracy with variance
        :math:`(1/n + 1/m)/16`.
    stream
        Randomness of folds, permutations and fits.

    Raises
    ------
    ConfigError
        If there are fewer samples than folds, or the classifier's name is unknown.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.metrics import classifier_two_sample_test
    >>> x = Stream(0).normal((100, 2))
    >>> bool(classifier_two_sample_test(x, x + 5, stream=Stream(1)).accuracy > 0.9)
    True
    """
    check_samples(real, fake, 2)
    if not 2 <= folds <= min(len(real), len(fake)):
        raise ConfigError(
            f"got {folds} folds of {len(real)} and {len(fake)} samples; expected 2 <= folds <= both. Try: folds=5."
        )
    known: dict[str, Classifier] = {"logistic": logistic, "knn": knn, "mlp": mlp}
    if isinstance(classifier, str) and classifier not in known:
        raise ConfigError(
            f"got classifier {classifier!r}; expected one of {', '.join(known)}, or a function. Try: 'knn'."
        )
    judge = known[classifier] if isinstance(classifier, str) else classifier
    x = torch.cat([real, fake]).double()
    is_real = torch.arange(len(x), device=x.device) < len(real)
    logits = _cross_fit(x, is_real, judge, folds, stream)
    accuracy, auc = _balanced_accuracy(logits, is_real), ranking_probability(logits[is_real], logits[~is_real])
    if permutations:
        reached = torch.zeros((), dtype=torch.float64, device=x.device)
        for i in range(permutations):
            labels = is_real[stream.at("relabel", i).permutation(len(x)).to(x.device)]
            other = _cross_fit(x, labels, judge, folds, stream.at("permutation", i))
            reached += (_balanced_accuracy(other, labels) >= accuracy).double()
        return TwoSample(accuracy, auc, (1.0 + reached) / (1.0 + permutations))
    deviation = 0.25 * (1.0 / len(real) + 1.0 / len(fake)) ** 0.5
    return TwoSample(accuracy, auc, 0.5 * torch.special.erfc((accuracy - 0.5) / (deviation * 2.0**0.5)))


def _cross_fit(
    x: Num[Tensor, "n d"], is_real: Bool[Tensor, " n"], classifier: Classifier, folds: int, stream: Stream
) -> Float[Tensor, " n"]:
    fold = torch.empty(len(x), dtype=torch.int64, device=x.device)
    order = stream.at("folds").permutation(len(x)).to(x.device)
    order = order[is_real[order].to(torch.int8).argsort(stable=True)]  # each fold gets its share of both sets
    fold[order] = torch.arange(len(x), device=x.device) % folds
    logits = x.new_empty(len(x))
    for k in range(folds):
        train, test = (fold != k).nonzero().squeeze(1), (fold == k).nonzero().squeeze(1)
        mean, scale = x[train].mean(0), x[train].std(0).clamp(min=1e-12)
        standard = (x - mean) / scale
        logits[test] = classifier(standard[train], is_real[train], standard[test], stream.at("fit", k)).to(x.dtype)
    return logits


def _balanced_accuracy(logits: Tensor, is_real: Tensor) -> Tensor:
    right = torch.where(is_real, logits > 0, logits < 0).double() + 0.5 * (logits == 0)  # a tie is a coin's toss
    return 0.5 * (right[is_real].mean() + right[~is_real].mean())


def logistic(x: Tensor, is_real: Tensor, test: Tensor, stream: Stream) -> Tensor:
    """Class-balanced logistic regression with a small ridge, by Newton's method.

    Parameters
    ----------
    x
        Standardised training samples (n d).
    is_real
        Which of them are real (n), bool.
    test
        Samples to judge (k d).
    stream
        Randomness of the classifier.

    Returns
    -------
    Tensor
        Logits of ``test`` (k), positive for real.
    """
    ones = torch.ones_like(x[:, :1])
    design, target = torch.cat([x, ones], 1), is_real.to(x.dtype)
    weight = torch.where(is_real, 0.5 / target.mean(), 0.5 / (1.0 - target.mean())) / len(x)
    ridge = torch.full((design.shape[1],), 1e-3, dtype=x.dtype, device=x.device)
    ridge[-1] = 1e-12
    w = torch.zeros_like(ridge)
    for _ in range(25):
        p = torch.sigmoid(design @ w)
        gradient = design.T @ (weight * (p - target)) + ridge * w
        hessian = (design * (weight * p * (1.0 - p)).unsqueeze(1)).T @ design + torch.diag(ridge)
        w = w - torch.linalg.solve(hessian, gradient)
    return torch.cat([test, torch.ones_like(test[:, :1])], 1) @ w


def knn(x: Tensor, is_real: Tensor, test: Tensor, stream: Stream) -> Tensor:
    r"""Share of real among the :math:`\lfloor\sqrt n\rfloor` nearest, minus the share of real among all.

    Parameters
    ----------
    x
        Standardised training samples (n d).
    is_real
        Which of them are real (n), bool.
    test
        Samples to judge (k d).
    stream
        Randomness of the classifier.

    Returns
    -------
    Tensor
        Scores of ``test`` (k), positive for real.
    """
    k = max(1, int(len(x) ** 0.5))
    label, out = is_real.to(x.dtype), test.new_empty(len(test))
    for rows in blocks(len(test), len(x)):
        nearest = squared_distances(test[rows], x).topk(k, 1, largest=False).indices
        out[rows] = label[nearest].mean(1)
    return out - label.mean()


def mlp(x: Tensor, is_real: Tensor, test: Tensor, stream: Stream, hidden: int = 64, steps: int = 300) -> Tensor:
    """One hidden layer, class-balanced, AdamW on minibatches of 256.

    Parameters
    ----------
    x
        Standardised training samples (n d).
    is_real
        Which of them are real (n), bool.
    test
        Samples to judge (k d).
    stream
        Randomness of the classifier.
    hidden
        Width of the hidden layer.
    steps
        Steps of the optimizer.

    Returns
    -------
    Tensor
        Logits of ``test`` (k), positive for real.
    """
    target = is_real.to(x.dtype)
    weight = torch.where(is_real, 0.5 / target.mean(), 0.5 / (1.0 - target.mean()))
    where = {"device": x.device, "dtype": x.dtype}
    d = x.shape[1]
    parameters = [
        stream.at("w1").normal((d, hidden), **where) * (2.0 / d) ** 0.5,
        torch.zeros(hidden, **where),
        stream.at("w2").normal((hidden, 1), **where) * hidden**-0.5,
        torch.zeros(1, **where),
    ]

    def logits(inputs: Tensor) -> Tensor:
        """The network's logits (n) at ``inputs`` (n d)."""
        w1, b1, w2, b2 = parameters
        return (torch.relu(inputs @ w1 + b1) @ w2 + b2).squeeze(1)

    with torch.enable_grad():
        for parameter in parameters:
            parameter.requires_grad_()
        optimizer = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=1e-2)
        for step in range(steps):
            batch = stream.at("batch", step).integers(len(x), (min(256, len(x)),)).to(x.device)
            loss = binary_cross_entropy_with_logits(logits(x[batch]), target[batch], weight[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return logits(test)
