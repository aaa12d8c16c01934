"""Every process that comes with the package, by its name on the command line."""

from advsci.errors import ConfigError
from advsci_friction.surfaces.lithography import Lithography
from advsci_friction.surfaces.process import Process
from advsci_friction.surfaces.ripples import Ripples
from advsci_friction.surfaces.worn import Worn

__all__ = ["PROCESSES", "find_process"]

PROCESSES: dict[str, Process] = {
    process.name: process
    for process in (
        Lithography(),
        Lithography(shapes="round"),
        Ripples(),
        Ripples(beam="ion", period=0.4e-6, cell=4e-6, depth=20e-9, disorder=0.25),
        Worn(),
        Worn(tool="honing"),
        Worn(polish=0.3),
    )
}


def find_process(name: str) -> Process:
    """A process by its name.

    Parameters
    ----------
    name
        A key of `PROCESSES`.

    Returns
    -------
    Process
        With its own cell, depth and smallest feature; ``dataclasses.replace`` changes them.

    Raises
    ------
    ConfigError
        There is no such process.

    Examples
    --------
    >>> find_process("e-beam").feature
    1e-06
    """
    if name not in PROCESSES:
        raise ConfigError(f"got process '{name}'; expected one of {list(PROCESSES)}. Try: --process e-beam.")
    return PROCESSES[name]
