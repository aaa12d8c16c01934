"""The script ``advsci-circuits``."""

from advsci.cli import command, domain_app, run_app
from advsci_circuits.config import Complete, Design, Evaluate, Export, Generate, ReportConfig, Simulate, Train

__all__ = ["app", "main"]

app = domain_app("circuits", "Propose gene-regulatory circuits that work: generate, simulate, rank, export.")
command(app, "train", Train, "advsci_circuits.train:run", plan="advsci_circuits.train:plan")
command(app, "generate", Generate, "advsci_circuits.commands:run_generate")
command(app, "complete", Complete, "advsci_circuits.commands:run_complete", positional=("file",))
command(app, "design", Design, "advsci_circuits.commands:run_design")
command(app, "simulate", Simulate, "advsci_circuits.commands:run_simulate", positional=("file",))
command(app, "evaluate", Evaluate, "advsci_circuits.commands:run_evaluate")
command(app, "export", Export, "advsci_circuits.commands:run_export", positional=("file", "to"))
command(app, "report", ReportConfig, "advsci_circuits.commands:run_report", positional=("file",))


def main() -> int:
    """Run the script with the process's arguments."""
    return run_app(app)
