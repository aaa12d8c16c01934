"""``advsci-circuits train``: a likelihood, a generator, surrogates or a model of large networks of one's own."""

from pathlib import Path
from typing import Any

from advsci.report import Report, drawn, verdict_section
from advsci.training import Run
from advsci_circuits.config import Train
from advsci_circuits.data.networks import real_networks
from advsci_circuits.data.real import real_circuits
from advsci_circuits.design.fitting import fit_likelihood
from advsci_circuits.design.surrogates import FunctionSurrogates, fit_surrogate
from advsci_circuits.evaluation.judge import RANGES, fit_judge
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.training import train_circuits
from advsci_circuits.networks.fitting import DRAWS, SIZES, fit_networks
from advsci_circuits.networks.fitting_links import DRAWS as LINK_DRAWS
from advsci_circuits.networks.fitting_links import fit_links
from advsci_circuits.store import (
    load_likelihood,
    save_examples,
    save_generator,
    save_judge,
    save_likelihood,
    save_networks,
    save_surrogates,
)  # fmt: skip
from advsci_datasets.circuits import split_by_family

__all__ = ["plan", "run"]


LIKELY = (3, 4, 5, 6)
"""Sizes of the likelihood and of the surrogates."""


def plan(config: Train) -> dict[str, Any]:
    """What a run would do, as facts by name.

    Parameters
    ----------
    config
        Settings of the command.
    """
    if config.surrogates:
        return {
            "functions": config.functions,
            "proposed circuits": len(config.functions) * len(LIKELY) * config.proposed,
        }
    if config.networks:
        parts = real_networks(config.data, SIZES[0]).split((1 - config.held_out, config.held_out), config.seed)
        return {"real networks": sum(map(len, parts)), "for training, for test": tuple(map(len, parts))}
    graphs = real_circuits(config.data, config.smallest, config.largest)
    train, test = split_by_family(graphs, (1 - config.held_out, config.held_out), config.seed)
    facts: dict[str, Any] = {"real circuits": len(graphs), "for training, for test": (len(train), len(test))}
    if config.game:
        generator = CompletionGenerator(config.width, config.blocks)
        facts["generator parameters"] = sum(p.numel() for p in generator.parameters())
        facts["simulated models"] = 3 * config.examples * config.sets
    return facts


def run(config: Train, folder: Run) -> Path:
    """Train; returns the model file in the run folder.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder; of the game it holds the judged circuits and a report with the verdict too.

    Returns
    -------
    Path
        The model.
    """
    path = folder.path / "model.safetensors"
    if config.networks:
        return _networks(config, folder, path)
    if config.judge:
        judge, judged = fit_judge(real_circuits(config.data, RANGES[0][0], RANGES[-1][1]), config.seed)
        return save_judge(judge, path, dict(judged))
    if config.surrogates:
        return _surrogates(config, folder, path)
    if not config.game:
        graphs = real_circuits(config.data, config.smallest, config.largest)
        train, _ = split_by_family(graphs, (1 - config.held_out, config.held_out), config.seed)
        sizes = tuple(n for n in LIKELY if config.smallest <= n <= config.largest)
        likelihood, sizes_facts = fit_likelihood(
            graphs, train, sizes, config.seed, folder, config.likelihood_steps, config.device
        )
        facts = {
            "settings": config.model_dump(mode="json", exclude={"out", "overwrite", "device"}),
            "sizes": sizes_facts,
            "curated": True,
        }
        return save_likelihood(likelihood, path, facts)
    trained = train_circuits(config, folder)
    if trained.examples is not None:
        save_examples(trained.examples, folder.path / "examples.safetensors")
    save_generator(trained.generator, path, trained.facts)
    with drawn("report"):
        page = Report("Training of a circuit generator", f"{trained.facts['real circuits']} real circuits")
        verdict_section(page, folder.path)
        if trained.facts["rounds"]:  # none without simulated examples
            page.section("Rounds").table(
                [
                    {"round": k, "agreement": r["agreement"]} | r["success"]
                    for k, r in enumerate(trained.facts["rounds"], 1)
                ],
                caption="Rank correlation of the surrogate with fresh simulation; share of circuits asked for a "
                "function that show it in 1 % of parameter sets.",
            )
        page.write(folder.report)
    return path


def _surrogates(config: Train, folder: Run, path: Path) -> Path:
    """Fit the surrogates of functions."""
    likelihood, _ = load_likelihood()
    found, facts = FunctionSurrogates(config.functions, LIKELY), {}
    for function in config.functions:
        one, facts[function] = fit_surrogate(
            function, likelihood, config.seed, folder, count=config.proposed, steps=config.fit_steps,
            device=config.device,
        )  # fmt: skip
        found.each[function].load_state_dict(one.state_dict())
    settings = config.model_dump(mode="json", exclude={"out", "overwrite", "device"})
    return save_surrogates(found, path, {"functions": facts, "settings": settings})


def _networks(config: Train, folder: Run, path: Path) -> Path:
    """Train the model of large networks."""
    train, _ = real_networks(config.data, SIZES[0]).split((1 - config.held_out, config.held_out), config.seed)
    model, facts = fit_networks(
        train, config.seed, folder, config.network_steps, config.ranking_steps, config.device,
        draws=min(config.draws, DRAWS),
    )  # fmt: skip
    if config.network_links:
        model.links, facts["links"] = fit_links(
            train, config.seed, folder, config.network_links, config.device, draws=min(config.draws, LINK_DRAWS)
        )
    settings = config.model_dump(mode="json", exclude={"out", "overwrite", "device"})
    return save_networks(model, path, facts | {"settings": settings})
