"""What is written to disk and read back: trained generators, judged circuits (safetensors), ranked designs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advsci.errors import CheckpointError
from advsci.streams import Stream
from advsci.training.weights import load_weights, save_weights
from advsci_circuits.design.search import Proposal
from advsci_circuits.dynamics.functions import shows
from advsci_circuits.dynamics.refine import sharpen
from advsci_circuits.formats import write
from advsci_circuits.game.examples import Examples
from advsci_circuits.game.generator import CompletionGenerator

__all__ = ["load_examples", "load_generator", "save_designs", "save_examples", "save_generator"]

WEIGHTS = Path(__file__).parent / "weights"
"""Models that come with the package."""
SHIPPED = WEIGHTS / "circuits.safetensors"
"""The generator that comes with the package."""
GENERATOR, EXAMPLES = "circuit generator", "judged circuits"


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
    try:
        generator = CompletionGenerator(**card["shape"])
        generator.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(
            f"got {path}, whose card fits no generator ({error}); expected one of this version. Try: {advice}."
        ) from error
    return generator.eval(), dict(card.get("facts", {}))


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
    return Examples(**load_weights(path, kind=EXAMPLES, try_="advsci-circuits train --game")[0])


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
