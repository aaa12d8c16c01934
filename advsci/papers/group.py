"""A command and all processes that it starts, which end with this process, even one that is killed."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from advsci.training.signals import stop_on_signal

__all__ = ["run_group"]

# the guard's input is a pipe from this process: it closes when this process ends, and the guard kills the whole group
_GUARDED = 'exec 3<&0 </dev/null; (trap "" TERM INT; cat <&3 >/dev/null; kill -s KILL 0) & exec "$@" 3<&-'


def run_group(
    command: Sequence[str], environment: Mapping[str, str], *, patience: float = 30.0
) -> tuple[int, str | None]:
    """Run a command without input in a group of processes of its own.

    Nothing waits for ever: Snakemake's handler of SIGTERM takes a lock that the code it interrupts may hold.

    Parameters
    ----------
    command
        Program and arguments.
    environment
        Variables of the command.
    patience
        Seconds from a signal until what is left of the group is killed.

    Returns
    -------
    code : int
        Exit status; negative for the signal that ended the command.
    stopped : str or None
        Name of the signal, SIGTERM or SIGINT, that this process got and passed on as SIGTERM.

    Examples
    --------
    >>> import os
    >>> run_group(["sh", "-c", "exit 3"], os.environ)
    (3, None)
    """
    group = subprocess.Popen(
        ["sh", "-c", _GUARDED, "sh", *command], env=environment, stdin=subprocess.PIPE, start_new_session=True
    )
    with stop_on_signal() as request, group:
        while group.poll() is None and not request.signal:
            with suppress(subprocess.TimeoutExpired):
                group.wait(timeout=0.2)
        if group.poll() is None:
            os.killpg(group.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                group.wait(timeout=patience)
        if group.poll() is None:
            os.killpg(group.pid, signal.SIGKILL)
    return group.returncode, request.signal
