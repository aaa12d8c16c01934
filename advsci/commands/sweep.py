"""``advsci sweep COMMAND``: many runs of a command, each with other settings, and which settings are best.

Optuna (Akiba et al. 2019, arXiv 1907.10902) chooses the settings and keeps its journal in the folder, so that several
processes may work on one sweep, and the same command goes on with a sweep that was stopped.
"""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from advsci.commands.trials import STARTUP, Trials, folder_of, nested
from advsci.commands.vary import Vary
from advsci.config import Config, RunConfig, load_config, merge, read_toml
from advsci.errors import CheckpointError, ConfigError
from advsci.files.plain import read_json
from advsci.files.writing import write_whole
from advsci.output import tell

__all__ = ["Sweep", "run"]


class Sweep(Config):
    """Repeat a command with other settings, and say which are best by a metric of the outside.

    The runs lie in the sweep's folder; the same command goes on, also in several processes at once.

    Example: advsci sweep inverse-train --vary latent=4:64:log --metric recall --trials 20
    """

    command: str = Field(default="", description="Command, as inverse-train for 'advsci-inverse train'.")
    vary: list[str] = Field(
        default=[], description="Settings to vary: NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=VALUE,VALUE,..."
    )
    metric: str = Field(default="", description="Metric to judge by, as the records of the training name it.")
    direction: Literal["maximize", "minimize"] = Field(default="maximize", description="Which values are better.")
    trials: int = Field(default=20, ge=1, description="Combinations of settings to try, over all processes.")
    seeds: int = Field(default=1, ge=1, description="Runs of each combination, whose mean counts.")
    seed: int = Field(default=0, ge=0, lt=2**31, description="Root of the choice of settings.")
    settings: Path | None = Field(default=None, description="TOML file with the command's other settings.")
    prune: bool = Field(default=True, description="Give a training up that is behind the median of the others.")
    out: Path = Field(default=Path("runs/sweep"), description="Folder of the sweep.")
    submit: Literal["slurm", "local"] | None = Field(
        default=None, description="Hand the work to this cluster (by submitit) instead of doing it here."
    )
    workers: int = Field(default=1, ge=1, description="Processes to submit.")


def run(config: Sweep) -> Path | None:
    """Try settings until the sweep has its trials, and write the table as a page; returns its path.

    Parameters
    ----------
    config
        Which command, what to vary, how to judge.

    Returns
    -------
    Path
        The page; ``best.toml`` beside it holds the best settings. None where the work was handed to a cluster.

    Raises
    ------
    ConfigError
        The command, a setting or the metric is unknown, or the folder holds another sweep.
    CheckpointError
        No trial came to an end.
    MissingDependencyError
        Optuna, or for ``submit`` submitit, is not installed.
    """
    trials = _trials(config)
    _claim(config, trials)
    if config.submit:
        _submit(config)
        return None
    trials.take_up_abandoned()
    while trials.missing(config.trials):
        trials.one()
    return _page(trials)


def _trials(config: Sweep) -> Trials:
    """The trials, after all was checked that can be checked before a training."""
    from advsci.cli import check_installed, found_command

    check_installed(["optuna"], "sweep")
    for name, example in (
        ("command", "inverse-train"),
        ("vary", "--vary steps=100:1000"),
        ("metric", "--metric recall"),
    ):
        if not getattr(config, name):
            raise ConfigError(f"{name}: got nothing; expected a value. Try: {example}.")
    schema, function = found_command(config.command)
    if not issubclass(schema, RunConfig):
        raise ConfigError(
            f"got the command '{config.command}', which has no run folder; expected one that trains. "
            "Try: inverse-train."
        )
    vary = tuple(Vary.parse(text, schema) for text in config.vary)
    names = [one.name for one in vary]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"vary: got '{twice[0]}' twice; expected each setting once. Try: one of them.")
    fixed = read_toml(config.settings) if config.settings else {}
    for one in vary:
        for end in one.ends:
            load_config(schema, None, merge(fixed, nested(one.name, end)))
    return Trials(
        config.command, schema, function, fixed, vary, config.metric, config.direction, config.seeds, config.prune,
        config.seed, config.out,
    )  # fmt: skip


