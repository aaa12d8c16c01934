"""The device that a setting names, checked before any work is done."""

import torch

from advsci.errors import ConfigError

__all__ = ["torch_device"]


def torch_device(name: str | torch.device | None = None) -> torch.device:
    """The torch device of this name, if this machine has it.

    Parameters
    ----------
    name
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"`` and whatever else torch knows, or a device; None takes the
        accelerator that torch sees, else the CPU.

    Returns
    -------
    torch.device
        A device on which a tensor can be made.

    Raises
    ------
    ConfigError
        Torch knows no device of this name, or this machine has none.

    Examples
    --------
    >>> torch_device("cpu")
    device(type='cpu')
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name is None:
        return accelerator if accelerator is not None else torch.device("cpu")
    here = ["cpu"] if accelerator is None else ["cpu", accelerator.type]
    expected = f"expected one that this machine has: {', '.join(here)}. Try: --device {here[-1]}."
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise ConfigError(f"device: got {name!r}, which torch does not know; {expected}") from None
    if device.type not in here:
        raise ConfigError(f"device: got '{device}', which this machine has not; {expected}")
    count = torch.accelerator.device_count() if device.type != "cpu" else 1
    if device.index is not None and device.index >= count:
        raise ConfigError(f"device: got '{device}'; expected an index below {count}. Try: --device {device.type}:0.")
    return device
