"""Records of a training sent to TensorBoard, MLflow, Weights & Biases or trackio, by name."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from advsci.errors import ConfigError, MissingDependencyError
from advsci.training.run import Run

__all__ = ["LOGGERS", "Logger", "opened_loggers"]

Logger = Callable[[Mapping[str, float | int]], None]


@contextmanager
def opened_loggers(wanted: Sequence[Logger | str], run: Run | None, title: str) -> Iterator[list[Logger]]:
    """Functions that take a record, within the context; what names opened is closed after it.

    Parameters
    ----------
    wanted
        Functions, or names of `LOGGERS`.
    run
        Whose folder's name the records are filed under; TensorBoard's files go into it.
    title
        Name of the training, used where there is no folder.

    Yields
    ------
    list
        One function for each, in order.

    Raises
    ------
    ConfigError
        A name is unknown.
    MissingDependencyError
        The package behind a name is not installed.
    """
    folder = run.path if run is not None else Path("runs") / title
    with ExitStack() as stack:
        yield [stack.enter_context(_named(w, folder)) if isinstance(w, str) else w for w in wanted]


def _named(name: str, folder: Path):
    if name not in LOGGERS:
        raise ConfigError(f"got logger '{name}'; expected one of {', '.join(LOGGERS)}. Try: '{next(iter(LOGGERS))}'.")
    if find_spec(name) is None:
        raise MissingDependencyError.of(name, "track" if name == "tensorboard" else name)
    return LOGGERS[name](folder)


@contextmanager
def _tensorboard(folder: Path) -> Iterator[Logger]:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "tensorboard")) as writer:

        def log(record: Mapping[str, float | int]) -> None:
            """Write the numbers of one ``record``."""
            for key, value in _measured(record).items():
                writer.add_scalar(key, value, record["step"])

        yield log


@contextmanager
def _mlflow(folder: Path) -> Iterator[Logger]:
    import mlflow

    with mlflow.start_run(run_name=folder.name):
        yield lambda record: mlflow.log_metrics(_measured(record), step=int(record["step"]))


@contextmanager
def _project(package: str, folder: Path) -> Iterator[Logger]:
    """Packages with the interface of wandb."""
    from importlib import import_module

    module: Any = import_module(package)
    module.init(project="advsci", name=folder.name)
    try:
        yield lambda record: module.log(_measured(record), step=int(record["step"]))
    finally:
        module.finish()


def _measured(record: Mapping[str, float | int]) -> dict[str, float]:
    """The finite values of a record: services refuse others."""
    return {key: float(value) for key, value in record.items() if key != "step" and math.isfinite(value)}


LOGGERS: dict[str, Callable[[Path], Any]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb": lambda folder: _project("wandb", folder),
    "trackio": lambda folder: _project("trackio", folder),
}
"""Name of a package -> what opens it for a run folder; extras of these names install them (``track`` TensorBoard)."""
