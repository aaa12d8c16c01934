"""From the settings of a command to an operator."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from advsci.errors import DataError
from advsci.files import read_arrays, reading, require_room
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
        A file of a matrix, of coils or of a mask that cannot be read.

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
            return FanBeam(n, angles, spec.detectors, offset=spec.offset, **away)
        case "gaussian":
            return gaussian_sensing(spec.measurements, shape, seed=spec.seed)
        case "dct":
            return SubsampledDCT(spec.measurements, shape, seed=spec.seed)
        case "hadamard":
            return SubsampledHadamard(spec.measurements, shape, seed=spec.seed)
        case "fourier":
            mask, coils = _scanner(spec.coils, shape)
            chosen = mask if mask is not None else cartesian_mask(shape, spec.acceleration, seed=spec.seed)
            return FourierSampling(chosen, coils)
        case "blur":
            return Blur(gaussian_kernel(spec.width), shape)
        case "inpainting":
            generator = torch.Generator().manual_seed(spec.seed)
            return Inpainting(torch.rand(shape, generator=generator) < spec.share)
        case "downsampling":
            return Downsampling(spec.factor, shape)
        case "matrix":
            assert spec.file is not None
            return SparseOperator(_sparse(spec.file).astype(np.float32), shape)


def _scanner(path: Path | None, shape: tuple[int, int]) -> tuple[Tensor | None, Tensor | None]:
    """Mask and coil sensitivities of a file, where it has them."""
    if path is None:
        return None, None
    arrays = read_arrays(path, expected="an npz with coils (c, h, w) or mask (h, w)", try_="numpy.savez")
    mask, coils = arrays.get("mask"), arrays.get("coils")
    if mask is None and coils is None:
        raise DataError(f"{path}: got arrays {sorted(arrays)}; expected coils or mask. Try: numpy.savez(coils=...).")
    if mask is not None and (mask.shape != shape or not np.isin(mask, (0, 1)).all()):
        raise DataError(
            f"{path}: got a mask of {mask.shape}; expected zeros and ones of {shape}. Try: --operator.size, and "
            "numpy.fft.ifftshift if its middle is the zero frequency."
        )
    if coils is not None and (coils.ndim != 3 or coils.shape[1:] != shape or coils.dtype.kind not in "fc"):
        raise DataError(
            f"{path}: got coils of {coils.shape} in {coils.dtype}; expected complex sensitivities (c, {shape[0]}, "
            f"{shape[1]}). Try: --operator.size {coils.shape[-1] if coils.ndim else 0}."
        )
    maps = None if coils is None else torch.from_numpy(coils.astype(np.complex64))
    return (None if mask is None else torch.from_numpy(mask.astype(np.float32))), maps


def _sparse(path: Path) -> sp.csr_matrix:
    """The matrix of a file of ``scipy.sparse.save_npz``, whose indices all lie inside it."""
    expected, advice = "a SciPy sparse matrix", "scipy.sparse.save_npz"
    read_arrays(path, expected=expected, try_=advice)  # sizes and number types, before SciPy believes them
    with reading(path, expected, advice):
        matrix = sp.load_npz(path)
        require_room(path, 8 * sum(matrix.shape), "a matrix")
        if hasattr(matrix, "check_format"):  # compiled code follows indices without looking
            matrix.check_format(full_check=True)
        matrix = sp.csr_matrix(matrix)
        if matrix.dtype.kind not in "biuf" or not np.isfinite(matrix.data).all():
            raise ValueError(f"values of {matrix.dtype}, or some that are not finite")
        return matrix
