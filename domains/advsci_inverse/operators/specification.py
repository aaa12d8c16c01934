"""From the settings of a command to an operator."""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch

from advsci.errors import DataError
from advsci_inverse.operators.fourier import FourierSampling, cartesian_mask
from advsci_inverse.operators.fourier_slice import FourierRadon
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.operators.local import Blur, Downsampling, Inpainting, gaussian_kernel
from advsci_inverse.operators.matrices import SparseOperator
from advsci_inverse.operators.radon import FanBeam, Radon, equispaced_angles
from advsci_inverse.operators.sensing import SubsampledDCT, SubsampledHadamard, gaussian_sensing

if TYPE_CHECKING:
    from advsci_inverse.config import OperatorSpec

__all__ = ["build_operator"]


def build_operator(spec: "OperatorSpec") -> LinearOperator:
    """The operator that the settings describe, on the CPU.

    Parameters
    ----------
    spec
        The settings.

    Returns
    -------
    LinearOperator
        The operator.

    Raises
    ------
    DataError
        A matrix file that cannot be read.

    Examples
    --------
    >>> from advsci_inverse.config import OperatorSpec
    >>> build_operator(OperatorSpec(kind="blur", size=8)).data_shape
    (8, 8)
    """
    n, shape = spec.size, (spec.size, spec.size)
    arc = equispaced_angles(spec.views, np.deg2rad(spec.arc))
    angles = arc if spec.angles is None else np.deg2rad(spec.angles)
    match spec.kind:
        case "radon":
            return Radon(n, angles, spec.detectors, spacing=spec.spacing, offset=spec.offset)
        case "fourier_radon":
            return FourierRadon(n, angles, spec.detectors)
        case "fan":
            away = {"source": spec.source * n, "detector": spec.detector * n, "pitch": spec.pitch}
            return FanBeam(n, angles, spec.detectors, **away)
        case "gaussian":
            return gaussian_sensing(spec.measurements, shape, seed=spec.seed)
        case "dct":
            return SubsampledDCT(spec.measurements, shape, seed=spec.seed)
        case "hadamard":
            return SubsampledHadamard(spec.measurements, shape, seed=spec.seed)
        case "fourier":
            return FourierSampling(cartesian_mask(shape, spec.acceleration, seed=spec.seed))
        case "blur":
            return Blur(gaussian_kernel(spec.width), shape)
        case "inpainting":
            generator = torch.Generator().manual_seed(spec.seed)
            return Inpainting(torch.rand(shape, generator=generator) < spec.share)
        case "downsampling":
            return Downsampling(spec.factor, shape)
        case "matrix":
            assert spec.file is not None
            try:
                matrix = sp.load_npz(spec.file)
            except (OSError, ValueError, KeyError) as error:
                raise DataError(
                    f"{spec.file}: got {error}; expected a SciPy sparse matrix. Try: scipy.sparse.save_npz."
                ) from None
            return SparseOperator(matrix.astype(np.float32), shape)
