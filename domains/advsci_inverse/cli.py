"""The script ``advsci-inverse``."""

from advsci.cli import command, domain_app, run_app
from advsci_inverse.config import (
    Compare,
    Evaluate,
    InspectOperator,
    Reconstruct,
    Render,
    Train,
    TrainDenoiser,
    TrainRefiner,
    TrainRegulariser,
)

__all__ = ["app", "main"]

app = domain_app("inverse", "Reconstruct images from measurements with a GAN prior: error bars, verdicts, baselines.")
command(app, "train", Train, "advsci_inverse.commands.train:run", plan="advsci_inverse.commands.train:plan")
command(
    app,
    "operator",
    InspectOperator,
    "advsci_inverse.commands.operator:run",
    plan="advsci_inverse.commands.operator:plan",
)
command(
    app,
    "reconstruct",
    Reconstruct,
    "advsci_inverse.commands.reconstruct:run",
    plan="advsci_inverse.commands.reconstruct:plan",
    positional=("file",),
)
command(app, "evaluate", Evaluate, "advsci_inverse.commands.evaluate:run", plan="advsci_inverse.commands.evaluate:plan")
command(app, "compare", Compare, "advsci_inverse.commands.compare:run", plan="advsci_inverse.commands.compare:plan")
command(app, "report", Render, "advsci_inverse.commands.render:run", positional=("run",))
command(
    app, "denoiser", TrainDenoiser, "advsci_inverse.commands.learn:denoiser", plan="advsci_inverse.commands.learn:plan"
)
command(
    app, "refiner", TrainRefiner, "advsci_inverse.commands.learn:refiner", plan="advsci_inverse.commands.learn:plan"
)
command(
    app,
    "regulariser",
    TrainRegulariser,
    "advsci_inverse.commands.learn:regulariser",
    plan="advsci_inverse.commands.learn:plan",
)


def main() -> int:
    """Run the script with the process's arguments."""
    return run_app(app)
