"""From validated cells to the fitted maps, genes and components included; with all batches, or with one held out."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse

from advsci.streams import Stream
from advsci_singlecell.config import Settings
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.data.matrix import chunks
from advsci_singlecell.embedding.projection import Projection, select_genes
from advsci_singlecell.game.columns import Columns
from advsci_singlecell.game.count_training import CountEmbedding
from advsci_singlecell.game.streamed import EveryCell
from advsci_singlecell.game.training import Integration

if TYPE_CHECKING:
    import pandas as pd

    from advsci.training import Run

__all__ = ["embed_new", "fit_maps", "hold_out", "in_memory", "sketch_rows"]


def fit_maps(
    cells: Cells,
    rows: Int[np.ndarray, " m"],
    settings: Settings,
    stream: Stream,
    *,
    obs: "pd.DataFrame",
    fields: Fields,
    device: str | torch.device | None = None,
    quiet: bool = True,
    run: "Run | None" = None,
) -> tuple[Projection, Integration | CountEmbedding]:
    """Fit the projection, and on its components the method.

    Parameters
    ----------
    cells, rows
        The cells, and the row numbers of those that are trained on.
    settings
        How.
    stream
        Source of all randomness.
    obs, fields
        Columns of all cells, and which of them mean what.
    device
        Torch device; None: an accelerator if there is one.
    quiet
        Whether to print nothing.
    run
        Folder for checkpoints; a training that was stopped goes on from there.

    Returns
    -------
    projection, map
        In the order in which a cell passes them.
    """
    matrix, d = cells.matrix, settings.dimensions
    genes = select_genes(matrix, cells.batch, settings.genes, counts=cells.counts, rows=rows)
    if cells.counts and settings.library is None:
        projection = Projection.of_least_batch(matrix, genes, d, batch=cells.batch, rows=rows)
    else:
        library = None if settings.library == "median" else settings.library
        projection = Projection.fit(matrix, genes, d, counts=cells.counts, rows=rows, library=library)
    sketched = replace(cells, batch=cells.batch[rows], labels=cells.labels[rows], matrix=None)
    components = projection(matrix, rows)
    given: dict[str, Any] = {"stream": stream, "device": device, "quiet": quiet, "run": run}
    if settings.method == "chain":
        return projection, Integration.fit(components, sketched, settings, obs=obs.iloc[rows], fields=fields, **given)
    counts, every = projection.selected(matrix, rows), None
    if settings.passes:
        every = EveryCell(cells, Columns.of(obs, fields), projection, rows)
    columns = Columns.of(obs.iloc[rows], fields) if every is None else every.columns.rows(rows)
    fitted = CountEmbedding.fit(components, counts, sketched, settings, columns=columns, every=every, **given)
    return projection, fitted


def embed_new(
    maps: tuple[Projection, Integration | CountEmbedding],
    components: Float[np.ndarray, "n d"],
    batch: Int[np.ndarray, " n"],
) -> Float[np.ndarray, "n e"]:
    """The embedding of cells of batches that were not there in the fit; nothing is trained.

    Parameters
    ----------
    maps
        What `fit_maps` gave.
    components, batch
        Principal components and batch numbers, from 0.

    Returns
    -------
    numpy.ndarray
        Embedding: by the encoder for counts, with a remainder told from these cells; aligned in closed form before for
        the chain.
    """
    _, integration = maps
    return integration.embed_unseen(components, batch)


def hold_out(
    cells: Cells,
    held: int,
    settings: Settings,
    stream: Stream,
    *,
    obs: "pd.DataFrame",
    fields: Fields,
    device: str | torch.device | None = None,
) -> tuple[Float[np.ndarray, "r e"], Float[np.ndarray, "m e"]]:
    """Embeddings of all batches but one, fitted without it, and of its cells, mapped there as a query.

    The encoder of the chain hardly moves, so that its game is left out unless a strength was set. That of counts takes
    its usual steps on these cells, also where the model was trained on all.

    Parameters
    ----------
    cells
        The reference, in memory.
    held
        Number of the batch.
    settings
        How the method is fitted.
    stream
        Source of all randomness.
    obs, fields
        Columns of the cells, and which of them mean what.
    device
        Torch device; None: an accelerator if there is one.

    Returns
    -------
    rest, held
        Embeddings, in the cells' order; no cell is placed by its own label.
    """
    out = cells.batch == held
    rest = _part(cells, ~out)
    settings = settings.replace(passes=0.0)  # of the few thousand cells here, passes would be a short training
    if settings.method == "chain" and settings.strength is None:
        settings = settings.replace(adversary="none", steps=1, cycle=0.0, orthogonality=0.0, prior="none")
    rows = np.arange(len(rest.batch))
    fitted = fit_maps(rest, rows, settings, stream, obs=obs.iloc[np.flatnonzero(~out)], fields=fields, device=device)
    projection, integration = fitted
    components, new = projection(rest.matrix), projection(cells.matrix[np.flatnonzero(out)])
    return integration.embed(components, rest.batch), embed_new(fitted, new, np.zeros(len(new), np.int64))


def _part(cells: Cells, chosen: np.ndarray) -> Cells:
    """Some of the cells, batches and types numbered anew without those that have none."""
    batches, batch = np.unique(cells.batch[chosen], return_inverse=True)
    labels = cells.labels[chosen]
    kept = np.unique(labels[labels >= 0])
    number = np.full(len(cells.types) + 1, -1)
    number[kept] = np.arange(len(kept))
    return replace(
        cells,
        matrix=cells.matrix[np.flatnonzero(chosen)],
        batch=batch,
        batches=[cells.batches[b] for b in batches],
        labels=number[labels],
        types=[cells.types[t] for t in kept],
    )


def in_memory(cells: Cells, rows: Int[np.ndarray, " m"]) -> Cells:
    """Some of the cells with their expression read, batches and types as they are.

    Parameters
    ----------
    cells, rows
        The cells, in memory or not, and row numbers, increasing.

    Returns
    -------
    Cells
        A sparse matrix in memory.
    """
    matrix = sparse.csr_matrix(sparse.vstack([block for _, block in chunks(cells.matrix, rows)]))
    return replace(cells, matrix=matrix, batch=cells.batch[rows], labels=cells.labels[rows])


def sketch_rows(batch: Int[np.ndarray, " n"], most: int, stream: Stream) -> Int[np.ndarray, " m"]:
    """Rows to train on: all, or ``most`` of them, of every batch as many as there are up to an equal share.

    Parameters
    ----------
    batch
        Batch numbers.
    most
        At most so many rows.
    stream
        Source of the random numbers.

    Returns
    -------
    numpy.ndarray
        Row numbers, increasing.

    Examples
    --------
    >>> rows = sketch_rows(np.repeat([0, 1], [3, 50]), 10, Stream(0))
    >>> np.bincount(np.repeat([0, 1], [3, 50])[rows]).tolist()
    [3, 7]
    """
    if len(batch) <= most:
        return np.arange(len(batch))
    sizes = np.bincount(batch)
    quota, left = np.zeros(len(sizes), int), most
    for done, b in enumerate(sizes.argsort()):
        quota[b] = min(sizes[b], left // (len(sizes) - done))
        left -= quota[b]
    rng = stream.at("sketch").numpy()
    return np.sort(np.concatenate([rng.choice(np.flatnonzero(batch == b), n, False) for b, n in enumerate(quota)]))
