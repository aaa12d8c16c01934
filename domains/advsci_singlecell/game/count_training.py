"""The game on counts: an encoder of components, a decoder given the batch, the conditional adversary."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from advsci.games import DomainAdversarial
from advsci.nn import MLP
from advsci.nn.evaluation import evaluating
from advsci.schedules import Cosine, Warmup
from advsci.solvers import Alternating, Simultaneous
from advsci.streams import Stream
from advsci.training import Run
from advsci_singlecell.config import Settings
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.embedding.remainder import Remainder
from advsci_singlecell.game.columns import Columns
from advsci_singlecell.game.conditions import Conditions
from advsci_singlecell.game.counts import CountEncoder, Counts
from advsci_singlecell.game.metric import metric_of, remeasure
from advsci_singlecell.game.networks import Decoder
from advsci_singlecell.game.play import solver_of, trainer_of
from advsci_singlecell.game.streamed import EveryCell, StreamedCells
from advsci_singlecell.game.strength import readability
from advsci_singlecell.game.table import CountTable
from advsci_singlecell.game.training import adversaries_of, held_cells, probes_of

__all__ = ["CountEmbedding", "count_data", "count_game", "count_solver"]

STRENGTH = 1.0
LEADING = 3.0  # standard deviation of the first component, as the encoder reads it
ENCODER, ADVERSARY = 2.0, 15.0  # learning rates; the adversary must read what there is, or hiding it is no feat


@dataclass
class CountEmbedding:
    """The trained map from components to the embedding.

    The encoder needs no batch; the remainder does, to know what the batch adds to every group.

    Attributes
    ----------
    encoder
        The encoder of components.
    decoder
        Expected counts given embedding and batch; None where the likelihood was off.
    head
        Names types, where there are any.
    history
        Records of the training: every term, and how well the batch was read within groups.
    remainder
        Appends what the encoder forgets of the components; None where that was off.
    """

    encoder: CountEncoder
    decoder: Decoder | None = None
    head: nn.Module | None = None
    history: list[dict[str, float | int]] = field(default_factory=list)
    remainder: Remainder | None = None

    @classmethod
    def fit(
        cls,
        components: np.ndarray,
        counts: sparse.csr_matrix,
        cells: Cells,
        settings: Settings,
        *,
        stream: Stream,
        device: str | torch.device | None = None,
        columns: Columns | None = None,
        every: EveryCell | None = None,
        quiet: bool = True,
        run: Run | None = None,
    ) -> "CountEmbedding":
        """Train on the sketched cells, or on all cells with what the sketch says of them.

        Parameters
        ----------
        components
            Principal components (n e): what the encoder reads, and in which groups and neighbours are found.
        counts
            Counts of the selected genes (n g), or log-expression for a Gaussian.
        cells
            Batches and labels of the cells.
        settings
            How.
        stream
            Source of all randomness.
        device
            Torch device; None: an accelerator if there is one.
        columns
            Of the cells: further nuisances, and what must not be removed.
        every
            All cells, which the training streams; None: it stays with the sketched ones.
        quiet
            Whether to print nothing.
        run
            Folder for checkpoints; a training that was stopped resumes from there.

        Returns
        -------
        CountEmbedding
            The trained map.
        """
        columns = columns or Columns()
        conditions, data = Conditions.fit(components, cells, settings, stream=stream, columns=columns)
        game = count_game(components, counts, cells, data, settings, stream=stream, columns=columns)
        adversaries = [name for name in game.players if name != "task"]
        solver = count_solver(settings, adversaries)
        callbacks = [_Reading(held_cells(data, stream)), *(probes_of(data) if adversaries else [])]
        source, trained = data, len(cells.batch)
        if every is not None:
            turns = settings.moves * bool(adversaries) + 1 if settings.play == "turns" else 1
            source = StreamedCells(every, conditions, explained=bool(settings.explaining), turns=turns)
            trained = len(source)
        trainer = trainer_of(settings, trained, stream, device=device, quiet=quiet, run=run, callbacks=callbacks)
        training = trainer.fit(game, source, solver)
        task = cast(Counts, training.game.players["task"])
        return cls.of(task, components, cells, settings, training.log, stream=stream)

    @classmethod
    def of(
        cls,
        task: Counts,
        components: np.ndarray,
        cells: Cells,
        settings: Settings,
        history: list[dict[str, float | int]] | None = None,
        *,
        stream: Stream | None = None,
    ) -> "CountEmbedding":
        """What a trained task leaves: normalisation fixed to all cells, directions weighed, the remainder found.

        Parameters
        ----------
        task
            After the training.
        components, cells
            Of all cells.
        settings
            How directions are weighed, and how long the remainder is.
        history
            Records of the training.
        stream
            Source of the first centres of the remainder's groups.

        Returns
        -------
        CountEmbedding
            The map.
        """
        played = task.cpu().eval()
        played.encoder.settle(torch.from_numpy(components))
        embedding = cls(played.encoder, played.decoder, played.head, history or [])
        if settings.weighing:
            metric = metric_of(embedding.encode(components), components, cells.batch, settings.weighing)
            remeasure(metric, played.encoder, played.decoder, played.head)
        if settings.remainder:
            given: dict[str, Any] = {"weight": settings.remainder, "batches": len(cells.batches), "stream": stream}
            embedding.remainder = Remainder.fit(embedding.encode(components), components, cells.batch, **given)
        return embedding

    def encode(self, components: np.ndarray) -> np.ndarray:
        """What the encoder makes of any cells, of known batches or not; the first columns of their embedding.

        Parameters
        ----------
        components
            Principal components (n e).

        Returns
        -------
        numpy.ndarray
            (n d).
        """
        with torch.no_grad():
            return self.encoder(torch.from_numpy(np.asarray(components, np.float32))).numpy()

    def embed(self, components: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """The embedding of cells of known batches.

        Parameters
        ----------
        components, batch
            Principal components (n e) and batch numbers (n).

        Returns
        -------
        numpy.ndarray
            (n d), with the remainder (n d+e).
        """
        s = self.encode(components)
        return s if self.remainder is None else self.remainder(s, components, batch)

    def embed_unseen(self, components: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """The embedding of all cells of batches that were not there in training.

        Parameters
        ----------
        components, batch
            Principal components (n e) and batch numbers (n), from 0: what a batch adds to a group is told from
            these cells.

        Returns
        -------
        numpy.ndarray
            (n d), with the remainder (n d+e).
        """
        s = self.encode(components)
        return s if self.remainder is None else self.remainder.adapted(s, components, batch)(s, components, batch)

    def types(self, z: np.ndarray) -> np.ndarray:
        """Probabilities of the types by the class head.

        Parameters
        ----------
        z
            Embeddings (n d), with or without the remainder.

        Returns
        -------
        numpy.ndarray
            (n c).
        """
        if self.head is None:  # one type alone needs no naming
            return np.ones((len(z), 1), np.float32)
        with torch.no_grad():
            own = np.ascontiguousarray(z[:, : len(self.encoder.centre)])
            return torch.softmax(self.head(torch.from_numpy(own)), dim=1).numpy()


class _Reading:
    """Callback: how well a fresh linear probe reads the batch within groups from the embedding as it is."""

    def __init__(self, held: dict[str, Tensor]):
        self.held = held

    def __call__(self, training: Any) -> dict[str, float]:
        task = cast(Counts, training.game.players["task"])
        rows = self.held["row"].to(task.components.device)
        with torch.no_grad(), evaluating(task):
            z = task.encoder(task.components[rows]).cpu()
        return {"readability": readability(z, self.held["batch"], self.held["membership"].argmax(1))}


def count_game(
    components: np.ndarray,
    counts: sparse.csr_matrix,
    cells: Cells,
    data: dict[str, Tensor],
    settings: Settings,
    *,
    stream: Stream,
    columns: Columns | None = None,
) -> DomainAdversarial:
    """The game before its training: the task of explaining counts, against what reads the batch.

    Parameters
    ----------
    components, counts
        Of all cells of the game, (n e) and (n g).
    cells
        Names of batches and types; whether the counts are counts.
    data
        From `count_data`; codes of further nuisances are added to it.
    settings
        Sizes, weights, adversaries.
    stream
        Source of the initial parameters.
    columns
        Of the cells: further nuisances.

    Returns
    -------
    DomainAdversarial
        Players ``"task"`` and one for each thing to hide.
    """
    batches, types, dimensions = len(cells.batches), len(cells.types), settings.features
    wider = settings.replace(width=2 * settings.width)
    adversaries = adversaries_of(data, columns or Columns(), wider, batches, dimensions)
    _, genes = cast(tuple[int, int], counts.shape)
    with stream.at("initial parameters").seeded():
        scale = float(components.std(axis=0).max()) / LEADING
        encoder = CountEncoder(components.shape[1], dimensions, width=settings.width, scale=scale or 1.0)
        decoder = None
        if settings.explaining:
            decoder = Decoder(dimensions, batches, genes, likelihood=settings.likelihood, width=settings.width)
        head = MLP(dimensions, types, width=settings.width, depth=1) if types > 1 else None
        players = {name: make() for name, make in adversaries.items()}
    if decoder is not None:
        mean = torch.from_numpy(np.asarray(counts.mean(axis=0), np.float32).ravel())
        decoder.start_at(mean / mean.sum() if cells.counts else mean)
    task = Counts(
        encoder,
        decoder,
        head,
        components=torch.from_numpy(components),
        counts=CountTable(counts),
        batches=batches,
        explaining=settings.explaining,
        contrast=settings.contrast,
        naming=settings.naming,
        sharpening=settings.sharpening,
    )
    strength = STRENGTH if settings.strength is None else settings.strength
    return DomainAdversarial(task, players, Warmup(strength, 0.2))


def count_solver(settings: Settings, adversaries: Collection[str]) -> Alternating | Simultaneous:
    """Who moves how: the adversaries much faster than the task.

    Parameters
    ----------
    settings
        Learning rate and order of play.
    adversaries
        Their names.

    Returns
    -------
    Alternating or Simultaneous
        The solver.
    """
    return solver_of(settings, adversaries, Cosine(1.0, 0.05), (ENCODER, ADVERSARY))


def count_data(
    components: np.ndarray, cells: Cells, settings: Settings, *, stream: Stream, columns: Columns | None = None
) -> dict[str, Tensor]:
    """What a training batch holds, for all cells of the game.

    Parameters
    ----------
    components, cells
        Principal components (n e), batches and labels.
    settings
        Sizes of neighbourhoods and groups.
    stream
        Source of all randomness.
    columns
        Of the cells: what conditions the adversary, and what must not be removed.

    Returns
    -------
    dict
        As of `advsci_singlecell.game.conditions.Conditions`.
    """
    return Conditions.fit(components, cells, settings, stream=stream, columns=columns or Columns())[1]
