"""The fixed inverse problems of the benchmarks: operators, test images, noisy data."""

import os
from pathlib import Path

import numpy as np
import torch

from advsci_inverse.operators import DenseOperator

__all__ = ["Fixed", "folder"]


def folder() -> Path | None:
    """Where the data lie, if they do."""
    path = Path(os.environ.get("ADVSCI_DATA", "")) / "inverse"
    return path if (path / "bench_problems.npz").is_file() else None


class Fixed:
    """The fixed problems."""

    def __init__(self, quick: bool):
        path = folder()
        assert path is not None
        self.path, self.file = path, np.load(path / "bench_problems.npz")
        self.n, self.n_ct = (10, 4) if quick else (50, 20)

    def images(self, name: str, part: str = "x_train") -> torch.Tensor:
        with np.load(self.path / f"{name}.npz") as file:
            return torch.from_numpy(file[part]).float() / 255

    def labels(self, name: str, part: str = "y_train") -> torch.Tensor:
        """Classes of the images of `images`."""
        with np.load(self.path / f"{name}.npz") as file:
            return torch.from_numpy(file[part]).long()

    def sensing(self, m: int) -> DenseOperator:
        return DenseOperator(torch.from_numpy(self.file["cs_A"][:m]) / m**0.5, (28, 28))

    def digits(self, m: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.from_numpy(self.file["cs_x"]).reshape(-1, 28, 28)
        pick = torch.linspace(0, 49, self.n).long()
        return x[pick], torch.from_numpy(self.file[f"cs_y_{m}"])[pick]
