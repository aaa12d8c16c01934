"""A model on the disk: one file of tensors and a card, with their hash inside; reading it runs no code."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from advsci.errors import CheckpointError
from advsci.nn import MLP
from advsci.training.building import building
from advsci.training.weights import load_weights, save_weights
from advsci_singlecell.config import Settings
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.embedding.alignment import Alignment
from advsci_singlecell.embedding.anchor import Anchor
from advsci_singlecell.embedding.discriminant import Discriminant
from advsci_singlecell.embedding.equaliser import Equaliser
from advsci_singlecell.embedding.neighbours import Neighbourhoods
from advsci_singlecell.embedding.projection import Projection
from advsci_singlecell.embedding.remainder import Remainder
from advsci_singlecell.embedding.whitening import Whitening
from advsci_singlecell.game.count_training import CountEmbedding
from advsci_singlecell.game.counts import CountEncoder
from advsci_singlecell.game.networks import Decoder, Encoder
from advsci_singlecell.game.training import Integration

__all__ = ["Stored", "load", "save"]

FORMAT = 6
FILE = "model.safetensors"
KIND = "model of single cells"
REMEDY = "advsci-singlecell correct"
GROUP = "/"
PARTS = {
    "projection": ("genes", "mean", "axes"),
    "equaliser": ("cells", "batch", "factor", "quietest", "common"),
    "alignment": ("centres", "shifts", "means"),
    "remainder": ("centres", "common", "shifts"),
}


@dataclass(frozen=True)
class Stored:
    """What a folder holds.

    Attributes
    ----------
    settings, fields, seed
        As the model was made with.
    batches, types, var_names
        Names, in the order of their numbers.
    projection, integration
        The fitted maps, in the order in which a cell passes them.
    """

    settings: Settings
    fields: Fields
    seed: int
    batches: list[str]
    types: list[str]
    var_names: list[str]
    projection: Projection
    integration: Integration | CountEmbedding


def save(path: str | Path, stored: Stored) -> Path:
    """Write a fitted model into a folder.

    Parameters
    ----------
    path
        The folder; it is made.
    stored
        What is written. The corrected expression is not: it is fitted anew on demand.

    Returns
    -------
    Path
        The file within it.
    """
    projection, integration = stored.projection, stored.integration
    state = {
        "format": FORMAT,
        "settings": stored.settings.model_dump(mode="json"),
        "fields": {k: list(v) if isinstance(v, tuple) else v for k, v in vars(stored.fields).items()},
        "seed": stored.seed,
        "batches": stored.batches,
        "types": stored.types,
        "var_names": stored.var_names,
        "history": integration.history,
        "projection": _arrays(projection, PARTS["projection"]),
        "library": projection.library,
        **(_of_counts(integration) if isinstance(integration, CountEmbedding) else _of_chain(integration)),
    }
    tensors, card = _split(state)
    file = Path(path) / FILE
    save_weights(file, tensors, {"kind": KIND, **card})
    return file


def _of_counts(integration: CountEmbedding) -> dict[str, Any]:
    rest = integration.remainder
    return {
        "encoder": dict(integration.encoder.state_dict()),
        "decoder": dict(integration.decoder.state_dict()) if integration.decoder is not None else None,
        "head": dict(integration.head.state_dict()) if integration.head is not None else None,
        "remainder": _arrays(rest, PARTS["remainder"]) if rest is not None else None,
        "lengths": [rest.width, rest.length, rest.scale] if rest is not None else None,
    }


def _of_chain(integration: Integration) -> dict[str, Any]:
    return {
        "equaliser": _arrays(integration.equaliser, PARTS["equaliser"]),
        "alignment": _arrays(integration.alignment, PARTS["alignment"]),
        "width": integration.alignment.width,
        "whitening": torch.from_numpy(integration.whitening.matrix),
        "scale": integration.scale,
        "encoder": dict(integration.encoder.state_dict()),
        "head": dict(integration.head.state_dict()) if integration.head is not None else None,
        "anchor": {k: _tensor(v) for k, v in _anchor_arrays(integration.anchor).items()},
        "anchor settings": {
            "k": integration.anchor.neighbourhoods.k,
            "rate": integration.anchor.rate,
            "pull": integration.anchor.pull,
            "types": integration.anchor.types,
            "label_error": integration.anchor.label_error,
            "weights": list(integration.anchor.weights),
        },
    }


def load(path: str | Path) -> Stored:
    """Read what `save` wrote.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    Stored
        The fitted maps and their names.

    Raises
    ------
    CheckpointError
        The folder holds no sound model.
    """
    file = Path(path) / FILE
    if not file.exists():
        raise CheckpointError(f"got no model in {path}; expected a folder that Model.save wrote. Try: its path.")
    tensors, card = load_weights(file, kind=KIND, try_=REMEDY)
    with building(file, tensors, KIND, "a folder that advsci-singlecell correct made"):
        state = _joined(tensors, card)
        if state.get("format") != FORMAT:
            raise CheckpointError(
                f"got a model of format {state.get('format')} in {file}; expected {FORMAT}. Try: {REMEDY}, which "
                "writes the model anew."
            )
        settings = Settings(**state["settings"])
        projection = Projection(**_numpy(state["projection"]), library=state["library"])
        integration = (_counts if settings.method == "counts" else _chain)(state, settings, projection)
        names = state["batches"], state["types"], state["var_names"]
        return Stored(settings, Fields.from_mapping(state["fields"]), state["seed"], *names, projection, integration)


def _counts(state: Mapping[str, Any], settings: Settings, projection: Projection) -> CountEmbedding:
    genes, width = len(projection.genes), settings.width
    encoder = CountEncoder(projection.axes.shape[1], settings.features, width=width)
    encoder.load_state_dict(state["encoder"])
    decoder, head = None, None
    if state["decoder"] is not None:
        decoder = Decoder(settings.features, len(state["batches"]), genes, likelihood=settings.likelihood, width=width)
        decoder.load_state_dict(state["decoder"])
    if state["head"] is not None:
        head = MLP(settings.features, len(state["types"]), width=width, depth=1)
        head.load_state_dict(state["head"])
    remainder = None
    if state["remainder"] is not None:
        width, length, scale = state["lengths"]
        remainder = Remainder(**_numpy(state["remainder"]), width=width, length=length, scale=scale)
    return CountEmbedding(encoder.eval(), decoder, head, state["history"], remainder)


def _chain(state: Mapping[str, Any], settings: Settings, projection: Projection) -> Integration:
    k = state["anchor settings"]["k"]
    dimensions = projection.axes.shape[1]
    encoder = Encoder(dimensions, width=settings.width)
    encoder.load_state_dict(state["encoder"])
    head = None
    if state["head"] is not None:
        head = MLP(dimensions, len(state["types"]), width=settings.width, depth=1)
        head.load_state_dict(state["head"])
    return Integration(
        equaliser=Equaliser(**_numpy(state["equaliser"]), k=k),
        alignment=Alignment(**_numpy(state["alignment"]), width=state["width"]),
        whitening=Whitening(state["whitening"].numpy()),
        anchor=_anchor(_numpy(state["anchor"]), state["anchor settings"]),
        scale=state["scale"],
        encoder=encoder.eval(),
        head=head,
        history=state["history"],
    )


def _split(state: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors by name, those of a group as ``group/name``, and the plain rest."""
    tensors: dict[str, torch.Tensor] = {}
    card: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            tensors[name] = value
        elif isinstance(value, dict) and value and all(isinstance(v, torch.Tensor) for v in value.values()):
            tensors |= {f"{name}{GROUP}{key}": v for key, v in value.items()}
        else:
            card[name] = value
    return tensors, card


