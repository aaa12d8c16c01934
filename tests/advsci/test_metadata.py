"""What archives and reference managers read of the package agrees with what it is built from."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# the keys of the Citation File Format 1.2.0, https://doi.org/10.5281/zenodo.5171937, section "Valid keys"
KEYS = set(
    """abstract authors cff-version commit contact date-released doi identifiers keywords license license-url message
    preferred-citation references repository repository-artifact repository-code title type url version""".split()
)


def test_codemeta_says_what_pyproject_says():
    found = json.loads((ROOT / "codemeta.json").read_text())
    assert found["@context"] == "https://w3id.org/codemeta/3.0" and found["type"] == "SoftwareSourceCode"
    assert {key: found[key] for key in ("name", "description", "version", "keywords", "readme")} == {
        key: PROJECT[key] for key in ("name", "description", "version", "keywords", "readme")
    }
    assert found["license"] == f"https://spdx.org/licenses/{PROJECT['license']}"
    assert found["runtimePlatform"] == f"Python {PROJECT['requires-python']}"
    assert [author["name"] for author in found["author"]] == [author["name"] for author in PROJECT["authors"]]
    assert found["softwareRequirements"] == [Requirement(line).name for line in PROJECT["dependencies"]]


def test_the_citation_file_is_valid_and_of_this_version():
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert set(found) <= KEYS and {"authors", "cff-version", "message", "title"} <= set(found)
    assert found["cff-version"] == "1.2.0" and found["type"] in ("software", "dataset")
    assert all(set(author) & {"name", "family-names", "given-names", "alias"} for author in found["authors"])
    assert all(re.fullmatch(r"10\.\d{4,9}(\.\d+)?/\S+", found[key]) for key in ("doi",) if key in found)
    assert found["version"] == PROJECT["version"] and found["license"] == PROJECT["license"]
    assert [author["name"] for author in found["authors"]] == [author["name"] for author in PROJECT["authors"]]
