"""How far reconstructions are from the truth: mean squared error, PSNR, SSIM; how well error bars cover it."""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ShapeError
from advsci.metrics import ranking_probability

__all__ = ["auroc", "coverage", "mse", "psnr", "ssim"]


def mse(estimate: Float[Tensor, "n h w"], truth: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Mean squared error per pixel.

    Parameters
    ----------
    estimate, truth
        Images.

    Returns
    -------
    tensor [n]
        One number per image.

    Examples
    --------
    >>> import torch
    >>> from advsci_inverse import mse
    >>> round(mse(torch.zeros(1, 4, 4), torch.full((1, 4, 4), 0.1)).item(), 4)
    0.01
    """
    return (estimate - truth).square().mean((1, 2))


def psnr(estimate: Float[Tensor, "n h w"], truth: Float[Tensor, "n h w"], span: float = 1.0) -> Float[Tensor, " n"]:
    """Peak signal-to-noise ratio, ``10 log10(span^2 / mse)``.

    Parameters
    ----------
    estimate, truth
        Images.
    span
        Largest less smallest possible value.

    Returns
    -------
    tensor [n]
        One number per image [dB].

    Examples
    --------
    >>> float(psnr(torch.zeros(1, 8, 8), torch.full((1, 8, 8), 0.1)))
    20.0
    """
    return 10 * (span**2 / mse(estimate, truth).clamp(min=1e-12)).log10()


def ssim(
    estimate: Float[Tensor, "n h w"], truth: Float[Tensor, "n h w"], span: float = 1.0, window: int = 7
) -> Float[Tensor, " n"]:
    """Structural similarity with a uniform window and sample covariances (Wang et al. 2004, IEEE TIP 13:600).

    Parameters
    ----------
    estimate, truth
        Images.
    span
        Largest less smallest possible value.
    window
        Side of the window [pixels].

    Returns
    -------
    tensor [n]
        One number per image, 1 for equal images.

    Raises
    ------
    ShapeError
        Images smaller than the window.

    Examples
    --------
    >>> import torch
    >>> from advsci_inverse import ssim
    >>> image = torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> round(ssim(image, image).item(), 4)
    1.0
    """
    if min(truth.shape[1:]) < window:
        raise ShapeError(
            f"got images of {tuple(truth.shape[1:])} for a window of {window}; expected larger ones. "
            "Try: a smaller window."
        )

    def local(x: Tensor) -> Tensor:
        """Means of images ``x`` over every window."""
        return torch.nn.functional.avg_pool2d(x[:, None].double(), window, stride=1)[:, 0]

    unbiased = window**2 / (window**2 - 1)
    a, b = local(estimate), local(truth)
    va = unbiased * (local(estimate.square()) - a * a)
    vb = unbiased * (local(truth.square()) - b * b)
    vab = unbiased * (local(estimate * truth) - a * b)
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    index = (2 * a * b + c1) * (2 * vab + c2) / ((a * a + b * b + c1) * (va + vb + c2))
    return index.mean((1, 2)).to(truth.dtype)


def coverage(low: Tensor, high: Tensor, truth: Tensor) -> Tensor:
    """Share of the pixels that lie inside their interval.

    Parameters
    ----------
    low, high
        Ends of the intervals.
    truth
        True values, of the same shape.

    Returns
    -------
    tensor []
        The share.
    """
    return ((truth >= low) & (truth <= high)).float().mean()


def auroc(inside: Float[Tensor, " n"], outside: Float[Tensor, " m"]) -> float:
    """Probability that a score from ``outside`` exceeds one from ``inside`` (ties count half).

    Parameters
    ----------
    inside, outside
        Scores of both kinds.

    Returns
    -------
    float
        1/2 if the scores do not tell the kinds apart.
    """
    return float(ranking_probability(outside, inside))
