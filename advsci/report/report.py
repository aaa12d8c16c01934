"""The report of a run: one HTML file that opens anywhere, offline, and runs no code."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import advsci
from advsci.errors import ConfigError, DataError
from advsci.files.writing import write_whole
from advsci.report.figure import Picture, fit_pictures, picture
from advsci.report.reproduction import reproduction_section
from advsci.report.table import LEVELS, Level, Verdict, number, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SIZE_LIMIT", "Report"]

SIZE_LIMIT = 1_000_000
"""Bytes that a written page does not exceed."""


@dataclass
class _Block:
    kind: str
    content: Any
    number: int = 0
    caption: str = ""
    alt: str = ""
    level: str = ""


@dataclass
class _Section:
    title: str
    anchor: str
    depth: int = 1
    blocks: list[_Block] = field(default_factory=list)


@dataclass(frozen=True)
class _Card:
    label: str
    value: str
    verdict: Verdict | None
    note: str


class Report:
    """A page built from top to bottom; every method returns the report, so that calls chain.

    Every text is escaped (`` `code` `` in backticks is the only markup), pictures are embedded, and the page forbids
    itself to load or run anything. Light or dark follows the reader's system.

    Parameters
    ----------
    title
        Heading of the page.
    subtitle
        One line under it.

    Examples
    --------
    >>> from advsci.report import Report, Verdict
    >>> report = Report("Ring of Gaussians").card("Modes", 8, verdict=Verdict("good", "all found"))
    >>> report = report.section("Samples").text("Drawn from the averaged generator.")
    >>> "all found" in report.html()
    True
    """

    def __init__(self, title: str, subtitle: str = ""):
        self.title = title
        self.subtitle = subtitle
        self._cards: list[_Card] = []
        self._sections: list[_Section] = []
        self._figures = 0
        self._tables = 0
        self._ended = False

    def card(self, label: str, value: Any, *, verdict: Verdict | Level | None = None, note: str = "") -> "Report":
        """A figure for the summary at the top, with an optional verdict in a word and a line of explanation.

        Parameters
        ----------
        label
            What the figure says.
        value
            The value.
        note
            A line below it.
        """
        if isinstance(verdict, str):
            verdict = Verdict(verdict)
        self._cards.append(_Card(label, number(value), verdict, note))
        return self

    def section(self, title: str, text: str = "") -> "Report":
        """Begin a section; it stands in the table of contents.

        Parameters
        ----------
        title
            The heading.
        text
            The words.

        Returns
        -------
        Report
            The report itself, so that calls can be chained.
        """
        return self._begin(title, 1, text)

    def subsection(self, title: str, text: str = "") -> "Report":
        """Begin a section one level down.

        Parameters
        ----------
        title
            The heading.
        text
            The words.

        Returns
        -------
        Report
            The report itself, so that calls can be chained.
        """
        return self._begin(title, 2, text)

    def text(self, text: str) -> "Report":
        """Paragraphs, parted by blank lines.

        Parameters
        ----------
        text
            The words.
        """
        return self._add(_Block("text", _paragraphs(text)))

    def bullets(self, items: Iterable[str]) -> "Report":
        """A list of points.

        Parameters
        ----------
        items
            The points.
        """
        return self._add(_Block("bullets", [_spans(item) for item in items]))

    def note(self, text: str, level: Level = "info") -> "Report":
        """A boxed remark: ``"info"``, ``"good"``, ``"watch"`` or ``"bad"``.

        Parameters
        ----------
        text
            The words.
        level
            How grave it is.

        Raises
        ------
        ConfigError
            The level is unknown.
        """
        if level not in LEVELS:
            raise ConfigError(f"got note level {level!r}; expected one of {', '.join(LEVELS)}. Try: 'info'.")
        return self._add(_Block("note", _paragraphs(text), level=level))

    def figure(self, figure: "Figure", caption: str = "", *, alt: str = "") -> "Report":
        """A matplotlib figure, encoded at once; ``alt`` describes it to who cannot see it (the caption by default)."""
        self._figures += 1
        content = picture(figure, f"f{self._figures}")
        return self._add(_Block("figure", content, self._figures, caption, alt or caption or f"Figure {self._figures}"))

    def table(
        self,
        rows: Any,
        columns: Sequence[str] | None = None,
        *,
        caption: str = "",
        best: Mapping[str, Literal["lower", "higher"]] | None = None,
        digits: int = 4,
    ) -> "Report":
        """A table; see `advsci.report.table.table` for what ``rows`` may be.

        Parameters
        ----------
        columns
            Which columns, in which order; None: all.
        caption
            A sentence below.
        best
            Column to ``"higher"`` or ``"lower"``: its best entries are marked.
        digits
            Significant digits.
        """
        content = table(rows, columns, caption=caption, best=best, digits=digits)
        self._tables += 1
        return self._add(_Block("table", content, self._tables))

    def details(self, title: str, content: Mapping[str, Any] | str) -> "Report":
        """Settings or text that stay folded until asked for; nested mappings are listed with dotted keys.

        Parameters
        ----------
        title
            The heading.
        content
            A text or a mapping.
        """
        if isinstance(content, str):
            return self._add(_Block("text_details", content, caption=title))
        return self._add(_Block("details", list(_flat(content)), caption=title))

    def html(self) -> str:
        """The page.

        Raises
        ------
        DataError
            If it does not fit into `SIZE_LIMIT` bytes even with the smallest pictures.
        """
        pictures: list[Picture] = [b.content for s in self._sections for b in s.blocks if b.kind == "figure"]
        made = datetime.now(UTC)
        frame = self._render(made, hollow=True)
        room = SIZE_LIMIT - len(frame.encode()) - 100 * len(pictures)
        if room < 0:
            raise DataError(
                f"got {SIZE_LIMIT - room:,} bytes of text and tables; expected less than {SIZE_LIMIT:,}. "
                "Try: shorter tables, or a second report."
            )
        fit_pictures(pictures, room)
        return self._render(made, hollow=False)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page; an older one is replaced only by a complete new one.

        A page in the folder of a run ends with what is needed to run it again (`advsci.report.reproduction`).

        Parameters
        ----------
        path
            Where the file lies.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        CheckpointError
            It cannot be written.
        """
        if not self._ended:
            self._ended = True
            reproduction_section(self, Path(path).parent)
        return write_whole(Path(path), self.html())

    def _begin(self, title: str, depth: int, text: str) -> "Report":
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        taken = {section.anchor for section in self._sections}
        anchor = slug if slug not in taken else f"{slug}-{len(self._sections) + 1}"
        self._sections.append(_Section(title, anchor, depth))
        return self.text(text) if text else self

    def _add(self, block: _Block) -> "Report":
        if not self._sections:
            self._sections.append(_Section("", "top"))
        self._sections[-1].blocks.append(block)
        return self

    def _render(self, made: datetime, hollow: bool) -> str:
        from jinja2 import Environment, PackageLoader, StrictUndefined

        environment = Environment(
            loader=PackageLoader("advsci.report", "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template("page.html.j2").render(
            title=self.title,
            subtitle=self.subtitle,
            cards=self._cards,
            sections=self._sections,
            hollow=hollow,
            made=f"{made:%Y-%m-%d %H:%M} UTC",
            version=advsci.__version__,
        )


def _paragraphs(text: str) -> list[list[tuple[str, bool]]]:
    return [_spans(part) for part in re.split(r"\n\s*\n", text.strip()) if part]


def _spans(text: str) -> list[tuple[str, bool]]:
    """Pieces of a text and whether each is code: what stands between backticks."""
    return [(piece, i % 2 == 1) for i, piece in enumerate(text.split("`")) if piece]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
