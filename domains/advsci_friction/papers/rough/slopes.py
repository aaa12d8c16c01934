r"""The area of contact of rough surfaces at low load: the slope kappa of A/A0 against P/(E* h').

Surfaces are Gaussian with isotropic power-law spectra of Hurst exponent 0.8. Nayak's parameter
:math:`\\alpha = m_0 m_4 / m_2^2` is set by the width of the band of wavenumbers.
"""

import math

import torch

from advsci.papers import step
from advsci.streams import Stream
from advsci_friction import real_area, roughness, solve_contact
from advsci_friction.contact.closed_forms import persson_area

BANDS = {"narrow": (8, 12), "middle": (4, 16), "broad": (4, 32)}


def surfaces(count: int, n: int, band: tuple[int, int], stream: Stream, hurst: float = 0.8) -> torch.Tensor:
    """``count`` maps of rms slope 0.1 with wavenumbers within a band, in a cell of length 1.

    Parameters
    ----------
    n
        Pixels of a side.
    stream
        Where the random numbers come from.
    hurst
        Hurst exponent.
    """
    noise = stream.normal((count, n, n)).double()
    k = torch.fft.fftfreq(n, 1.0 / n, dtype=torch.float64)
    size = (k[:, None].square() + k[: n // 2 + 1].square()).sqrt()
    shape = torch.where((size >= band[0]) & (size <= band[1]), size.clamp_min(1.0) ** (-1.0 - hurst), 0.0)
    heights = torch.fft.irfft2(torch.fft.rfft2(noise) * shape, s=(n, n))
    return heights * (0.1 / roughness(heights, (1.0, 1.0)).slope)[:, None, None]


def measure(seed: int, effort: str) -> dict[str, float | list[float]]:
    """Slopes and areas of each band; the theory's slope; an area in nearly full contact.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        ``"quick"`` or ``"full"``.
    """
    n, count = (256, 2) if effort == "quick" else (1024, 5)
    stream = Stream(seed)
    cells: dict[str, float | list[float]] = {}
    for name, band in BANDS.items():
        heights = surfaces(count, n, band, stream.at(name))
        areas = {}
        for load in (0.02, 0.05, 0.4) if name == "broad" else (0.05,):
            areas[load] = float(real_area(solve_contact(heights, 0.1 * load, 1.0, (1.0, 1.0), tolerance=1e-6)).mean())
            cells[f"{name}/slope at {load}"] = areas[load] / load
            cells[f"{name}/area at {load}"] = areas[load]
        cells[f"{name}/Nayak"] = float(roughness(heights, (1.0, 1.0)).nayak.mean())
        if name == "middle":
            full = solve_contact(heights, 0.2, 1.0, (1.0, 1.0), tolerance=1e-6)
            cells["full/area"] = float(real_area(full).mean())
    cells["fall"] = cells["narrow/slope at 0.05"] - cells["broad/slope at 0.05"]  # type: ignore[operator]
    small = torch.tensor(1e-6, dtype=torch.float64)
    cells["Persson/slope"] = float(persson_area(small)) / 1e-6
    cells["Persson/error"] = float(persson_area(torch.tensor(0.05))) / cells["broad/area at 0.05"] - 1.0  # type: ignore
    cells["BGT/slope"] = math.sqrt(2.0 * math.pi)
    return cells


if __name__ == "__main__":
    step(measure)
