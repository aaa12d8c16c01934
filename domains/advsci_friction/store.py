"""What is written and read back: models of the texture designer (safetensors), and designs (npz)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from advsci.errors import CheckpointError
from advsci.files import parse_json, read_arrays, reading, write_arrays
from advsci.training.building import building
from advsci.training.weights import load_weights, save_weights
from advsci_friction.data.materials import Material
from advsci_friction.design.designer import Designer, Designs
from advsci_friction.game.players import TextureGenerator
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.catalogue import Catalogue
from advsci_friction.surfaces.fabrication import Fabrication
from advsci_friction.surfaces.textures import FAMILIES

__all__ = ["load_catalogue", "load_designer", "read_designs", "save_catalogue", "save_designer", "write_designs"]

SHIPPED = Path(__file__).parent / "weights" / "textures.safetensors"
DESIGNER = "texture designer"


def save_designer(designer: Designer, path: str | Path, recipe: Mapping[str, object] | None = None) -> str:
    """Write a generator, what it knows of the reachable range, and the recipe of its training.

    Parameters
    ----------
    designer
        The trained designer.
    path
        The file, a safetensors file without code.
    recipe
        Plain data about the training, for the file's card.

    Returns
    -------
    str
        sha256 of the file.
    """
    tensors = {f"generator.{k}": v for k, v in designer.generator.state_dict().items()}
    tensors |= {f"known.{k}": v for k, v in designer.known.items()}
    card = {
        "kind": DESIGNER,
        "limit": designer.band.limit,
        "fabrication": asdict(designer.fabrication),
        "families": list(FAMILIES),
        "width": designer.generator.move.first.out_features,
        "recipe": dict(recipe or {}),
    }
    return save_weights(path, tensors, card)


def load_designer(path: str | Path | None = None) -> Designer:
    """Read a model of `save_designer`.

    Parameters
    ----------
    path
        The file; None reads the model that comes with the package.

    Returns
    -------
    Designer
        Ready to design.

    Raises
    ------
    CheckpointError
        No such file, not a model of this package, or altered.

    Examples
    --------
    >>> from advsci_friction import find_material
    >>> low, high = load_designer().reachable(find_material("dlc"), "50 MPa")
    >>> low < 0.05 < high
    True
    """
    path = SHIPPED if path is None else Path(path)
    try_ = "reinstall advsci" if path == SHIPPED else "'advsci-friction train --out FOLDER' makes one"
    tensors, card = load_weights(path, kind=DESIGNER, try_=try_)
    card = card.get("advsci_friction", card)  # the card's place before it had a hash
    if card.get("families") != list(FAMILIES):
        raise CheckpointError(
            f"{path}: got a model of the families {card.get('families')}; expected {list(FAMILIES)}. Try: {try_}."
        )
    with building(path, tensors, DESIGNER, try_):
        band = Band(card["limit"])
        generator = TextureGenerator(band, card["width"])
        parts = {
            start: {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
            for start in ("generator.", "known.")
        }
        generator.load_state_dict(parts["generator."])
        known = {"log_reduced_load" if k == "log_load" else k: v for k, v in parts["known."].items()}
        return Designer(generator, band, Fabrication(**card["fabrication"]), known)


def save_catalogue(catalogue: Catalogue, path: str | Path) -> None:
    """Write solved shapes, so that a training that resumes need not solve them again.

    Parameters
    ----------
    catalogue
        Shapes and contacts.
    path
        The file.
    """
    save_weights(path, {f.name: getattr(catalogue, f.name) for f in fields(Catalogue)}, {"kind": "catalogue"})


def load_catalogue(path: str | Path) -> Catalogue:
    """Read a file of `save_catalogue`.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Catalogue
        Shapes and contacts.
    """
    tensors, _ = load_weights(path, kind="catalogue", try_="train with --overwrite")
    with building(path, tensors, "catalogue", "train with --overwrite"):
        return Catalogue(**tensors)


def write_designs(path: str | Path, designs: Designs, fabrication: Fabrication, pixels: int) -> None:
    """Write designs, their heights [m] on a grid, the cells' lengths [m] and the request as JSON.

    Parameters
    ----------
    path
        The npz file.
    designs
        The designs with their request.
    fabrication
        Limits that they keep.
    pixels
        Pixels along the cell of the written heights.
    """
    request = {
        "material": {**asdict(designs.material), "uncertain": list(designs.material.uncertain)},
        "friction": designs.friction,
        "pressure": designs.load,
        "fabrication": asdict(fabrication),
        "band": designs.band.limit,
        "names": list(designs.names),
        "more": [list(pair) for pair in designs.more],
    }
    arrays = {
        "heights": designs.heights(pixels),
        "cell": designs.cell,
        "coefficients": designs.coefficients,
        "slope": designs.slope,
        "family": designs.family,
    }
    write_arrays(path, {name: a.numpy() for name, a in arrays.items()} | {"request": np.array(json.dumps(request))})


def read_designs(path: str | Path) -> tuple[Designs, Fabrication, int]:
    """Read a file of `write_designs`.

    Parameters
    ----------
    path
        The npz file.

    Returns
    -------
    tuple
        Designs, limits of fabrication, and pixels of the written heights.

    Raises
    ------
    DataError
        No such file, not one of designs, or altered.
    """
    expected, try_ = "a file of designs", "the designs.npz that 'advsci-friction design' wrote"
    file = read_arrays(path, whole=True, expected=expected, try_=try_)
    with reading(path, expected, try_):
        return _designs(file, parse_json(str(file["request"]), str(path), expected=expected))


def _designs(file: dict[str, np.ndarray], request: dict[str, Any]) -> tuple[Designs, Fabrication, int]:
    arrays = {name: torch.as_tensor(file[name]) for name in ("coefficients", "slope", "cell", "family")}
    pixels = int(file["heights"].shape[-1])
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
        tuple(request.get("names", FAMILIES)),
        tuple((mu, load) for mu, load in request.get("more", ())),
    )
    return designs, Fabrication(**request["fabrication"]), pixels
