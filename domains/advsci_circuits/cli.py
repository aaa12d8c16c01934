"""The script ``advsci-circuits``."""

from advsci.cli import command, domain_app, run_app
from advsci_circuits.config import Complete, Design, Evaluate, Export, Generate, Simulate, Train, WriteReport

__all__ = ["app", "main"]

app = domain_app("circuits", "Propose gene-regulatory circuits that work: generate, simulate, rank, export.")
command(app, "train", Train, "advsci_circuits.commands.train:run", plan="advsci_circuits.commands.train:plan")
command(
    app, "generate", Generate, "advsci_circuits.commands.generate:run", plan="advsci_circuits.commands.generate:plan"
)
command(
    app,
    "complete",
    Complete,
    "advsci_circuits.commands.complete:run",
    plan="advsci_circuits.commands.complete:plan",
    positional=("file",),
)
command(app, "design", Design, "advsci_circuits.commands.design:run", plan="advsci_circuits.commands.design:plan")
command(
    app,
    "simulate",
    Simulate,
    "advsci_circuits.commands.simulate:run",
    plan="advsci_circuits.commands.simulate:plan",
    positional=("file",),
)
command(
    app, "evaluate", Evaluate, "advsci_circuits.commands.evaluate:run", plan="advsci_circuits.commands.evaluate:plan"
)
command(
    app,
    "export",
    Export,
    "advsci_circuits.commands.export:run",
    plan="advsci_circuits.commands.export:plan",
    positional=("file", "to"),
)
command(
    app,
    "report",
    WriteReport,
    "advsci_circuits.commands.report:run",
    plan="advsci_circuits.commands.report:plan",
    positional=("file",),
)


def main() -> int:
    """Run the script with the process's arguments."""
    return run_app(app)
