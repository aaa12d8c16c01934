"""Precision, recall, density, coverage in a feature space (Naeem et al. 2020, https://arxiv.org/abs/2002.09797)."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["prdc"]


def prdc(real: Float[Tensor, "m f"], fake: Float[Tensor, "n f"], nearest: int = 5) -> dict[str, float]:
    """Shares from balls that reach each sample's k-th nearest neighbour; features standardised by the real ones."""
    centre, spread = real.mean(0), real.std(0).clamp_min(1e-6)
    real, fake = (real - centre) / spread, (fake - centre) / spread
    radius_real = torch.cdist(real, real).kthvalue(nearest + 1, 1).values
    radius_fake = torch.cdist(fake, fake).kthvalue(nearest + 1, 1).values
    distance = torch.cdist(real, fake)
    within_real, within_fake = distance < radius_real[:, None], distance < radius_fake[None]
    return {
        "precision": float(within_real.any(0).float().mean()),
        "recall": float(within_fake.any(1).float().mean()),
        "density": float(within_real.float().sum(0).mean() / nearest),
        "coverage": float((distance.amin(1) < radius_real).float().mean()),
    }
