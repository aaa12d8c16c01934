"""What is written to disk and read back: trained generators, judged circuits (safetensors), ranked designs."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from advsci.streams import Stream
from advsci.training.building import building
from advsci.training.weights import load_weights, save_weights
from advsci_circuits.design.likelihood import CircuitLikelihood
from advsci_circuits.design.proposal import Search
from advsci_circuits.design.surrogates import FunctionSurrogates
from advsci_circuits.dynamics.functions import shows
from advsci_circuits.dynamics.refine import sharpen
from advsci_circuits.evaluation.judge import CircuitJudge
from advsci_circuits.formats import write
from advsci_circuits.game.examples import Examples
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.networks.discriminator import NetworkDiscriminator
from advsci_circuits.networks.links import NetworkLinks
from advsci_circuits.networks.model import NetworkModel
from advsci_circuits.networks.rows import RowGenerator

__all__ = [
    "load_examples", "load_generator", "load_judge", "load_likelihood", "load_networks", "load_surrogates",
    "save_designs", "save_examples", "save_generator", "save_judge", "save_likelihood", "save_networks",
    "save_surrogates",
]  # fmt: skip

WEIGHTS = Path(__file__).parent / "weights"
"""Models that come with the package."""
SHIPPED = WEIGHTS / "circuits.safetensors"
"""The generator that comes with the package."""
LIKELIHOOD = WEIGHTS / "likelihood.safetensors"
"""The likelihood of real circuits that comes with the package."""
NETWORKS = WEIGHTS / "networks.safetensors"
"""The model of large networks that comes with the package."""
JUDGED = WEIGHTS / "judge.safetensors"
"""The judge of small circuits that comes with the package."""
SURROGATES = WEIGHTS / "surrogates.safetensors"
"""The surrogates of functions that come with the package."""
GENERATOR, EXAMPLES, REAL = "circuit generator", "judged circuits", "likelihood of real circuits"
LARGE, JUDGE = "model of large networks", "judge of small circuits"
GUESSES = "set of surrogates"


def save_generator(generator: CompletionGenerator, path: Path, facts: dict[str, Any]) -> Path:
    """Write a generator's weights and card to one file.

    Parameters
    ----------
    generator
        The network, with its acceptance and link predictor where it has them.
    path
        The file.
    facts
        Settings, seed and data of its training.

    Returns
    -------
    Path
        The file.
    """
    shape = {"width": generator.width, "blocks": generator.blocks, "noise": generator.noise}
    shape |= {"known": len(generator.prior), "choosy": generator.acceptance is not None}
    shape["linked"] = generator.link_predictor is not None
    save_weights(path, generator, {"kind": GENERATOR, "shape": shape, "facts": facts})
    return path


def load_generator(path: Path | None = None) -> tuple[CompletionGenerator, dict[str, Any]]:
    """A generator and its facts.

    Parameters
    ----------
    path
        The file; None reads the one that comes with the package.

    Returns
    -------
    (generator, facts)

    Raises
    ------
    CheckpointError
        Where the file is missing, altered, truncated, or holds something else.

    Examples
    --------
    >>> generator, facts = load_generator()
    >>> facts["settings"]["data"]
    'embedded'
    """
    path = SHIPPED if path is None else Path(path)
    advice = "advsci-circuits train --game" if path != SHIPPED else "reinstall advsci"
    tensors, card = load_weights(path, kind=GENERATOR, try_=advice)
    with building(path, tensors, GENERATOR, advice):
        generator = CompletionGenerator(**card["shape"])
        generator.load_state_dict(tensors)
        return generator.eval(), dict(card.get("facts", {}))


def save_likelihood(likelihood: CircuitLikelihood, path: Path, facts: dict[str, Any]) -> Path:
    """Write a likelihood's weights and card to one file.

    Parameters
    ----------
    likelihood
        The networks of all sizes.
    path
        The file.
    facts
        Settings, seed and data of its training.

    Returns
    -------
    Path
        The file.
    """
    card = {"kind": REAL, "sizes": list(likelihood.sizes), "width": likelihood.width, "facts": facts}
    save_weights(path, likelihood, card, half=True)
    return path


def load_likelihood(path: Path | None = None) -> tuple[CircuitLikelihood, dict[str, Any]]:
    """A likelihood of real circuits and its facts.

    Parameters
    ----------
    path
        The file; None reads the one that comes with the package.

    Returns
    -------
    (likelihood, facts)

    Raises
    ------
    CheckpointError
        Where the file is missing, altered, truncated, or holds something else.
    """
    path = LIKELIHOOD if path is None else Path(path)
    advice = "advsci-circuits train" if path != LIKELIHOOD else "reinstall advsci"
    tensors, card = load_weights(path, kind=REAL, try_=advice)
    with building(path, tensors, REAL, advice):
        likelihood = CircuitLikelihood(tuple(card["sizes"]), card["width"])
        likelihood.load_state_dict(tensors)
        return likelihood.eval().requires_grad_(False), dict(card.get("facts", {}))


def save_networks(model: NetworkModel, path: Path, facts: dict[str, Any]) -> Path:
    """Write a model of large networks and its card to one file.

    Parameters
    ----------
    model
        Generator and discriminators.
    path
        The file.
    facts
        Settings, seed and data of its training.

    Returns
    -------
    Path
        The file.
    """
    made, judges = model.generator, list(model.discriminators)
    shape = {"width": made.width, "layers": made.layers, "hidden": made.hidden, "known": len(made.prior)}
    judged = (
        {"members": len(judges), "width": judges[0].width, "layers": judges[0].layers} if judges else {"members": 0}
    )
    card = {"kind": LARGE, "shape": shape, "judges": judged, "facts": facts}
    if model.links is not None:
        links = model.links
        card["links"] = {"width": links.width, "layers": links.layers, "sizes": list(links.sizes)}
    save_weights(path, model, card)
    return path


def load_networks(path: Path | None = None) -> tuple[NetworkModel, dict[str, Any]]:
    """A model of large networks and its facts.

    Parameters
    ----------
    path
        The file; None reads the one that comes with the package.

    Returns
    -------
    (model, facts)

    Raises
    ------
    CheckpointError
        Where the file is missing, altered, truncated, or holds something else.
    """
    path = NETWORKS if path is None else Path(path)
    advice = "advsci-circuits train --networks" if path != NETWORKS else "reinstall advsci"
    tensors, card = load_weights(path, kind=LARGE, try_=advice)
    with building(path, tensors, LARGE, advice):
        size = {key: card["judges"][key] for key in ("width", "layers") if key in card["judges"]}
        judges = [NetworkDiscriminator(**size) for _ in range(card["judges"]["members"])]
        shape = card.get("links")
        links = None if shape is None else NetworkLinks(shape["width"], shape["layers"], tuple(shape["sizes"]))
        model = NetworkModel(RowGenerator(**card["shape"]), judges, links)
        model.load_state_dict(tensors)
        return model.eval().requires_grad_(False), dict(card.get("facts", {}))


def save_judge(judge: CircuitJudge, path: Path, facts: dict[str, Any]) -> Path:
    """Write a judge of small circuits to one file.

    Parameters
    ----------
    judge
        The judge.
    path
        The file.
    facts
        Slopes and AUC on unseen families.

    Returns
    -------
    Path
        The file.
    """
    save_weights(path, judge, {"kind": JUDGE, "members": len(judge.weight), "facts": facts})
    return path


def load_judge(path: Path | None = None) -> tuple[CircuitJudge, dict[str, Any]]:
    """A judge of small circuits and its facts.

    Parameters
    ----------
    path
        The file; None reads the one that comes with the package.

    Returns
    -------
    (judge, facts)

    Raises
    ------
    CheckpointError
        Where the file is missing, altered, truncated, or holds something else.
    """
    path = JUDGED if path is None else Path(path)
    advice = "advsci-circuits train --judge" if path != JUDGED else "reinstall advsci"
    tensors, card = load_weights(path, kind=JUDGE, try_=advice)
    with building(path, tensors, JUDGE, advice):
        judge = CircuitJudge(card["members"])
        judge.load_state_dict(tensors)
        return judge.eval(), dict(card.get("facts", {}))


def save_surrogates(surrogates: FunctionSurrogates, path: Path, facts: dict[str, Any]) -> Path:
    """Write surrogates of functions to one file.

    Parameters
    ----------
    surrogates
        The networks.
    path
        The file.
    facts
        Per function, what it was fitted to and how well it ranks.

    Returns
    -------
    Path
        The file.
    """
    shape = {name: getattr(surrogates, name) for name in ("functions", "sizes", "width", "blocks")}
    save_weights(path, surrogates, {"kind": GUESSES, "shape": shape, "facts": facts}, half=True)
    return path


def load_surrogates(path: Path | None = None) -> tuple[FunctionSurrogates, dict[str, Any]]:
    """Surrogates of functions and their facts.

    Parameters
    ----------
    path
        The file; None reads the one that comes with the package.

    Returns
    -------
    (surrogates, facts)

    Raises
    ------
    CheckpointError
        Where the file is missing, altered, truncated, or holds something else.

    Examples
    --------
    >>> surrogates, facts = load_surrogates()
    >>> "oscillation" in surrogates.functions
    True
    """
    path = SURROGATES if path is None else Path(path)
    advice = "advsci-circuits train --surrogates" if path != SURROGATES else "reinstall advsci"
    tensors, card = load_weights(path, kind=GUESSES, try_=advice)
    with building(path, tensors, GUESSES, advice):
        surrogates = FunctionSurrogates(**card["shape"])
        surrogates.load_state_dict(tensors)
        return surrogates.eval().requires_grad_(False), dict(card.get("facts", {}))


def save_examples(examples: Examples, path: Path) -> Path:
    """Write judged circuits to one file.

    Parameters
    ----------
    examples
        Circuits with their shares.
    path
        The file.

    Returns
    -------
    Path
        The file.
    """
    tensors = {"signs": examples.signs, "sizes": examples.sizes, "shares": examples.shares}
    save_weights(path, tensors, {"kind": EXAMPLES})
    return path


def load_examples(path: Path) -> Examples:
    """Judged circuits of `save_examples`.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Examples

    Raises
    ------
    CheckpointError
        Where the file is missing or holds something else.
    """
    tensors, _ = load_weights(path, kind=EXAMPLES, try_="advsci-circuits train --game")
    with building(path, tensors, EXAMPLES, "advsci-circuits train --game"):
        return Examples(**tensors)


def save_designs(folder: Path, search: Search, function: str, known: Collection[bytes] | None) -> Path:
    """Every design as GraphML and, where kinetics show the function, as SBML; and all in numbers.

    Parameters
    ----------
    folder
        Where ``designs.json``, ``design_1.graphml``, ``design_1.sbml``, ... go.
    search
        Designs, best first, and how the search went.
    function
        What they were designed for; an oscillator's kinetics are sharpened first.
    known
        Keys of published circuits, or None.

    Returns
    -------
    Path
        ``designs.json``.
    """
    rows = []
    for rank, proposal in enumerate(search.proposals, 1):
        stem = folder / f"design_{rank}"
        write(proposal.circuit, stem.with_suffix(".graphml"))
        if proposal.model is not None:
            model = sharpen(proposal.model) if function == "oscillation" else proposal.model
            model = model if bool(shows(function, model, Stream(5))[0]) else proposal.model
            write(proposal.circuit, stem.with_suffix(".sbml"), model)
        rows.append(
            {"edges": proposal.circuit.edges, "published": None if known is None else proposal.key in known}
            | {name: getattr(proposal, name) for name in ("share", "low", "high", "log_likelihood")}
        )
    path = folder / "designs.json"
    told = {"function": function, "judged": search.judged, "models": search.models, "designs": rows}
    path.write_text(json.dumps(told | {"chains": search.facts}, indent=2))
    return path
