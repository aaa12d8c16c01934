"""``advsci ablate RUN``: what each part of a run is worth, by the same command with that part off."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from advsci.config import Config, RunConfig
from advsci.errors import ConfigError
from advsci.files.named import reading
from advsci.files.plain import read_json
from advsci.output import note, tell

__all__ = ["Ablate", "external_metrics", "run"]

_RUN = "the run folder of a command"

_OUTSIDE = ("frechet", "precision", "recall", "density", "coverage")
"""Readings of a `Probe` that compare samples with data; all others look at the players."""


class Ablate(Config):
    """Repeat a run's command on equal steps, with everything on and with each part off, and say what each is worth.

    The trainings lie in the run folder, under ablation/; the same command resumes, and more seeds or parts add to it.

    Example: advsci ablate runs/prior --off adversary physics --seeds 3
    """

    folder: Path = Field(default=Path(), description="Run folder of a command that trained a game.")
    off: list[str] = Field(
        default=["adversary"],
        min_length=1,
        description="Parts: adversary, physics, a player, or a term as the records name it.",
    )
    seeds: int = Field(default=3, ge=2, description="Seeds of each, from the run's own seed on.")


def run(config: Ablate) -> Path:
    """Train, print the table and one sentence per share, and write them as a page; returns its path.

    Parameters
    ----------
    config
        Which run, which parts, how many seeds.

    Returns
    -------
    Path
        The page; ``ablation.json`` lies beside it.

    Raises
    ------
    ConfigError
        The folder holds no run of an installed command, no training that was measured, or no game has the part: where
        the run's records have no such part, before anything is trained.
    """
    from advsci.diagnostics import paired_shares
    from advsci.report import Report, drawn

    about = _about(config.folder)
    _check_parts(config.folder, config.off, about["command"])
    scores: dict[str, list[dict[str, float]]] = {}
    seconds: dict[str, float] = {}
    for part in ("nothing", *config.off):
        runs = [_trained(config.folder, about, part, seed) for seed in range(config.seeds)]
        scores[part] = [metrics for metrics, _ in runs]
        seconds[part] = sum(cost for _, cost in runs) / config.seeds
    found = paired_shares(scores, seconds)
    if not found.shares:
        raise ConfigError(
            f"got {config.folder}, whose trainings report no metric of the outside; expected one in every record. "
            "Try: Trainer(callbacks=[Probe(data)])."
        )
    path = config.folder / "ablation"
    (path / "ablation.json").write_text(json.dumps({"scores": scores, "seconds": seconds}, indent=2), encoding="utf-8")
    rows = found.rows()
    for row in rows:
        tell("  ".join(f"{key} {value:.4g}" if isinstance(value, float) else str(value) for key, value in row.items()))
    tell(found.text(), {"shares": rows})
    page = path / "ablation.html"
    with drawn("page"):
        report = Report(f"What the parts of {config.folder.resolve().name} are worth")
        report.text(f"`{about['command']}`, {config.seeds} paired seeds, equal steps; 95 % intervals.")
        report.table(rows).text(found.text())
        report.write(page)
    return page


def external_metrics(records: list[dict[str, Any]]) -> dict[str, float]:
    """What the last record of a training says of its samples: the metrics of callbacks, and a probe's comparisons.

    Parameters
    ----------
    records
        Records of a training.

    Returns
    -------
    dict
        Name -> value. Terms of the players, which say nothing of samples, are left out.

    Examples
    --------
    >>> external_metrics([{"step": 9, "generator/objective": 0.7, "probe/coverage": 0.9, "probe/signal": 0.5}])
    {'coverage': 0.9}
    """
    last: Mapping[str, Any] = records[-1] if records else {}
    plain = {key.removeprefix("probe/"): value for key, value in last.items() if key != "step"}
    return {
        name: float(value)
        for name, value in plain.items()
        if "/" not in name and (f"probe/{name}" not in last or name in _OUTSIDE)
    }


def _about(folder: Path) -> dict[str, Any]:
    """What ``run.json`` says of a run, with all its settings."""
    with reading(folder, _RUN, "the folder that it printed, or that --out named", ConfigError):
        about = read_json(folder / "run.json", expected=_RUN, error=ConfigError)
        return {
            "command": str(about["command"]),
            "settings": read_json(folder / "config.json", expected=_RUN, error=ConfigError),
        }


def _check_parts(folder: Path, off: Sequence[str], command: str) -> None:
    """Refuse, before anything is trained, what no record of the run names."""
    from advsci.diagnostics.shares import no_such_part
    from advsci.report import adversarial_trainings

    stages = adversarial_trainings(folder).items()
    keys = {key for stage, records in stages if stage.split("/")[0] != "ablation" for r in records for key in r}
    played = [key.split("/") for key in sorted(keys) if key.count("/") == 1 and not key.startswith("probe/")]
    players = {player for player, _ in played}
    known = players | {term for _, term in played if term != "gradient_norm"}
    # what `advsci.games.switch_off` calls so: a discriminator or a task's adversaries, and the prices of violations
    known |= {"adversary"} if players & {"discriminator", "task"} else set()
    known |= {"physics"} if "multipliers" in players else set()
    for part in off:
        if part not in known:
            raise no_such_part(part, command, sorted(known))


def _trained(folder: Path, about: Mapping[str, Any], part: str, seed: int) -> tuple[dict[str, float], float]:
    """Metrics and CPU seconds of the run's command with a part off; read, where that run is there already."""
    from advsci.cli import execute, found_command
    from advsci.diagnostics.shares import no_such_part
    from advsci.games.switch import switched_off
    from advsci.report import adversarial_trainings
    from advsci.training import Run

    schema, function = found_command(about["command"])
    name = "with everything" if part == "nothing" else f"without {part}"
    out = folder / "ablation" / f"{name}, seed {seed}".replace(" ", "-").replace(",", "")
    settings = about["settings"] | {"seed": int(about["settings"]["seed"]) + seed, "out": out, "overwrite": False}
    config = schema.model_validate(settings)
    assert isinstance(config, RunConfig)
    note(f"{name}, seed {config.seed} ...")
    done = read_json(out / "run.json").get("state") == "finished" if (out / "run.json").exists() else False
    with switched_off(None if part == "nothing" else part) as switch:
        execute(function, config, name=about["command"])
    if part != "nothing" and not done and not switch.met:
        raise no_such_part(part, about["command"])
    metrics = {
        f"{stage}/{metric}" if stage else metric: value
        for stage, records in adversarial_trainings(out).items()
        for metric, value in external_metrics(records).items()
    }
    times = [Run(path.parent).records(path.name) for path in sorted(out.rglob("timing.jsonl"))]
    return metrics, sum(records[-1].get("cpu_seconds", 0.0) for records in times if records)
