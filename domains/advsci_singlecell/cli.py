"""The script ``advsci-singlecell``."""

from advsci.cli import command, domain_app, run_app
from advsci_singlecell.config import Check, Compare, Correct, Evaluate, Map, WriteReport

__all__ = ["app", "main"]

app = domain_app("singlecell", "Remove the batch from single-cell data, keep the biology, and prove both.")
command(
    app,
    "check",
    Check,
    "advsci_singlecell.commands.check:run",
    plan="advsci_singlecell.commands.check:plan",
    positional=("file",),
)
command(
    app,
    "correct",
    Correct,
    "advsci_singlecell.commands.correct:run",
    plan="advsci_singlecell.commands.correct:plan",
    positional=("file", "output"),
)
command(
    app,
    "evaluate",
    Evaluate,
    "advsci_singlecell.commands.evaluate:run",
    plan="advsci_singlecell.commands.evaluate:plan",
    positional=("file",),
)
command(
    app,
    "map",
    Map,
    "advsci_singlecell.commands.map:run",
    plan="advsci_singlecell.commands.map:plan",
    positional=("model", "reference", "file"),
)
command(
    app,
    "compare",
    Compare,
    "advsci_singlecell.commands.compare:run",
    plan="advsci_singlecell.commands.compare:plan",
    positional=("file",),
)
command(
    app,
    "report",
    WriteReport,
    "advsci_singlecell.commands.report:run",
    plan="advsci_singlecell.commands.report:plan",
    positional=("file",),
)


def main() -> int:
    """Run the script with the process's arguments."""
    return run_app(app)
