"""Columns of the cells as numbers: groups that are given, what must not be removed, further nuisances.

A training that streams all cells names categories once, for all of them, so that the sketch and the stream agree.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from advsci_singlecell.data.fields import Fields

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Columns"]


@dataclass(frozen=True)
class Columns:
    """What ``obs`` says of the cells, as the game needs it.

    Attributes
    ----------
    codes, sizes
        For every categorical column, category numbers (n) and how many categories there are.
    values
        For every continuous nuisance, standardised values (n).
    given, protected
        Names of the columns that condition the adversary, and that must not be removed; None: there is none.
    categorical, continuous
        Names of the further nuisances.

    Examples
    --------
    >>> import pandas as pd
    >>> obs = pd.DataFrame({"batch": ["a", "b"], "donor": ["y", "x"]})
    >>> columns = Columns.of(obs, Fields(batch_key="batch", categorical_covariate_keys=("donor",)))
    >>> columns.codes["donor"].tolist(), columns.sizes["donor"]
    ([1, 0], 2)
    """

    codes: dict[str, np.ndarray] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)
    given: str | None = None
    protected: str | None = None
    categorical: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()

    @classmethod
    def of(cls, obs: "pd.DataFrame | None", fields: Fields | None) -> "Columns":
        """Number the categories, and standardise the values.

        Parameters
        ----------
        obs
            Columns of the cells; None for a plain matrix.
        fields
            Which of them mean what; None for a plain matrix.

        Returns
        -------
        Columns
            Empty where there is nothing beside the batch and the types.
        """
        if obs is None or fields is None:
            return cls()
        codes, sizes, values = {}, {}, {}
        kept = (fields.adversarial_group_key, fields.protected_key, *fields.categorical_covariate_keys)
        for key in dict.fromkeys(key for key in kept if key is not None):
            names, codes[key] = np.unique(obs[key].astype(str).to_numpy(), return_inverse=True)
            sizes[key] = len(names)
        for key in fields.continuous_covariate_keys:
            value = obs[key].to_numpy(dtype=np.float32)
            values[key] = (value - value.mean()) / (value.std() or 1.0)
        return cls(
            codes,
            sizes,
            values,
            fields.adversarial_group_key,
            fields.protected_key,
            tuple(key for key in fields.categorical_covariate_keys if sizes[key] > 1),
            tuple(fields.continuous_covariate_keys),
        )

    def rows(self, rows: np.ndarray) -> "Columns":
        """Those of some cells, numbered as here.

        Parameters
        ----------
        rows
            Row numbers (m).

        Returns
        -------
        Columns
            Of these cells.
        """
        codes = {key: code[rows] for key, code in self.codes.items()}
        return replace(self, codes=codes, values={key: value[rows] for key, value in self.values.items()})

    def onehot(self, key: str) -> np.ndarray:
        """A categorical column as zeros and ones.

        Parameters
        ----------
        key
            Its name.

        Returns
        -------
        numpy.ndarray
            (n, categories).
        """
        return np.eye(self.sizes[key], dtype=np.float32)[self.codes[key]]
