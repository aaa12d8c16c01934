"""Every error a user of advsci can meet: each says what it got, what it expected, and what to try."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "AdvsciError",
    "CheckpointError",
    "ConfigError",
    "ConvergenceError",
    "DataError",
    "DivergenceError",
    "MissingDependencyError",
    "ShapeError",
    "Stopped",
    "UnitError",
    "needs",
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
        """The standard message.

        Parameters
        ----------
        package
            Name of the package that is missing.
        extra
            The extra of advsci that installs it.

        Returns
        -------
        MissingDependencyError
            To be raised.
        """
        return cls(f"got no package '{package}'; expected it for this feature. Try: pip install 'advsci[{extra}]'.")


@contextmanager
def needs(package: str, extra: str) -> Iterator[None]:
    """Imports of an optional package: ``with needs("pillow", "inverse"): from PIL import Image``.

    Parameters
    ----------
    package
        Name of the package, as it is installed by.
    extra
        The extra of advsci that installs it.

    Yields
    ------
    None
        The imports are done within.

    Raises
    ------
    MissingDependencyError
        An import within failed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError.of(package, extra) from error


class Stopped(KeyboardInterrupt):
    """A signal ended a run before its end: what was done lies in the last checkpoint, and nothing looks finished.

    No error of a user, and no `Exception`: only the command line catches it.

    Parameters
    ----------
    signal
        Name of the signal: ``"SIGINT"`` or ``"SIGTERM"``.
    step, steps
        Completed steps of the training and all that it was to do; None outside a training.

    Attributes
    ----------
    folder
        The run folder, where the command line did not name it: `advsci.cli.execute` sets it.

    Examples
    --------
    >>> str(Stopped("SIGTERM", 80, 4000))
    'stopped by SIGTERM at step 80 of 4,000'
    """

    def __init__(self, signal: str, step: int | None = None, steps: int | None = None):
        self.signal, self.step, self.steps = signal, step, steps
        self.folder: str | None = None
        super().__init__(signal)

    def __str__(self) -> str:
        where = "" if self.step is None else f" at step {self.step:,} of {self.steps:,}"
        return f"stopped by {self.signal}{where}"
