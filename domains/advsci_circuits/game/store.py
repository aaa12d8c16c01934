"""A trained generator on disk: safetensors with its shape and origin in the header; nothing in it can run."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from advsci.errors import CheckpointError
from advsci_circuits.game.generator import CompletionGenerator

__all__ = ["load_generator", "save_generator"]


def save_generator(generator: CompletionGenerator, path: Path, facts: dict[str, Any]) -> Path:
    """Write weights and facts (settings, seed, data) to one file."""
    shape = {"width": generator.width, "blocks": generator.blocks, "noise": generator.noise}
    shape["known"] = len(generator.prior)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    save_file(tensors, path, metadata={"shape": json.dumps(shape), "facts": json.dumps(facts, default=str)})
    return path


def load_generator(path: Path) -> tuple[CompletionGenerator, dict[str, Any]]:
    """The generator and its facts.

    Raises
    ------
    CheckpointError
        Where the file is missing, truncated, or holds something else.
    """
    if not Path(path).is_file():
        raise CheckpointError(f"got no model at {path}; expected a trained generator. Try: advsci-circuits train")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            shape = json.loads(header["shape"])
            generator = CompletionGenerator(**shape)
            generator.load_state_dict({name: file.get_tensor(name) for name in file.keys()})
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"got {path}, which is no circuit generator ({error}); expected one of train") from error
    return generator.eval(), json.loads(header.get("facts", "{}"))
