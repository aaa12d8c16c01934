"""No damaged file ends in a raw exception, a crash or a hang; `make fuzz` damages four hundred of each format."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from campaign import campaign
from mutations import mutated
from readers import READERS

for package in (
    "anndata",
    "antimony",
    "libsbml",
    "nibabel",
    "networkx",
    "pydicom",
    "sbol3",
    "SurfaceTopography",
    "tifffile",
):
    pytest.importorskip(package)


def test_damage_is_a_pure_function_of_its_seed_and_damages():
    content = bytes(range(200))
    assert all(mutated(content, seed) == mutated(content, seed) for seed in range(50))
    assert sum(mutated(content, seed) != content for seed in range(50)) > 45
    assert len({mutated(content, seed) for seed in range(50)}) > 45


def test_damaged_files_of_every_format_are_read_or_refused_by_name():
    wrong = {
        name: row
        for name, row in campaign(list(READERS), 12).items()
        if set(row) - {"read", "named", "examples"} or row.get("read", 0) + row.get("named", 0) != 12
    }
    assert not wrong
