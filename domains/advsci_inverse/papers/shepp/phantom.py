"""The Shepp-Logan phantom from 30 noisy views: filtered back-projection, total variation, and a learned reconstruction.

Views are equispaced over half a turn; the noise is normal with a standard deviation of 5 % of the mean absolute datum.
The learned reconstruction has been trained on random ellipses only.
"""

import torch
from torch import Tensor

from advsci.papers import step
from advsci.streams import Stream
from advsci_inverse import Problem, psnr, reconstruct
from advsci_inverse.baselines import filtered_back_projection, total_variation
from advsci_inverse.operators import Radon, equispaced_angles
from advsci_inverse.store import load_refiner

# value, half axes, centre, angle [degrees] (Shepp and Logan 1974, contrast of Toft 1996)
ELLIPSES = (
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
)


def drawn(ellipses, n: int) -> Tensor:
    """Sum of ellipses on n x n pixels of the square from -1 to 1.

    Parameters
    ----------
    ellipses
        Value, half axes, centre, angle [degrees] of each.
    n
        Pixels of a side.

    Returns
    -------
    Tensor
        (n n), clipped to [0, 1].
    """
    line = (2.0 * torch.arange(n, dtype=torch.float64) + 1.0) / n - 1.0
    x, y = line[None, :], -line[:, None]
    image = torch.zeros(n, n, dtype=torch.float64)
    for value, a, b, x0, y0, degrees in ellipses:
        angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
        u = (x - x0) * angle.cos() + (y - y0) * angle.sin()
        v = (y - y0) * angle.cos() - (x - x0) * angle.sin()
        image += value * ((u / a).square() + (v / b).square() <= 1.0)
    return image.clamp(0.0, 1.0).float()


def other(n: int, stream: Stream) -> Tensor:
    """A phantom of ten random ellipses, on which weights are tuned.

    Parameters
    ----------
    n
        Pixels of a side.
    stream
        Source of the random numbers.

    Returns
    -------
    Tensor
        (n n).
    """
    u = stream.uniform((10, 6), dtype=torch.float64)
    low = torch.tensor([-0.3, 0.05, 0.05, -0.5, -0.5, 0.0], dtype=torch.float64)
    high = torch.tensor([0.5, 0.4, 0.4, 0.5, 0.5, 180.0], dtype=torch.float64)
    return drawn([(0.3, 0.69, 0.92, 0.0, 0.0, 0.0), *(low + (high - low) * u).tolist()], n)


def measure(seed: int, effort: str, refiner: str = "") -> dict[str, float]:
    """PSNR [dB] of each method at 128 x 128 pixels; with a refiner, also of it and of total variation at its size.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".
    refiner
        Path of a trained refiner; empty for none.

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    stream = Stream(seed)
    cells = {f"128/{name}": value for name, value in compared(128, stream, effort).items()}
    cells["128/TV less FBP"] = cells["128/TV"] - cells["128/FBP"]
    cells["128/TV less unfiltered"] = cells["128/TV"] - cells["128/unfiltered"]
    if refiner:
        small = compared(64, stream, effort, refiner)
        cells["64/learned less TV"] = small["learned"] - small["TV"]
    return cells


def compared(n: int, stream: Stream, effort: str, refiner: str = "") -> dict[str, float]:
    """PSNR of the methods on the phantom of n x n pixels.

    Parameters
    ----------
    n
        Pixels of a side.
    stream
        Source of the random numbers.
    effort
        "quick" or "full".
    refiner
        Path of a trained refiner; empty for none.

    Returns
    -------
    dict
        PSNR [dB] by method.
    """
    operator = Radon(n, equispaced_angles(30))
    truth, spare = drawn(ELLIPSES, n)[None], other(n, stream.at("spare"))[None]
    clean = operator(torch.cat([truth, spare]))
    sigma = 0.05 * float(clean[0].abs().mean())
    y, y_spare = (clean + sigma * stream.at("noise", n).normal(tuple(clean.shape))).split(1)
    norm = operator.norm()
    steps, weights = 2500, (0.003, 0.01) if effort == "quick" else (0.001, 0.003, 0.01, 0.03)

    def tv(data: Tensor, weight: float, steps: int) -> Tensor:
        """Total variation's image of ``data`` at this ``weight``, after so many ``steps``."""
        return total_variation(operator, data, weight * norm**2 / 12, steps=steps, norm=norm)

    best = max(weights, key=lambda w: float(psnr(tv(y_spare, w, steps // 2), spare).mean()))
    adjoint = operator.adjoint(y)
    found = {
        "FBP": filtered_back_projection(operator, y, window="hann"),
        "TV": tv(y, best, steps),
        "unfiltered": adjoint * (truth.sum() / adjoint.sum()),
    }
    if refiner:
        problem = Problem(operator, y, sigma, refiner=load_refiner(refiner))
        found["learned"] = reconstruct("refiner", problem).mean
    return {name: float(psnr(image, truth).mean()) for name, image in found.items()}


if __name__ == "__main__":
    step(measure)
