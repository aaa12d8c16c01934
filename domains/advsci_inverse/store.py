"""Trained networks on disk: one safetensors file each, weights in half precision, with a card in its header.

The card states how the network is built, what it was trained on, in which units and under which licence, and the
recipe. Here, and nowhere else, networks are built from cards.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch import nn

from advsci.errors import ConfigError
from advsci.files import reading
from advsci.training import weights
from advsci.training.building import building
from advsci_inverse.data.images import Scale, origin
from advsci_inverse.priors.denoiser import Denoiser
from advsci_inverse.priors.networks import build_synthesis
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.priors.refiner import Refiner
from advsci_inverse.priors.regulariser import build_regulariser
from advsci_inverse.priors.sampler import PosteriorSampler
from advsci_inverse.problem import TrainedSampler

if TYPE_CHECKING:
    from advsci_inverse.config import Learning, Parts, Train

__all__ = [
    "NEEDS",
    "Learned",
    "learned_card",
    "load_denoiser",
    "load_learned",
    "load_prior",
    "load_refiner",
    "load_regulariser",
    "load_sampler",
    "read_card",
    "save",
    "shipped",
    "shipped_path",
]

N = TypeVar("N", bound=nn.Module)
WEIGHTS = Path(__file__).parent / "weights"


def shipped() -> dict[str, str]:
    """Weights that come with the package.

    Returns
    -------
    dict
        Name -> sha256.
    """
    return weights.shipped(WEIGHTS)


def shipped_path(name: str) -> Path:
    """Where weights of the package lie.

    Parameters
    ----------
    name
        As in `shipped`.

    Returns
    -------
    Path
        The file.
    """
    return WEIGHTS / f"{name}.safetensors"


def learned_card(config: "Learning | Train", kind: str, networks: dict[str, Any], scale: Scale) -> dict[str, Any]:
    """The card of a network that was trained by a recorded recipe.

    Parameters
    ----------
    config
        Settings of the training; their ``data`` names the images.
    kind
        What the file holds, in a word.
    networks
        What the loader needs to build the network.
    scale
        Units of the images.

    Returns
    -------
    dict
        Kind, networks, recipe, units, and the data with their licence, which is that of the weights too.
    """
    data = origin(config.data)
    recipe = config.model_dump(mode="json", exclude={"out", "overwrite", "device"})
    card: dict[str, Any] = {"kind": kind, "networks": networks, "recipe": recipe, "data": data}
    card["units"] = {"low": scale.low, "high": scale.high}
    return card | ({"licence": data["licence"]} if "licence" in data else {})


def save(path: Path, network: nn.Module, card: dict[str, Any]) -> str:
    """Write weights in half precision, and their card.

    Parameters
    ----------
    path
        The file.
    network
        What is written.
    card
        Of `learned_card`.

    Returns
    -------
    str
        The file's sha256.

    Raises
    ------
    CheckpointError
        The file cannot be written.
    """
    return weights.save_weights(path, network, card, half=True)


def read_card(source: str | Path) -> dict[str, Any]:
    """The card in a file's header, without loading the weights.

    Parameters
    ----------
    source
        Name of shipped weights, or a file.

    Returns
    -------
    dict
        The card.

    Raises
    ------
    CheckpointError
        Not a file of this package.
    """
    path = shipped_path(str(source)) if str(source) in shipped() else Path(source)
    return weights.read_card(path, try_="advsci-inverse train")


def _filled(source: str | Path, kind: str, build: Callable[[dict[str, Any]], N]) -> N:
    """The network of a shipped name or a file, built from its card and frozen."""
    name, known = str(source), shipped()
    path = shipped_path(name) if name in known else Path(source)
    if not path.is_file() and path.suffix != ".safetensors":
        raise ConfigError(
            f"got no {kind} '{name}'; expected one of {sorted(known)} or a file. Try: advsci-inverse train."
        )
    state, card = weights.load_weights(path, kind=kind, try_="advsci-inverse train")
    with building(path, state, kind):
        network = build(card["networks"])
        network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def load_prior(source: str | Path) -> GeneratorPrior:
    """A generator prior.

    Parameters
    ----------
    source
        Name of a shipped one, or a file.

    Returns
    -------
    GeneratorPrior
        Frozen.

    Raises
    ------
    ConfigError
        No such name.
    CheckpointError
        The file is missing, damaged, altered or of another kind.

    Examples
    --------
    >>> load_prior("digits").shape
    (28, 28)
    """

    def build(nets: dict[str, Any]) -> GeneratorPrior:
        """The network that the card's ``nets`` describe."""
        shape = (int(nets["shape"][0]), int(nets["shape"][1]))
        widths, encoder, classes = tuple(nets["widths"]), bool(nets["encoder"]), int(nets.get("classes", 0))
        synthesis = build_synthesis(
            nets["kind"], int(nets["latent"]), shape, widths, encoder=encoder, condition=classes
        )
        return GeneratorPrior(synthesis, shape, int(nets["rank"]))

    return _filled(source, "prior", build)


def _body(nets: dict[str, Any]) -> dict[str, Any]:
    return {"widths": tuple(nets["widths"]), "blocks": tuple(nets["blocks"])}


