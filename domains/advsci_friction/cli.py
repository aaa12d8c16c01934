"""The script ``advsci-friction``."""

from advsci.cli import command, domain_app, run_app
from advsci_friction.config import Design, Evaluate, Hysteresis, Solve, StickSlip, Train, WriteReport

__all__ = ["app", "main"]

_COMMANDS = "advsci_friction.commands"

app = domain_app("friction", "Design nanotextures for a wanted coefficient of friction, taught by contact mechanics.")
command(app, "solve", Solve, f"{_COMMANDS}.solve:run", plan=f"{_COMMANDS}.solve:plan", positional=("file",))
command(app, "train", Train, f"{_COMMANDS}.train:run", plan=f"{_COMMANDS}.train:plan")
command(app, "design", Design, f"{_COMMANDS}.design:run", plan=f"{_COMMANDS}.design:plan")
command(
    app, "evaluate", Evaluate, f"{_COMMANDS}.evaluate:run", plan=f"{_COMMANDS}.evaluate:plan", positional=("designs",)
)
command(app, "report", WriteReport, f"{_COMMANDS}.report:run", plan=f"{_COMMANDS}.report:plan", positional=("designs",))
command(app, "stick-slip", StickSlip, f"{_COMMANDS}.stick_slip:run", plan=f"{_COMMANDS}.stick_slip:plan")
command(
    app,
    "hysteresis",
    Hysteresis,
    f"{_COMMANDS}.hysteresis:run",
    plan=f"{_COMMANDS}.hysteresis:plan",
    positional=("file",),
)


def main() -> int:
    """Run the script with the process's arguments."""
    return run_app(app)
