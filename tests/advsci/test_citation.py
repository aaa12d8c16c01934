"""Docstrings and bibliography hold together, and a citation names what was used and nothing else."""

import re
from pathlib import Path

import pytest

from advsci import GAN, Trainer
from advsci.citation import citation, identifiers, references
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.objectives import Wasserstein
from advsci.penalties import WGANGP
from advsci.solvers import Extragradient, Lookahead, Simultaneous
from advsci.streams import Stream

ROOT = Path(__file__).parents[2]
SOURCES = [p for name in ("advsci", "domains", "datasets") for p in sorted((ROOT / name).rglob("*.py"))]


def cited() -> dict[str, str]:
    """Identifier -> a file that names it."""
    found = {}
    for path in SOURCES:
        text = path.read_text()
        for number in identifiers(text):
            if number.startswith("10.") or re.search(rf"arXiv[^.]{{0,40}}{re.escape(number)}|arXiv {number}", text):
                found[number.rstrip(")") if number.count("(") < number.count(")") else number] = path.name
    return found


UNCHECKED = {"1701.08001", "1701.08013"}
"""Preprints whose titles could not be looked up."""


def test_every_work_that_is_cited_is_in_the_bibliography():
    missing = {n: where for n, where in cited().items() if n not in references() and n not in UNCHECKED}
    assert not missing, missing


def test_every_work_of_the_bibliography_is_cited():
    text = "".join(path.read_text() for path in SOURCES)
    assert [number for number in references() if number not in text] == []
    entries = (ROOT / "advsci" / "references.bib").read_text().count("\n@")
    assert entries == len(references()) == len({key for key, _ in references().values()})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(Sedghi et al. 2019, arXiv 1805.10408).", ["1805.10408"]),
        ("1999, doi 10.1016/S0043-1648(99)00113-1)", ["10.1016/S0043-1648(99)00113-1"]),
        ("https://doi.org/10.1137/0204007).", ["10.1137/0204007"]),
        ("a step of 1234.5 and version 0.1.0", []),
    ],
)
def test_identifiers_in_words(text, found):
    assert identifiers(text) == found


def keys(*used) -> set[str]:
    return set(re.findall(r"^@\w+\{(\w+),", citation(*used), re.MULTILINE)) - {"advsci"}


def test_a_training_is_cited_by_its_parts():
    game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), objective=Wasserstein(), penalties=(WGANGP(),))
    solver = Lookahead(Extragradient())
    training = Trainer(1, 8, quiet=True, device="cpu").fit(game, Stream(0).normal((16, 2)), solver)
    found = keys(training)
    assert {"Goodfellow2014", "Arjovsky2017b", "Gulrajani2017", "Chavdarova2021", "Gidel2019"} <= found
    assert "Metz2017" not in found and "Korsunsky2019" not in found
    assert not {"Gidel2019", "Chavdarova2021"} & keys(Simultaneous())


def test_a_class_alone_and_nothing_of_others():
    assert keys(Extragradient) == {"Gidel2019"}
    assert keys(3, "words", [None]) == set()
