"""The script ``advsci``: what concerns the whole house. Each domain has its own script (``advsci-inverse``, ...)."""

from advsci.cli import command, domain_app, run_app
from advsci.commands.doctor import Doctor

__all__ = ["app", "main"]

app = domain_app("", "Adversarial learning for science.")
command(app, "doctor", Doctor, "advsci.commands.doctor:run")


def main() -> int:
    """Run ``advsci`` with the process's arguments."""
    return run_app(app)
