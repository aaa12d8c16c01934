"""Priors on disk: one safetensors file, weights in half precision, with a card in its header.

The card states how the networks are built, what they were trained on and under which licence, the recipe, and the
range test. Nothing in the file is code; loading never runs any.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from advsci.errors import CheckpointError, ConfigError
from advsci_inverse.data.images import Scale, origin
from advsci_inverse.priors.denoiser import Denoiser
from advsci_inverse.priors.networks import build_synthesis
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.priors.refiner import Refiner
from advsci_inverse.priors.regulariser import build_regulariser

__all__ = [
    "Learned",
    "learned_card",
    "load_denoiser",
    "load_learned",
    "load_prior",
    "load_refiner",
    "load_regulariser",
    "read_card",
    "save_weights",
    "shipped",
    "shipped_path",
]


N = TypeVar("N", bound=nn.Module)


def shipped() -> dict[str, str]:
    """Name -> sha256 of the weights that come with the package."""
    return json.loads((Path(__file__).parent / "weights" / "sha256.json").read_text())


def shipped_path(name: str) -> Path:
    """Where weights of the package lie."""
    return Path(__file__).parent / "weights" / f"{name}.safetensors"


def save_weights(network: nn.Module, path: Path, card: dict[str, Any]) -> str:
    """Write weights (half precision) and card; the file's sha256.

    ``card["networks"]`` holds what the loader needs to build the networks.
    """
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        save_file(tensors, path, metadata={"card": json.dumps(card, sort_keys=True)})
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: got {error}; expected to write the weights. Try: free space on the disk."
        ) from error
    return hashlib.sha256(path.read_bytes()).hexdigest()


def learned_card(config, networks: dict[str, Any], scale: Scale) -> dict[str, Any]:
    """The card of a network that was trained by a recorded recipe.

    Parameters
    ----------
    config
        Settings of the training; their ``data`` names the images.
    networks
        What the loader needs to build the networks.
    scale
        Units of the images.

    Returns
    -------
    dict
        Networks, recipe, units, and the data with their licence, which is that of the weights too.
    """
    data = origin(config.data)
    card = {"networks": networks, "recipe": config.model_dump(mode="json", exclude={"out", "device"})}
    card |= {"units": {"low": scale.low, "high": scale.high}, "data": data}
    return card | ({"licence": data["licence"]} if "licence" in data else {})


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
            f"{path}: got {type(error).__name__}: {error}; expected weights of this package. Try: advsci-inverse train."
        ) from None


def _open(source: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor], Path]:
    """Networks' settings and weights of a shipped name or a file."""
    name, known = str(source), shipped()
    path = shipped_path(name) if name in known else Path(source)
    if not path.is_file():
        if path.suffix != ".safetensors":
            raise ConfigError(
                f"got no {kind} '{name}'; expected one of {sorted(known)} or a file. Try: advsci-inverse train."
            )
        raise CheckpointError(f"{path}: got no such file; expected a {kind}. Try: advsci-inverse train.")
    if name in known and hashlib.sha256(path.read_bytes()).hexdigest() != known[name]:
        raise CheckpointError(
            f"{path}: got a file whose sha256 differs; expected the package's own. Try: reinstall the package."
        )
    card = read_card(path)
    try:
        return card["networks"], {k: v.float() for k, v in load_file(path).items()}, path
    except (KeyError, TypeError, SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: got {type(error).__name__}: {error}; expected whole weights. Try: train it anew."
        ) from None


def _filled(build: "Callable[[], N]", state: dict[str, Tensor], path: Path) -> "N":
    try:
        network = build()
        network.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path}: got {type(error).__name__}: {error}; expected whole weights. Try: train it anew."
        ) from None
    return network.eval().requires_grad_(False)


def load_prior(source: str | Path) -> GeneratorPrior:
    """A generator prior by the name of a shipped one or by its file.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, altered (shipped ones have a known sha256) or of another kind.

    Examples
    --------
    >>> from advsci_inverse import load_prior
    >>> prior = load_prior("digits")
    >>> prior.latent > 0
    True
    """
    nets, state, path = _open(source, "prior")

    def build() -> GeneratorPrior:
        shape = (int(nets["shape"][0]), int(nets["shape"][1]))
        widths, encoder, classes = tuple(nets["widths"]), bool(nets["encoder"]), int(nets.get("classes", 0))
        synthesis = build_synthesis(
            nets["kind"], int(nets["latent"]), shape, widths, encoder=encoder, condition=classes
        )
        return GeneratorPrior(synthesis, shape, int(nets["rank"]))

    return _filled(build, state, path)


def load_denoiser(source: str | Path) -> Denoiser:
    """A denoiser, as `load_prior`."""
    nets, state, path = _open(source, "denoiser")
    return _filled(
        lambda: Denoiser(nets["mean"], nets["spread"], widths=tuple(nets["widths"]), blocks=tuple(nets["blocks"])),
        state,
        path,
    )


def load_refiner(source: str | Path) -> Refiner:
    """A refiner, as `load_prior`."""
    nets, state, path = _open(source, "refiner")

    def build() -> Refiner:
        shape = (int(nets["shape"][0]), int(nets["shape"][1]))
        refiner = Refiner(
            shape,
            spread=nets["spread"],
            rank=nets["rank"],
            stages=nets["stages"],
            widths=tuple(nets["widths"]),
            blocks=tuple(nets["blocks"]),
        )
        refiner.denoiser.mean = float(nets["mean"])
        return refiner

    return _filled(build, state, path)


def load_regulariser(source: str | Path) -> nn.Module:
    """An adversarial regulariser, as `load_prior`."""
    nets, state, path = _open(source, "regulariser")
    return _filled(lambda: build_regulariser(nets["kind"], nets["widths"]), state, path)


class Learned(NamedTuple):
    """What a method may need that was trained."""

    prior: GeneratorPrior | None = None
    denoiser: Denoiser | None = None
    refiner: Refiner | None = None
    regulariser: nn.Module | None = None


def load_learned(config, methods: Sequence[str]) -> Learned:
    """What ``methods`` need of what ``config`` names, and no more."""
    wanted = set(methods)
    if "adversarial" in wanted and config.regulariser is None:
        raise ConfigError("got no regulariser; expected a file. Try: advsci-inverse regulariser, then --regulariser.")
    prior = load_prior(config.prior) if wanted & {"latent", "range", "amp"} else None
    return Learned(
        prior.given(config.label) if prior is not None and config.label is not None else prior,
        load_denoiser(config.denoiser) if wanted & {"amp", "hqs"} else None,
        load_refiner(config.refiner) if "refiner" in wanted else None,
        load_regulariser(config.regulariser) if "adversarial" in wanted else None,
    )
