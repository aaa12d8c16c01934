r"""Parallel-beam projections through the Fourier-slice theorem, for large images, with an exact adjoint.

The one-dimensional transform of a projection is the image's transform on a line through the origin,

.. math:: \hat p_\theta(\omega) = \hat f(\omega\cos\theta, \omega\sin\theta)\,
          \mathrm{sinc}(\omega\cos\theta)\,\mathrm{sinc}(\omega\sin\theta)\,\mathrm{sinc}(\omega),

with the transfer functions of the square pixel and of the unit-width detector. The polar samples come from a padded
FFT by gridding with a Kaiser-Bessel kernel (Fessler & Sutton 2003, IEEE TSP 51:560): deapodise, pad, FFT, one sparse
matrix, inverse FFT. Each step is linear and its transpose is applied in reverse order, so the adjoint is exact to
rounding, while the projections agree with exact strip areas to about 1e-3 of their norm (they are band-limited).
"""

import math

import numpy as np
import scipy.fft
import scipy.sparse as sp
import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.operators.matrices import csr_tensor
from advsci_inverse.operators.radon import checked_geometry

__all__ = ["FourierRadon"]


def _fast_even_length(at_least: int) -> int:
    """The next product of small primes that is even."""
    return 2 * int(scipy.fft.next_fast_len((at_least + 1) // 2, real=True) or 0)


def _kaiser_bessel(t: np.ndarray, width: int, beta: float) -> np.ndarray:
    inside = np.clip(1.0 - (2.0 * t / width) ** 2, 0.0, None)
    return np.i0(beta * np.sqrt(inside)) * (np.abs(t) <= width / 2)


def _kaiser_bessel_transform(frequency: np.ndarray, width: int, beta: float) -> np.ndarray:
    root = np.sqrt((beta**2 - (np.pi * width * frequency) ** 2).astype(complex))
    return (width * np.sinh(root) / root).real


class FourierRadon(LinearOperator):
    """Parallel-beam projections of ``n x n`` images, same geometry as `Radon`, in ``O(n^2 log n)``.

    Parameters
    ----------
    n : int
    angles : array-like, radians
    detectors : int, optional
        Number of unit-width bins; the default covers the diagonal.
    oversampling : float
        Padding of the image before its FFT.
    width : int
        Gridding kernel width in samples; 4 keeps the gridding error below that of the band limit.

    Raises
    ------
    ConfigError
        Oversampling is below 1.25, or the kernel's width below 2.

    Notes
    -----
    The object must lie inside the image. Projections may be slightly negative beside sharp edges (ringing of order
    1e-3): Poisson data with few counts should use `Radon`.
    """

    grid: Tensor
    grid_transposed: Tensor
    apodisation: Tensor
    transfer_real: Tensor
    transfer_imag: Tensor

    def __init__(self, n: int, angles, detectors: int | None = None, *, oversampling: float = 2.0, width: int = 4):
        theta, bins = checked_geometry(n, angles, detectors)
        if oversampling < 1.25 or width < 2:
            raise ConfigError(
                f"got oversampling {oversampling} and width {width}; expected at least 1.25 and 2. Try: the defaults."
            )
        super().__init__((n, n), (len(theta), bins))
        self.angles = theta
        self.padded = _fast_even_length(math.ceil(oversampling * n))
        self.length = _fast_even_length(max(bins, math.ceil(n * math.sqrt(2)) + 4))
        self.spectrum_width = self.padded // 2 + 1
        beta = math.pi * math.sqrt((width / (self.padded / n)) ** 2 * (self.padded / n - 0.5) ** 2 - 0.8)

        omega = 2 * np.pi * np.arange(self.length // 2 + 1) / self.length
        fx, fy = np.outer(np.cos(theta), omega), -np.outer(np.sin(theta), omega)  # rows grow downwards
        matrix = self._gridding(fx.ravel(), fy.ravel(), width, beta)
        self.register_buffer("grid", csr_tensor(matrix))
        self.register_buffer("grid_transposed", csr_tensor(matrix.T.tocsr()))

        profile = _kaiser_bessel_transform((np.arange(n) - n // 2) / self.padded, width, beta)
        self.register_buffer("apodisation", torch.from_numpy(1.0 / np.outer(profile, profile)))
        # the image's samples are centred on index n // 2 by a roll; its true centre is (n - 1) / 2
        shift = (n - 1) / 2 - n // 2
        response = np.sinc(fx / (2 * np.pi)) * np.sinc(fy / (2 * np.pi)) * np.sinc(omega / (2 * np.pi))
        phase = np.exp(1j * shift * (fx + fy)) * np.exp(-1j * omega * (bins - 1) / 2)
        transfer = response * phase
        transfer[:, -1] = transfer[:, -1].real  # the Nyquist bin of a real signal is real
        self.register_buffer("transfer_real", torch.from_numpy(transfer.real.copy()))
        self.register_buffer("transfer_imag", torch.from_numpy(transfer.imag.copy()))

    def _gridding(self, fx: np.ndarray, fy: np.ndarray, width: int, beta: float) -> sp.csr_matrix:
        """Rows: polar samples with real and imaginary parts apart; columns: the same of the half spectrum."""
        p, half = self.padded, self.spectrum_width
        gx, gy = fx * p / (2 * np.pi), fy * p / (2 * np.pi)
        first_x, first_y = (np.floor(g - width / 2).astype(int) + 1 for g in (gx, gy))
        taps = np.arange(width)
        ix, iy = first_x[:, None] + taps, first_y[:, None] + taps
        wx = _kaiser_bessel(gx[:, None] - ix, width, beta)
        wy = _kaiser_bessel(gy[:, None] - iy, width, beta)
        rows = np.repeat(np.arange(len(gx)), width * width)
        kx = np.repeat(ix[:, None, :], width, 1).reshape(-1)
        ky = np.repeat(iy[:, :, None], width, 2).reshape(-1)
        weight = (wy[:, :, None] * wx[:, None, :]).reshape(-1)
        # the spectrum of a real image: F(-k) = conj F(k), so a sample with kx < 0 reads its mirror, conjugated
        kx_mod = kx % p
        mirrored = kx_mod >= half
        column = np.where(mirrored, (-ky) % p, ky % p) * half + np.where(mirrored, (-kx) % p, kx_mod)
        sign = np.where(mirrored, -1.0, 1.0)
        size = p * half
        real = sp.csr_matrix((weight, (2 * rows, 2 * column)), shape=(2 * len(gx), 2 * size))
        imag = sp.csr_matrix((weight * sign, (2 * rows + 1, 2 * column + 1)), shape=(2 * len(gx), 2 * size))
        return (real + imag).tocsr()

    def _cast(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Constants in the dtype of the input, converted once."""
        if self.apodisation.dtype != like.dtype:
            self.to(like.dtype)
        return self.grid, self.grid_transposed, self.apodisation, torch.complex(self.transfer_real, self.transfer_imag)

    def apply_forward(self, x: Tensor) -> Tensor:
        """Projections ``[b, views, detectors]`` of images ``x`` ``[b, n, n]``."""
        grid, _, apodisation, transfer = self._cast(x)
        (views, bins), n, p = self.data_shape, self.image_shape[0], self.padded
        c = n // 2
        padded = x.new_zeros(len(x), p, p)
        weighted = x * apodisation
        padded[:, : n - c, : n - c] = weighted[:, c:, c:]
        padded[:, : n - c, p - c :] = weighted[:, c:, :c]
        padded[:, p - c :, : n - c] = weighted[:, :c, c:]
        padded[:, p - c :, p - c :] = weighted[:, :c, :c]
        spectrum = torch.view_as_real(torch.fft.rfft2(padded)).reshape(len(x), -1)
        polar = (grid @ spectrum.T).T.reshape(len(x), views, -1, 2)
        profile = torch.view_as_complex(polar.contiguous()) * transfer
        return torch.fft.irfft(profile, n=self.length)[..., :bins]

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Back-projections ``[b, n, n]`` of ``y`` ``[b, views, detectors]``."""
        _, grid_transposed, apodisation, transfer = self._cast(y)
        (_, bins), n, p = self.data_shape, self.image_shape[0], self.padded
        c = n // 2
        profile = torch.fft.rfft(torch.nn.functional.pad(y, (0, self.length - bins)))
        profile[..., 1:-1] *= 2.0  # the transpose of irfft counts each inner frequency twice
        profile = profile * (transfer.conj() / self.length)
        polar = torch.view_as_real(profile).reshape(len(y), -1)
        spectrum = (grid_transposed @ polar.T).T.reshape(len(y), p, self.spectrum_width, 2)
        # transpose of rfft2, written with irfft2: it counts inner columns twice, so they enter halved
        half_spectrum = torch.view_as_complex(spectrum.contiguous())
        half_spectrum[..., 1:-1] *= 0.5
        padded = torch.fft.irfft2(half_spectrum, s=(p, p), norm="forward")
        out = torch.empty(len(y), n, n, dtype=y.dtype, device=y.device)
        out[:, c:, c:] = padded[:, : n - c, : n - c]
        out[:, c:, :c] = padded[:, : n - c, p - c :]
        out[:, :c, c:] = padded[:, p - c :, : n - c]
        out[:, :c, :c] = padded[:, p - c :, p - c :]
        return out * apodisation
