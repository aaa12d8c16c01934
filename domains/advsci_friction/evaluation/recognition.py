"""Which family a texture looks like, whatever it was asked to be: nearest neighbours in features that do not see
position.

Features of a shape: quantiles of its standardised heights (flat tops, holes, summits), and how its slope power is
spread over wavevectors, in decreasing order (one wave, a lattice, a band).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.streams import Stream
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.textures import draw_shapes

__all__ = ["recognise_family", "shape_features"]


def shape_features(band: Band, coefficients: Float[Tensor, "n m"]) -> Float[Tensor, "n f"]:
    """Height quantiles and ordered spectrum of each shape.

    Parameters
    ----------
    band
        Which waves a texture is made of.
    coefficients
        Coefficients of the shapes (n k).
    """
    h = band.synthesise(coefficients, 4 * band.limit).flatten(1)
    h = (h - h.mean(1, keepdim=True)) / h.std(1, keepdim=True).clamp_min(1e-12)
    quantiles = torch.quantile(h, torch.linspace(0.0, 1.0, 17).to(h), dim=1).T
    half = coefficients.shape[1] // 2
    power = coefficients[:, :half].square() + coefficients[:, half:].square()
    power = power * band.wavevectors.square().sum(1).to(power)
    power = power / power.sum(1, keepdim=True).clamp_min(1e-30)
    ordered = power.sort(1, descending=True).values[:, :24].cumsum(1)
    return torch.cat([quantiles, 3.0 * ordered], 1)


def recognise_family(
    band: Band, coefficients: Float[Tensor, "n m"], *, examples: int = 1000, neighbours: int = 5, seed: int = 11
) -> Int[Tensor, " n"]:
    """Index in `FAMILIES` of the family that most of the nearest of ``examples`` fresh textures belong to.

    Parameters
    ----------
    band
        Which waves a texture is made of.
    coefficients
        Coefficients of the shapes (n k).
    neighbours
        Neighbours that vote.
    seed
        Root of all random numbers.
    """
    known, label, _ = draw_shapes(examples, Stream(seed), band)
    reference = shape_features(band, known)
    distance = torch.cdist(shape_features(band, coefficients.double()), reference)
    nearest = distance.topk(neighbours, largest=False).indices
    return label[nearest].mode(1).values
