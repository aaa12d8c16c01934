"""Priors on disk: one safetensors file, weights in half precision, with a card in its header.

The card states how the networks are built, what they were trained on and under which licence, the recipe, and the
range test. Nothing in the file is code; loading never runs any.
"""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from advsci.errors import CheckpointError, ConfigError
from advsci_inverse.priors.networks import build_synthesis
from advsci_inverse.priors.prior import GeneratorPrior

__all__ = ["SHIPPED", "load_prior", "read_card", "save_prior", "shipped_path"]

SHIPPED: dict[str, str] = {}
"""Name -> sha256 of the priors that come with the package."""


def shipped_path(name: str) -> Path:
    """Where a prior of the package lies."""
    return Path(__file__).parent / "weights" / f"{name}.safetensors"


def save_prior(prior: GeneratorPrior, path: Path, card: dict[str, Any]) -> str:
    """Write weights (half precision) and card; the file's sha256.

    ``card["networks"]`` must hold the arguments of `build_synthesis` and ``rank``.
    """
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in prior.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        save_file(tensors, path, metadata={"card": json.dumps(card, sort_keys=True)})
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"could not write {path}: {error}. Try: free space on the disk") from error
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_card(path: Path) -> dict[str, Any]:
    """The card in a prior's header, without loading the weights."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 1_000_000:
                raise ValueError("its header is too long")
            return json.loads(json.loads(file.read(length))["__metadata__"]["card"])
    except (OSError, ValueError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{path} is no prior of this package ({type(error).__name__}: {error}); expected a prior.safetensors. "
            "Try: advsci-inverse train"
        ) from None


def load_prior(source: str | Path) -> GeneratorPrior:
    """A prior by the name of a shipped one or by its file.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, altered (shipped ones have a known sha256) or of another kind.
    """
    name = str(source)
    path = shipped_path(name) if name in SHIPPED else Path(source)
    if not path.is_file():
        if path.suffix != ".safetensors":
            raise ConfigError(
                f"got no prior '{name}'; expected one of {sorted(SHIPPED)} or a file. Try: advsci-inverse train"
            )
        raise CheckpointError(f"{path}: got no such file; expected a prior. Try: advsci-inverse train")
    if name in SHIPPED and hashlib.sha256(path.read_bytes()).hexdigest() != SHIPPED[name]:
        raise CheckpointError(f"{path} was altered: its sha256 differs from the package's. Try: reinstall the package")
    card = read_card(path)
    try:
        nets = card["networks"]
        shape = (int(nets["shape"][0]), int(nets["shape"][1]))
        synthesis = build_synthesis(
            nets["kind"], int(nets["latent"]), shape, tuple(nets["widths"]), encoder=bool(nets["encoder"])
        )
        prior = GeneratorPrior(synthesis, shape, int(nets["rank"]))
        prior.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    except (KeyError, TypeError, RuntimeError, SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged: {type(error).__name__}: {error}. Try: train it anew") from None
    return prior.eval().requires_grad_(False)
