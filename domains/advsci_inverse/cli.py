"""The script ``advsci-inverse``."""

from advsci.cli import command, domain_app, run_app

__all__ = ["app", "main"]

app = domain_app("inverse", "Reconstruct images from measurements with a GAN prior: error bars, verdicts, baselines.")

SCHEMAS = {
    "train": "Train",
    "denoiser": "TrainDenoiser",
    "refiner": "TrainRefiner",
    "regulariser": "TrainRegulariser",
    "posterior": "TrainPosterior",
    "operator": "InspectOperator",
    "reconstruct": "Reconstruct",
    "evaluate": "Evaluate",
    "compare": "Compare",
    "report": "WriteReport",
}
"""The schema of each verb; the verb's module has ``run`` and, for ``--dry-run``, ``plan``."""

for name, schema in SCHEMAS.items():
    schema, module = f"advsci_inverse.config:{schema}", f"advsci_inverse.commands.{name}"
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
