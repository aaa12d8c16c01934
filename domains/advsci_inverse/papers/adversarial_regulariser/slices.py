"""Head-CT slices from few noisy views: a learned regulariser against total variation, each with its best weight.

The weights of both are tuned on training slices that were left out of the training. The regulariser has seen true
slices and poor reconstructions of other slices, and no pair of them. Its value is not bounded below: the descent stops
early, as the authors' does, after a number of steps that is tuned with the weight.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from advsci.papers import step
from advsci.streams import Stream
from advsci_inverse import psnr
from advsci_inverse.baselines import filtered_back_projection, total_variation
from advsci_inverse.data.images import load_training_images
from advsci_inverse.data.measurement import measure as measured
from advsci_inverse.operators import Radon, equispaced_angles
from advsci_inverse.priors.regulariser import FreeRegulariser
from advsci_inverse.search.regularised import poor_reconstruction, weight_of_noise
from advsci_inverse.store import load_regulariser

VIEWS, NOISE = 30, 0.05
"""Parallel views over half a turn, and the noise's standard deviation as a share of the rms datum."""


STOPS = (25, 50, 100, 200)
"""Numbers of steps after which the descent may stop."""


def descended(
    regulariser: Callable[[Tensor], Tensor], operator: Radon, y: Tensor, weight: float, norm: float
) -> Iterator[Tensor]:
    """Images at each of `STOPS` on the way down |Ax - y|^2 / 2 + weight R(x), in [0, 1], from the poor reconstruction.

    Parameters
    ----------
    regulariser
        R, images to one number each.
    operator
        A.
    y
        Data (n views detectors).
    weight
        Of R.
    norm
        Largest singular value of A.

    Yields
    ------
    Tensor
        (n h w).
    """
    x = poor_reconstruction(operator, y).clamp(0.0, 1.0)
    for step_number in range(1, STOPS[-1] + 1):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(weight * regulariser(x).sum(), x)
        x = x.detach()
        x = (x - (operator.adjoint(operator(x) - y) + slope) / norm**2).clamp(0.0, 1.0)
        if step_number in STOPS:
            yield x


def measure(seed: int, effort: str, regulariser: str) -> dict[str, float]:
    """PSNR [dB] of each method on test slices, and what the learned regulariser gains.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".
    regulariser
        Path of the trained regulariser.

    Returns
    -------
    dict
        Values by the cells' names.
    """
    train, test, _ = load_training_images("head-ct")
    count = 12 if effort == "quick" else 100
    x, spare = test[:: len(test) // count][:count], train[-8:]
    operator, stream = Radon(train.shape[-1], equispaced_angles(VIEWS)), Stream(seed)
    (y, sigma), (y_spare, _) = (measured(operator, z, NOISE, stream.at(k)) for z, k in ((x, "noise"), (spare, "spare")))
    own, norm = weight_of_noise(operator, sigma), float(operator.norm())
    with stream.at("untrained").seeded():
        untrained = FreeRegulariser().eval()

    def score(images: Tensor, truths: Tensor) -> float:
        """Mean peak signal-to-noise ratio [dB] of ``images`` against the ``truths``."""
        return float(psnr(images.clamp(0.0, 1.0), truths).mean())

    def tv(data: Tensor, weight: float) -> Tensor:
        """Total variation's images of ``data`` at this ``weight``, in units of the noise's."""
        return total_variation(operator, data, weight * own, steps=600, norm=norm)

    def critic(network, data: Tensor, weight: float) -> list[Tensor]:
        """Images of ``data`` along the descent that the critic ``network`` regularises with this ``weight``."""
        return list(descended(network, operator, data, weight * own, norm))

    cells = {"FBP": score(filtered_back_projection(operator, y, window="hann"), x)}
    cells["TV/weight"] = max((0.001, 0.003, 0.006, 0.01), key=lambda w: score(tv(y_spare, w), spare))
    cells["TV"] = score(tv(y, cells["TV/weight"]), x)
    for name, network in (("critic", load_regulariser(regulariser)), ("untrained", untrained)):
        found = {w: [score(images, spare) for images in critic(network, y_spare, w)] for w in (0.1, 0.3, 1.0)}
        weight = max(found, key=lambda w: max(found[w]))
        stop = found[weight].index(max(found[weight]))
        cells |= {f"{name}/weight": weight, f"{name}/steps": float(STOPS[stop])}
        cells[name] = score(critic(network, y, weight)[stop], x)
    for name, other in (("critic", "TV"), ("critic", "FBP"), ("TV", "FBP"), ("untrained", "TV")):
        cells[f"{name} less {other}"] = cells[name] - cells[other]
    return cells | {"half the gain": cells["critic less TV"]}


if __name__ == "__main__":
    step(measure)
