"""What every command that trains must do when it is stopped, repeated, or given other settings or data."""

import json
import os
import signal
from pathlib import Path

from advsci.cli import run_app
from advsci.training import Trainer


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file; the lock is no content."""
    found = (p for p in folder.rglob("*") if p.is_file() and p.name not in (".lock", ".owner.json"))
    return {str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns) for p in found}


def check_stops_and_reruns(app, words: list[str], other: list[str], folder: Path, monkeypatch, capsys) -> None:
    """Stop a command in its first training, resume it, repeat it, and run it with other settings.

    ``words`` is the command without ``--out``; ``other`` are words that change its result.
    """
    step, sent = Trainer._step, []

    def signalled(self, training, *arguments):
        result = step(self, training, *arguments)
        if sent:
            os.kill(os.getpid(), sent.pop())
        return result

    monkeypatch.setattr(Trainer, "_step", signalled)
    for how, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        sent.append(how)
        assert run_app(app, [*words, "--out", str(folder)]) == status
        captured = capsys.readouterr()
        assert f"stopped by {how.name} at step " in captured.err and "the same command resumes" in captured.err
        about = json.loads((folder / "run.json").read_text())
        assert about["state"] == "stopped" and "result" not in about
    assert not sent
    assert run_app(app, [*words, "--out", str(folder)]) == 0
    result = capsys.readouterr().out.splitlines()[-1]
    about = json.loads((folder / "run.json").read_text())
    assert about["state"] == "finished" and Path(result).exists()
    assert {"config.json", "environment.json"} <= {path.name for path in folder.iterdir()}
    before = files(folder)
    assert run_app(app, [*words, "--out", str(folder)]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [result] and "finished; nothing was done" in captured.err
    assert run_app(app, [*words, *other, "--out", str(folder)]) == 2
    assert "holds another run" in capsys.readouterr().err
    assert files(folder) == before


def check_other_data(app, words: list[str], folder: Path, data: Path, change, capsys) -> None:
    """After `check_stops_and_reruns`: the file ``data`` that the command reads is changed by ``change(data)``."""
    before = files(folder)
    change(data)
    assert run_app(app, [*words, "--out", str(folder)]) == 2
    assert "content of " in capsys.readouterr().err
    assert files(folder) == before
