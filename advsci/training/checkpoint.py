"""Checkpoints that cannot run code and survive a crash at any moment.

A checkpoint is a folder ``step-000012000`` with ``state.safetensors`` (all tensors), ``state.json`` (the rest) and
``manifest.json`` (sha256 of both). It is written under a temporary name, every file and the folder are synced to the
disk, and only then is it renamed: a folder with the final name is complete, and the one before it is deleted only
afterwards.
"""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

from advsci.errors import CheckpointError
from advsci.training.tree import flatten, unflatten

__all__ = ["latest", "load", "save"]

_UNREADABLE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, MemoryError, SafetensorError
)  # fmt: skip
_NAME = re.compile(r"step-(\d{9})$")


def steps(folder: Path) -> list[int]:
    """The steps of the complete checkpoints in ``folder``, ascending."""
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))


def latest(folder: Path) -> Path | None:
    """The newest complete checkpoint in ``folder``, or None."""
    found = steps(folder)
    return folder / f"step-{found[-1]:09d}" if found else None


def save(folder: Path, step: int, state: Any, *, keep: int = 2) -> Path:
    """Write ``state`` as the checkpoint of ``step`` and keep the last ``keep`` ones.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    CheckpointError
        The disk is full or the folder cannot be written. Nothing that was there is touched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"step-{step:09d}"
    partial = folder / f".partial-{step:09d}-{os.getpid()}"
    tensors, skeleton = flatten(state)
    # identical memory (tied weights) and strides are no concern of the file: every entry is stored on its own
    files = {
        "state.safetensors": save_safetensors({k: t.detach().cpu().contiguous().clone() for k, t in tensors.items()}),
        "state.json": json.dumps({"step": step, "state": skeleton}).encode(),
    }
    files["manifest.json"] = json.dumps({k: hashlib.sha256(v).hexdigest() for k, v in files.items()}).encode()
    try:
        for stale in folder.glob(".partial-*"):  # of a process that was killed: one process at a time writes here
            shutil.rmtree(stale, ignore_errors=True)
        partial.mkdir()
        for name, payload in files.items():
            _write_synced(partial / name, payload)
        _sync_folder(partial)
        if final.exists():  # the same step again after a resume: the bytes are the same
            shutil.rmtree(final)
        os.rename(partial, final)
        _sync_folder(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise CheckpointError(
            f"could not write the checkpoint of step {step} to {folder}: {error}; expected a writable disk with "
            f"{sum(map(len, files.values())) / 1e6:.1f} MB free. Try: free space and resume; earlier "
            f"checkpoints are intact."
        ) from error
    for old in steps(folder)[:-keep]:
        shutil.rmtree(folder / f"step-{old:09d}", ignore_errors=True)
    return final


def load(path: Path) -> tuple[int, Any]:
    """Step and state of a checkpoint; verifies every byte and never runs code from the file.

    Parameters
    ----------
    path
        Where the file lies.

    Returns
    -------
    (step, state)
        Completed steps, and what was saved.

    Raises
    ------
    CheckpointError
        A file is missing, truncated, altered, or not safetensors/JSON (pickles are never read).
    """
    payload = {}
    try:
        manifest = json.loads((path / "manifest.json").read_bytes())
        for name in ("state.safetensors", "state.json"):
            payload[name] = (path / name).read_bytes()
            expected = manifest[name]
            if (got := hashlib.sha256(payload[name]).hexdigest()) != expected:
                raise CheckpointError(
                    f"{path / name} has sha256 {got[:12]}...; expected {expected[:12]}... of its manifest: it "
                    f"is truncated or "
                    "altered. Try: remove this folder and resume from the checkpoint before it."
                )
        tensors = load_safetensors(payload["state.safetensors"])
        meta = json.loads(payload["state.json"])
        return int(meta["step"]), unflatten(meta["state"], tensors)
    except _UNREADABLE as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{path} is not a checkpoint that advsci can read ({type(error).__name__}: {error}); expected "
            f"safetensors and JSON "
            "(pickles are never read). Try: remove this folder and resume from the checkpoint before it."
        ) from error


def _write_synced(path: Path, payload: bytes) -> None:
    with open(path, "wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
