"""What is written to disk and read back: trained generators, judged circuits (safetensors), ranked designs."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from advsci.errors import CheckpointError
from advsci.streams import Stream
from advsci_circuits.design.search import Proposal
from advsci_circuits.dynamics.functions import shows
from advsci_circuits.dynamics.refine import sharpen
from advsci_circuits.formats import write
from advsci_circuits.game.examples import Examples
from advsci_circuits.game.generator import CompletionGenerator

__all__ = ["load_examples", "load_generator", "save_designs", "save_examples", "save_generator"]


SHIPPED = Path(__file__).parent / "weights" / "circuits.safetensors"
"""The generator that comes with the package."""


def save_generator(generator: CompletionGenerator, path: Path, facts: dict[str, Any]) -> Path:
    """Write weights and facts (settings, seed, data) to one file."""
    shape = {"width": generator.width, "blocks": generator.blocks, "noise": generator.noise}
    shape |= {"known": len(generator.prior), "choosy": generator.acceptance is not None}
    shape["linked"] = generator.link_predictor is not None
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    save_file(tensors, path, metadata={"shape": json.dumps(shape), "facts": json.dumps(facts, default=str)})
    return path


def load_generator(path: Path | None = None) -> tuple[CompletionGenerator, dict[str, Any]]:
    """The generator and its facts; None reads the one that comes with the package.

    Raises
    ------
    CheckpointError
        Where the file is missing, truncated, or holds something else, or the package's own was altered.
    """
    if path is None:
        path = SHIPPED
        known = json.loads((path.parent / "sha256.json").read_text(encoding="utf-8"))[path.stem]
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != known:
            raise CheckpointError(f"got {path} missing or altered; expected sha256 {known}. Try: reinstall advsci.")
    if not Path(path).is_file():
        raise CheckpointError(f"got no model at {path}; expected a trained generator. Try: advsci-circuits train.")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            shape = json.loads(header["shape"])
            generator = CompletionGenerator(**shape)
            generator.load_state_dict({name: file.get_tensor(name) for name in file.keys()})
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"got {path}, which is no circuit generator ({error}); expected one of train. Try: leave --model out.") from error
    return generator.eval(), json.loads(header.get("facts", "{}"))


def save_examples(examples: Examples, path: Path) -> Path:
    """Write judged circuits to one file."""
    tensors = {"signs": examples.signs, "sizes": examples.sizes, "shares": examples.shares}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def load_examples(path: Path) -> Examples:
    """Judged circuits of `save_examples`.

    Raises
    ------
    CheckpointError
        Where the file is missing or holds something else.
    """
    try:
        return Examples(**load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise CheckpointError(f"got {path}, which holds no judged circuits ({error}); expected those of train. Try: the run folder.") from error


def save_designs(folder: Path, proposals: Sequence[Proposal], function: str) -> None:
    """Every design as GraphML and, where kinetics show the function, as SBML.

    Parameters
    ----------
    folder
        Where ``design_1.graphml``, ``design_1.sbml``, ... go.
    proposals
        Designs, best first.
    function
        What they were designed for; an oscillator's kinetics are sharpened first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for rank, proposal in enumerate(proposals, 1):
        stem = folder / f"design_{rank}"
        write(proposal.circuit, stem.with_suffix(".graphml"))
        if proposal.model is not None:
            model = sharpen(proposal.model) if function == "oscillation" else proposal.model
            model = model if bool(shows(function, model, Stream(5))[0]) else proposal.model
            write(proposal.circuit, stem.with_suffix(".sbml"), model)