def _claim(config: Sweep, trials: Trials) -> None:
    """Make the folder, or refuse one that holds another sweep."""
    about: Any = {name: getattr(config, name) for name in ("command", "vary", "metric", "direction", "seeds")}
    about = json.loads(json.dumps(about | {"settings": dict(trials.fixed)}, default=str))
    path = config.out / "sweep.json"
    if path.exists():
        if read_json(path, expected="what a sweep wrote", error=ConfigError) != about:
            raise ConfigError(
                f"got {config.out}, which holds another sweep; expected a new folder, or the same settings. "
                "Try: another --out."
            )
        return
    try:
        config.out.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(about, indent=2))
    except OSError as error:
        raise ConfigError(
            f"got {config.out}, which cannot be written ({error}); expected a folder that can. Try: another --out."
        ) from error


def _submit(config: Sweep) -> None:
    """Hand workers to a cluster: each is this command, without ``submit``."""
    from advsci.cli import check_installed

    check_installed(["submitit"], "sweep")
    import submitit

    executor = submitit.AutoExecutor(folder=config.out / "jobs", cluster=config.submit)
    executor.update_parameters(name=f"advsci-{config.command}", timeout_min=24 * 60)
    jobs = [executor.submit(run, config.replace(submit=None)) for _ in range(config.workers)]
    names = [job.job_id for job in jobs]
    tell(f"submitted {', '.join(names)}; their output is in {config.out / 'jobs'}", {"jobs": names})


def _page(trials: Trials) -> Path:
    """Write ``best.toml`` and the page, and print the best."""
    from advsci.report import Report, drawn

    done, path = trials.finished(), trials.folder / "sweep.html"
    if not done:
        raise CheckpointError(
            f"got {trials.folder}, where no trial came to an end; expected one at least. Try: another range, or "
            "--no-prune."
        )
    best = trials.study.best_trial
    settings = (trials.folder / folder_of(best) / "settings.toml").read_text(encoding="utf-8")
    write_whole(trials.folder / "best.toml", settings)
    said = ", ".join(f"{one.name} {one.value(best.params[one.name])}" for one in trials.vary)
    facts = {"trials": len(done), "best": dict(best.params), trials.metric: best.value}
    tell(f"best of {len(done)} that came to their end: {said}: {trials.metric} {best.value:.4g}", facts)
    with drawn("page"):
        report = Report(f"Sweep of {trials.command}", f"{trials.direction} {trials.metric}")
        report.text(f"Best: {said}. `best.toml` holds all settings of it, for `--config`.")
        report.text("The best of many trials looks better than it is: repeat it with seeds that the sweep did not see.")
        report.section("Trials").table(_rows(trials), caption=f"Mean over {trials.seeds} seeds, the best first.")
        if len(trials.vary) > 1 and len(done) >= 2 * STARTUP:
            report.section("What matters").table(
                _importances(trials),
                caption="Share of each setting in what sets better trials apart (PED-ANOVA, arXiv 2304.10255).",
            )
        report.write(path)
    return path


def _rows(trials: Trials) -> list[dict[str, Any]]:
    """Trials, the best first."""
    sign = -1 if trials.direction == "maximize" else 1
    words = {"COMPLETE": "", "PRUNED": "given up", "FAIL": "failed", "RUNNING": "at work", "WAITING": "waits"}

    def rank(trial: Any) -> float:
        """Where a ``trial`` stands; those without a result come last."""
        return sign * trial.value if trial.state.name == "COMPLETE" else float("inf")

    return [
        {
            **{one.name: str(one.value(trial.params[one.name])) for one in trials.vary if one.name in trial.params},
            trials.metric: trial.value if trial.state.name == "COMPLETE" else None,
            "folder": folder_of(trial),
            "end": trial.user_attrs.get("error", words[trial.state.name]),
        }
        for trial in sorted(trials.each(), key=rank)
    ]


def _importances(trials: Trials) -> list[dict[str, Any]]:
    """Settings, and the share of each in what is good about the better trials."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    found = get_param_importances(trials.study, evaluator=PedAnovaImportanceEvaluator())
    return [{"setting": name, "share": share} for name, share in found.items()]
