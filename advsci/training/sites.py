"""Data of several sites, side by side: a batch holds as many samples of each."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from advsci.errors import DataError
from advsci.games.game import Batch
from advsci.training.data import Source, as_source

__all__ = ["Sites"]


class Sites:
    """A source of batches with keys ``"SITE/KEY"``, for an `advsci.games.Federation`.

    It is as long as the largest site. A smaller site begins anew as often as that takes: sample i of the whole is
    sample i modulo its own number there.

    Parameters
    ----------
    data
        Site -> whatever `advsci.training.as_source` takes, of a known length.

    Raises
    ------
    DataError
        There is no site, or one has no samples.

    Examples
    --------
    >>> import torch
    >>> both = Sites({"north": torch.arange(4.0)[:, None], "south": torch.arange(2.0)[:, None]})
    >>> {key: value.flatten().tolist() for key, value in both[torch.tensor([1, 3])].items()}
    {'north/x': [1.0, 3.0], 'south/x': [1.0, 1.0]}
    """

    def __init__(self, data: Mapping[str, Any]):
        if not data:
            raise DataError("got no site; expected data of one at least. Try: Sites({'north': x}).")
        self.sources: dict[str, Source] = {site: as_source(own) for site, own in data.items()}

    def __len__(self) -> int:
        return max(len(source) for source in self.sources.values())

    def __getitem__(self, indices: Tensor) -> Batch:
        found: dict[str, Tensor] = {}
        for site, source in self.sources.items():
            found |= {f"{site}/{key}": value for key, value in source[indices % len(source)].items()}
        return found

    @property
    def samples(self) -> dict[str, int]:
        """Site -> its number of samples."""
        return {site: len(source) for site, source in self.sources.items()}
