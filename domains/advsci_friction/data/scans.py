"""Measured surfaces: read with SurfaceTopography, checked before they are solved, and designs written for other
programs.

A map is an array (ny, nx) of heights in metres, its rows along the second axis of SurfaceTopography's arrays.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from advsci.errors import DataError, MissingDependencyError, UnitError
from advsci_friction.data.units import Quantity, si

__all__ = ["Scan", "fill_undefined", "read_scan", "remove_plane"]


@dataclass(frozen=True)
class Scan:
    """A measured map: heights [m] (ny, nx) and the size (Ly, Lx) [m] of the scanned area."""

    heights: Float[np.ndarray, "ny nx"]
    size: tuple[float, float]
    name: str = ""


def _surface_topography() -> Any:
    try:
        import SurfaceTopography
    except ImportError as error:
        raise MissingDependencyError.of("SurfaceTopography", "friction") from error
    return SurfaceTopography


def read_scan(
    path: str | Path, *, size: Quantity | None = None, height_unit: str | None = None, fill: bool = False
) -> Scan:
    """Read an AFM or profilometer file, or an npz with ``heights`` [m] and ``size`` [m].

    Parameters
    ----------
    path
        Any format of SurfaceTopography, or npz.
    size
        Side of the scanned square, where the file has none.
    height_unit
        Unit of the file's heights and lengths, where it has none.
    fill
        Replace undefined pixels by the mean of their defined neighbours.

    Raises
    ------
    DataError
        No such file, no readable map, undefined pixels without ``fill``, or heights that are not a map.
    UnitError
        The file states no unit or no size, and none was given.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"got {path}, which does not exist; expected an AFM or profilometer file, or an npz.")
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            if "heights" not in file:
                raise DataError(f"{path} holds {sorted(file)}; expected 'heights' [m] and 'size' [m].")
            heights = np.asarray(file["heights"], dtype=np.float64)
            stored = np.ravel(file["size"]) if "size" in file else None
        if stored is None and size is None:
            raise UnitError(f"{path} states no size; expected 'size' [m] in it. Try: --size '10 um'.")
        length = [si(size, "m", "size")] * 2 if size is not None else [float(stored[0]), float(stored[-1])]  # type: ignore[index]
        return _checked(heights, (length[0], length[1]), fill, path.name)
    try:
        topography = _surface_topography().read_topography(str(path))
    except MissingDependencyError:
        raise
    except Exception as error:  # each of the 35 readers raises its own kinds
        raise DataError(
            f"no reader of SurfaceTopography takes {path} ({error}). Try: its own format, or npz."
        ) from error
    unit = height_unit or topography.unit
    if unit is None:
        raise UnitError(f"{path} states no unit of its heights; expected one. Try: --height-unit nm.")
    scale = si(f"1 {unit}", "m", "height unit")
    sizes = topography.physical_sizes
    if size is not None:
        sizes = [si(size, "m", "size") / scale] * 2
    if sizes is None or any(s is None for s in sizes):
        raise UnitError(f"{path} states no physical size; expected one. Try: --size '10 um'.")
    heights = np.ma.filled(np.ma.masked_invalid(np.ma.asarray(topography.heights(), dtype=np.float64)), np.nan)
    if heights.ndim != 2:
        raise DataError(
            f"{path} holds a profile of {heights.shape}; expected a map. Try: solve_contact with size=(L,)."
        )
    # SurfaceTopography's first index runs along x
    return _checked(heights.T * scale, (float(sizes[1]) * scale, float(sizes[0]) * scale), fill, path.name)


def _checked(heights: np.ndarray, size: tuple[float, float], fill: bool, name: str) -> Scan:
    if heights.ndim != 2 or min(heights.shape) < 8:
        raise DataError(f"{name} holds an array of shape {heights.shape}; expected a map of at least 8 x 8 pixels.")
    undefined = ~np.isfinite(heights)
    if undefined.all():
        raise DataError(f"{name} has no defined pixel; expected a measured map.")
    if undefined.any():
        if not fill:
            raise DataError(
                f"{name} has {int(undefined.sum())} undefined pixels of {undefined.size}; expected a complete map. "
                "Try: --fill, which takes the mean of their neighbours, or crop them."
            )
        heights = fill_undefined(heights)
    return Scan(heights, size, name)


def fill_undefined(heights: Float[np.ndarray, "ny nx"]) -> Float[np.ndarray, "ny nx"]:
    """Undefined pixels (NaN) become the mean of their defined neighbours, from the rim of each hole inwards."""
    heights = heights.copy()
    while (hole := np.isnan(heights)).any():
        moved = [np.roll(heights, shift, axis) for axis in (0, 1) for shift in (1, -1)]
        stack = np.stack(moved)
        count = np.isfinite(stack).sum(0)
        mean = np.nansum(stack, axis=0) / np.maximum(count, 1)
        rim = hole & (count > 0)
        heights[rim] = mean[rim]
    return heights


def remove_plane(heights: Float[np.ndarray, "ny nx"]) -> Float[np.ndarray, "ny nx"]:
    """Heights less their least-squares plane."""
    y, x = np.mgrid[: heights.shape[0], : heights.shape[1]]
    basis = np.stack([np.ones(heights.size), x.ravel(), y.ravel()], 1)
    plane, *_ = np.linalg.lstsq(basis, heights.ravel(), rcond=None)
    return heights - (basis @ plane).reshape(heights.shape)
