r"""Whether measured data fit the geometry that they are said to have, before anything is reconstructed from them.

* Rays that miss the image: a line integral along them is 0, a transmission 1.
* The centre of mass of a parallel-beam view at angle :math:`\theta` lies at the projection of the image's own,

  .. math:: \bar s(\theta) = s_0 + a\cos\theta + b\sin\theta,

  so that a fit over views gives :math:`s_0`, the bin on which the rotation centre falls (Azevedo, Schneberk, Fitch and
  Martz 1990, IEEE Trans. Nucl. Sci. 37:1525).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.errors import DataError
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.operators.radon import FanBeam, Radon

__all__ = ["check_geometry", "missing_rays", "rotation_centre"]


def missing_rays(operator: LinearOperator) -> Bool[Tensor, "*data"]:
    """Rays that meet no pixel.

    Parameters
    ----------
    operator
        A projection with non-negative weights.

    Returns
    -------
    tensor
        True where the datum of every image is 0.

    Examples
    --------
    >>> from advsci_inverse.operators import equispaced_angles
    >>> missing_rays(Radon(4, equispaced_angles(1), 8))  # the image covers the four bins in the middle
    tensor([[ True,  True, False, False, False, False,  True,  True]])
    """
    sees = operator(torch.ones(1, *operator.image_shape))[0]
    return sees <= 1e-6 * sees.max()


def rotation_centre(y: Float[Tensor, "n views bins"], scanner: Radon) -> Float[Tensor, " n"]:
    r"""Bin on which the rotation centre falls in data, less the scanner's own, by :math:`s_0` of the fit [bins].

    Parameters
    ----------
    y
        Line integrals of non-negative images that lie within the field of view.
    scanner
        Parallel beam; at least four views.

    Returns
    -------
    tensor [n]
        One estimate per image; 0 where the data fit the scanner.

    Examples
    --------
    >>> from advsci_inverse.operators import equispaced_angles
    >>> image = torch.zeros(1, 8, 8)
    >>> image[0, 2:4, 3:7] = 1.0
    >>> moved = Radon(8, equispaced_angles(6), 20, offset=1.5)
    >>> [round(float(s), 3) for s in rotation_centre(moved(image), Radon(8, equispaced_angles(6), 20))]
    [1.5]
    """
    bins = torch.arange(y.shape[-1], dtype=torch.float64)
    centroid = lambda p: (p * bins).sum(-1) / p.sum(-1)  # noqa: E731
    theta = torch.as_tensor(scanner.angles, dtype=torch.float64)
    design = torch.stack([torch.ones_like(theta), theta.cos(), theta.sin()], 1)
    own = centroid(scanner(torch.ones(1, *scanner.image_shape)).double())
    return torch.linalg.lstsq(design, (centroid(y.double()) - own).T).solution[0].float()


def check_geometry(y: Float[Tensor, "n *data"], alive: Bool[Tensor, "*data"], operator: LinearOperator) -> list[str]:
    """What the data say against the geometry, of parallel and fan beams.

    Parameters
    ----------
    y
        Data as they are to be used: line integrals.
    alive
        Which of them were measured.
    operator
        The measurement that they are said to come from.

    Returns
    -------
    list of str
        Warnings in words, with the option that would mend each.

    Raises
    ------
    DataError
        The data are transmissions, 1 along rays that miss the image.
    """
    if not isinstance(operator, Radon | FanBeam):
        return []
    missing = missing_rays(operator) & alive
    if int(missing.sum()) >= 8:
        beyond = y[:, missing]
        if 0.8 < float(beyond.mean()) < 1.2 and float(beyond.std()) < 0.2 and float(y[:, alive].max()) < 1.5:
            raise DataError(
                f"got data of about {float(beyond.mean()):.2f} along rays that miss the image; expected line "
                "integrals, which are 0 there. Try: --transmission."
            )
    return _off_centre(y, operator) if isinstance(operator, Radon) and bool(alive.all()) else []


def _off_centre(y: Tensor, scanner: Radon) -> list[str]:
    """A rotation centre that is a quarter of a bin off, and by more than the images disagree."""
    masses = y.sum(-1)
    if len(scanner.angles) < 4 or float(masses.min()) <= 0.2 * float(masses.mean()):
        return []
    off = rotation_centre(y, scanner)
    shift = float(off.median())
    if abs(shift) <= 0.25 or float((off - shift).abs().median()) > 0.2 * abs(shift):
        return []
    return [
        f"the centre of mass of the views says that the rotation centre lies {shift:+.2f} bins from where the geometry "
        f"puts it; if the whole object is in view, add {shift:.2f} to --operator.offset"
    ]
