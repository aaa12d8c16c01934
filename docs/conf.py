"""Sphinx: pages in MyST Markdown, executed when they are built; warnings are errors (``make docs``).

No page asks a network for anything: formulas are MathML, pictures lie beside the pages. References to other packages
need their inventories from the network; they are resolved only where ``ADVSCI_DOCS_ONLINE`` is set.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "domains"), str(ROOT / "datasets"), str(Path(__file__).parent)]

import commandpages  # noqa: E402

import advsci  # noqa: E402

commandpages.write(Path(__file__).parent)
commandpages.write_cards(Path(__file__).parent)

project = "advsci"
author = "The advsci developers"
copyright = author
version = release = advsci.__version__

extensions = [
    "mathml",
    "thumbnails",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.bibtex",
]
bibtex_bibfiles = ["../advsci/references.bib"]
bibtex_default_style = "unsrtalpha"
html_math_renderer = "mathml"
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "advsci"
html_static_path = ["_static"]

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Pages with code cells run once per change of their text; what they print and draw is kept beside the build.
# Their figures are shown by the kernel's own backend, whichever the shell asks for.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parent / "_build" / "executed")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True

intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
        "anndata": ("https://anndata.readthedocs.io/en/stable", None),
        "scanpy": ("https://scanpy.readthedocs.io/en/stable", None),
        "torch_geometric": ("https://pytorch-geometric.readthedocs.io/en/latest", None),
    }
    if os.environ.get("ADVSCI_DOCS_ONLINE")
    else {}
)

default_role = "py:obj"
autosummary_generate = True
autosummary_ignore_module_all = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
# Several packages have a class of the same name; a short reference to one is then not unique, which is no mistake.
suppress_warnings = ["ref.python", "toc.empty_glob", "toc.not_included"]


def setup(app):
    """Leave out the metadata methods that scikit-learn writes into estimators: their text refers to its own manual."""
    app.connect(
        "autodoc-skip-member",
        lambda app, what, name, member, skip, options: (
            skip or (name.startswith("set_") and name.endswith("_request")) or None
        ),
    )
