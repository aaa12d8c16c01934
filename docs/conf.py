"""Sphinx: pages in MyST Markdown, one API page a module, warnings are errors (``make docs``)."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "domains"), str(ROOT / "datasets")]

import advsci  # noqa: E402

project = "advsci"
author = "The advsci developers"
copyright = author
version = release = advsci.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "api/**/modules.rst"]
html_theme = "furo"
html_title = "advsci"

PACKAGES = ["advsci", *sorted(p.parent.relative_to(ROOT).as_posix() for p in ROOT.glob("d*s/advsci_*/__init__.py"))]
apidoc_modules = [
    {
        "path": f"../{package}",
        "destination": f"api/{Path(package).name}",
        "separate_modules": True,
        "module_first": True,
        "exclude_patterns": ["**/embedded/**"],
    }
    for package in PACKAGES
]

default_role = "py:obj"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True, "ignore-module-all": True}
autodoc_preserve_defaults = True
# Several packages have a class of the same name; a short reference to one is then not unique, which is no mistake.
suppress_warnings = ["ref.python", "toc.empty_glob"]


def setup(app):
    """Leave out the metadata methods that scikit-learn writes into estimators: their text refers to its own manual."""
    app.connect(
        "autodoc-skip-member",
        lambda app, what, name, member, skip, options: (
            skip or (name.startswith("set_") and name.endswith("_request")) or None
        ),
    )
