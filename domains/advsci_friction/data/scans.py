"""Measured surfaces: read, checked for size and units, levelled, and completed, before they are pressed.

A map is an array (ny, nx) of heights in metres, contact at its maxima; its rows lie along y. What a file states about
sizes and units is never replaced in silence, and what it does not state is asked for.
"""

import math
import re
import zipfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from advsci.errors import AdvsciError, DataError, UnitError, needs
from advsci.files import open_hdf5, read_array, read_arrays, reading, require_room
from advsci_friction.config import Flatten, Hysteresis, Solve
from advsci_friction.data.levelling import fill_undefined, flatten
from advsci_friction.data.text_map import read_text_map
from advsci_friction.data.units import Quantity, lengths, si

__all__ = ["Scan", "read_scan", "scan_of"]

TEXT = (".txt", ".csv", ".asc", ".dat", ".xyz", ".tsv")


@dataclass(frozen=True)
class Scan:
    """A measured map.

    Attributes
    ----------
    heights
        (ny, nx) heights [m].
    size
        (Ly, Lx) of the scanned area [m].
    name
        File and channel.
    filled
        Share of the pixels that were undefined and have been filled.
    channels
        Names of the height maps that the file holds.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from advsci_friction import read_scan
    >>> path = Path(tempfile.mkdtemp()) / "scan.npz"
    >>> np.savez(path, heights=1e-9 * np.eye(8), size=(1e-6, 1e-6))
    >>> read_scan(path).size
    (1e-06, 1e-06)
    """

    heights: Float[np.ndarray, "ny nx"]
    size: tuple[float, float]
    name: str = ""
    filled: float = 0.0
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Raw:
    """What a file says, before it is checked: heights in ``height_unit``, size (Lx, Ly) in ``length_unit``."""

    heights: np.ndarray
    size: tuple[float, float] | None
    length_unit: str | None
    height_unit: str | None
    channels: tuple[str, ...] = ()


