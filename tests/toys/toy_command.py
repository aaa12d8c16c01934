"""A script with one command that trains in two stages, for tests of folders, signals and exit statuses."""

import sys
from pathlib import Path

import numpy as np
import torch
from pydantic import Field

from advsci.cli import command, domain_app, run_app
from advsci.config import DeviceConfig


class Train(DeviceConfig):
    """Train a toy."""

    data: Path = Field(description="An npz file with x (n, 2).")
    steps: int = Field(default=40, gt=0, description="Steps of each stage.")
    rate: float = Field(default=1e-3, gt=0, description="Learning rate.")


app = domain_app("toy", "A toy.")
command(app, "train", Train, "toy_command:run")


def run(config: Train, folder) -> Path:
    """Two trainings, then a result that exists only if both were done."""
    from toy_game import toy_game, toy_solver, toy_trainer

    from advsci.solvers import adam

    x = torch.from_numpy(np.load(config.data)["x"])
    game = toy_game()
    for stage in ("warmup", "game"):
        trainer = toy_trainer(folder.stage(stage), config.steps, seed=config.seed, title=stage, checkpoint_every=20)
        trainer.fit(game, x, toy_solver(adam(config.rate)))
        print(f"done {stage}", flush=True)
    result = folder.path / "result.txt"
    result.write_text(f"{sum(float(p.detach().abs().sum()) for p in game.parameters()):.9f}")
    return result


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(run_app(app))
