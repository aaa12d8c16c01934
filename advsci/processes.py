"""Agreement between the processes of torch.distributed; without them nothing happens."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["average_over_processes"]


@torch.no_grad()
def average_over_processes(tensors: Sequence[Tensor | None]) -> None:
    """Replace tensors by their means over the processes, in place, as one flat all-reduce."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    present = [t for t in tensors if t is not None]
    flat = torch.cat([t.reshape(-1) for t in present])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for t, mean in zip(present, flat.split([t.numel() for t in present]), strict=True):
        t.copy_(mean.view_as(t))
