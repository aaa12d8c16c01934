"""What is written and read back: models of the texture designer (safetensors), and designs (npz)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from advsci.errors import CheckpointError, DataError
from advsci_friction.data.materials import Material
from advsci_friction.design.designer import Designer, Designs
from advsci_friction.game.players import TextureGenerator
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.fabrication import Fabrication
from advsci_friction.surfaces.textures import FAMILIES

__all__ = ["load_designer", "read_designs", "save_designer", "write_designs"]

_SHIPPED = Path(__file__).parent / "weights" / "textures.safetensors"


def save_designer(designer: Designer, path: str | Path, recipe: Mapping[str, object] | None = None) -> None:
    """Write generator, what it knows of the reachable range, and the recipe of its training; no code."""
    tensors = {f"generator.{k}": v.contiguous() for k, v in designer.generator.state_dict().items()}
    tensors |= {f"known.{k}": v for k, v in designer.known.items()}
    settings = {
        "limit": designer.band.limit,
        "fabrication": asdict(designer.fabrication),
        "families": list(FAMILIES),
        "width": designer.generator.move.first.out_features,
        "recipe": dict(recipe or {}),
    }
    save_file(tensors, str(path), {"advsci_friction": json.dumps(settings)})


def load_designer(path: str | Path | None = None) -> Designer:
    """Read a model of `save_designer`; None reads the one that comes with the package.

    Raises
    ------
    CheckpointError
        No such file, not a model of this package, or the package's own with another sha256 than it was shipped with.
    """
    if path is None:
        path = _SHIPPED
        known = json.loads((path.parent / "sha256.json").read_text())[path.stem]
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != known:
            raise CheckpointError(f"{path} is missing or was altered; expected sha256 {known}. Try: reinstall advsci.")
    try:
        with safe_open(str(path), "pt") as file:
            settings = json.loads((file.metadata() or {})["advsci_friction"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"got {path}, which is no texture model ({error}). Try: 'advsci-friction train --out FOLDER' makes one."
        ) from error
    if settings["families"] != list(FAMILIES):
        raise CheckpointError(f"{path} knows the families {settings['families']}; expected {list(FAMILIES)}.")
    band = Band(settings["limit"])
    generator = TextureGenerator(band, settings["width"])
    parts = {
        start: {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
        for start in ("generator.", "known.")
    }
    generator.load_state_dict(parts["generator."])
    known = {"log_reduced_load" if k == "log_load" else k: v for k, v in parts["known."].items()}  # files before 0.2
    return Designer(generator, band, Fabrication(**settings["fabrication"]), known)


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
