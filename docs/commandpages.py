"""Pages of the reference written from the code: all commands (``scripts.md``) and all data cards (``cards.md``)."""

import re
from pathlib import Path
from typing import Any, get_args, get_origin

import advsci.commands
import advsci_circuits.cli
import advsci_friction.cli
import advsci_images.cli
import advsci_inverse.cli
import advsci_singlecell.cli
from advsci.cli import COMMANDS, resolve
from advsci.config import dotted, leaves
from advsci_datasets import datasets

SCRIPTS = {
    "advsci": advsci.commands,
    "advsci-singlecell": advsci_singlecell.cli,
    "advsci-inverse": advsci_inverse.cli,
    "advsci-circuits": advsci_circuits.cli,
    "advsci-friction": advsci_friction.cli,
    "advsci-images": advsci_images.cli,
}
HEAD = """# Scripts and their options

One table per command, made from the schema that Python, a TOML file and the command line read alike.
Every command also takes `--config FILE.toml`, `--print-config`, `--dry-run`, `--json` and `--quiet`. What all
commands do with folders, signals and errors stands in [Adding a command](../commands.md).
"""


def script_of(name: str) -> str:
    """Name of the script of a command."""
    return f"advsci-{name.partition('-')[0]}" if f"advsci-{name.partition('-')[0]}" in SCRIPTS else "advsci"


def kind(annotation: Any) -> str:
    """A type in words."""
    if annotation is type(None):
        return ""
    if get_args(annotation):
        parts = [part for part in (kind(a) for a in get_args(annotation) if a is not ...) if part]
        if "Literal" in str(get_origin(annotation)):
            return ", ".join(f"`{a}`" for a in get_args(annotation))
        return ("list of " if get_origin(annotation) in (list, tuple) else "") + " or ".join(dict.fromkeys(parts))
    return {"Path": "path", "str": "text", "int": "whole number", "float": "number", "bool": "yes or no"}.get(
        getattr(annotation, "__name__", str(annotation)), getattr(annotation, "__name__", f"{annotation!r}")
    )


def cell(text: object) -> str:
    """Text that a cell of a table can hold."""
    return re.sub(r"\s+", " ", str(text)).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def write_cards(folder: Path) -> None:
    """Write the cards of all registered data sets into the ``reference`` of a folder of documents."""
    cards = [entry.card().replace("# ", "## ", 1) for _, entry in sorted(datasets().items())]
    head = "# Data cards\n\nOne card per registered data set; `advsci datasets card NAME` prints it.\n\n"
    (folder / "reference" / "cards.md").write_text(head + "\n".join(cards), encoding="utf-8")


def write(folder: Path) -> None:
    """Write the page of all commands into the ``reference`` of a folder of documents."""
    lines = [HEAD]
    for script in SCRIPTS:
        lines.append(f"## {script}\n")
        for command in COMMANDS.values():
            if script_of(command.name) != script:
                continue
            schema: Any = resolve(command.schema) if isinstance(command.schema, str) else command.schema
            verb = command.name.removeprefix(f"{script.removeprefix('advsci-')}-")
            text = re.sub(r"^Example: (.+)$", r"```bash\n\1\n```", command.help, flags=re.MULTILINE)
            lines.append(f"### {script} {verb.replace('datasets-', 'datasets ')}\n\n{text}\n")
            fields = dict(leaves(schema))
            if fields:
                lines.append("| option | value | default | |\n|---|---|---|---|")
            for key, field in fields.items():
                name = dotted(key)
                option = f"`{name.upper()}` or " if name in command.positional else ""
                default = "required" if field.is_required() else field.get_default(call_default_factory=True)
                shown = "" if default is None or default in ("", [], ()) else default
                words = (kind(field.annotation), shown, field.description or "")
                lines.append(f"| {option}`--{name.replace('_', '-')}` | " + " | ".join(map(cell, words)) + " |")
            lines.append("")
    (folder / "reference" / "scripts.md").write_text("\n".join(lines), encoding="utf-8")