def _joined(tensors: Mapping[str, torch.Tensor], card: Mapping[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = dict(card)
    for name, value in tensors.items():
        group, _, key = name.partition(GROUP)
        if key:
            state.setdefault(group, {})[key] = value
        else:
            state[name] = value
    return state


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))


def _arrays(part: object, names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    return {name: _tensor(getattr(part, name)) for name in names}


def _numpy(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _anchor_arrays(anchor: Anchor) -> dict[str, np.ndarray]:
    hoods = anchor.neighbourhoods
    arrays = {"cells": hoods.cells, "batch": hoods.batch, "radius": hoods.radius}
    arrays |= {"diffused": anchor.diffused, "labels": anchor.labels}
    if anchor.posterior is not None and anchor.means is not None:
        arrays |= {"posterior": anchor.posterior, "means": anchor.means}
    if anchor.discriminant is not None:
        arrays |= {"weight": anchor.discriminant.weight, "bias": anchor.discriminant.bias}
    return arrays


def _anchor(arrays: dict[str, np.ndarray], settings: Mapping[str, Any]) -> Anchor:
    return Anchor(
        neighbourhoods=Neighbourhoods(arrays["cells"], arrays["batch"], arrays["radius"], settings["k"]),
        diffused=arrays["diffused"],
        rate=settings["rate"],
        pull=settings["pull"],
        labels=arrays["labels"],
        types=settings["types"],
        posterior=arrays.get("posterior"),
        means=arrays.get("means"),
        discriminant=Discriminant(arrays["weight"], arrays["bias"]) if "weight" in arrays else None,
        weights=tuple(settings["weights"]),
        label_error=settings["label_error"],
    )
