"""Every error a user of advsci can meet: each says what it got, what it expected, and what to try."""

__all__ = [
    "AdvsciError",
    "CheckpointError",
    "ConfigError",
    "ConvergenceError",
    "DataError",
    "DivergenceError",
    "MissingDependencyError",
    "ShapeError",
    "UnitError",
]


class AdvsciError(Exception):
    """Base of all advsci errors; catch it to catch them all."""


class ConfigError(AdvsciError, ValueError):
    """A setting is unknown, out of range, or contradicts another."""


class DataError(AdvsciError, ValueError):
    """The data cannot be used as they are: empty, NaN, wrong kind, truncated or hostile file."""


class ShapeError(DataError):
    """A tensor, batch or network output has the wrong shape."""


class UnitError(AdvsciError, ValueError):
    """A quantity has a missing or an incompatible unit."""


class CheckpointError(AdvsciError, RuntimeError):
    """A checkpoint cannot be read or written; the previous one is intact."""


class DivergenceError(AdvsciError, ArithmeticError):
    """Training produced a non-finite loss or parameter."""


class ConvergenceError(AdvsciError, ArithmeticError):
    """An iterative solver stopped before its tolerance."""


class MissingDependencyError(AdvsciError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""

    @classmethod
    def of(cls, package: str, extra: str) -> "MissingDependencyError":
        """The standard message: which package is missing and which extra installs it."""
        return cls(f"got no package '{package}'; expected it for this feature. Try: pip install 'advsci[{extra}]'")
