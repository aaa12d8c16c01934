"""Trained networks on disk: safetensors with a card from which each is built again."""

from pathlib import Path
from typing import Any

from torch import nn

from advsci.training.building import building
from advsci.training.weights import load_weights, save_weights
from advsci_images.data.form import Form
from advsci_images.game.generators import generator_of
from advsci_images.game.players import Classifier, Translator

__all__ = ["load_generator", "load_network", "save_generator", "save_network"]

_BUILD = {"Classifier": Classifier, "Translator": Translator, "Generator": generator_of}


def save_network(path: Path, network: nn.Module, arguments: dict[str, Any], form: Form, **card: Any) -> str:
    """Write a classifier or translator.

    Parameters
    ----------
    path
        A ``.safetensors`` file.
    network
        What is written.
    arguments
        Arguments of its class, by name.
    form
        Storage of the images it gives, or takes.
    card
        What else the card says: data, licence, recipe, scores.

    Returns
    -------
    str
        sha256 of the content.
    """
    return _save(path, type(network).__name__, network, arguments, form, card)


def save_generator(path: Path, generator: nn.Module, arguments: dict[str, Any], form: Form, **card: Any) -> str:
    """Write a generator; the parameters are those of `save_network`, ``arguments`` those of `generator_of`.

    Parameters
    ----------
    path, generator, arguments, form, card
        As in `save_network`.

    Returns
    -------
    str
        sha256 of the content.
    """
    return _save(path, "Generator", generator, arguments, form, card)


def load_generator(path: Path) -> tuple[nn.Module, Form, dict[str, Any]]:
    """A generator that `save_generator` wrote in the file ``path``, with form and card, as `load_network`."""
    return load_network(path, "Generator")


def _save(path: Path, kind: str, network: nn.Module, arguments: dict[str, Any], form: Form, card: dict) -> str:
    return save_weights(path, network, {"kind": kind, "networks": arguments, "form": vars(form), **card})


def load_network(path: Path, kind: str) -> tuple[nn.Module, Form, dict[str, Any]]:
    """A network that `save_network` wrote.

    Parameters
    ----------
    path
        A ``.safetensors`` file.
    kind
        ``"Classifier"``, ``"Translator"`` or ``"Generator"``.

    Returns
    -------
    torch.nn.Module
        In evaluation mode, without gradients.
    Form
        Storage of its images.
    dict
        Its card.

    Raises
    ------
    CheckpointError
        The file is missing, altered, damaged, or of another kind.
    """
    tensors, card = load_weights(path, kind=kind)
    with building(path, tensors, kind):
        arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in card["networks"].items()}
        network = _BUILD[kind](**arguments)
        network.load_state_dict(tensors)
        form = Form(**card["form"])
    return network.eval().requires_grad_(False), form, card
