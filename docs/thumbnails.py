"""The directive ``thumbnails``: pages of a glob, each as a link with the first picture that the page drew.

The pictures are those that the executed pages leave in the build, so no thumbnail is stored and none can be stale. A
page without a picture is a warning, and so an error of ``make docs``.
"""

from fnmatch import fnmatch
from typing import Any

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class Thumbnails(SphinxDirective):
    """``{thumbnails} glob``: a grid of the matching pages, in the order of their names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A container that says what is wanted; `fill` puts the pages in once all have been read."""
        return [nodes.container(classes=["thumbnails"], pages=self.arguments[0])]


def fill(app: Any, tree: nodes.document, docname: str) -> None:
    """Replace what `Thumbnails` left in a page by links with pictures."""
    for grid in tree.findall(nodes.container):
        if "pages" not in grid:
            continue
        for page in sorted(name for name in app.env.found_docs if fnmatch(name, grid["pages"])):
            if page == docname:
                continue
            picture = next(app.env.get_doctree(page).findall(nodes.image), None)
            if picture is None:
                logger.warning("got %s, which draws nothing; expected a picture. Try: a figure in a cell.", page)
                continue
            title = app.env.titles[page].astext()
            link = nodes.reference("", "", internal=True, refuri=app.builder.get_relative_uri(docname, page))
            uri = picture["candidates"].get("*") or next(iter(picture["candidates"].values()))
            link += nodes.image(uri=uri, candidates={"*": uri}, alt=title)
            link += nodes.inline("", title)
            grid += nodes.paragraph("", "", link)


def again(app: Any, env: Any) -> list[str]:
    """Pages with thumbnails are written anew whenever another page changed: its picture may be another one."""
    return [name for name in env.found_docs if "{thumbnails}" in env.doc2path(name).read_text(encoding="utf-8")]


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of the directive and of its style."""
    app.add_directive("thumbnails", Thumbnails)
    app.connect("doctree-resolved", fill)
    app.connect("env-updated", again)
    app.add_css_file("thumbnails.css")
    return {"parallel_read_safe": True, "parallel_write_safe": False}
