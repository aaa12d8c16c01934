"""Formulas as MathML, which browsers draw by themselves: no script, no font and no network.

A Sphinx extension: ``html_math_renderer = "mathml"``. The LaTeX is translated by latex2mathml when the site is built.
"""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    """A formula within a line."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def displayed(writer: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on lines of its own, with its number where it has a label."""
    writer.body.append(writer.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(writer, node)
        writer.body.append(f'<span class="eqno">({number})')
        writer.add_permalink_ref(node, "Link to this equation")
        writer.body.append("</span>")
    writer.body.append(convert(_aligned(node.astext()), display="block") + "</div>\n")
    raise nodes.SkipNode


def _aligned(text: str) -> str:
    """Lines that break or align need an environment, as in Sphinx's other renderers."""
    text = text.strip()
    several = ("\\\\" in text or "&" in text) and "\\begin" not in text
    return rf"\begin{{aligned}}{text}\end{{aligned}}" if several else text


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
