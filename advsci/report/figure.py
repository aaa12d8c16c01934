"""Figures for an offline page: SVG where that is small, PNG otherwise, and fewer pixels where the page would be too
large.
"""

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from advsci.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Picture", "fit_pictures", "picture", "style"]

PALETTE = ("#3b7dd8", "#e0731d", "#2a9d6f", "#c2417c", "#8a63d2", "#b58900", "#1a9bb0", "#7a7f87")
"""Line colours told apart by colour-blind readers, readable on white and on near-black."""

SVG_LIMIT = 60_000
"""An SVG up to this many bytes stays an SVG even where its PNG is smaller: text stays text."""

DPI, LEAST_DPI = 160, 36


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib settings of the report's own figures: ``with style(): fig = Figure(); ...``."""
    import matplotlib
    from cycler import cycler

    with matplotlib.rc_context(
        {
            "font.family": "sans-serif",
            "font.size": 9.5,
            "axes.titlesize": 10.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 9.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.8,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=PALETTE),
            "grid.color": "#8a8f98",
            "grid.alpha": 0.25,
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.6,
            "lines.solid_capstyle": "round",
            "xtick.labelsize": 8.5,
            "ytick.labelsize": 8.5,
            "legend.frameon": False,
            "legend.fontsize": 8.5,
            "image.interpolation": "nearest",
            "mathtext.fontset": "dejavusans",
            "figure.constrained_layout.use": True,
        }
    ):
        yield


@dataclass
class Picture:
    """An encoded figure: an SVG if that is short, always a PNG, and what had to be given up to keep the page small.

    Parameters
    ----------
    png
        Lossless picture at ``dpi``.
    width
        Width in inches at which it is shown.
    svg
        Inline SVG, or None where the PNG is used.
    themed
        Whether the SVG takes its black and white from the page (dark mode).
    """

    png: bytes
    width: float
    svg: str | None = None
    themed: bool = False
    dpi: float = DPI
    original: bytes = field(default=b"", repr=False)

    def __post_init__(self):
        self.original = self.original or self.png

    @property
    def size(self) -> int:
        """Bytes that the picture takes in the page."""
        return len(self.svg.encode()) if self.svg is not None else 4 * -(-len(self.png) // 3)

    @property
    def source(self) -> str:
        """The PNG as a data URI."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()

    @property
    def note(self) -> str:
        """What the reader must know about a reduced picture."""
        return f"Reduced to {self.dpi:.0f} dpi so that this page stays small." if self.png is not self.original else ""

    def reduce(self, dpi: float) -> None:
        """Encode the PNG anew at a lower resolution and with 256 colours.

        Parameters
        ----------
        dpi
            Dots per inch.
        """
        from PIL import Image

        with Image.open(io.BytesIO(self.original)) as image:
            scale = dpi / DPI
            small = image.convert("RGB").resize(
                (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
            )
            out = io.BytesIO()
            small.quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        self.png, self.dpi = out.getvalue(), dpi


def spell_out(figure: "Figure") -> None:
    """Show words with ``$`` that are no mathematics as they stand: a gene's name must not end the drawing of a page.

    Parameters
    ----------
    figure
        A figure; its texts are changed in place.
    """
    from matplotlib.mathtext import MathTextParser
    from matplotlib.text import Text

    parser = MathTextParser("path")
    for text in figure.findobj(Text):
        if "$" in text.get_text():
            try:
                parser.parse(text.get_text())
            except ValueError:
                text.set_parse_math(False)


def picture(figure: "Figure", key: str) -> Picture:
    """Encode a matplotlib figure; ``key`` makes the identifiers inside its SVG unique in the page.

    Returns
    -------
    Picture
        The figure, ready to be put into a page.
    """
    import matplotlib
    from matplotlib.collections import PolyQuadMesh, QuadMesh
    from matplotlib.contour import ContourSet
    from matplotlib.image import AxesImage

    png, svg = io.BytesIO(), io.StringIO()
    spell_out(figure)
    figure.savefig(png, format="png", dpi=DPI, facecolor="white")
    fields = (AxesImage, QuadMesh, PolyQuadMesh, ContourSet)
    themed = not any(figure.findobj(kind) for kind in fields)  # a field's white is a value, not paper
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": key}):
        figure.savefig(svg, format="svg", metadata={"Date": None}, transparent=themed)
    text = _inline(svg.getvalue(), key, themed)
    result = Picture(png.getvalue(), float(figure.get_figwidth()), themed=themed)
    if len(text) <= max(SVG_LIMIT, result.size):
        result.svg = text
    return result


def _inline(svg: str, key: str, themed: bool) -> str:
    """The ``<svg>`` element alone, with identifiers that are unique in the page and colours that follow it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{key}-", svg)
    svg = re.sub(r'xlink:href="(?!#)(?!data:image/)[^"]*"', "", svg)  # no link leads out of a figure
    svg = re.sub(r"(<svg[^>]*?) width=\"[^\"]*\"", r"\1", svg, count=1)
    svg = re.sub(r"(<svg[^>]*?) height=\"[^\"]*\"", r"\1", svg, count=1)
    # a hundredth of a point is below sight; what is written between the tags stays as it is
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d+\.\d{2})\d+", r"\1", tag[0]), svg)
    if themed:
        svg = svg.replace("#000000", "currentColor").replace("#ffffff", "var(--surface)")
        svg = re.sub(r"<text\b", '<text fill="currentColor"', svg)  # log-axis labels have no attribute of their own
    return svg


def fit_pictures(pictures: list[Picture], budget: int) -> None:
    """Reduce pictures, the large ones first, until together they take at most ``budget`` bytes.

    Raises
    ------
    DataError
        If they do not fit even at the least resolution.
    """
    while (total := sum(p.size for p in pictures)) > budget:
        long = [p for p in pictures if p.svg is not None and p.size > 4 * -(-len(p.png) // 3)]
        if long:
            max(long, key=lambda p: p.size).svg = None
            continue
        raster = [p for p in pictures if p.svg is None and p.dpi > LEAST_DPI]
        if not raster:
            raise DataError(
                f"got figures of {total:,} bytes for a page with room for {budget:,}; expected fewer. "
                "Try: a second report, or leave some figures out."
            )
        share = sum(p.size for p in raster) / total
        keep = max(0.05, 1.0 - (1.0 - budget / total) / share)
        for p in raster:
            first = p.png is p.original
            p.reduce(DPI if first else max(LEAST_DPI, p.dpi * min(0.9, keep**0.5)))