def load_denoiser(source: str | Path) -> Denoiser:
    """A denoiser, as `load_prior`.

    Parameters
    ----------
    source
        Name of a shipped one, or a file.

    Returns
    -------
    Denoiser
        Frozen.
    """
    return _filled(source, "denoiser", lambda nets: Denoiser(nets["mean"], nets["spread"], **_body(nets)))


def load_refiner(source: str | Path) -> Refiner:
    """A refiner, as `load_prior`.

    Parameters
    ----------
    source
        Name of a shipped one, or a file.

    Returns
    -------
    Refiner
        Frozen.
    """

    def build(nets: dict[str, Any]) -> Refiner:
        """The network that the card's ``nets`` describe."""
        shape = (int(nets["shape"][0]), int(nets["shape"][1]))
        refiner = Refiner(shape, spread=nets["spread"], rank=nets["rank"], stages=nets["stages"], **_body(nets))
        refiner.denoiser.mean = float(nets["mean"])
        return refiner

    return _filled(source, "refiner", build)


def load_regulariser(source: str | Path) -> nn.Module:
    """An adversarial regulariser, as `load_prior`.

    Parameters
    ----------
    source
        A file.

    Returns
    -------
    Module
        Frozen.
    """
    return _filled(source, "regulariser", lambda nets: build_regulariser(nets["kind"], nets["widths"]))


def load_sampler(source: str | Path) -> PosteriorSampler:
    """A posterior sampler, as `load_prior`.

    Parameters
    ----------
    source
        A file.

    Returns
    -------
    PosteriorSampler
        Frozen.
    """
    return _filled(source, "sampler", lambda nets: PosteriorSampler(nets["least_unit"], **_body(nets)))


class Learned(NamedTuple):
    """What a method may need that was trained.

    Attributes
    ----------
    prior, denoiser, refiner, regulariser, sampler
        The parts, None where no method asks for them.
    units
        What 0 and 1 of the images are in the units of the part's training data, or None without a part.
    """

    prior: GeneratorPrior | None = None
    denoiser: Denoiser | None = None
    refiner: Refiner | None = None
    regulariser: nn.Module | None = None
    sampler: TrainedSampler | None = None
    units: Scale | None = None

    def to(self, device: torch.device) -> "Learned":
        """The same on a device.

        Parameters
        ----------
        device
            Where the methods compute.

        Returns
        -------
        Learned
            The networks are moved, not copied.
        """
        parts: dict[str, Any] = {k: v.to(device) if isinstance(v, nn.Module) else v for k, v in self._asdict().items()}
        if self.sampler is not None:
            self.sampler.network.to(device)
        return Learned(**parts)


NEEDS = {
    "latent": ("prior",),
    "range": ("prior",),
    "amp": ("denoiser", "prior"),
    "hqs": ("denoiser",),
    "refiner": ("refiner",),
    "adversarial": ("regulariser",),
    "posterior": ("sampler",),
}
"""What each method needs that was trained; the first is required."""


def load_learned(config: "Parts", methods: Sequence[str]) -> Learned:
    """What methods need of what settings name, and no more.

    Parameters
    ----------
    config
        Names the parts.
    methods
        Names of the methods; ``auto`` takes every part that is named.

    Returns
    -------
    Learned
        The loaded parts.

    Raises
    ------
    ConfigError
        A method needs a part that is not named.
    """
    named = {key: getattr(config, key) for key in ("prior", "denoiser", "refiner", "regulariser", "sampler")}
    for name in methods:
        if name in NEEDS and named[NEEDS[name][0]] is None:
            part = NEEDS[name][0]
            raise ConfigError(
                f"got no {part} for {name}; expected a trained one. Try: --{part} with a file, or with one of "
                f"{', '.join(sorted(shipped()))}."
            )
    wanted = {part for name in methods for part in (named if name == "auto" else NEEDS.get(name, ()))}
    sampler = None
    if "sampler" in wanted and named["sampler"] is not None:
        network, card = load_sampler(named["sampler"]), read_card(named["sampler"])
        with reading(named["sampler"], "the card of a sampler", "train it anew"):
            recipe, nets = card["recipe"], card["networks"]
            with_prior = recipe["prior"] is not None
            how = recipe["point"], nets["level"], recipe["draws"], with_prior, nets["trust"]
            sampler = TrainedSampler(network, *how)
            for part in ("prior", "denoiser", "refiner"):  # those that it was trained with
                if recipe[part] is not None:
                    named[part] = recipe[part]
                    wanted.add(part)
    loaders: dict[str, Callable[[Any], Any]] = {
        "prior": load_prior, "denoiser": load_denoiser, "refiner": load_refiner, "regulariser": load_regulariser,
    }  # fmt: skip
    parts = {k: load(named[k]) for k, load in loaders.items() if k in wanted and named[k] is not None}
    units = [_units(named[k]) for k in (*parts, *(["sampler"] if sampler is not None else []))]
    if len(set(units)) > 1:
        raise ConfigError(
            f"got parts trained in the units {sorted((u.low, u.high) for u in set(units))}; expected one. "
            "Try: parts that were trained on the same images."
        )
    if "prior" in parts and config.label is not None:
        parts["prior"] = parts["prior"].given(config.label)
    return Learned(**parts, sampler=sampler, units=units[0] if units else None)


def _units(source: str | Path) -> Scale:
    with reading(source, "units of images in the card", "train it anew"):
        return Scale(**read_card(source).get("units", {"low": 0.0, "high": 1.0}))
