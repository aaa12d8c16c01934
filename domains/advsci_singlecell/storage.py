"""A model on the disk: one checkpoint folder of safetensors and JSON, verified by sha256; reading it runs no code."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from advsci.errors import CheckpointError, DataError
from advsci.nn import MLP
from advsci.training import checkpoint
from advsci_singlecell.alignment import Alignment
from advsci_singlecell.discriminant import Discriminant
from advsci_singlecell.equaliser import Equaliser
from advsci_singlecell.fields import Fields
from advsci_singlecell.integration import Integration
from advsci_singlecell.neighbours import Neighbourhoods
from advsci_singlecell.networks import Encoder
from advsci_singlecell.projection import Projection
from advsci_singlecell.settings import Design
from advsci_singlecell.target import Anchor
from advsci_singlecell.whitening import Whitening

if TYPE_CHECKING:
    from anndata import AnnData

    from advsci_singlecell.model import Model

__all__ = ["load", "save"]

FORMAT = 4


def save(model: "Model", path: str | Path) -> Path:
    """Write ``model`` into the folder ``path``; the corrected expression is fitted anew on demand."""
    projection, integration = model._trained()
    state = {
        "format": FORMAT,
        "design": model.design.model_dump(mode="json"),
        "fields": {k: list(v) if isinstance(v, tuple) else v for k, v in vars(model.fields).items()},
        "seed": model.seed,
        "batches": model.cells.batches,
        "types": model.cells.types,
        "var_names": [str(name) for name in model.cells.var_names],
        "history": model.history,
        "projection": {
            k: torch.from_numpy(np.ascontiguousarray(getattr(projection, k))) for k in ("genes", "mean", "axes")
        },
        "library": projection.library,
        "equaliser": {
            k: torch.from_numpy(np.ascontiguousarray(getattr(integration.equaliser, k)))
            for k in ("cells", "batch", "factor", "quietest", "common")
        },
        "alignment": {
            k: torch.from_numpy(np.ascontiguousarray(getattr(integration.alignment, k)))
            for k in ("centres", "shifts", "means")
        },
        "width": integration.alignment.width,
        "whitening": torch.from_numpy(integration.whitening.matrix),
        "scale": integration.scale,
        "encoder": dict(integration.encoder.state_dict()),
        "head": dict(integration.head.state_dict()) if integration.head is not None else None,
        "anchor": {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in _anchor_arrays(integration.anchor).items()},
        "anchor settings": [
            integration.anchor.neighbourhoods.k,
            integration.anchor.rate,
            integration.anchor.pull,
            integration.anchor.types,
            integration.anchor.label_error,
            list(integration.anchor.weights),
        ],
    }
    return checkpoint.save(Path(path), 1, state, keep=1)


def load(path: str | Path, adata: "AnnData") -> "Model":
    """The model in the folder ``path`` with cells of the same genes in the same order.

    Raises
    ------
    CheckpointError
        The folder holds no sound model.
    DataError
        The genes differ, or the cells have batches that the model does not know.
    """
    from advsci_singlecell.model import Model, check_genes

    newest = checkpoint.latest(Path(path))
    if newest is None:
        raise CheckpointError(f"got no model in {path}; expected a folder that Model.save wrote. Try: its path.")
    _, state = checkpoint.load(newest)
    try:
        if state["format"] != FORMAT:
            raise CheckpointError(
                f"got a model of format {state['format']}; expected {FORMAT}. Try: another version of advsci."
            )
        check_genes(adata, np.asarray(state["var_names"]))
        Fields.from_mapping(state["fields"]).register(adata)
        model = Model(adata, Design(**state["design"]), seed=state["seed"])
        unseen = sorted(set(model.cells.batches) - set(state["batches"]))
        if unseen or (state["types"] and set(model.cells.types) - set(state["types"])):
            raise DataError(
                f"got batches {unseen} or types that the model does not know; expected {state['batches']}. "
                "Try: load it with its own cells, then model.map_query(adata)."
            )
        _renumber(model, state["batches"], state["types"])
        projection = {k: v.numpy() for k, v in state["projection"].items()}
        model.projection = Projection(**projection, library=state["library"])
        k = state["anchor settings"][0]
        equaliser = Equaliser(**{name: v.numpy() for name, v in state["equaliser"].items()}, k=k)
        alignment = Alignment(**{k: v.numpy() for k, v in state["alignment"].items()}, width=state["width"])
        dimensions = projection["axes"].shape[1]
        encoder = Encoder(dimensions, width=model.design.width)
        encoder.load_state_dict(state["encoder"])
        head = None
        if state["head"] is not None:
            head = MLP(dimensions, len(state["types"]), width=model.design.width, depth=1)
            head.load_state_dict(state["head"])
        model.history = state["history"]
        parts = equaliser, alignment, Whitening(state["whitening"].numpy()), _anchor(state)
        model.integration = Integration(*parts, state["scale"], encoder.eval(), head, model.history)
    except (KeyError, TypeError, RuntimeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{newest} is no model of this package: {error}. Try: a folder that Model.save wrote."
        ) from error
    return model


def _anchor_arrays(anchor: Anchor) -> dict[str, np.ndarray]:
    hoods = anchor.neighbourhoods
    arrays = {"cells": hoods.cells, "batch": hoods.batch, "radius": hoods.radius}
    arrays |= {"diffused": anchor.diffused, "labels": anchor.labels}
    if anchor.posterior is not None and anchor.means is not None:
        arrays |= {"posterior": anchor.posterior, "means": anchor.means}
    if anchor.discriminant is not None:
        arrays |= {"weight": anchor.discriminant.weight, "bias": anchor.discriminant.bias}
    return arrays


def _anchor(state: dict) -> Anchor:
    arrays = {k: v.numpy() for k, v in state["anchor"].items()}
    k, rate, pull, types, error, weights = state["anchor settings"]
    hoods = Neighbourhoods(arrays["cells"], arrays["batch"], arrays["radius"], k)
    posterior, means = arrays.get("posterior"), arrays.get("means")
    discriminant = Discriminant(arrays["weight"], arrays["bias"]) if "weight" in arrays else None
    return Anchor(
        hoods,
        arrays["diffused"],
        rate,
        pull,
        arrays["labels"],
        types,
        posterior,
        means,
        discriminant,
        tuple(weights),
        error,
    )


def _renumber(model: "Model", batches: list[str], types: list[str]) -> None:
    """Number batches and types as the saved model does."""
    from dataclasses import replace

    cells = model.cells
    batch = np.array([batches.index(name) for name in cells.batches])[cells.batch]
    labels = cells.labels
    if cells.types:
        number = np.array([types.index(name) for name in cells.types])
        labels = np.where(labels >= 0, number[np.maximum(labels, 0)], labels)
    model.cells = replace(cells, batch=batch, batches=batches, labels=labels, types=types)