def read_scan(
    path: str | Path,
    *,
    size: Quantity | None = None,
    height_unit: str | None = None,
    length_unit: str | None = None,
    channel: str | None = None,
    override: bool = False,
    level: Flatten = "none",
    fill: float = 0.0,
    invert: bool = False,
) -> Scan:
    """Read a map of heights.

    Parameters
    ----------
    path
        Any format of SurfaceTopography; an npz with ``heights`` [m] and ``size`` [m] (one length, or Ly and Lx); an
        npy; or text (see `advsci_friction.data.text_map`).
    size
        Width, or width and height ("2 um x 1 um"), of the scanned area, where the file has none. With the width alone
        pixels are square.
    height_unit
        Unit of the heights, where the file states none: ``"nm"``.
    length_unit
        Unit of the positions, where the file has numbers for them without a unit: ``"um"``.
    channel
        Name or index of the height map, where the file holds several; by default the file's own default.
    override
        Let ``size`` and the units replace what the file states; otherwise a contradiction is refused.
    level
        What is taken off: see `advsci_friction.data.levelling.flatten`.
    fill
        Largest share of undefined pixels that is filled (harmonically, after levelling); a map with more is refused.
    invert
        Turn the heights upside down: for a replica, or a depth map.

    Returns
    -------
    Scan
        Heights and size in metres.

    Raises
    ------
    DataError
        No such file, no readable map, too many undefined pixels, no heights, or heights that cannot be metres.
    UnitError
        A unit or size that is missing, that is no length, or that contradicts the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from advsci_friction import read_scan
    >>> path = Path(tempfile.mkdtemp()) / "scan.npz"
    >>> np.savez(path, heights=1e-9 * np.eye(8), size=(1e-6, 1e-6))
    >>> read_scan(path).heights.shape
    (8, 8)
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"got {path}, which is no file; expected an AFM or profilometer file. Try: its full path.")
    with reading(path, "a map of heights", "export it again as x3p, gwy or text"):
        raw = _read(path, channel)
        scale = _unit(path, raw.height_unit, height_unit, "height", override)
        lateral = _size(path, raw, size, length_unit, override)
        heights = (-scale if invert else scale) * np.asarray(raw.heights, dtype=np.float64)
        name = path.name if channel is None else f"{path.name}, channel {channel}"
        return _checked(Scan(heights, lateral, name, channels=raw.channels), level, fill)


def scan_of(config: Solve | Hysteresis) -> Scan:
    """The scan that the settings name, levelled and completed.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    Scan
        Heights and size in metres.
    """
    return read_scan(
        config.file,
        size=config.size,
        height_unit=config.height_unit,
        length_unit=config.length_unit,
        channel=config.channel,
        override=config.override,
        level=config.flatten,
        fill=config.fill,
        invert=config.invert,
    )


def _read(path: Path, channel: str | None) -> Raw:
    if path.stat().st_size == 0:
        raise DataError(f"{path}: got an empty file; expected a map of heights. Try: copy or export it again.")
    if path.suffix in (".npz", ".npy"):
        return _read_numpy(path)
    if path.suffix.lower() in TEXT and not _has_words(path):
        text = read_text_map(path)
        return Raw(text.heights, text.size, text.length_unit, text.height_unit)
    return _read_instrument(path, channel)


def _has_words(path: Path) -> bool:
    """Whether a text begins with words, as the exports of some instruments do."""
    with open(path, encoding="latin-1") as file:
        first = next((line for line in file if line.strip()), "")
    return not first.startswith("#") and re.search(r"[A-Za-z]{3}", first) is not None


def _read_numpy(path: Path) -> Raw:
    if path.suffix == ".npy":
        return Raw(_heights(path, read_array(path, expected="arrays", try_="save it again")), None, None, None)
    file = read_arrays(path, ("heights", "size"), expected="arrays", try_="save it again")
    if "heights" not in file:
        raise DataError(f"{path}: got no array 'heights'; expected 'heights' [m] and 'size' [m]. Try: rename them.")
    heights = _heights(path, file["heights"])
    if heights.dtype == np.float16:
        raise DataError(
            f"{path}: got heights of type float16, which cannot hold nanometres in metres; expected float32 or "
            "float64. Try: save the original values again."
        )
    size = None
    if "size" in file:
        stored = np.ravel(file["size"])
        if stored.dtype.kind not in "fiu":
            raise DataError(f"{path}: got a size of {stored.dtype}; expected lengths. Try: size=(Ly, Lx) [m].")
        stored = stored.astype(float)
        if len(stored) not in (1, 2):
            raise DataError(
                f"{path}: got a size of {len(stored)} numbers; expected one or two. Try: size=(Ly, Lx) [m]."
            )
        size = (float(stored[-1]), float(stored[0]))
    return Raw(heights, size, "m" if size else None, "m")


def _heights(path: Path, heights: np.ndarray) -> np.ndarray:
    if heights.dtype.kind not in "fiu":
        raise DataError(f"{path}: got heights of {heights.dtype}; expected real numbers. Try: save them as float64.")
    return heights


def _check_container(path: Path) -> None:
    """Instruments' files are often a zip or HDF5: what those declare, and where they point, is looked at first."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            require_room(path, sum(part.file_size for part in file.infolist()), "an archive")
        return
    with open(path, "rb") as file:
        is_hdf5 = file.read(4) == b"\x89HDF"
    if is_hdf5:
        with open_hdf5(path, expected="a map of heights", extra="friction"):
            pass


def _read_instrument(path: Path, channel: str | None) -> Raw:
    _check_container(path)
    with needs("SurfaceTopography", "friction"):
        library = import_module("SurfaceTopography")
    try:
        reader = library.open_topography(str(path))
    except Exception as error:  # each of the 35 readers raises its own kinds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path}: got a file that no reader of SurfaceTopography takes ({reason[:160]}); expected one of its "
            "formats. Try: export it as x3p, gwy or text, or save an npz with 'heights' and 'size' [m]."
        ) from error
    found = _channel(path, reader, channel)
    info = {"physical_sizes": (1.0,) * found.dim} if found.physical_sizes is None else {}
    try:
        topography = found.topography(**info)
        heights = np.ma.filled(np.ma.masked_invalid(np.ma.asarray(topography.heights(), dtype=np.float64)), np.nan)
    except AdvsciError:
        raise
    except Exception as error:
        raise DataError(
            f"{path}: got a map that SurfaceTopography cannot read ({str(error)[:160]}); expected a complete file. "
            "Try: another channel, or export it again."
        ) from error
    if heights.ndim != 2:
        raise DataError(
            f"{path}: got a profile of {len(heights)} points; expected a map. Try: solve_contact(..., size=(L,))."
        )
    sizes = None if found.physical_sizes is None else tuple(float(s) for s in topography.physical_sizes)
    if sizes is not None and len(sizes) != 2:
        raise DataError(f"{path}: got a map with a size of {len(sizes)} numbers; expected two. Try: export it again.")
    unit = topography.unit  # of lengths and heights alike: the package has converted the heights
    names = tuple(str(c.name) for c in reader.channels)
    # SurfaceTopography's first index runs along x
    return Raw(heights.T, sizes, unit, unit, names)  # type: ignore[arg-type]


