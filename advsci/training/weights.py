"""Trained networks on disk: one safetensors file with a card that says what they are, and a hash of both inside.

The header holds ``card`` (JSON: how the networks are built, what they were trained on, recipe, licence) and
``sha256``, the hash of the card and of every tensor's name, type, shape and bytes. A file that was altered, cut short
or written by something else is refused by name; nothing in a file is code, and loading never runs any.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from advsci.errors import CheckpointError
from advsci.files.budget import require_room
from advsci.files.plain import check_plain, read_json
from advsci.files.writing import write_whole

__all__ = ["load_weights", "read_card", "save_weights", "shipped"]

_LONGEST_HEADER = 10_000_000


def save_weights(
    path: str | Path, weights: nn.Module | Mapping[str, Tensor], card: Mapping[str, Any], *, half: bool = False
) -> str:
    """Write a network's parameters and buffers with their card.

    Parameters
    ----------
    path
        The file; its folder is made. An older file is replaced only by a complete new one.
    weights
        A network, or tensors by name.
    card
        Plain data that JSON can hold: what `load_weights` needs to build the network, and what a reader should know.
        A ``"kind"`` in it is compared with what is asked for on loading.
    half
        Store floating-point tensors with 16 bits: half the size, relative error 5e-4.

    Returns
    -------
    str
        The sha256 of the file, as ``sha256.json`` of a package's ``weights/`` lists it.

    Raises
    ------
    CheckpointError
        The file cannot be written, or the card holds something that is no plain data.

    Examples
    --------
    >>> import tempfile, torch
    >>> file = tempfile.mkdtemp() + "/mean.safetensors"
    >>> sha256 = save_weights(file, {"mean": torch.ones(2)}, {"kind": "mean", "units": "mm"})
    >>> tensors, card = load_weights(file, kind="mean")
    >>> tensors["mean"].tolist(), card["units"]
    ([1.0, 1.0], 'mm')
    """
    path = Path(path)
    named = weights.state_dict() if isinstance(weights, nn.Module) else dict(weights)
    tensors = {name: _stored(tensor, half) for name, tensor in named.items()}
    try:
        text = json.dumps(dict(card), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"got a card that JSON cannot hold ({error}); expected numbers, strings, lists and dicts. "
            "Try: float(value) or str(value)."
        ) from None
    content = _ordered(save_safetensors(tensors, metadata={"card": text, "sha256": _content_hash(text, tensors)}))
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def load_weights(
    path: str | Path, *, kind: str = "network", try_: str = "train it anew"
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of `save_weights` and prove that it is whole.

    Parameters
    ----------
    path
        The file.
    kind
        What the file should hold, in a word, for the messages; where the card names a ``"kind"``, both must agree.
    try_
        The advice of every message, as ``"advsci-inverse train"``.

    Returns
    -------
    tensors
        Tensors by name on the CPU; those stored with 16 bits come back as float32.
    card
        The card. Files that were written before cards had a hash, and that the ``sha256.json`` beside them lists, are
        read too: their card is all that their header says, each entry read as JSON.

    Raises
    ------
    CheckpointError
        No such file; truncated, altered, foreign; or of another kind.
    """
    path = Path(path)
    try:
        require_room(path, path.stat().st_size, "weights")
        content = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: got no such file; expected a {kind}. Try: {try_}.") from None
    except OSError as error:
        raise CheckpointError(f"{path}: got {error}; expected a readable file of a {kind}. Try: {try_}.") from None
    try:
        header = _header(content)
        tensors = load_safetensors(content)
    except (SafetensorError, ValueError, KeyError, TypeError, struct.error, RecursionError, MemoryError) as error:
        raise _foreign(path, kind, try_, error) from None
    if "sha256" in header:
        if _content_hash(header.get("card", ""), tensors) != header["sha256"]:
            raise CheckpointError(
                f"{path} was altered: got content that differs from the sha256 inside; expected the file as it was "
                f"written. Try: {try_}."
            )
    elif hashlib.sha256(content).hexdigest() != _listed(path):
        raise CheckpointError(
            f"{path}: got a file without a sha256 inside that no sha256.json beside it lists; expected a {kind} as it "
            f"was written. Try: {try_}."
        )
    card = _card(path, header, kind, try_)
    return {k: t.float() if t.dtype in (torch.float16, torch.bfloat16) else t for k, t in tensors.items()}, card


def read_card(path: str | Path, *, kind: str = "network", try_: str = "train it anew") -> dict[str, Any]:
    """The card in a file's header, without the weights; it is not proved to be whole.

    Parameters
    ----------
    path, kind, try_
        As in `load_weights`.

    Raises
    ------
    CheckpointError
        No such file, foreign, or of another kind.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            start = file.read(8)
            (length,) = struct.unpack("<Q", start)
            header = _header(start + file.read(min(length, _LONGEST_HEADER)))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: got no such file; expected a {kind}. Try: {try_}.") from None
    except (OSError, ValueError, KeyError, TypeError, struct.error, RecursionError, MemoryError) as error:
        raise _foreign(path, kind, try_, error) from None
    return _card(path, header, kind, try_)


def shipped(folder: str | Path) -> dict[str, str]:
    """What a package's ``weights/`` folder holds.

    Parameters
    ----------
    folder
        The folder; its ``sha256.json`` lists every file by name, without the ending.

    Returns
    -------
    dict
        Name -> sha256 of the file ``NAME.safetensors``.
    """
    path = Path(folder) / "sha256.json"
    listed = read_json(path, expected="the list of the package's weights", error=CheckpointError)
    return {str(name): str(value) for name, value in listed.items()}


def _stored(tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu()
    return (tensor.half() if half and tensor.is_floating_point() else tensor).contiguous().clone()


def _ordered(content: bytes) -> bytes:
    """A safetensors file whose metadata stand in the order of their names: the library writes them in another order
    each time, and equal weights must be equal files."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the tensors begin at a multiple of eight bytes
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def _content_hash(card: str, tensors: Mapping[str, Tensor]) -> str:
    """sha256 over the card and, in the order of their names, every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(card.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _header(content: bytes) -> dict[str, str]:
    """The metadata in the header of a safetensors file."""
    (length,) = struct.unpack("<Q", content[:8])
    if length > _LONGEST_HEADER or length > len(content) - 8:
        raise ValueError(f"a header of {length} bytes")
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    return {str(key): str(value) for key, value in metadata.items()}


def _card(path: Path, header: Mapping[str, str], kind: str, try_: str) -> dict[str, Any]:
    try:
        card = json.loads(header["card"]) if "card" in header else {k: json.loads(v) for k, v in header.items()}
        card = {str(key): value for key, value in card.items()}
        if problem := check_plain(card):
            raise ValueError(problem)
    except (ValueError, AttributeError, RecursionError, MemoryError) as error:
        raise _foreign(path, kind, try_, error) from None
    if card.get("kind", kind) != kind and kind != "network":
        raise CheckpointError(f"{path}: got a {card['kind']}; expected a {kind}. Try: {try_}.")
    return card


def _listed(path: Path) -> str | None:
    """The hash under which the folder's ``sha256.json`` lists a file."""
    return shipped(path.parent).get(path.stem) if (path.parent / "sha256.json").is_file() else None


def _foreign(path: Path, kind: str, try_: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path}: got a file that is truncated or no weights ({type(error).__name__}: {error}); expected a {kind} that "
        f"advsci wrote. Try: {try_}."
    )
