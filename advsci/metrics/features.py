"""Features of samples: any network, its weights from a file that cannot run code, in batches."""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import CheckpointError

__all__ = ["features", "load_weights"]


@torch.no_grad()
def features(
    net: nn.Module | Callable[[Tensor], Tensor], samples: Tensor | Iterable[Tensor], batch_size: int = 256
) -> Float[Tensor, "n d"]:
    """Outputs of ``net`` in evaluation mode, flattened to (n, d), on the net's device.

    The metrics take features, so any net that sees what matters in a field can stand where Inception stands for
    photographs. The module's mode is put back afterwards.

    Parameters
    ----------
    net
        The network.
    samples
        Samples (n ...).
    batch_size
        Samples per pass: memory, not the result, depends on it.

    Returns
    -------
    Tensor
        Features (n d).
    """
    modes = {m: m.training for m in net.modules()} if isinstance(net, nn.Module) else {}
    parameter = next(net.parameters(), None) if isinstance(net, nn.Module) else None
    try:
        if isinstance(net, nn.Module):
            net.eval()
        batches = samples.split(batch_size) if isinstance(samples, Tensor) else samples
        move = (lambda x: x) if parameter is None else (lambda x: x.to(parameter.device))
        return torch.cat([net(move(batch)).flatten(1) for batch in batches])
    finally:
        for module, mode in modes.items():
            module.training = mode


def load_weights(net: nn.Module, path: str | os.PathLike[str], sha256: str | None = None) -> nn.Module:
    """Load a feature net's weights from ``.safetensors``, or from a PyTorch file read as plain tensors, never as code.

    Build the architecture first (``torchvision.models.inception_v3(aux_logits=False)``, an encoder of one's own, ...),
    then load weights that you have fetched; ``net.fc = nn.Identity()`` leaves the pooled features.

    Parameters
    ----------
    net
        The architecture; changed in place and returned in evaluation mode, without gradients.
    path
        File of weights.
    sha256
        Expected checksum. State it in a paper: figures from other weights do not compare.

    Returns
    -------
    Module
        ``net``, with these weights.

    Raises
    ------
    CheckpointError
        The file is missing, differs from ``sha256``, holds more than tensors, or does not fit the architecture.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"could not read {path}: {error}; expected a file of weights. Try: check its path."
        ) from error
    if sha256 is not None and (got := hashlib.sha256(content).hexdigest()) != sha256.lower():
        raise CheckpointError(f"got sha256 {got} for {path}; expected {sha256}. Try: fetch the file again.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load

            state = load(content)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict(state)
    except Exception as error:
        raise CheckpointError(
            f"could not load {path} into {type(net).__name__}: {error}; expected a state_dict that fits. "
            "Try: save it again with safetensors.torch.save_file(net.state_dict(), path)."
        ) from error
    return net.eval().requires_grad_(False)
