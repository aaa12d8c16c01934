"""Digits from few random measurements: latent search in a generator's range against Lasso, and a mixture beside both.

Measurements are y = A x + noise with A ~ N(0, 1/m) and a noise whose squared norm is 0.01 on average. Errors are means
over the images of the squared error of a pixel.
"""

import torch

from advsci.papers import step
from advsci.streams import Stream
from advsci_datasets import load_images
from advsci_inverse import Problem, load_prior, mse, reconstruct
from advsci_inverse.baselines import KernelMixture
from advsci_inverse.data.noise import Gaussian
from advsci_inverse.operators import gaussian_sensing

MEASUREMENTS = (25, 50, 100, 200, 400)


def needed(errors: dict[int, float], target: float) -> float:
    """Measurements at which a method reaches an error, log-linear between those that were tried; 800 if it does not.

    Parameters
    ----------
    errors
        Error at each number of measurements, rising.
    target
        The error to reach.

    Returns
    -------
    float
        Number of measurements.
    """
    before: tuple[int, float] | None = None
    for m, error in errors.items():
        if error <= target:
            if before is None:
                return float(m)
            share = (torch.tensor(before[1] / target).log() / torch.tensor(before[1] / error).log()).item()
            return before[0] * (m / before[0]) ** share
        before = m, error
    return 800.0


def measure(seed: int, effort: str) -> dict[str, float | list[float]]:
    """Errors of each method at each number of measurements, and how many more Lasso needs.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    images = load_images("mnist")
    count, starts = (4, 2) if effort == "quick" else (100, 6)
    x, validation = images.test[seed * count : (seed + 1) * count, 0], images.train[-4:, 0]
    prior = load_prior("digits")
    errors: dict[str, dict[int, float]] = {"range": {}, "lasso-haar": {}}
    for m in MEASUREMENTS:
        operator, sigma = gaussian_sensing(m, (28, 28), seed=seed), 0.1 / m**0.5
        y, spare = (Gaussian(sigma).sample(operator(z), Stream(seed).at("noise", m, len(z))) for z in (x, validation))
        problems = {"lasso-haar": Problem(operator, y, sigma, validation=(validation, spare))}
        if m in (50, 100, 400):
            problems["range"] = Problem(operator, y, sigma, prior=prior, starts=starts)
        for method, problem in problems.items():
            errors[method][m] = float(mse(reconstruct(method, problem).mean.clamp(0, 1), x).mean())
    search, lasso = errors["range"], errors["lasso-haar"]
    cells: dict[str, float | list[float]] = {f"{k}/{m}": v for k, part in errors.items() for m, v in part.items()}
    cells |= {f"lasso needs/{m}": needed(lasso, search[m]) / m for m in (50, 100)}
    cells["plateau"] = search[400] / search[100]
    cells |= {f"curve/{k}": list(part.values()) for k, part in errors.items()}
    if effort == "full":
        density = KernelMixture.fit(images.train[:50_000, 0])
        operator = gaussian_sensing(100, (28, 28), seed=seed)
        y = Gaussian(0.01).sample(operator(x), Stream(seed).at("noise", 100, len(x)))
        found = reconstruct("mixture", Problem(operator, y, 0.01, density=density)).mean
        cells["mixture wins"] = search[100] / float(mse(found.clamp(0, 1), x).mean())
    return cells


if __name__ == "__main__":
    step(measure)
