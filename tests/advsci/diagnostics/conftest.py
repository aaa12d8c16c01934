"""Makes the small games importable as fixtures."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("diagnostics_games", Path(__file__).parent / "games.py")
assert _spec is not None and _spec.loader is not None
_games = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_games)


@pytest.fixture(scope="session")
def games():
    """The module of small games with known fields."""
    return _games
