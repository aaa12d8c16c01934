"""Maps written for other programs: npz, netCDF and x3p (SurfaceTopography), STL for printing."""

import struct
from importlib import import_module
from pathlib import Path

import numpy as np
from jaxtyping import Float

from advsci.errors import DataError, needs
from advsci.files import write_arrays

__all__ = ["write_map", "write_stl"]


def write_map(path: str | Path, heights: Float[np.ndarray, "ny nx"], size: tuple[float, float]) -> None:
    """Write one map by the suffix of ``path``: ``.nc`` or ``.x3p`` (SurfaceTopography), ``.stl``, ``.npz``; heights in
    metres.

    A design is periodic, and ``.nc`` says so.

    Parameters
    ----------
    size
        Length of each side of the map [m].

    Raises
    ------
    DataError
        The suffix is that of no known format.
    """
    path = Path(path)
    if path.suffix == ".npz":
        write_arrays(path, {"heights": heights, "size": size})
    elif path.suffix == ".stl":
        write_stl(path, heights, size)
    elif path.suffix in (".nc", ".x3p"):
        with needs("SurfaceTopography", "friction"):
            topography = import_module("SurfaceTopography")
        map_ = topography.Topography(heights.T.copy(), (size[1], size[0]), unit="m", periodic=True)
        (map_.to_netcdf if path.suffix == ".nc" else map_.to_x3p)(str(path))
    else:
        raise DataError(f"got '{path.suffix}'; expected .npz, .nc, .x3p or .stl. Try: 'map.npz'.")


def write_stl(
    path: str | Path, heights: Float[np.ndarray, "ny nx"], size: tuple[float, float], base: float = 0.0
) -> None:
    """Write the map as a closed binary STL solid in micrometres, on a base below its lowest point.

    Parameters
    ----------
    path, heights, size
        File, heights [m] and size (Ly, Lx) [m]; the periodic cell is closed by its first row and column again.
    base
        Thickness below the lowest point [m]; 0 takes a tenth of the longer side.
    """
    z = np.pad(heights, ((0, 1), (0, 1)), mode="wrap") * 1e6
    ny, nx = z.shape
    y, x = np.meshgrid(np.linspace(0.0, size[0] * 1e6, ny), np.linspace(0.0, size[1] * 1e6, nx), indexing="ij")
    top = np.stack([x, y, z], -1)
    bottom = top.copy()
    bottom[..., 2] = z.min() - (base * 1e6 if base > 0.0 else 0.1 * max(size) * 1e6)

    def sheet(points: np.ndarray) -> np.ndarray:
        """Triangles of a grid of ``points``."""
        a, b, c, d = points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]
        return np.concatenate([np.stack([a, b, c], -2).reshape(-1, 3, 3), np.stack([a, c, d], -2).reshape(-1, 3, 3)])

    def wall(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Triangles between two edges, ``upper`` and ``lower``."""
        a, b, c, d = lower[:-1], lower[1:], upper[1:], upper[:-1]
        return np.concatenate([np.stack([a, b, c], -2), np.stack([a, c, d], -2)])

    faces = np.concatenate(
        [
            sheet(top),
            sheet(bottom)[:, ::-1],
            wall(top[0], bottom[0]),
            wall(top[-1], bottom[-1])[:, ::-1],
            wall(top[:, 0], bottom[:, 0])[:, ::-1],
            wall(top[:, -1], bottom[:, -1]),
        ]
    ).astype("<f4")
    normals = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    records = np.zeros(len(faces), dtype=[("data", "<f4", 12), ("attribute", "<u2")])
    records["data"] = np.concatenate([normals, faces.reshape(-1, 9)], 1)
    with open(path, "wb") as file:
        file.write(b"texture, micrometres".ljust(80) + struct.pack("<I", len(faces)))
        file.write(records.tobytes())
