"""The script ``advsci``: what concerns the whole house. Each domain has its own script (``advsci-inverse``, ...)."""

from advsci.cli import command, domain_app, group, run_app

__all__ = ["app", "main"]

app = domain_app("", "Adversarial learning for science.")
command(app, "demo", "advsci.commands.demo:Demo", "advsci.commands.demo:run")
command(app, "ablate", "advsci.commands.ablate:Ablate", "advsci.commands.ablate:run", positional=("folder",))
command(app, "sweep", "advsci.commands.sweep:Sweep", "advsci.commands.sweep:run", positional=("command",))
command(app, "diagnose", "advsci.commands.diagnose:Diagnose", "advsci.commands.diagnose:run", positional=("folder",))
command(app, "export", "advsci.commands.export:Export", "advsci.commands.export:run", positional=("folder",))
command(app, "doctor", "advsci.commands.doctor:Doctor", "advsci.commands.doctor:run")
command(
    app,
    "reproduce",
    "advsci.commands.reproduce:Reproduce",
    "advsci.commands.reproduce:run",
    plan="advsci.commands.reproduce:plan",
    positional=("name",),
)

data = group(app, "datasets", "Registered data sets: list, fetch, card, verify.")
command(data, "list", "advsci.commands.datasets:List", "advsci.commands.datasets:list_")
command(data, "fetch", "advsci.commands.datasets:Fetch", "advsci.commands.datasets:fetch", positional=("name",))
command(data, "card", "advsci.commands.datasets:Card", "advsci.commands.datasets:card", positional=("name",))
command(data, "verify", "advsci.commands.datasets:Verify", "advsci.commands.datasets:verify", positional=("name",))


def main() -> int:
    """Run ``advsci`` with the process's arguments.

    Returns
    -------
    int
        The exit status.
    """
    return run_app(app)
