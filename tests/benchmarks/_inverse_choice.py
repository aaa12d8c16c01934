"""Ten operators: the method that ``auto`` takes, beside the best of all methods on the same test images."""

import torch
from _inverse_fixed import Fixed
from _row import row

from advsci.errors import AdvsciError
from advsci.streams import Stream
from advsci_inverse.baselines import KernelMixture
from advsci_inverse.config import OperatorSpec
from advsci_inverse.data.measurement import measure
from advsci_inverse.evaluation.scores import mse
from advsci_inverse.methods import choose, reconstruct
from advsci_inverse.operators import build_operator
from advsci_inverse.problem import Problem
from advsci_inverse.store import load_denoiser, load_prior

__all__ = ["choosing_rows"]

OPERATORS = {
    "gaussian, 50": OperatorSpec(kind="gaussian", measurements=50),
    "gaussian, 200": OperatorSpec(kind="gaussian", measurements=200),
    "dct, 200": OperatorSpec(kind="dct", measurements=200),
    "hadamard, 200": OperatorSpec(kind="hadamard", measurements=200),
    "fourier, one line in 4": OperatorSpec(kind="fourier"),
    "radon, 10 views": OperatorSpec(kind="radon", views=10),
    "radon, 10 views in 60 degrees": OperatorSpec(kind="radon", views=10, arc=60.0),
    "fan, 10 views": OperatorSpec(kind="fan", views=10, arc=360.0),
    "blur": OperatorSpec(kind="blur"),
    "half of the pixels": OperatorSpec(kind="inpainting"),
}
METHODS = ("latent", "amp", "hqs", "tv", "cgls", "tikhonov", "gaussian", "mixture", "kernel", "lasso-haar")


def choosing_rows(fixed: Fixed, quick: bool) -> None:
    """Error of the chosen method over that of the best, 1 where it is the best; the table is in the notes."""
    train, test = fixed.images("mnist28"), fixed.images("mnist28", "x_test")
    training, held = train[: 3000 if quick else 20000], train[59000 : 59000 + 24]
    tuning, truth = train[59100:59112], test[-(8 if quick else 40) :]
    density = KernelMixture.fit(training)
    prior, denoiser = load_prior("digits"), load_denoiser("digits-denoiser")
    for k, (name, spec) in enumerate(list(OPERATORS.items())[: 2 if quick else None]):
        operator = build_operator(spec)
        y, sigma = measure(operator, truth, 0.01, Stream(k).at("noise"))
        spare = operator(tuning) + sigma * Stream(k).at("tuning").normal((len(tuning), *operator.data_shape))
        problem = Problem(
            operator, y, sigma, prior, denoiser, training=training, validation=(tuning, spare), density=density, seed=k
        )
        chosen, _ = choose(problem, held)
        errors = {}
        for method in METHODS:
            try:
                errors[method] = float(mse(reconstruct(method, problem).mean, truth).mean())
            except AdvsciError as error:
                print(f"# {name}, {method}: {error}", flush=True)
        finite = {key: value for key, value in errors.items() if torch.isfinite(torch.tensor(value))}
        best = min(finite, key=lambda key: finite[key])
        table = ", ".join(f"{key} {value:.2g}" for key, value in sorted(finite.items(), key=lambda item: item[1]))
        row(
            f"{name}: error of the method that auto takes over that of the best", errors[chosen] / errors[best], 1.1,
            unit="ratio", note=f"takes {chosen}, best {best}; {table}; {len(truth)} digits",
        )  # fmt: skip
