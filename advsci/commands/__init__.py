"""The script ``advsci``: what concerns the whole house. Each domain has its own script (``advsci-inverse``, ...)."""

from advsci.cli import command, domain_app, group, run_app
from advsci.commands.ablate import Ablate
from advsci.commands.datasets import Fetch, List, Verify
from advsci.commands.demo import Demo
from advsci.commands.diagnose import Diagnose
from advsci.commands.doctor import Doctor
from advsci.commands.reproduce import Reproduce

__all__ = ["app", "main"]

app = domain_app("", "Adversarial learning for science.")
command(app, "demo", Demo, "advsci.commands.demo:run")
command(app, "ablate", Ablate, "advsci.commands.ablate:run", positional=("folder",))
command(app, "diagnose", Diagnose, "advsci.commands.diagnose:run", positional=("folder",))
command(app, "doctor", Doctor, "advsci.commands.doctor:run")
command(
    app,
    "reproduce",
    Reproduce,
    "advsci.commands.reproduce:run",
    plan="advsci.commands.reproduce:plan",
    positional=("name",),
)

data = group(app, "datasets", "Registered data sets: list, fetch, verify.")
command(data, "list", List, "advsci.commands.datasets:list_")
command(data, "fetch", Fetch, "advsci.commands.datasets:fetch", positional=("name",))
command(data, "verify", Verify, "advsci.commands.datasets:verify", positional=("name",))


def main() -> int:
    """Run ``advsci`` with the process's arguments."""
    return run_app(app)
