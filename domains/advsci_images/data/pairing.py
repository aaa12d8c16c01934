"""Two sets of images as one source of batches: paired row by row, or unpaired."""

from collections.abc import Mapping

from torch import Tensor

from advsci.errors import DataError
from advsci.streams import Stream

__all__ = ["Unpaired"]


class Unpaired:
    """Rows of several tables side by side, the longest once an epoch, the others repeated; no row knows another.

    Each table is shuffled once, so that images which happen to stand in the same order in two sets do not meet.

    Parameters
    ----------
    tables
        Groups of tensors; the tensors of one group keep their rows together (images and their labels).
    seed
        Key of the shuffles.

    Raises
    ------
    DataError
        A group is empty or its tensors have different lengths.

    Examples
    --------
    >>> source = Unpaired([{"x": torch.arange(3.0)}, {"y": torch.arange(5.0)}])
    >>> len(source), sorted(source[torch.arange(5)]["y"].tolist())
    (5, [0.0, 1.0, 2.0, 3.0, 4.0])
    """

    def __init__(self, tables: "list[Mapping[str, Tensor]]", seed: int = 0):
        stream = Stream(seed).at("pairing")
        self.tables: list[dict[str, Tensor]] = []
        for i, table in enumerate(tables):
            lengths = {name: len(tensor) for name, tensor in table.items()}
            if len(set(lengths.values())) != 1 or min(lengths.values()) == 0:
                raise DataError(
                    f"got tables of lengths {lengths}; expected equal ones above 0. Try: one label per image."
                )
            order = stream.at("order", i).permutation(min(lengths.values()))
            self.tables.append({name: tensor[order] for name, tensor in table.items()})

    def __len__(self) -> int:
        return max(len(next(iter(table.values()))) for table in self.tables)

    def __getitem__(self, indices: Tensor) -> dict[str, Tensor]:
        batch: dict[str, Tensor] = {}
        for table in self.tables:
            length = len(next(iter(table.values())))
            batch |= {name: tensor.index_select(0, indices % length) for name, tensor in table.items()}
        return batch
