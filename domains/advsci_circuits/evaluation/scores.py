"""A generator's sample in numbers: valid, unique, novel; distances to held-out circuits beside nulls; coverage."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from advsci.metrics import prdc
from advsci_circuits.evaluation.descriptors import describe
from advsci_circuits.evaluation.distance import discrepancy, ratios
from advsci_circuits.evaluation.features import random_features
from advsci_circuits.evaluation.nulls import NULLS, null_sample
from advsci_circuits.evaluation.vun import vun
from advsci_circuits.graphs.batch import CircuitBatch

__all__ = ["SampleScores", "sample_scores"]


@dataclass(frozen=True)
class SampleScores:
    """Tables of rows: ``novelty`` per sample, ``distance`` per sample and null, ``coverage`` of the judged sample."""

    novelty: list[dict[str, Any]]
    distance: list[dict[str, Any]]
    coverage: dict[str, float]


def sample_scores(
    samples: Mapping[str, CircuitBatch],
    real_train: CircuitBatch,
    real_test: CircuitBatch,
    known: Collection[bytes],
    seed: int,
) -> SampleScores:
    """Judge samples; the last one's distance is measured.

    Parameters
    ----------
    samples
        Samples by name; the last is compared with real circuits.
    real_train, real_test
        Real circuits, as many as in a sample, of training and of held-out families.
    known
        Keys of all training circuits.
    seed
        Draw of the nulls and of the classifier's splits.

    Returns
    -------
    SampleScores
    """
    novelty = []
    for name, batch in samples.items():
        v = vun(batch, known)
        novelty.append({"sample": name, "valid": v.valid, "unique": v.unique, "novel": v.novel, "V.U.N.": v.together})
    made = list(samples.values())[-1]
    described = {name: describe(s) for name, s in (("train", real_train.matrices()), ("test", real_test.matrices()))}
    compared = {"generator": describe(made.matrices())}
    compared |= {name: describe(null_sample(name, real_train.matrices(), seed)) for name in NULLS}
    distance = []
    for name, sample in compared.items():
        bound = discrepancy(sample, described["test"], seed=seed)
        distance.append({"sample": name} | ratios(sample, described["train"], described["test"]))
        distance[-1]["discrepancy"] = f"{bound.value:.3f} ({bound.low:.3f}-{bound.high:.3f})"
    real, fake = random_features(real_test), random_features(made)
    centre, spread = real.mean(0), real.std(0).clamp_min(1e-6)
    shares = prdc((real - centre) / spread, (fake - centre) / spread)
    return SampleScores(novelty, distance, {name: float(share) for name, share in shares._asdict().items()})
