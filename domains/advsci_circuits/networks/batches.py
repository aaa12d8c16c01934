"""Batches of networks of about one size, so that little is computed on padding."""

from torch import Tensor

__all__ = ["NearSizes"]


class NearSizes:
    """Training data whose batches hold networks of near sizes: the first index of a batch chooses which.

    Parameters
    ----------
    data
        Tensors of one length; ``"sizes"`` holds the genes of each network.
    window
        Share of the data, by size, that a batch is drawn from.

    Examples
    --------
    >>> import torch
    >>> near = NearSizes({"sizes": torch.tensor([30, 13, 29, 14])}, window=0.5)
    >>> near[torch.tensor([0, 3])]["sizes"].tolist()
    [30, 29]
    """

    def __init__(self, data: dict[str, Tensor], window: float = 0.125):
        self.data = data
        self.order = data["sizes"].argsort(stable=True)
        self.rank = self.order.argsort()
        self.window = max(int(window * len(self.order)), 1)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, indices: Tensor) -> dict[str, Tensor]:
        start = int(self.rank[indices[0]]) - self.window // 2
        start = min(max(start, 0), len(self) - self.window)
        rows = self.order[start + indices % self.window]
        return {name: values[rows] for name, values in self.data.items()}
