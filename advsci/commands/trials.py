"""Trials: runs of a command with settings that Optuna chooses, in a journal that several processes share."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from advsci.commands.vary import Vary
from advsci.config import RunConfig, load_config, merge, to_toml
from advsci.errors import AdvsciError, CheckpointError, ConfigError
from advsci.files.writing import write_whole
from advsci.output import note

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

__all__ = ["STARTUP", "Trials", "nested"]

STARTUP = 5
"""Finished trials before a training may be given up, and before settings are chosen by what is known."""


class _GivenUp(Exception):
    """A training is behind the others: no error, and no result."""


@dataclass(frozen=True)
class Trials:
    """The trials of one sweep.

    Attributes
    ----------
    command
        Name of the command, as ``"inverse-train"``.
    schema, function
        Settings of the command, and what it does.
    fixed
        Settings that do not vary, tables in tables.
    vary
        Settings that do.
    metric, direction
        What the trials are judged by, and which values are better.
    seeds
        Runs of each trial, whose mean counts.
    prune
        Whether a training that is behind the median of the others is given up.
    seed
        Root of the choice of settings.
    folder
        Where all is kept.
    """

    command: str
    schema: type[RunConfig]
    function: Any
    fixed: Mapping[str, Any]
    vary: tuple[Vary, ...]
    metric: str
    direction: Literal["maximize", "minimize"]
    seeds: int
    prune: bool
    seed: int
    folder: Path

    @cached_property
    def study(self) -> "Study":
        """Optuna's study."""
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        file = str(self.folder / "journal.log")
        study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(file, lock_obj=JournalFileOpenLock(file))),
            study_name="sweep",
            direction=self.direction,
            load_if_exists=True,
        )
        # each process, and each start, draws random settings of its own
        study.sampler = optuna.samplers.TPESampler(seed=self.seed + len(study.trials), n_startup_trials=STARTUP)
        study.pruner = optuna.pruners.MedianPruner(STARTUP)
        return study

    def each(self) -> "list[FrozenTrial]":
        """The last attempt at every trial: one that was taken up again counts once."""
        return list({folder_of(trial): trial for trial in self.study.trials}.values())

    def missing(self, wanted: int) -> bool:
        """Whether fewer trials than ``wanted`` were begun, or one waits."""
        every = self.each()
        return len(every) < wanted or any(trial.state.name == "WAITING" for trial in every)

    def finished(self) -> "list[FrozenTrial]":
        """Trials that came to their end, in order."""
        return [trial for trial in self.each() if trial.state.name == "COMPLETE"]

    def take_up_abandoned(self) -> None:
        """Queue trials again whose process is gone; their trainings go on from their checkpoints."""
        from optuna.trial import TrialState

        for trial in self.study.get_trials(states=[TrialState.RUNNING]):
            try:
                with self._taken(folder_of(trial)):
                    self.study.tell(trial.number, state=TrialState.FAIL)
                    self.study.enqueue_trial(trial.params, user_attrs={"folder": folder_of(trial)})
            except CheckpointError:
                continue  # another process is at work on it

    def one(self) -> None:
        """One trial, to its end.

        Raises
        ------
        ConfigError
            The command refuses the settings, or measures no such metric.
        Stopped
            A signal ended it; `take_up_abandoned` goes on with it.
        """
        from optuna.trial import TrialState

        trial = self.study.ask()
        name = folder_of(trial)
        trial.set_user_attr("folder", name)
        values = {one.name: one.suggest(trial) for one in self.vary}
        said = f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items())
        with self._taken(name) as folder:
            try:
                value = self._measured(trial, values, folder)
            except _GivenUp:
                self.study.tell(trial, state=TrialState.PRUNED)
                note(f"{said}: given up")
            except ConfigError:
                self.study.tell(trial, state=TrialState.FAIL)
                raise
            except AdvsciError as error:  # counts as worse than all others, so that such settings are avoided
                trial.set_user_attr("error", str(error))
                self.study.tell(trial, state=TrialState.PRUNED)
                print(f"{said}: {error}", file=sys.stderr, flush=True)
            else:
                self.study.tell(trial, value)
                note(f"{said}: {self.metric} {value:.4g}")

    @contextmanager
    def _taken(self, name: str) -> Iterator[Path]:
        """The folder of a trial, locked."""
        from advsci.training.lock import locked

        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        with locked(folder):
            yield folder

    def _measured(self, trial: "Trial", values: Mapping[str, Any], folder: Path) -> float:
        """Mean of the metric over the seeds, each by a run of the command."""
        from advsci.cli import execute
        from advsci.training.watched import watched_by

        given = dict(self.fixed)
        for name, value in values.items():
            given = merge(given, nested(name, value))
        config = load_config(self.schema, None, given)
        write_whole(folder / "settings.toml", to_toml(config.replace(out=None, overwrite=False)))
        found = []
        for i in range(self.seeds):
            once = config.replace(out=folder / f"seed-{i}", overwrite=False, seed=config.seed + i)
            with watched_by(self._watcher(trial) if self.prune and i == 0 else None):
                execute(self.function, once, name=self.command)
            found.append(self._last(folder / f"seed-{i}"))
        return fmean(found)

    def _watcher(self, trial: "Trial") -> Any:
        """Tells the study of the metric as the training goes, and gives the training up where others were better."""
        told = count()

        def watch(record: Mapping[str, float | int]) -> None:
            """Look for the metric in a ``record``."""
            value = record.get(self.metric, record.get(f"probe/{self.metric}"))
            if value is not None:
                trial.report(float(value), next(told))
                if trial.should_prune():
                    raise _GivenUp

        return watch

    def _last(self, folder: Path) -> float:
        """The metric at the end of a run; of several trainings, that of the last which has it."""
        from advsci.commands.ablate import external_metrics
        from advsci.report import adversarial_trainings

        known = [external_metrics(records) for records in adversarial_trainings(folder).values()]
        values = [metrics[self.metric] for metrics in known if self.metric in metrics]
        if not values:
            names = ", ".join(sorted({name for metrics in known for name in metrics}))
            raise ConfigError(
                f"got the metric '{self.metric}', which no record of {self.command} has; expected one of "
                f"{names or 'its metrics, and it has none'}. Try: a metric of this list, or a command with a probe."
            )
        return values[-1]


def folder_of(trial: "FrozenTrial | Trial") -> str:
    """Name of the folder of a trial: an attempt that goes on with another has that one's.

    Parameters
    ----------
    trial
        The trial.

    Raises
    ------
    ConfigError
        The journal names a folder that is none of a sweep's.
    """
    name = trial.user_attrs.get("folder", f"trial-{trial.number}")
    if not re.fullmatch(r"trial-\d{1,9}", str(name)):
        raise ConfigError(f"got a journal with the trial {name!r}; expected trial-0 and so on. Try: another --out.")
    return name


def nested(name: str, value: Any) -> dict[str, Any]:
    """A setting as tables in tables.

    Parameters
    ----------
    name
        Dotted key, as ``solver.rate``.
    value
        Its value.
    """
    for part in reversed(name.split(".")):
        value = {part: value}
    return value
