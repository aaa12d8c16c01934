"""The script ``advsci-singlecell``."""

from advsci.cli import command, domain_app, run_app

__all__ = ["app", "main"]

app = domain_app("singlecell", "Remove the batch from single-cell data, keep the biology, and prove both.")
command(
    app,
    "check",
    "advsci_singlecell.config:Check",
    "advsci_singlecell.commands.check:run",
    plan="advsci_singlecell.commands.check:plan",
    positional=("file",),
)
command(
    app,
    "correct",
    "advsci_singlecell.config:Correct",
    "advsci_singlecell.commands.correct:run",
    plan="advsci_singlecell.commands.correct:plan",
    positional=("file", "output"),
)
command(
    app,
    "evaluate",
    "advsci_singlecell.config:Evaluate",
    "advsci_singlecell.commands.evaluate:run",
    plan="advsci_singlecell.commands.evaluate:plan",
    positional=("file",),
)
command(
    app,
    "map",
    "advsci_singlecell.config:Map",
    "advsci_singlecell.commands.map:run",
    plan="advsci_singlecell.commands.map:plan",
    positional=("model", "reference", "file"),
)
command(
    app,
    "compare",
    "advsci_singlecell.config:Compare",
    "advsci_singlecell.commands.compare:run",
    plan="advsci_singlecell.commands.compare:plan",
    positional=("file",),
)
command(
    app,
    "report",
    "advsci_singlecell.config:WriteReport",
    "advsci_singlecell.commands.report:run",
    plan="advsci_singlecell.commands.report:plan",
    positional=("file",),
)


def main() -> int:
    """Run the script with the process's arguments.

    Returns
    -------
    int
        The exit status.
    """
    return run_app(app)
