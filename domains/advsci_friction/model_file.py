"""Models of the texture designer as safetensors, and the one that comes with the package."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from advsci.errors import CheckpointError
from advsci_friction.band import Band
from advsci_friction.designer import Designer
from advsci_friction.generator import TextureGenerator
from advsci_friction.physics import Fabrication
from advsci_friction.textures import FAMILIES

__all__ = ["load_designer", "save_designer"]

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
    return Designer(generator, band, Fabrication(**settings["fabrication"]), parts["known."])
