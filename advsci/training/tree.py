"""Nested state (dicts, lists, tuples, numbers, strings, tensors) as flat tensors plus a JSON skeleton, and back."""

from typing import Any

import torch
from torch import Tensor

from advsci.errors import CheckpointError

__all__ = ["flatten", "unflatten"]


def flatten(tree: Any, prefix: str = "") -> tuple[dict[str, Tensor], Any]:
    """Split a tree into its tensors, by path, and a JSON-able skeleton that refers to them.

    Parameters
    ----------
    prefix
        Path of the tree within a larger one.

    Returns
    -------
    (tensors, skeleton)
        Tensors by path, and the rest of the tree.

    Raises
    ------
    CheckpointError
        The tree holds something that is neither a tensor nor plain data: it could only be stored by running code.
    """
    if isinstance(tree, Tensor):
        return {prefix: tree}, {"tensor": prefix if tree.is_contiguous() else [prefix, _strides(tree)]}
    if isinstance(tree, dict):
        pairs = [(key, *flatten(value, f"{prefix}/{key}" if prefix else str(key))) for key, value in tree.items()]
        tensors = {path: tensor for _, part, _ in pairs for path, tensor in part.items()}
        return tensors, {"dict": [[key, skeleton] for key, _, skeleton in pairs]}
    if isinstance(tree, list | tuple):
        parts = [flatten(value, f"{prefix}/{i}") for i, value in enumerate(tree)]
        tensors = {path: tensor for part, _ in parts for path, tensor in part.items()}
        return tensors, {"list" if isinstance(tree, list) else "tuple": [skeleton for _, skeleton in parts]}
    if tree is None or isinstance(tree, bool | int | float | str):
        return {}, {"value": tree}
    raise CheckpointError(
        f"got {type(tree).__name__} at '{prefix}' in the state; expected tensors, numbers, strings, lists or dicts. "
        "Try: keep such objects out of state_dict."
    )


def unflatten(skeleton: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of `flatten`.

    Parameters
    ----------
    skeleton
        What `flatten` gave beside the tensors.
    tensors
        The tensors.
    """
    ((kind, value),) = skeleton.items()
    if kind == "tensor":
        if isinstance(value, str):
            return tensors[value]
        tensor = tensors[value[0]]
        return torch.empty_strided(tensor.shape, value[1], dtype=tensor.dtype).copy_(tensor)
    if kind == "dict":
        return {key: unflatten(item, tensors) for key, item in value}
    if kind in ("list", "tuple"):
        items = [unflatten(item, tensors) for item in value]
        return items if kind == "list" else tuple(items)
    return value


def _strides(tensor: Tensor) -> list[int]:
    """Strides without gaps of the same order of axes: fused optimizers walk memory, so the layout is kept."""
    return list(torch.empty_like(tensor).stride())
