"""``advsci-circuits evaluate``: a generator's sample against held-out real circuits, beside nulls."""

import json
from dataclasses import asdict
from pathlib import Path

import torch

from advsci.errors import ConfigError
from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.config import Evaluate
from advsci_circuits.data.real import balanced, batch_of, real_circuits
from advsci_circuits.evaluation.page import sample_section
from advsci_circuits.evaluation.scores import sample_scores
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.store import load_generator
from advsci_datasets.circuits import split_by_family

__all__ = ["plan", "run"]


def run(config: Evaluate, folder: Run) -> Path:
    """V.U.N., MMD ratios and classifier discrepancy beside their nulls; returns the scores as JSON.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder.

    Raises
    ------
    ConfigError
        The model was trained on other data than it is judged by.
    """
    generator, facts = load_generator(config.model)
    settings = {"seed": 0, "held_out": 0.2} | facts.get("settings", {})
    source = config.data or settings.get("data", "library")
    if source != settings.get("data", source):
        raise ConfigError(
            f"got the data '{source}' for a model of '{settings['data']}'; expected the same: families it was trained "
            "on would be among those it is judged by. Try: leave --data out."
        )
    # models of before curated families were split by the networks' names
    graphs = real_circuits(source, 3, config.largest, curated=facts.get("curated", False))
    # the split of the training, so that no family it saw is on the test side
    train, test = split_by_family(graphs, (1 - settings["held_out"], settings["held_out"]), settings["seed"])
    rng = Stream(config.seed).at("evaluate").numpy()
    real_train = batch_of(graphs.take(balanced(graphs, train, config.count, rng, config.smallest)))
    real_test = batch_of(graphs.take(balanced(graphs, test, config.count, rng, config.smallest)))
    sizes = torch.from_numpy(rng.permutation(real_train.sizes.numpy()))
    made = generate(generator, sizes, Stream(config.seed).at("generate"))
    raw = generate(generator, sizes, Stream(config.seed).at("raw"), valid=False)
    known = set(canonical_keys(batch_of(graphs.take(train))))
    scores = sample_scores({"as drawn": raw, "invalid ones redrawn": made}, real_train, real_test, known, config.seed)
    path = folder.path / "scores.json"
    path.write_text(json.dumps(asdict(scores), indent=2))
    with drawn("report"):
        page = Report("Circuits: a generator against held-out real circuits", f"{config.count} circuits on each side")
        sample_section(page, scores)
        page.write(folder.report)
    return path


def plan(config: Evaluate) -> dict[str, object]:
    """The model and how much it is judged on, without drawing.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    _, facts = load_generator(config.model)
    source = config.data or facts.get("settings", {}).get("data", "library")
    return {"data": source, "circuits on each side": config.count, "sizes": f"{config.smallest} to {config.largest}"}
