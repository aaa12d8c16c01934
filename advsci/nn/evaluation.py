"""Looking at a network without changing it: in evaluation mode, or in training mode without a trace."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["evaluating", "undisturbed"]


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Within the context the modules are in evaluation mode; afterwards every submodule is in the mode it was in.

    Batch norm then uses its running statistics and leaves them alone, dropout is off: a sample does not depend on the
    others of its batch, and one sample is enough.

    Parameters
    ----------
    modules
        Networks or whole games.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    >>> with evaluating(network):
    ...     network(torch.zeros(1, 2)).shape
    torch.Size([1, 3])
    >>> network.training
    True
    """
    modes = [(part, part.training) for module in modules for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextmanager
def undisturbed(module: nn.Module) -> Iterator[None]:
    """Within the context the module may be used as in training; its buffers and torch's random state are put back.

    Parameters
    ----------
    module
        A network or a whole game, in any mode.
    """
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=list(devices)):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)
