r"""Are designs like the maps of a process? A judge that no training and no edit has seen.

A random forest on some forty features of a map (height and slope quantiles, curvature, summits, spectrum,
orientation, correlation length, connectivity) is asked to tell designs from held-out maps: its cross-validated area
under the ROC curve is .5 where it cannot. W is the mean distance of the features' distributions in standard deviations
of the held-out maps, over the features that vary among them (it does not saturate), and the copy score is the largest
correlation of a design with any map of the library over all shifts and symmetries (1: a copy).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from advsci.errors import needs

__all__ = ["Likeness", "copy_scores", "likeness", "map_features"]


@dataclass(frozen=True)
class Likeness:
    """What the judge says of a set of designs.

    Attributes
    ----------
    auc
        Cross-validated area under the ROC curve.
    deviation
        Its standard deviation by the bootstrap.
    distance
        W: mean distance of the features' quantiles in standard deviations of the real maps.
    """

    auc: float
    deviation: float
    distance: float


def map_features(heights: Float[np.ndarray, "n n"]) -> list[float]:
    """Features of one periodic map that do not depend on its position.

    Parameters
    ----------
    heights
        (n n) heights in any unit that is common to all maps that are compared.

    Returns
    -------
    list of float
        Some forty numbers.
    """
    h = np.asarray(heights, float) - np.mean(heights)
    n = h.shape[-1]
    q = np.quantile(h, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    s = h.std()
    found = [*q, s, ((h / s) ** 3).mean(), ((h / s) ** 4).mean()]
    slope = np.hypot(np.roll(h, -1, 1) - h, np.roll(h, -1, 0) - h)
    found += [*np.quantile(slope, [0.25, 0.5, 0.75, 0.9, 0.99]), slope.std() / slope.mean()]
    bend = sum(np.roll(h, d, a) for d in (1, -1) for a in (0, 1)) - 4.0 * h
    found += [bend.std(), (bend**4).mean() / bend.var() ** 2, (bend**3).mean() / bend.std() ** 3]
    top = h == ndimage.maximum_filter(h, 3, mode="wrap")
    found += [top.sum(), -bend[top].mean(), bend[top].std(), h[top].mean() / s, h[top].std() / s]
    power = np.abs(np.fft.fft2(h)) ** 2
    k = np.fft.fftfreq(n, 1.0 / n)
    ky, kx = np.abs(k)[:, None], np.abs(k)[None, :]
    wave = np.hypot(ky, kx)
    edges = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 15.0, 24.0, 36.0]
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        if low < n / 2:
            found.append(math.log(power[(wave >= low) & (wave < high)].sum() / s**2 / n**2 + 1e-9))
    angle, weight = np.arctan2(ky + 0.0 * kx, kx + 0.0 * ky), power * wave**2
    found += [(weight * np.cos(4 * angle)).sum() / weight.sum(), (weight * np.cos(2 * angle)).sum() / weight.sum()]
    correlation = np.fft.ifft2(power).real
    r = 0.5 * (correlation[0, : n // 2] + correlation[: n // 2, 0]) / correlation[0, 0]
    found += [float(np.argmax(r < 1.0 / math.e) or n // 2), r.min()]
    middle = 0.5 * (q[1] + q[5])
    high = h > middle
    found += [high.mean(), (np.abs(h - middle) < 0.25 * (q[5] - q[1])).mean()]
    edge = ((high ^ np.roll(high, 1, 0)).sum() + (high ^ np.roll(high, 1, 1)).sum()) / high.size
    found += [euler_number(high), euler_number(~high), edge]
    return [float(x) for x in found]


def euler_number(region: Bool[np.ndarray, "n n"]) -> int:
    """Parts less holes of a region on the torus: pixels less neighbouring pairs plus full squares of four.

    Parameters
    ----------
    region
        (n n) which pixels belong to it; its edges meet.

    Returns
    -------
    int
        The same for every shift of the region.
    """
    down, right = region & np.roll(region, 1, 0), region & np.roll(region, 1, 1)
    return int(region.sum() - down.sum() - right.sum() + (down & np.roll(down, 1, 1)).sum())


def likeness(real: Float[Tensor, "r n n"], made: Float[Tensor, "m n n"], seed: int = 0) -> Likeness:
    """Ask the judge.

    Parameters
    ----------
    real
        (r n n) maps of the process that no design was made from.
    made
        (m n n) designs, in the same unit and on the same grid.
    seed
        Of folds, trees and bootstrap.

    Returns
    -------
    Likeness
        AUC and W.

    Examples
    --------
    >>> from advsci.streams import Stream
    >>> from advsci_friction import find_process
    >>> maps = find_process("laser-ripples").simulate(24, Stream(0), 32)
    >>> likeness(maps[:12], -3.0 * maps[12:]).auc > 0.9
    True
    """
    with needs("scikit-learn", "friction"):
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
    a, b = (np.array([map_features(h) for h in x.cpu().double().numpy()]) for x in (real, made))
    x, y = np.concatenate([a, b]), np.r_[np.zeros(len(a)), np.ones(len(b))]
    folds = StratifiedKFold(6, shuffle=True, random_state=seed)
    forest = RandomForestClassifier(120, min_samples_leaf=2, class_weight="balanced", random_state=seed, n_jobs=1)
    told = np.asarray(cross_val_predict(forest, x, y, cv=folds, method="predict_proba"))[:, 1]
    rng = np.random.default_rng(seed)
    samples = [np.r_[rng.integers(0, len(a), len(a)), len(a) + rng.integers(0, len(b), len(b))] for _ in range(100)]
    spread = float(np.std([roc_auc_score(y[i], told[i]) for i in samples]))
    u = (np.arange(40) + 0.5) / 40
    varies = a.std(0) > 1e-4 * x.std(0)
    away = np.abs(np.quantile(b, u, axis=0) - np.quantile(a, u, axis=0)).mean(0)
    distance = away[varies] / a.std(0)[varies]
    return Likeness(float(roc_auc_score(y, told)), spread, float(distance.mean()))


def copy_scores(made: Float[Tensor, "m n n"], library: Float[Tensor, "r n n"]) -> Float[Tensor, " m"]:
    """Largest correlation of each design with a map of the library over shifts, reflections and transposition.

    Parameters
    ----------
    made
        (m n n) designs.
    library
        (r n n) maps that they may be copies of.

    Returns
    -------
    Tensor
        (m), 1 for a copy.
    """

    def unit(x: Tensor) -> Tensor:
        """Each map of ``x`` with zero mean and length 1."""
        x = x - x.mean((1, 2), keepdim=True)
        return x / x.flatten(1).norm(dim=1)[:, None, None]

    spectra, best = torch.fft.rfft2(unit(made)), made.new_full((len(made),), -1.0)
    for kind in range(8):
        x = unit(library)
        x = x.flip(1) if kind & 1 else x
        x = x.flip(2) if kind & 2 else x
        x = x.transpose(1, 2) if kind & 4 else x
        other = torch.fft.rfft2(x).conj()
        for i in range(len(made)):
            found = torch.fft.irfft2(spectra[i] * other, s=made.shape[1:]).amax()
            best[i] = torch.maximum(best[i], found)
    return best