def _channel(path: Path, reader: Any, wanted: str | None) -> Any:
    """The channel of a file by name or index."""
    channels = list(reader.channels)
    names = [str(c.name) for c in channels]
    if wanted is None:
        return reader.default_channel
    if wanted in names:
        return channels[names.index(wanted)]
    if wanted.isdigit() and int(wanted) < len(channels):
        return channels[int(wanted)]
    raise DataError(f"{path}: got channel '{wanted}'; expected one of {names}. Try: --channel '{names[0]}'.")


def _unit(path: Path, stated: str | None, given: str | None, what: str, override: bool) -> float:
    """Metres per unit of a file's numbers."""
    if stated is None and given is None:
        raise UnitError(f"{path}: got no unit of its {what}s; expected one. Try: --{what}-unit nm.")
    if stated is not None and (given is None or not override):
        try:
            scale = si(f"1 {stated}", "m", f"{what} unit")
        except UnitError as error:
            raise UnitError(
                f"{path}: got {what}s in '{stated}', which is no length; expected a calibrated map. "
                f"Try: another --channel, or --{what}-unit with --override if the calibration is known."
            ) from error
        if given is None or math.isclose(scale, si(f"1 {given}", "m", f"{what} unit"), rel_tol=1e-6):
            return scale
        raise UnitError(
            f"{path}: got {what} unit '{given}', and the file states '{stated}'; expected one of them. "
            f"Try: leave the option out, or --override to take '{given}'."
        )
    return si(f"1 {given}", "m", f"{what} unit")


def _size(path: Path, raw: Raw, given: Quantity | None, unit: str | None, override: bool) -> tuple[float, float]:
    """(Ly, Lx) [m] of the map."""
    ny, nx = raw.heights.shape if raw.heights.ndim == 2 else (1, 1)
    stated = None
    if raw.size is not None and not (override and given is not None):
        if raw.length_unit is None and unit is None and given is None:
            raise UnitError(
                f"{path}: got a size of {raw.size[0]:g} x {raw.size[1]:g} without a unit; expected one. "
                "Try: --length-unit um."
            )
        if raw.length_unit is not None or unit is not None:
            scale = _unit(path, raw.length_unit, unit, "length", override)
            stated = (raw.size[1] * scale, raw.size[0] * scale)
    if given is None:
        if stated is None:
            raise UnitError(f"{path}: got no physical size; expected one. Try: --size '10 um' or '10 um x 5 um'.")
        if not all(0.0 < s < math.inf for s in stated):
            raise DataError(
                f"{path}: got a size of {stated[1]:g} x {stated[0]:g} m; expected positive lengths. "
                "Try: --size '10 um' --override."
            )
        return stated
    found = lengths(given)
    asked = (found[1], found[0]) if len(found) == 2 else (found[0] * ny / nx, found[0])
    if stated is not None and not np.allclose(stated, asked, rtol=1e-3):
        raise UnitError(
            f"{path}: got --size {asked[1]:.4g} x {asked[0]:.4g} m, and the file states {stated[1]:.4g} x "
            f"{stated[0]:.4g} m; expected one of them. Try: leave --size out, or --override to take yours."
        )
    return asked


def _checked(scan: Scan, level: Flatten, fill: float) -> Scan:
    heights, name = scan.heights, scan.name
    if heights.ndim != 2 or min(heights.shape) < 8:
        raise DataError(
            f"{name}: got an array of shape {heights.shape}; expected a map of at least 8 x 8 pixels. "
            "Try: the height map alone, rows along y."
        )
    undefined = ~np.isfinite(heights)
    share = float(undefined.mean())
    if share == 1.0:
        raise DataError(f"{name}: got no defined pixel; expected a measured map. Try: another channel.")
    if share > fill:
        raise DataError(
            f"{name}: got {int(undefined.sum())} undefined pixels of {undefined.size}; expected a share of at most "
            f"{fill:g}. Try: crop them, or --fill {math.ceil(100.0 * share + 1e-9) / 100.0:g}."
        )
    heights = flatten(heights, level)
    if undefined.any():
        heights = fill_undefined(heights)
    span = float(np.ptp(heights))
    if span == 0.0:
        raise DataError(f"{name}: got heights that are all equal; expected a rough map. Try: another channel.")
    if span > 10.0 * max(scan.size):
        raise DataError(
            f"{name}: got heights over {span:.3g} m on a map {max(scan.size):.3g} m wide; expected less than ten times "
            "its width. Try: --height-unit nm, with --override where the file states another unit."
        )
    return Scan(heights, scan.size, name, share, scan.channels)
