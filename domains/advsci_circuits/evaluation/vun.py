"""Valid, unique, novel: the share of a sample that is a buildable circuit nobody has drawn before."""

from collections.abc import Collection
from dataclasses import dataclass

from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.validity import is_valid

__all__ = ["VUN", "vun"]


@dataclass(frozen=True)
class VUN:
    """Shares of the whole sample; ``together`` counts valid classes, each once, that are not in the training set."""

    valid: float
    unique: float
    novel: float
    together: float
    classes: int


def vun(sample: CircuitBatch, train: Collection[bytes], most_regulators: int = 4) -> VUN:
    """Compare a sample with the canonical keys of a training set; isomorphism is exact.

    ``unique`` is classes over circuits, ``novel`` the share of circuits whose class is not in ``train``.

    Parameters
    ----------
    most_regulators
        Most regulators of a gene.

    Returns
    -------
    VUN
        Shares of the whole sample.
    """
    keys = canonical_keys(sample)
    valid = is_valid(sample, most_regulators).tolist()
    good = {key for key, fine in zip(keys, valid, strict=True) if fine and key not in train}
    total = max(len(keys), 1)
    return VUN(
        sum(valid) / total,
        len(set(keys)) / total,
        sum(key not in train for key in keys) / total,
        len(good) / total,
        len(set(keys)),
    )
