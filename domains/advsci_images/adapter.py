"""Domain adaptation behind scikit-learn's interface, with the conventions of skada."""

from typing import Any, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from advsci.errors import DataError
from advsci_images.game.players import Classifier
from advsci_images.game.training import Play
from advsci_images.systems.adapt import Method, adapt, predict

__all__ = ["DomainAdapter"]


class DomainAdapter(ClassifierMixin, BaseEstimator):
    """A classifier of images that adapts to a domain without labels.

    As in skada, both domains come in one array: ``sample_domain`` is positive for labelled rows and negative for rows
    of the target, whose ``y`` is not looked at. Parameters, clones, pickles and scores follow scikit-learn; its
    ``check_estimator`` does not apply, since it hands over tables and this is a classifier of images.

    Parameters
    ----------
    method
        ``"dann"``, ``"cdan"``, ``"adda"``, ``"pixelda"``, or ``"source"`` for no adaptation.
    steps, batch_size, rate
        Of the training.
    strength
        Weight of the adversary of DANN, CDAN and PixelDA.
    recolour
        Show labelled images in random colours; not for ADDA and PixelDA.
    random_state
        Seed.

    Attributes
    ----------
    classes_
        The labels, sorted.
    classifier_
        The trained network.

    Examples
    --------
    >>> X = np.random.default_rng(0).uniform(-1, 1, (40, 1, 8, 8)).astype("float32")
    >>> y, domain = np.arange(40) % 2, np.repeat([1, -1], 20)
    >>> DomainAdapter(steps=2, batch_size=8).fit(X, y, sample_domain=domain).predict(X[:3]).shape
    (3,)
    """

    def __init__(
        self,
        method: Method = "dann",
        *,
        steps: int = 600,
        batch_size: int = 64,
        rate: float = 1e-3,
        strength: float = 1.0,
        recolour: bool = False,
        random_state: int = 0,
    ):
        self.method = method
        self.steps = steps
        self.batch_size = batch_size
        self.rate = rate
        self.strength = strength
        self.recolour = recolour
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_domain: Any = None) -> "DomainAdapter":
        """Train on both domains.

        Parameters
        ----------
        X
            Images (n, channels, height, width) in [-1, 1].
        y
            Labels (n); those of the target domain are ignored.
        sample_domain
            Positive for labelled rows, negative for the target's. None: rows with ``y = -1`` are the target's.

        Returns
        -------
        DomainAdapter
            Itself.

        Raises
        ------
        DataError
            Lengths differ, images are no images or not finite, or a domain has no rows.
        """
        X, y = np.asarray(X, dtype=np.float32), np.asarray(y)
        domain = np.where(y == -1, -1, 1) if sample_domain is None else np.asarray(sample_domain)
        if X.ndim != 4 or not len(X) == len(y) == len(domain):
            raise DataError(
                f"got X of shape {X.shape}, {len(y)} labels and {len(domain)} domains; expected images (n, channels, "
                "height, width) with one of each per image. Try: X[:, None] for grey images."
            )
        if not np.isfinite(X).all():
            raise DataError("got NaN or infinite pixels; expected finite ones. Try: leave those images out.")
        labelled = domain > 0
        if not labelled.any() or labelled.all():
            raise DataError(
                f"got {int(labelled.sum())} labelled and {int((~labelled).sum())} target images; expected both. "
                "Try: sample_domain positive for labelled images and negative for the target's."
            )
        self.classes_, label = np.unique(y[labelled], return_inverse=True)
        x = torch.from_numpy(X)
        play = Play(self.steps, self.batch_size, self.rate, self.random_state)
        mask = torch.from_numpy(labelled)
        self.classifier_: Classifier = adapt(
            cast(Method, self.method),
            x[mask],
            torch.from_numpy(label),
            x[~mask],
            play,
            strength=self.strength,
            recolour=self.recolour,
        )
        return self

    def predict_proba(self, X: Any, sample_domain: Any = None) -> np.ndarray:
        """Class probabilities (n, classes) of images ``X``; ``sample_domain`` is not looked at."""
        check_is_fitted(self)
        return predict(self.classifier_, torch.from_numpy(np.asarray(X, dtype=np.float32))).softmax(1).numpy()

    def predict(self, X: Any, sample_domain: Any = None) -> np.ndarray:
        """Labels (n) of images ``X``; ``sample_domain`` is not looked at."""
        chosen = self.predict_proba(X).argmax(1)
        return self.classes_[chosen]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy on images of known classes.

        Parameters
        ----------
        X
            Images (n, channels, height, width).
        y
            Their labels (n).
        sample_weight
            What each image counts (n); None: all alike.

        Returns
        -------
        float
            Share of the images, or of their weights, whose label is predicted.
        """
        return float(super().score(X, y, sample_weight))
