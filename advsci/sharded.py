"""Tensors of which each process holds a part, and the same whole: checkpoints hold whole ones, which fit any number of
processes."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

__all__ = ["is_sharded", "parted", "pieces", "whole"]


def is_sharded(tensor: Tensor) -> bool:
    """Whether each process holds a part of this tensor alone (a ``DTensor`` of FSDP2).

    Parameters
    ----------
    tensor
        Any tensor.

    Examples
    --------
    >>> is_sharded(torch.zeros(2))
    False
    """
    module = sys.modules.get("torch.distributed.tensor")  # slow to import, and imported where there is a sharded one
    return module is not None and isinstance(tensor, module.DTensor)


def pieces(tensors: Sequence[Tensor]) -> list[Tensor]:
    """What this process holds of each tensor, sharing its memory: for operations on each entry alone.

    Parameters
    ----------
    tensors
        Sharded and whole ones.
    """
    return [t.detach().to_local() if is_sharded(t) else t.detach() for t in tensors]  # type: ignore[attr-defined]


def whole(tree: Any) -> Any:
    """Nested dicts and lists with every sharded tensor as a whole one on the CPU; all processes must call it.

    Parameters
    ----------
    tree
        The state of a game or a solver.
    """
    if isinstance(tree, Mapping):
        return {key: whole(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [whole(value) for value in tree]
    return tree.full_tensor().cpu() if isinstance(tree, Tensor) and is_sharded(tree) else tree  # type: ignore[attr-defined]


def parted(tree: Any, like: Any) -> Any:
    """The inverse of `whole`: tensors are sharded where their counterparts in ``like`` are.

    Parameters
    ----------
    tree
        A state of whole tensors, alike in every process.
    like
        The present state, of the same structure; entries that it lacks are left as they are.
    """
    if isinstance(tree, Mapping):
        present = like if isinstance(like, Mapping) else {}
        return {key: parted(value, present.get(key)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        present = like if isinstance(like, list | tuple) and len(like) == len(tree) else [None] * len(tree)
        return [parted(value, entry) for value, entry in zip(tree, present, strict=True)]
    if not (isinstance(tree, Tensor) and isinstance(like, Tensor) and is_sharded(like) and tree.shape == like.shape):
        return tree
    from torch.distributed.tensor import distribute_tensor

    # every process has the whole: nothing is sent
    mesh, placements = like.device_mesh, like.placements  # type: ignore[attr-defined]
    return distribute_tensor(tree.to(mesh.device_type), mesh, placements, src_data_rank=None)
