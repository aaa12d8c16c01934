"""What ``paper.toml`` says: the published cells, where they were read, and how we measure them again."""

import difflib
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from advsci.config import Config, load_config
from advsci.errors import ConfigError

__all__ = ["Cell", "Effort", "Paper", "Seeds", "papers", "read_paper"]

Effort = Literal["quick", "full"]


class Cell(Config):
    """One published number, statement or bound, and what counts as the same.

    Exactly one kind of expectation is given: a number with a ``tolerance``, a ``published`` of true or false, or a
    bound (``least``, ``most``) that a published statement in words puts on what is measured.

    Examples
    --------
    >>> cell = Cell(name="modes", row="GAN", column="modes", published=17.3, error=0.8, tolerance=1.6)
    >>> cell.expects(18.0), cell.expects(25.0)
    (True, False)
    """

    name: str = Field(description="Name of the measurement, as the steps write it.")
    row: str = Field(description="Row of the published table: a method, a case.")
    column: str = Field(description="Column of the published table: a quantity, with its unit.")
    published: bool | float | str | None = Field(default=None, description="As printed; words with a bound.")
    error: float | None = Field(default=None, ge=0, description="Published standard error.")
    tolerance: float | None = Field(default=None, ge=0, description="Largest difference that counts as reproduced.")
    relative: bool = Field(default=False, description="Whether the tolerance is a share of the published number.")
    least: float | None = Field(default=None, description="The statement holds from this value on.")
    most: float | None = Field(default=None, description="The statement holds up to this value.")
    control: Literal["", "positive", "negative"] = Field(
        default="", description="positive: known to work; negative: known to fail, and must fail here."
    )
    needs: str = Field(default="", description="Registered data set without which the cell cannot be measured.")
    effort: Effort = Field(default="quick", description="full: left out of the quick form.")
    read: str = Field(default="", description="Where the number was read, if elsewhere than the paper's other ones.")
    reason: str = Field(default="", description="Why ours deviates, where it does.")

    @model_validator(mode="after")
    def _one_expectation(self) -> "Cell":
        bound = self.least is not None or self.most is not None
        number = isinstance(self.published, float) and self.tolerance is not None
        truth = isinstance(self.published, bool)
        if bound + number + truth != 1 or (self.tolerance is not None and not number):
            raise ValueError(
                f"got cell '{self.name}' with published {self.published!r}, tolerance {self.tolerance}, bounds "
                f"{self.least} to {self.most}; expected a number with a tolerance, true or false, or a bound. Try: "
                "least or most for a statement in words."
            )
        return self

    def expects(self, value: float) -> bool:
        """Whether a measured value agrees with what was published.

        Parameters
        ----------
        value
            The mean over seeds, in the unit of the column; 1 or 0 for true or false.

        Returns
        -------
        bool
            False for a value that is not a number.
        """
        if isinstance(self.published, bool):
            return value == float(self.published)
        if self.tolerance is not None and isinstance(self.published, float):
            scale = abs(self.published) if self.relative else 1.0
            return abs(value - self.published) <= self.tolerance * scale
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


class Seeds(Config):
    """The seeds of each form; steps without randomness run once, with the first."""

    quick: list[int] = Field(default=[0], min_length=1, description="Seeds of --quick.")
    full: list[int] = Field(default=[0], min_length=1, description="Seeds of --full.")


class Paper(Config):
    """The content of ``paper.toml``."""

    folder: Path = Field(description="Folder that holds paper.toml.")
    title: str = Field(description="Title of the paper.")
    citation: str = Field(description="Authors, year, where it was published.")
    identifier: str = Field(description="DOI or arXiv number.")
    shows: str = Field(description="Which table, figure or statement is printed again.")
    read: str = Field(description="Where the published numbers were read.")
    protocol: str = Field(description="What is measured, and how.")
    deviations: list[str] = Field(default=[], description="Where our protocol differs from the published one.")
    left_out: list[str] = Field(default=[], description="What is not printed again, and why.")
    seeds: Seeds = Seeds()
    data: list[str] = Field(default=[], description="Registered data sets that the steps read.")
    cells: list[Cell] = Field(min_length=1, description="The published cells.")

    @model_validator(mode="after")
    def _names_and_controls(self) -> "Paper":
        names = [cell.name for cell in self.cells]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"got the cell {twice[0]!r} twice; expected each name once. Try: another name.")
        absent = {"positive", "negative"} - {cell.control for cell in self.cells}
        if absent:
            raise ValueError(
                f"got no {' and no '.join(sorted(absent))} control; expected one of each. Try: mark a cell with "
                "control = 'positive' that must hold, and one with control = 'negative' that must fail."
            )
        foreign = sorted({cell.needs for cell in self.cells} - {"", *self.data})
        if foreign:
            raise ValueError(f"got a cell that needs {foreign[0]!r}; expected one of data. Try: add it to data.")
        return self

    @property
    def name(self) -> str:
        """What the user types: the folder's name, with hyphens."""
        return self.folder.name.replace("_", "-")

    @property
    def package(self) -> str:
        """The package whose paper it is, as ``advsci_inverse``."""
        return self.folder.parent.parent.name


def papers() -> dict[str, Path]:
    """Every paper's folder by name: the core's, and those of each package with parts.

    Returns
    -------
    dict
        Sorted by name; nothing but the folders' names is read.

    Examples
    --------
    >>> "dirac" in papers()
    True
    """
    registered = {entry.value.partition(".")[0].partition(":")[0] for entry in entry_points(group="advsci.parts")}
    found = {}
    for package in {"advsci", *registered}:
        spec = find_spec(package)
        for root in (spec.submodule_search_locations or []) if spec else []:
            for file in Path(root).glob("papers/*/paper.toml"):
                found[file.parent.name.replace("_", "-")] = file.parent
    return dict(sorted(found.items()))


def read_paper(name: str) -> Paper:
    """The paper of this name.

    Parameters
    ----------
    name
        One of `papers`.

    Returns
    -------
    Paper
        Its ``paper.toml``, checked.

    Raises
    ------
    ConfigError
        There is no such paper, or its file does not fit the schema.

    Examples
    --------
    >>> read_paper("dirac").identifier
    'arXiv:1801.04406'
    """
    found = papers()
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1)
        raise ConfigError(
            f"name: got {name!r}; expected one of {', '.join(found)}, all. Try: "
            f"{near[0] if near else 'advsci reproduce --list'}."
        )
    return load_config(Paper, found[name] / "paper.toml", {"folder": found[name]})
