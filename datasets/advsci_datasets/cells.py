r"""Simulated cells of several batches whose truth is known: counts, types, and the expression without any batch effect.

The expectation of gene :math:`g` in a cell of type :math:`c`, batch :math:`b` and within-type state
:math:`t \in [0, 1]` is

.. math:: \mu = \ell \, \frac{m_g T_{cg} S_{cg}^t \, B_{bg} I_{bcg}}{\sum_g m_g T_{cg} S_{cg}^t \, B_{bg} I_{bcg}},
          x \sim \mathrm{Poisson}(\mu \, \gamma), \quad \gamma \sim \mathrm{Gamma}(1/\phi^2, \phi^2)

with gamma means :math:`m` that have log-normal outliers, log-normal factors of type :math:`T`, state :math:`S`,
batch :math:`B`, and type x batch interaction :math:`I`, a log-normal library :math:`\ell` and biological coefficient
of variation :math:`\phi`: the model of Splatter (Zappia et al. 2017, doi 10.1186/s13059-017-1305-0) with an
interaction, a composition matrix and a state added. ``mu_true`` is the same expectation at :math:`B = I = 1` and a
common library, so that a correction can be scored against what it should find.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import ConfigError, needs

__all__ = ["CONFOUNDED", "CellSimulator", "simulate_cells", "write_simulated"]

CONFOUNDED = (
    (0.34, 0.24, 0.20, 0.10, 0.03, 0.09, 0.00),
    (0.06, 0.16, 0.30, 0.44, 0.04, 0.00, 0.00),
    (0.24, 0.12, 0.12, 0.20, 0.04, 0.10, 0.18),
)
"""Fractions of seven types in three batches: skewed; type 4 is rare, 5 is missing from one batch, 6 lives in one
batch only."""

COMMON_LIBRARY = 1e4


@dataclass(frozen=True)
class CellSimulator:
    """The tables of a simulated experiment, from which any number of cells can be drawn.

    Attributes
    ----------
    base
        Relative mean expression of every gene (genes).
    of_type, of_state
        Factors of every type, and of its continuous state at t = 1 (types genes).
    of_batch
        Factors of every batch and type, interaction included (batches types genes).
    composition
        Fraction of every type in every batch (batches types); rows sum to one.
    library
        Log-mean library of every batch (batches).
    group
        The group (assay) that each batch belongs to, for nested designs (batches).
    dispersion, library_scale
        Biological coefficient of variation; log standard deviation of the library.
    """

    base: np.ndarray
    of_type: np.ndarray
    of_state: np.ndarray
    of_batch: np.ndarray
    composition: np.ndarray
    library: np.ndarray
    group: np.ndarray
    dispersion: float
    library_scale: float

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        n_genes: int = 1500,
        composition: object = CONFOUNDED,
        groups: "tuple[int, ...] | None" = None,
        batch_scale: float = 0.15,
        interaction: float = 0.5,
        similar: "tuple[int, int] | None" = (2, 5),
        distance: float = 0.25,
        type_genes: float = 0.12,
        state_genes: float = 0.08,
        dispersion: float = 0.35,
        library: "float | tuple[float, ...]" = 7.5,
        library_scale: float = 0.25,
    ) -> "CellSimulator":
        r"""Draw the tables of one experiment.

        Parameters
        ----------
        rng
            Source of all randomness.
        n_genes
            Genes.
        composition
            Fraction of every type in every batch (batches types); rows are normalised.
        groups
            Group of every batch: batches of one group share most of their batch factor (donors of one assay). None:
            no groups.
        batch_scale, interaction
            Log-scale of the batch factors; the share of it that is drawn anew for every type.
        similar, distance
            Two types (present, missing somewhere) of which the second lies at this relative ``distance`` (0 equal, 1
            unrelated) from the first: the case in which a correction is tempted to merge them.
        type_genes
            Share of genes that differ between types.
        state_genes
            Share of genes that follow a type's continuous state.
        dispersion
            Biological coefficient of variation :math:`\phi`.
        library
            Log-mean library: of every batch, or one number about which the batches scatter by 0.4.
        library_scale
            Standard deviation of that log within a batch.

        Returns
        -------
        CellSimulator
            The tables, from which cells are drawn by `sample`.

        Raises
        ------
        ConfigError
            The composition is no matrix of fractions, or there are not as many groups or libraries as
            batches.
        """
        composition = np.asarray(composition, dtype=float)
        if composition.ndim != 2 or (composition < 0).any() or (composition.sum(axis=1) <= 0).any():
            raise ConfigError(
                f"got a composition of shape {composition.shape}; expected (batches, types) fractions >= 0 with a "
                "positive sum in every row. Try: advsci_datasets.cells.CONFOUNDED."
            )
        batches, types = composition.shape
        group = np.zeros(batches, int) if groups is None else np.asarray(groups, int)
        if len(group) != batches:
            raise ConfigError(f"got {len(group)} groups; expected one per batch, {batches}. Try: group=None.")
        if np.ndim(library) and np.shape(library) != (batches,):
            raise ConfigError(
                f"got {np.size(library)} libraries; expected one number, or one per batch, {batches}. Try: "
                "library=2000."
            )
        if similar is not None and max(similar) >= types:
            similar = None
        base = rng.gamma(0.6, 1 / 0.3, n_genes)
        outlier = rng.random(n_genes) < 0.05
        base[outlier] *= rng.lognormal(2.5, 0.5, outlier.sum())
        of_type = _factors(rng, (types, n_genes), type_genes, 0.7, 0.4)
        if similar is not None:
            near, missing = similar
            of_type[missing] = of_type[missing] ** distance * of_type[near] ** (1 - distance)
        of_state = _factors(rng, (types, n_genes), state_genes, 0.5, 0.3)
        of_batch = _factors(rng, (batches, 1, n_genes), 0.6, 0.0, batch_scale)
        if groups is not None:
            shared = _factors(rng, (int(group.max()) + 1, 1, n_genes), 0.6, 0.0, batch_scale)
            of_batch = shared[group] * of_batch**0.5
        of_batch = of_batch * _factors(rng, (batches, types, n_genes), 0.6, 0.0, interaction * batch_scale)
        return cls(
            base=base / base.sum(),
            of_type=of_type,
            of_state=of_state,
            of_batch=of_batch,
            composition=composition / composition.sum(axis=1, keepdims=True),
            library=np.array(library) if np.ndim(library) else library + rng.normal(0.0, 0.4, batches),
            group=group,
            dispersion=dispersion,
            library_scale=library_scale,
        )

    def sample(self, n: int, rng: np.random.Generator, *, truth: bool = True):
        """Draw ``n`` cells, the batches equally large.

        Parameters
        ----------
        n
            Cells in all.
        rng
            Source of all randomness.
        truth
            Also store the expectation without batch effects, as ``layers["mu_true"]``.

        Returns
        -------
        anndata.AnnData
            Sparse counts in ``X``; ``obs`` has batch, group, cell_type and state; with ``truth`` also
            ``layers["mu_true"]`` (expected counts at a library of 10,000 without any batch effect) and
            ``obsm["X_true"]`` (the principal components of its logarithm).
        """
        with needs("anndata", "singlecell"):
            import anndata
            import pandas as pd
            from scipy.sparse import csr_matrix
        batches, types = self.composition.shape
        batch = np.sort(np.arange(n) % batches)
        cumulated = self.composition.cumsum(axis=1)
        cell_type = (rng.random(n)[:, None] > cumulated[batch, :-1]).sum(axis=1)
        state = rng.random(n)
        biology = self.base * self.of_type[cell_type] * self.of_state[cell_type] ** state[:, None]
        observed = biology * self.of_batch[batch, cell_type]
        library = rng.lognormal(self.library[batch], self.library_scale)
        observed *= library[:, None] / observed.sum(axis=1, keepdims=True)
        observed *= rng.gamma(self.dispersion**-2, self.dispersion**2, observed.shape)
        obs = pd.DataFrame(
            {
                "batch": pd.Categorical([f"batch{b}" for b in batch]),
                "group": pd.Categorical([f"group{g}" for g in self.group[batch]]),
                "cell_type": pd.Categorical([f"type{c}" for c in cell_type]),
                "state": state,
            },
            index=pd.Index([f"cell{i}" for i in range(n)]),
        )
        var = pd.DataFrame(index=pd.Index([f"gene{g}" for g in range(len(self.base))]))
        cells = anndata.AnnData(csr_matrix(rng.poisson(observed).astype(np.float32)), obs=obs, var=var)
        cells.uns["simulated"] = "advsci_datasets.cells"
        if truth:
            mu = (COMMON_LIBRARY * biology / biology.sum(axis=1, keepdims=True)).astype(np.float32)
            cells.layers["mu_true"] = mu
            centred = np.log1p(mu) - np.log1p(mu).mean(axis=0)
            values, vectors = np.linalg.eigh(centred.T @ centred)
            cells.obsm["X_true"] = centred @ vectors[:, ::-1][:, : min(20, n, len(values))]
        return cells


def simulate_cells(n: int = 1800, *, rng: np.random.Generator, **design):
    """``n`` cells of a new confounded experiment; ``design`` as in `CellSimulator.draw`.

    Examples
    --------
    >>> cells = simulate_cells(300, rng=np.random.default_rng(0), n_genes=50)
    >>> cells.shape
    (300, 50)
    """
    return CellSimulator.draw(rng, **design).sample(n, rng)


def write_simulated(path: Path | str, n: int, *, rng: np.random.Generator, chunk: int = 10_000, **design) -> None:
    """``n`` cells of a new experiment as an AnnData file, drawn and written ``chunk`` at a time.

    The file never lies in memory as a whole: a million cells take the memory of ``chunk``. ``obs`` is as in
    `CellSimulator.sample`; every chunk has cells of all batches.

    Parameters
    ----------
    path
        ``.h5ad``, or the folder of a zarr store; what is there already is overwritten.
    n
        Cells.
    rng
        Source of all randomness.
    chunk
        Cells per write, and so in memory at once.
    """
    with needs("zarr", "singlecell"):
        import anndata
        import h5py
        import pandas as pd
        import zarr
    simulator = CellSimulator.draw(rng, **design)
    group: Any = (
        h5py.File(path, "w") if Path(path).suffix == ".h5ad" else zarr.open_group(str(path), mode="w", zarr_format=2)
    )
    obs = []
    for start in range(0, n, chunk):
        cells = simulator.sample(min(chunk, n - start), rng, truth=False)
        obs.append(cells.obs)
        if start == 0:
            anndata.io.write_elem(group, "X", cells.X)
            anndata.io.write_elem(group, "var", cells.var)
        else:
            stored: Any = anndata.io.sparse_dataset(group["X"])
            stored.append(cells.X)
    whole = pd.concat(
        [part.astype({"state": "float32"}).astype({"batch": str, "group": str, "cell_type": str}) for part in obs]
    )
    whole.index = [f"cell{i}" for i in range(n)]
    for key in ("batch", "group", "cell_type"):
        whole[key] = whole[key].astype("category")
    anndata.io.write_elem(group, "obs", whole)
    group.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
    if isinstance(group, h5py.File):
        group.close()


def _factors(rng: np.random.Generator, shape, share: float, location: float, scale: float) -> np.ndarray:
    """Log-normal factors on a random ``share`` of the entries, up or down with equal chance; one elsewhere."""
    size = np.abs(rng.normal(location, scale, shape)) * np.where(rng.random(shape) < 0.5, -1.0, 1.0)
    return np.exp(np.where(rng.random(shape) < share, size, 0.0))
