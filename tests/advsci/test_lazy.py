"""A table of contents that imports on first use."""

import sys

import pytest

SOURCE = """
from typing import TYPE_CHECKING
from advsci.lazy import exports
if TYPE_CHECKING:
    from lazy_pack.heavy import thing as thing, other as renamed
__getattr__, __dir__, __all__ = exports(__name__)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "lazy_pack").mkdir()
    (tmp_path / "lazy_pack" / "__init__.py").write_text(SOURCE)
    (tmp_path / "lazy_pack" / "heavy.py").write_text("thing, other = object(), object()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import lazy_pack

    yield lazy_pack
    for name in ("lazy_pack", "lazy_pack.heavy"):
        sys.modules.pop(name, None)


def test_names_are_listed_but_imported_on_first_use(package):
    assert package.__all__ == ["renamed", "thing"] and {"renamed", "thing"} <= set(dir(package))
    assert "lazy_pack.heavy" not in sys.modules
    from lazy_pack import renamed

    assert renamed is sys.modules["lazy_pack.heavy"].other
    assert vars(package)["renamed"] is renamed  # the second use is a plain attribute


def test_an_unknown_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="lazy_pack.*nothing"):
        package.nothing  # noqa: B018
