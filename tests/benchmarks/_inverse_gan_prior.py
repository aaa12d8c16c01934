"""A generator as prior, trained three ways on one budget: plain GAN, GAN with encoder, VAE; on large null spaces."""

import torch
from _inverse_fixed import Fixed
from _row import interval, row

from advsci.streams import Stream
from advsci_inverse.config import Train
from advsci_inverse.data.noise import Gaussian
from advsci_inverse.evaluation.scores import mse
from advsci_inverse.game.training import train_prior
from advsci_inverse.operators import Inpainting, LinearOperator, Radon, equispaced_angles
from advsci_inverse.search.latent import LatentSearch

__all__ = ["gan_prior_rows"]

WAYS = {
    "GAN": {"encoder": False},
    "GAN with encoder": {"encoder": True, "adversary": 0.05},
    "VAE": {"encoder": True, "adversary": 0.0},
}


def _operators() -> dict[str, LinearOperator]:
    mask = torch.ones(28, 28)
    mask[8:20, 8:20] = 0.0
    return {
        "box hidden": Inpainting(mask),
        "3 views": Radon(28, equispaced_angles(3)),
        "limited angle": Radon(28, equispaced_angles(10, torch.pi / 3)),
    }


def gan_prior_rows(fixed: Fixed, quick: bool) -> None:
    """Errors of latent search under each prior, inside the range and with the covariance of what it misses."""
    images = fixed.images("mnist28")[:20000]
    test = fixed.images("mnist28", "x_test")[-(20 if quick else 100) :]
    errors: dict[tuple[str, str, str], list[float]] = {}
    for seed in range(1 if quick else 3):
        for way, settings in WAYS.items():
            config = Train(steps=60 if quick else 1200, held_out=1000, device="cpu", seed=seed, **settings)  # type: ignore[arg-type]
            trained = train_prior(images, config)
            errors.setdefault((way, "range", "all pixels"), []).append(trained.card["representation_error"])
            for k, (name, operator) in enumerate(_operators().items()):
                sigma = 0.01 * float(operator(test).square().mean().sqrt())
                y = Gaussian(sigma).sample(operator(test), Stream(7).at("noise", k))
                found = LatentSearch(trained.prior, operator, sigma)(y)
                for what, image in (("full prior", found.mean.clamp(0, 1)), ("range", found.projection)):
                    errors.setdefault((way, what, name), []).append(float(mse(image, test).mean()))
    for (way, what, name), values in errors.items():
        row(
            f"generator prior, {name}, {way}, {what}: mse", sum(values) / len(values), None, seeds=len(values),
            interval=interval(values) if len(values) > 1 else None, note=f"{len(test)} digits, latent search",
        )  # fmt: skip
