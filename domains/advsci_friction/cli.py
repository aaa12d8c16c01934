"""The script ``advsci-friction``."""

from advsci.cli import command, domain_app, run_app

__all__ = ["app", "main"]

_COMMANDS = "advsci_friction.commands"

app = domain_app("friction", "Design nanotextures for a wanted coefficient of friction, taught by contact mechanics.")
command(
    app,
    "solve",
    "advsci_friction.config:Solve",
    f"{_COMMANDS}.solve:run",
    plan=f"{_COMMANDS}.solve:plan",
    positional=("file",),
)
command(app, "train", "advsci_friction.config:Train", f"{_COMMANDS}.train:run", plan=f"{_COMMANDS}.train:plan")
command(app, "design", "advsci_friction.config:Design", f"{_COMMANDS}.design:run", plan=f"{_COMMANDS}.design:plan")
command(
    app,
    "design-sliding",
    "advsci_friction.config:DesignSliding",
    f"{_COMMANDS}.design_sliding:run",
    plan=f"{_COMMANDS}.design_sliding:plan",
)
command(
    app,
    "evaluate",
    "advsci_friction.config:Evaluate",
    f"{_COMMANDS}.evaluate:run",
    plan=f"{_COMMANDS}.evaluate:plan",
    positional=("designs",),
)
command(
    app,
    "report",
    "advsci_friction.config:WriteReport",
    f"{_COMMANDS}.report:run",
    plan=f"{_COMMANDS}.report:plan",
    positional=("designs",),
)
command(
    app,
    "stick-slip",
    "advsci_friction.config:StickSlip",
    f"{_COMMANDS}.stick_slip:run",
    plan=f"{_COMMANDS}.stick_slip:plan",
)
command(
    app,
    "hysteresis",
    "advsci_friction.config:Hysteresis",
    f"{_COMMANDS}.hysteresis:run",
    plan=f"{_COMMANDS}.hysteresis:plan",
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
