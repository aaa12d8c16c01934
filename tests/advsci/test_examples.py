"""Every command's help ends in an example, and every example is one that its command understands."""

import re
import shlex

import pytest

import advsci.commands
import advsci_circuits.cli
import advsci_friction.cli
import advsci_images.cli
import advsci_inverse.cli
import advsci_singlecell.cli
from advsci.cli import COMMANDS, run_app

APPS = {
    module.app.name[0]: module.app
    for module in (
        advsci.commands, advsci_circuits.cli, advsci_friction.cli, advsci_images.cli, advsci_inverse.cli,
        advsci_singlecell.cli,
    )
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_the_example_of_a_command_is_understood(command, capsys):
    found = re.search(r"^Example: (\S+ .+)$", command.help, re.MULTILINE)
    assert found, command.help
    script, *words = shlex.split(found[1])
    verb = command.name.split("-", 1)[1] if script != "advsci" or words[0] != "datasets" else words[1]
    assert verb in words[:2], (command.name, words)
    assert run_app(APPS[script], [*words, "--print-config"]) == 0, capsys.readouterr().err
