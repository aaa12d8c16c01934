r"""Linearised seismic operators: straight-ray travel times and the convolutional reflectivity model.

Travel times. With the slowness :math:`u = 1/v` (seconds per metre) as the image, the time along a straight ray is
:math:`t=\int u\,d\ell`: a sparse matrix of the lengths of the ray inside each cell.

Reflectivity. For weak contrasts the trace is the wavelet convolved with half the vertical derivative of log impedance
(Robinson's convolutional model), here on a depth grid with one trace per column.
"""

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from advsci.errors import ConfigError, ShapeError
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.operators.matrices import SparseOperator
from advsci_inverse.operators.radon import line_lengths

__all__ = ["Reflectivity", "TravelTime", "ricker"]


class TravelTime(SparseOperator):
    """First-arrival times between points along straight rays.

    Parameters
    ----------
    shape : (rows, columns)
        Slowness image (s/m), row 0 at the surface; square cells.
    sources, receivers : arrays [s, 2], [r, 2]
        Positions (x to the right, depth downwards) in metres from the upper left corner.
    cell : float
        Cell size in metres. The data are ``[s, r]`` seconds.

    Raises
    ------
    ConfigError
        The size of a cell is not positive.
    ShapeError
        The model is not square.
    """

    def __init__(self, shape: tuple[int, int], sources, receivers, cell: float):
        if shape[0] != shape[1]:
            raise ShapeError(f"got a model of shape {shape}; expected a square one. Try: pad it.")
        if cell <= 0:
            raise ConfigError(f"got a cell of {cell} m; expected a positive size. Try: 10.")
        n = shape[0]
        indptr, indices, values = [0], [], []
        to_grid = np.array([1.0, -1.0]) / cell
        corner = np.array([-n / 2, n / 2])
        for source in np.atleast_2d(sources):
            for receiver in np.atleast_2d(receivers):
                start, end = corner + source * to_grid, corner + receiver * to_grid
                pixels, lengths = line_lengths(start, end, n)
                indices.append(pixels)
                values.append(lengths * cell)
                indptr.append(indptr[-1] + len(pixels))
        data_shape = (len(np.atleast_2d(sources)), len(np.atleast_2d(receivers)))
        entries = (np.concatenate(values).astype(np.float32), np.concatenate(indices), np.array(indptr))
        super().__init__(sp.csr_matrix(entries, shape=(data_shape[0] * data_shape[1], n * n)), shape, data_shape)


def ricker(frequency: float, step: float, samples: int) -> Tensor:
    """Ricker wavelet.

    Parameters
    ----------
    frequency
        Of the peak [Hz].
    step
        Time between samples [s].
    samples
        Odd number of samples.

    Returns
    -------
    tensor [samples]
        The wavelet, 1 in the middle.
    """
    t = (torch.arange(samples, dtype=torch.float64) - (samples - 1) / 2) * step
    a = (torch.pi * frequency * t) ** 2
    return ((1 - 2 * a) * torch.exp(-a)).float()


class Reflectivity(LinearOperator):
    """Traces ``w * (1/2) d(log impedance)/dz``, one per column; image and data are ``[depth, columns]``.

    Parameters
    ----------
    wavelet
        Odd number of samples.
    shape
        Depths and columns.

    Raises
    ------
    ShapeError
        An even number of samples.
    """

    wavelet: Tensor

    def __init__(self, wavelet: Tensor, shape: tuple[int, int]):
        super().__init__(shape, shape)
        if wavelet.dim() != 1 or len(wavelet) % 2 == 0:
            raise ShapeError(
                f"got a wavelet of shape {tuple(wavelet.shape)}; expected one odd length. Try: append a zero."
            )
        self.register_buffer("wavelet", wavelet)

    def _convolved(self, x: Tensor, wavelet: Tensor) -> Tensor:
        columns = x.transpose(1, 2).reshape(-1, 1, x.shape[1])
        out = torch.nn.functional.conv1d(columns, wavelet[None, None], padding=len(wavelet) // 2)
        return out.reshape(len(x), x.shape[2], -1).transpose(1, 2)

    def apply_forward(self, x: Tensor) -> Tensor:
        """Traces ``[b, depth, columns]`` of log impedances ``x``."""
        reflection = torch.zeros_like(x)
        reflection[:, 1:] = 0.5 * (x[:, 1:] - x[:, :-1])
        return self._convolved(reflection, self.wavelet.to(x.dtype).flip(0))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """The transpose at traces ``y`` ``[b, depth, columns]``."""
        reflection = 0.5 * self._convolved(y, self.wavelet.to(y.dtype))
        out = torch.zeros_like(y)
        out[:, 1:] += reflection[:, 1:]
        out[:, :-1] -= reflection[:, 1:]
        return out
