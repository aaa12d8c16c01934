"""The command ``advsci-friction evaluate``: designs solved again, as figures."""

import json
from pathlib import Path

import torch

from advsci.devices import torch_device
from advsci.output import tell
from advsci.streams import Stream
from advsci.training import Run
from advsci_friction.config import Evaluate
from advsci_friction.evaluation.scores import summary, verify
from advsci_friction.store import read_designs

__all__ = ["plan", "run"]


def run(config: Evaluate, folder: Run) -> Path:
    """Solve the designs again and write ``verdicts.json``.

    Parameters
    ----------
    config
        The command's settings.
    folder
        The run.

    Returns
    -------
    Path
        The file of verdicts.
    """
    designs, fabrication, pixels = read_designs(config.designs)
    verdicts = verify(
        designs,
        fabrication,
        config.finer * pixels,
        solver=config.solver,
        stream=Stream(config.seed),
        device=torch_device(config.device),
    )
    rows = [
        {"mu": float(mu), "area": float(a), "peak [Pa]": float(p), "feasible": bool(f)}
        for mu, a, p, f in zip(verdicts.friction, verdicts.area, verdicts.peak, verdicts.feasible, strict=True)
    ]
    path = folder.path / "verdicts.json"
    found = summary(designs, verdicts)
    for mu, load in designs.more:
        settings = {"solver": config.solver, "stream": Stream(config.seed), "device": torch_device(config.device)}
        again = verify(designs, fabrication, config.finer * pixels, load=torch.full((len(rows),), load), **settings)
        error = (again.friction / mu - 1.0).abs()
        found[f"median relative error at {load:.4g} Pa"] = float(error.median())
    path.write_text(
        json.dumps({"solver": config.solver, "pixels": config.finer * pixels, **found, "designs": rows}, indent=2)
    )
    tell(", ".join(f"{key} {value:.4g}" for key, value in found.items()), found)
    return path


def plan(config: Evaluate) -> dict[str, object]:
    """The designs that would be solved again.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    designs, _, pixels = read_designs(config.designs)
    return {"designs": len(designs.slope), "pixels of a side": config.finer * pixels}
