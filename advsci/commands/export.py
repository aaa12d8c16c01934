"""``advsci export RUN``: the trained networks of a run, for other software."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from advsci.config import Config

if TYPE_CHECKING:
    from advsci.training.handover import Handover

__all__ = ["Export", "run"]


class Export(Config):
    """Write the trained generator of a run as weights with a card, as a program of torch.export, and as ONNX.

    The networks are built by the command that made the run, from its settings and data. Of a game without latent
    vectors the weights of each averaged player are written.

    Example: advsci export runs/prior --out runs/exported
    """

    folder: Path = Field(default=Path(), description="Run folder of a command that trained a game.")
    out: Path | None = Field(default=None, description="Where the files go; default: export/ in the run folder.")
    stage: str | None = Field(default=None, description="Which of several trainings, by the name of its subfolder.")
    best: bool = Field(default=False, description="The step that an external metric found best, not the newest.")
    program: bool = Field(default=True, description="Write generator.pt2, a program that needs no class.")
    onnx: bool = Field(default=False, description="Write generator.onnx (extra onnx).")
    crate: bool = Field(
        default=False,
        description="Write ro-crate-metadata.json into the run folder, of any command, in place of networks: settings, "
        "inputs, versions and the sha256 of every file, as archives read them.",
    )
    licence: str = Field(default="", description="Address of the licence of the results, for --crate.")


def run(config: Export) -> Path:
    """Write the files and return the path of the weights.

    Parameters
    ----------
    config
        Which run, which training of it, what to write.

    Returns
    -------
    Path
        The weights; of several players the folder; the crate where one was asked for.

    Raises
    ------
    ConfigError
        The folder holds no run of an installed command, or no such training.
    MissingDependencyError
        ONNX is asked for, and its packages are not installed.
    """
    if config.crate:
        from advsci.training.crate import write_run_crate

        return write_run_crate(config.folder, licence=config.licence)
    import torch

    from advsci.commands.reopened import reopened
    from advsci.games import GAN
    from advsci.training import export_generator

    out = config.out or config.folder / "export"
    handover = reopened(config.folder, config.stage, best=config.best)
    assert handover.training is not None and handover.source is not None
    training = handover.training
    card = {"run": config.folder.resolve().name, "step": training.step}
    if not isinstance(training.game, GAN):
        return _players(handover, out, card)
    condition = handover.source[torch.arange(2)].get("condition")
    return export_generator(
        training.game,
        out,
        generator=training.averaged("generator"),
        condition=condition,
        card=card,
        program=config.program,
        onnx=config.onnx,
    )


def _players(handover: "Handover", out: Path, card: dict[str, object]) -> Path:
    """Weights of each averaged player, or of all where none was averaged."""
    from advsci.training.weights import save_weights

    training = handover.training
    assert training is not None
    for player in training.averages or training.game.players:
        network = training.averaged(player)
        save_weights(
            out / f"{player}.safetensors", network, {**card, "kind": player, "network": type(network).__name__}
        )
    return out
