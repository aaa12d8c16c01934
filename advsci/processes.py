"""Agreement between the processes of torch.distributed; without them nothing happens."""

import atexit
import os
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from advsci.errors import ConfigError

__all__ = [
    "any_process",
    "average_over_processes",
    "broadcast_from_first_process",
    "from_first_process",
    "gathered",
    "join_processes",
    "mean_over_processes",
    "process_shard",
    "several_processes",
    "shared_mean",
    "shared_sum",
    "world_size",
]


def several_processes() -> bool:
    """Whether this process belongs to a group of torch.distributed."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def world_size() -> int:
    """How many processes there are: 1 without torch.distributed."""
    return torch.distributed.get_world_size() if several_processes() else 1


def join_processes() -> None:
    """Join the group that ``torchrun`` describes in the environment, once; nothing where there is none.

    Each process takes the accelerator of its ``LOCAL_RANK``. The group ends with the process.

    Raises
    ------
    ConfigError
        The environment names more processes of this machine than it has accelerators.
    """
    started = int(os.environ.get("WORLD_SIZE", "1")) > 1 and {"RANK", "MASTER_ADDR"} <= set(os.environ)
    if not started or not torch.distributed.is_available() or torch.distributed.is_initialized():
        return
    if torch.accelerator.is_available():
        local, count = int(os.environ.get("LOCAL_RANK", "0")), torch.accelerator.device_count()
        if local >= count:
            raise ConfigError(
                f"got {os.environ.get('LOCAL_WORLD_SIZE', local + 1)} processes on a machine with {count} accelerators;"
                f" expected at most {count}. Try: torchrun --nproc-per-node {count}."
            )
        torch.accelerator.set_device_index(local)
    torch.distributed.init_process_group()
    atexit.register(_leave)


def _leave() -> None:
    if several_processes():
        torch.distributed.destroy_process_group()


def process_shard(batch_size: int, parts: int = 1) -> tuple[int, int]:
    """Rank of this process and number of processes.

    Parameters
    ----------
    batch_size
        Samples per batch over all processes.
    parts
        Into how many parts each process divides its share; their number times that of the processes divides the batch.

    Returns
    -------
    tuple of int
        (rank, world) under torch.distributed, (0, 1) without it.

    Raises
    ------
    ConfigError
        The batch cannot be divided.
    """
    world = world_size()
    if batch_size % (world * parts):
        kinds = [f"{n} {name}" for n, name in ((world, "processes"), (parts, "parts")) if n > 1]
        raise ConfigError(
            f"got batch_size={batch_size} on {' of '.join(kinds)}; expected a multiple of {world * parts}. "
            f"Try: {max(1, batch_size // (world * parts)) * world * parts}."
        )
    return (torch.distributed.get_rank() if world > 1 else 0), world


@torch.no_grad()
def average_over_processes(tensors: Sequence[Tensor | None]) -> None:
    """Replace tensors by their means over the processes, in place, as one flat all-reduce.

    Parameters
    ----------
    tensors
        Of one dtype and device; None entries are passed over.
    """
    present = [t for t in tensors if t is not None]
    if not present or not several_processes():
        return
    flat = torch.cat([t.reshape(-1) for t in present])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for t, mean in zip(present, flat.split([t.numel() for t in present]), strict=True):
        t.copy_(mean.view_as(t))


def shared_mean(value: Tensor) -> Tensor:
    """A mean over the samples of this process as the mean over those of all.

    For losses that are functions of means, such as the norm of one: each process then has the value of the whole batch,
    and the mean over the processes of its gradient is the gradient of the whole, since what a process differentiates is
    its own share of the mean. Second derivatives are not shared.

    Parameters
    ----------
    value
        Means over equally many samples in every process; of one process, they come back as they are.

    Returns
    -------
    Tensor
        Shaped like ``value``.

    Examples
    --------
    >>> shared_mean(torch.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    if not several_processes():
        return value
    own = value.detach()
    mean = own.clone(memory_format=torch.contiguous_format)
    average_over_processes([mean])
    return value + (mean - own)


def shared_sum(value: Tensor) -> Tensor:
    """A sum over the samples of this process as the sum over those of all, in the sense of `shared_mean`.

    Parameters
    ----------
    value
        Sums over the samples of this process.

    Returns
    -------
    Tensor
        Shaped like ``value``.
    """
    return shared_mean(value) * world_size()


class _Sum(torch.autograd.Function):
    """The sum over the processes; what each process's loss takes from it is added up on the way back."""

    @staticmethod
    def forward(ctx, value: Tensor) -> Tensor:
        """The sum of ``value`` over the processes; ``ctx`` keeps nothing."""
        total = value.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> Tensor:
        """The sum of the ``gradients`` over the processes, differentiable again; ``ctx`` holds nothing."""
        return _Sum.apply(gradients[0])  # type: ignore[return-value]


def mean_over_processes(mean: Tensor) -> Tensor:
    """The mean over the processes, of equally many samples each, differentiated as such: as often as is wanted.

    For statistics that the samples of every process are normalised by. A loss that is a function of means takes
    `shared_mean`. The processes must call it, and differentiate through it, together.

    Parameters
    ----------
    mean
        Means over the samples of this process.

    Returns
    -------
    Tensor
        Shaped like ``mean``; of one process, ``mean`` itself.

    Examples
    --------
    >>> mean_over_processes(torch.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    return cast("Tensor", _Sum.apply(mean)) / world_size() if several_processes() else mean


def gathered(value: Tensor) -> Tensor:
    """The rows of all processes, in the sense of `shared_mean`: for losses that compare samples with each other.

    Parameters
    ----------
    value
        Rows (n ...) of this process, equally many in every process.

    Returns
    -------
    Tensor
        (world n ...), in the order of the ranks.
    """
    if not several_processes():
        return value
    world, own = world_size(), value.detach().contiguous()
    parts = [torch.empty_like(own) for _ in range(world)]
    torch.distributed.all_gather(parts, own)
    # the mean over the processes of the gradient in their own rows divides by their number
    parts[torch.distributed.get_rank()] = own + world * (value - own)
    return torch.cat(parts)


def broadcast_from_first_process(network: nn.Module, device: torch.device) -> None:
    """Give every process the parameters and buffers of the first.

    Parameters
    ----------
    network
        The same structure in every process.
    device
        Where the processes exchange them, one after another; the network stays where it is.
    """
    if several_processes():
        for tensor in network.state_dict().values():
            sent = tensor.to(device)
            torch.distributed.broadcast(sent, 0)
            if sent is not tensor:
                tensor.copy_(sent)


def from_first_process(value: Any) -> Any:
    """The first process's value in every process.

    Parameters
    ----------
    value
        Plain data and tensors; what the others give is not used.

    Returns
    -------
    object
        The value of rank 0.
    """
    if not several_processes():
        return value
    held = [value]
    torch.distributed.broadcast_object_list(held, 0)
    return held[0]


def any_process(value: str | None, device: torch.device) -> str | None:
    """A value that some process has, in all of them: that of the lowest rank.

    Parameters
    ----------
    value
        A short word, or None.
    device
        Where the processes exchange it.

    Returns
    -------
    str or None
        None only if all have None.
    """
    if not several_processes():
        return value
    asked = torch.tensor([0 if value is None else 1], device=device)
    torch.distributed.all_reduce(asked)
    if not int(asked):
        return None
    values: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return next(v for v in values if v is not None)
