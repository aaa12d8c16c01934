"""``advsci-inverse evaluate``: is this prior safe to use with this operator?"""

import json
from pathlib import Path

from torch import Tensor

from advsci.devices import torch_device
from advsci.report import Report, Verdict, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_inverse.config import Evaluate
from advsci_inverse.data.images import load_training_images
from advsci_inverse.data.measurement import checked_size, held_out, measure
from advsci_inverse.evaluation.identifiability import identifiability
from advsci_inverse.evaluation.pictures import gallery
from advsci_inverse.evaluation.scores import auroc, coverage, mse
from advsci_inverse.operators import build_operator
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.search.projection import project_onto_range
from advsci_inverse.store import load_prior
from advsci_inverse.uncertainty import interval_factor

__all__ = ["plan", "run"]


def plan(config: Evaluate) -> dict[str, object]:
    """Shapes, without searching.

    Parameters
    ----------
    config
        The settings.

    Returns
    -------
    dict
        Facts about the run.
    """
    prior = load_prior(config.prior)
    operator = build_operator(checked_size(config.operator, tuple(prior.shape), "a prior"))
    return {"prior": f"{prior.latent} latent dimensions, {prior.shape}", "data": operator.data_shape}


def run(config: Evaluate, folder: Run) -> Path:
    """Write ``evaluation.json`` and the report.

    Parameters
    ----------
    config
        The settings.
    folder
        The run's folder.

    Returns
    -------
    Path
        The figures.
    """
    device = torch_device(config.device)
    prior = load_prior(config.prior).to(device)
    operator = build_operator(checked_size(config.operator, tuple(prior.shape), "a prior")).to(device)
    pool = load_training_images(config.data)[1].to(device)
    own, spare = held_out(pool, config.images), held_out(pool, config.images, skip=1)
    foreign = held_out(load_training_images(config.foreign)[1], config.images).to(device)
    stream = Stream(config.seed)
    y, sigma = measure(operator, own, config.noise, stream.at("noise"))
    search = LatentSearch(prior, operator, sigma)
    found = search(y)
    other = search(measure(operator, foreign, config.noise, stream.at("foreign noise"))[0])
    again = search(measure(operator, spare, config.noise, stream.at("calibration noise"))[0])
    factor = interval_factor(spare, again.mean, again.deviation)
    half = factor * found.deviation
    sees = identifiability(prior, operator)
    facts = {
        "representation error": float(mse(project_onto_range(prior, own), own).mean()),
        "reconstruction error": float(mse(found.mean.clamp(0, 1), own).mean()),
        "coverage of 90 % intervals": float(coverage(found.mean - half, found.mean + half, own)),
        "half width of those intervals [standard deviations]": factor,
        "misfit of own images": float(found.misfit.mean()),
        "misfit of foreign images": float(other.misfit.mean()),
        "AUROC of the out-of-range verdict": auroc(found.misfit, other.misfit),
        "identifiability, worst pair": sees.pairs[0],
        "identifiability, local": sees.local,
    }
    path = folder.path / "evaluation.json"
    path.write_text(json.dumps(facts, indent=2))
    with drawn("report"):
        _page(config, facts, {"own": own, "found": found.mean, "foreign": foreign, "found ": other.mean}, folder)
    return path


def _page(config: Evaluate, facts: dict[str, float], images: dict[str, Tensor], folder: Run) -> None:
    covered = facts["coverage of 90 % intervals"]
    report = Report(
        "Prior under test", f"{config.prior} with {config.operator.kind}, on {len(images['own'])} held-out images"
    )
    report.card("Coverage of 90 % intervals", covered, verdict=Verdict("good" if 0.85 < covered < 0.95 else "watch"))
    report.card("AUROC, foreign images", facts["AUROC of the out-of-range verdict"], note=f"images of {config.foreign}")
    report.card(
        "Identifiability",
        facts["identifiability, local"],
        note="local: 1 nothing is lost, 0 the data do not determine the image",
    )
    report.section("Figures").table([{"what": k, "value": v} for k, v in facts.items()])
    report.section("Images").figure(
        gallery(images),
        "Images of the prior's kind and of another, and what the search makes of their data.",
    )
    report.write(folder.report)
