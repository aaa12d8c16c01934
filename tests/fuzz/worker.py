"""Reads damaged files one after another and says on a line of JSON how each went; started by `campaign`, which may
kill it.
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from mutations import mutated
from readers import READERS, Reader

from advsci.errors import AdvsciError

PATIENCE = 10.0
"""Longest time of the processor for one file [s]."""


def outcome(reader: Reader, made: Path, sound: bytes, expected: Any, seed: int) -> dict[str, Any]:
    """How one damaged file was read."""
    made.write_bytes(mutated(sound, seed))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found = reader.read(made)
    except AdvsciError as error:
        return {"how": "named"} if "Try:" in str(error) else {"how": "no advice", "what": str(error)[:200]}
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {str(error)[:120]} ({Path(last.filename).name}:{last.lineno})"
        return {"how": "raw", "what": what}
    return {"how": "silent" if reader.checked and found != expected else "read"}


def work(names: list[str], first: int, last: int, memory: int) -> None:
    """Mutations ``first`` to ``last`` of each reader, the first name from ``first`` on, the others from 0."""
    warnings.simplefilter("ignore")
    # a build of torch for accelerators takes gigabytes of addresses before anything is read
    memory += int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.fdopen(os.dup(1), "w", buffering=1)
    for name in names:
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        try:
            reader = READERS[name]
            made = reader.make(folder)
            sound = made.read_bytes()
            expected = reader.read(made)
            print(json.dumps({"reader": name, "ready": True}), file=out)
            begin = first if name == names[0] else 0
            for seed in range(begin, last):
                print(json.dumps({"reader": name, "seed": seed}), file=out)
                signal.setitimer(signal.ITIMER_PROF, PATIENCE)  # SIGPROF ends the process, in compiled code too
                found = outcome(reader, made, sound, expected, seed)
                print(json.dumps({"reader": name, "seed": seed, **found}), file=out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    work(json.loads(sys.argv[1]), *map(int, sys.argv[2:5]))
