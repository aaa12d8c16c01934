"""The script ``advsci-circuits``."""

from advsci.cli import command, domain_app, run_app

__all__ = ["app", "main"]

app = domain_app("circuits", "Propose gene-regulatory circuits that work: generate, simulate, rank, export.")
command(
    app,
    "train",
    "advsci_circuits.config:Train",
    "advsci_circuits.commands.train:run",
    plan="advsci_circuits.commands.train:plan",
)
command(
    app,
    "generate",
    "advsci_circuits.config:Generate",
    "advsci_circuits.commands.generate:run",
    plan="advsci_circuits.commands.generate:plan",
)
command(
    app,
    "complete",
    "advsci_circuits.config:Complete",
    "advsci_circuits.commands.complete:run",
    plan="advsci_circuits.commands.complete:plan",
    positional=("file",),
)
command(
    app,
    "design",
    "advsci_circuits.config:Design",
    "advsci_circuits.commands.design:run",
    plan="advsci_circuits.commands.design:plan",
)
command(
    app,
    "simulate",
    "advsci_circuits.config:Simulate",
    "advsci_circuits.commands.simulate:run",
    plan="advsci_circuits.commands.simulate:plan",
    positional=("file",),
)
command(
    app,
    "evaluate",
    "advsci_circuits.config:Evaluate",
    "advsci_circuits.commands.evaluate:run",
    plan="advsci_circuits.commands.evaluate:plan",
)
command(
    app,
    "export",
    "advsci_circuits.config:Export",
    "advsci_circuits.commands.export:run",
    plan="advsci_circuits.commands.export:plan",
    positional=("file", "to"),
)
command(
    app,
    "report",
    "advsci_circuits.config:WriteReport",
    "advsci_circuits.commands.report:run",
    plan="advsci_circuits.commands.report:plan",
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
