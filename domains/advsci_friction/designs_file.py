"""Designs as an npz file: coefficients, slopes and the request, from which everything else follows."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from advsci.errors import DataError
from advsci_friction.band import Band
from advsci_friction.designer import Designs
from advsci_friction.materials import Material
from advsci_friction.physics import Fabrication

__all__ = ["read_designs", "write_designs"]


def write_designs(path: str | Path, designs: Designs, fabrication: Fabrication, pixels: int) -> None:
    """Write designs, their heights [m] on ``pixels`` x ``pixels``, the cells' lengths [m] and the request as JSON."""
    request = {
        "material": {**asdict(designs.material), "uncertain": list(designs.material.uncertain)},
        "friction": designs.friction,
        "pressure": designs.load,
        "fabrication": asdict(fabrication),
        "band": designs.band.limit,
    }
    np.savez_compressed(
        path,
        heights=designs.heights(pixels).numpy(),
        cell=designs.cell.numpy(),
        coefficients=designs.coefficients.numpy(),
        slope=designs.slope.numpy(),
        family=designs.family.numpy(),
        request=np.array(json.dumps(request)),
    )


def read_designs(path: str | Path) -> tuple[Designs, Fabrication, int]:
    """Designs, fabrication limits and pixels of a file of `write_designs`.

    Raises
    ------
    DataError
        No such file, or not one of designs.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            request = json.loads(str(file["request"]))
            arrays = {name: torch.as_tensor(file[name]) for name in ("coefficients", "slope", "cell", "family")}
            pixels = int(file["heights"].shape[-1])
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"got {path}, which holds no designs ({error}). Try: the npz of 'advsci-friction design'."
        ) from error
    material = Material(**{**request["material"], "uncertain": tuple(request["material"]["uncertain"])})
    designs = Designs(
        Band(request["band"]),
        arrays["coefficients"],
        arrays["slope"],
        arrays["cell"],
        arrays["family"],
        material,
        request["friction"],
        request["pressure"],
    )
    return designs, Fabrication(**request["fabrication"]), pixels
