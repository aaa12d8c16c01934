"""The script ``advsci-inverse``."""

from advsci.cli import command, domain_app, run_app
from advsci.config import Config
from advsci_inverse.config import (
    Compare,
    Evaluate,
    InspectOperator,
    Reconstruct,
    Train,
    TrainDenoiser,
    TrainPosterior,
    TrainRefiner,
    TrainRegulariser,
    WriteReport,
)

__all__ = ["app", "main"]

app = domain_app("inverse", "Reconstruct images from measurements with a GAN prior: error bars, verdicts, baselines.")

PLANNED: dict[str, type[Config]] = {
    "train": Train,
    "denoiser": TrainDenoiser,
    "refiner": TrainRefiner,
    "regulariser": TrainRegulariser,
    "posterior": TrainPosterior,
    "operator": InspectOperator,
    "reconstruct": Reconstruct,
    "evaluate": Evaluate,
    "compare": Compare,
    "report": WriteReport,
}
"""Each command's module has ``run`` and, for ``--dry-run``, ``plan``."""

for name, schema in PLANNED.items():
    module = f"advsci_inverse.commands.{name}"
    positional = {"reconstruct": ("file",), "report": ("run",)}.get(name, ())
    command(app, name, schema, f"{module}:run", plan=f"{module}:plan", positional=positional)


def main() -> int:
    """Run the script with the process's arguments.

    Returns
    -------
    int
        The exit status.
    """
    return run_app(app)
