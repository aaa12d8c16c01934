"""``make fuzz``: damaged files to every reader, in a process of bounded memory that may crash or hang.

Prints one JSON line per reader and one in total: how many files were read, refused by name, ended in a raw exception,
a crash (a signal), or a hang, and how many altered files of a checked format were taken as sound.
"""

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def campaign(names: list[str], count: int, *, memory: int = 3 * 2**30, patience: float = 300.0) -> dict[str, Any]:
    """Reader -> how many mutations went how, and up to five examples of what should not have happened.

    Parameters
    ----------
    names
        Readers, of `readers.READERS`.
    count
        Mutations of each.
    memory
        Address space of the process beyond that of its packages [bytes].
    patience
        Longest wait for a word of the process [s], a backstop: it ends itself after ten seconds of the processor.
    """
    found: dict[str, Any] = {name: {"counts": Counter(), "examples": []} for name in names}
    waiting, first, last_seed = list(names), 0, count
    while waiting:
        place, ended = _one_process(waiting, first, last_seed, memory, patience, found)
        if ended == "done":
            break
        name, seed = place
        if seed is None:  # it died before the first file: nothing can be said of this reader
            ended, seed = "not started", last_seed
        _note(found[name], ended, seed, "")
        waiting, first = waiting[waiting.index(name) :], seed + 1
        if first >= last_seed:
            waiting, first = waiting[1:], 0
    return {name: {**dict(f["counts"]), "examples": f["examples"]} for name, f in found.items()}


def _one_process(
    names: list[str], first: int, last: int, memory: int, patience: float, found: dict[str, Any]
) -> tuple[tuple[str, int | None], str]:
    command = [sys.executable, str(HERE / "worker.py"), json.dumps(names), str(first), str(last), str(memory)]
    place: tuple[str, int | None] = (names[0], None)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        lines: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_pump, args=(process, lines), daemon=True)
        reader.start()
        try:
            while True:
                try:
                    line = lines.get(timeout=patience)
                except queue.Empty:
                    return place, "hang"
                if line is None:
                    code = process.wait(timeout=60)
                    return place, {0: "done", -signal.SIGPROF: "hang"}.get(code, "crash")
                said = json.loads(line)
                if "how" in said:
                    _note(found[said["reader"]], said["how"], said["seed"], said.get("what", ""))
                    place = (said["reader"], said["seed"])
                    if said["seed"] == last - 1:
                        following = names[names.index(said["reader"]) + 1 :]
                        place = (following[0], None) if following else place
                elif "seed" in said:
                    place = (said["reader"], said["seed"])
        finally:
            process.kill()


def _pump(process: Any, lines: "queue.Queue[str | None]") -> None:
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _note(found: dict[str, Any], how: str, seed: int, what: str) -> None:
    found["counts"][how] += 1
    if how not in ("read", "named") and len(found["examples"]) < 5:
        found["examples"].append({"how": how, "seed": seed, "what": what})


def main() -> int:
    """Print the table; the exit status is 1 where a reader did what it must not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="mutations per reader")
    parser.add_argument("--quick", action="store_true", help="25 mutations per reader")
    parser.add_argument("--only", nargs="*", default=None, help="readers")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from readers import READERS

    names = arguments.only or list(READERS)
    found = campaign(names, 25 if arguments.quick else arguments.count)
    total: Counter[str] = Counter()
    for name, row in found.items():
        print(json.dumps({"reader": name, **row}))
        total.update({k: v for k, v in row.items() if k != "examples"})
    print(json.dumps({"readers": len(found), **dict(total)}))
    return int(any(k not in ("read", "named") for k in total))


if __name__ == "__main__":
    raise SystemExit(main())
