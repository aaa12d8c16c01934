"""A trained generator on its own: a file of weights with a card, which is read back, and programs for other software.

``generator.safetensors`` holds weights and card (`advsci.training.weights`). Reading it never runs code, so the network
that the weights go into is made by the reader. ``generator.pt2`` is a program of `torch.export`, which needs neither
this package nor the network's class: ``torch.export.load("generator.pt2").module()(z)``. Torch may run code that such a
file holds, so nothing here reads one. ``generator.onnx`` is the same for ONNX.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from advsci import latents
from advsci.errors import CheckpointError, ConfigError
from advsci.games.gan import GAN
from advsci.latents import Latent
from advsci.nn.evaluation import evaluating
from advsci.streams import Stream
from advsci.training import checkpoint
from advsci.training.program import write_onnx, write_program
from advsci.training.weights import load_weights, save_weights

__all__ = ["Generator", "export_generator", "load_generator"]

_KINDS: dict[str, type[Latent]] = {
    kind.__name__: kind
    for kind in (latents.Gaussian, latents.Mixture, latents.Sphere, latents.Truncated, latents.Uniform)
}
"""The priors that a card can name."""


@dataclass(frozen=True)
class Generator:
    """A trained generator without its game.

    Attributes
    ----------
    network
        The generator, in evaluation mode and frozen.
    latent
        The prior of its latent vectors.
    card
        What is known of it.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> Generator(MLP(2, 3), Gaussian(2), {}).sample(4, Stream(0)).shape
    torch.Size([4, 3])
    """

    network: nn.Module
    latent: Latent
    card: Mapping[str, Any]

    @torch.no_grad()
    def sample(self, n: int, stream: Stream, condition: Tensor | None = None) -> Tensor:
        """``n`` samples, the same as `advsci.games.GAN.sample` of the game gave.

        Parameters
        ----------
        n
            How many.
        stream
            Key of the latent vectors.
        condition
            What the samples are conditioned on (n ...), for a generator that takes it.

        Returns
        -------
        Tensor
            (n ...), on the network's device.
        """
        like = next(self.network.parameters())
        z = self.latent.sample(n, stream.at("latent"), device=like.device, dtype=like.dtype)
        return self.network(z) if condition is None else self.network(z, condition)


def export_generator(
    game: GAN,
    folder: str | Path,
    *,
    generator: nn.Module | None = None,
    condition: Tensor | None = None,
    card: Mapping[str, Any] | None = None,
    program: bool = True,
    onnx: bool = False,
) -> Path:
    """Write the generator of a game as weights with a card and, where torch can export it, as a program.

    Parameters
    ----------
    game
        The game.
    folder
        Where ``generator.safetensors`` and ``generator.pt2`` go; made where it is not there.
    generator
        In place of the game's own, its average: ``training.averaged("generator")``.
    condition
        For a generator that takes one, two samples' conditions (2 ...).
    card
        What a reader should know: data, recipe, licence.
    program
        Whether to write the program too.
    onnx
        Whether to write ``generator.onnx`` too.

    Returns
    -------
    Path
        The weights. A warning says why there is no program, where torch cannot export the network.

    Raises
    ------
    CheckpointError
        A file cannot be written.
    ConfigError
        The latent vectors are none of `advsci.latents`.
    MissingDependencyError
        ``onnx`` is asked for, and its packages are not installed.

    Examples
    --------
    >>> import tempfile
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> game = GAN(MLP(2, 3), MLP(3, 1), Gaussian(2))
    >>> path = export_generator(game, tempfile.mkdtemp(), card={"data": "none"}, program=False)
    >>> made = load_generator(path, MLP(2, 3))
    >>> bool((made.sample(4, Stream(0)) == game.sample(4, Stream(0))).all()), made.card["data"]
    (True, 'none')
    """
    network = generator if generator is not None else game.generator
    folder = Path(folder)
    like = next(network.parameters())
    z = game.latent.sample(2, Stream(0).at("export"), device=like.device, dtype=like.dtype)
    inputs = (z,) if condition is None else (z, condition.to(like.device))
    with evaluating(network), torch.no_grad():
        samples = network(*inputs)
        path = folder / "generator.safetensors"
        about = {
            **(card or {}),
            "kind": "generator",
            "network": type(network).__qualname__,
            "latent": _latent_card(game.latent),
            "sample_shape": list(samples.shape[1:]),
            "condition_shape": None if condition is None else list(condition.shape[1:]),
        }
        save_weights(path, network, about)
        if program:
            write_program(network, inputs, folder / "generator.pt2")
        if onnx:
            write_onnx(network, inputs, folder / "generator.onnx")
    return path


def load_generator(path: str | Path, network: nn.Module, latent: Latent | None = None) -> Generator:
    """Read what `export_generator` wrote.

    Parameters
    ----------
    path
        The ``.safetensors`` file, or its folder.
    network
        A generator made as the one that was trained; it takes over the weights.
    latent
        The prior, where it is none of `advsci.latents`; None takes the card's.

    Returns
    -------
    Generator
        Ready to sample.

    Raises
    ------
    CheckpointError
        The file is altered, truncated or no generator, or its weights do not fit the network.

    Examples
    --------
    >>> import tempfile
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> path = export_generator(GAN(MLP(2, 3), MLP(3, 1), Gaussian(2)), tempfile.mkdtemp(), program=False)
    >>> load_generator(path, MLP(2, 3)).sample(4, Stream(0)).shape
    torch.Size([4, 3])
    """
    path = Path(path)
    path = path / "generator.safetensors" if path.is_dir() else path
    tensors, card = load_weights(path, kind="generator", try_="export_generator")
    return _filled(path, network, tensors, card, latent)


def generator_of_run(folder: Path, network: nn.Module, latent: Latent | None = None, best: bool = False) -> Generator:
    """The generator in the run folder of a `Trainer`, averaged where the training averaged it.

    Parameters
    ----------
    folder
        The run folder.
    network
        A generator made as the one that was trained; it takes over the weights.
    latent
        The prior, where it is none of `advsci.latents`.
    best
        The checkpoint that an external metric found best, in place of the newest one.

    Returns
    -------
    Generator
        Ready to sample.

    Raises
    ------
    CheckpointError
        There is no sound checkpoint, or its generator does not fit the network.
    """
    path = checkpoint.latest(folder / ("best" if best else "checkpoints"))
    if path is None:
        raise CheckpointError(
            f"got {folder}, which holds no {'best ' if best else ''}checkpoint; expected the run folder of a Trainer. "
            "Try: Trainer(run=folder)."
        )
    step, state = checkpoint.load(path)
    own = {key.removeprefix("generator."): v for key, v in state["game"].items() if key.startswith("generator.")}
    about = state["fingerprint"]["game"]
    settings = dict(about.get("latent") or {})
    card = {
        "network": about.get("generator", {}).get("", "?").split(".")[-1],
        "latent": {"kind": settings.pop("", "?").split(".")[-1], "settings": settings},
        "step": step,
    }
    return _filled(path, network, state["averages"].get("generator", own), card, latent)


def _filled(
    path: Path, network: nn.Module, tensors: Mapping[str, Tensor], card: Mapping[str, Any], latent: Latent | None
) -> Generator:
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: got weights of a {card['network']} that do not fit this {type(network).__qualname__} "
            f"({str(error).splitlines()[-1].strip()}); expected a network made as the one that was trained. "
            "Try: the same class and arguments."
        ) from None
    known = latent if latent is not None else _latent_of(path, card)
    return Generator(network.eval().requires_grad_(False), known, card)


def _latent_of(path: Path, card: Mapping[str, Any]) -> Latent:
    try:
        return _KINDS[card["latent"]["kind"]](**card["latent"]["settings"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: got a card whose latent vectors are unknown ({type(error).__name__}: {error}); expected one of "
            f"{', '.join(_KINDS)}. Try: load_generator(path, network, latent)."
        ) from None


def _latent_card(latent: Latent) -> dict[str, Any]:
    kind = type(latent).__name__
    if _KINDS.get(kind) is not type(latent) or not dataclasses.is_dataclass(latent):
        raise ConfigError(
            f"got latent vectors of a {kind}; expected one of {', '.join(_KINDS)}. "
            "Try: save_weights, with a card of your own."
        )
    return {"kind": kind, "settings": dataclasses.asdict(latent)}
