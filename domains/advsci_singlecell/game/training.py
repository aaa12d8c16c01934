"""From components to the embedding: equalise, align, denoise, and let the encoder play against the adversaries."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from advsci.diagnostics import Probe
from advsci.games import Adversary, DomainAdversarial
from advsci.nn import MLP
from advsci.schedules import Linear
from advsci.streams import Stream
from advsci.training import EMA, Run
from advsci_singlecell.config import Settings
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.embedding.alignment import Alignment
from advsci_singlecell.embedding.anchor import Anchor
from advsci_singlecell.embedding.chain import Chain
from advsci_singlecell.embedding.equaliser import Equaliser
from advsci_singlecell.embedding.whitening import Whitening
from advsci_singlecell.game.adversary import CategoricalAdversary, ContinuousAdversary, support, support_weights
from advsci_singlecell.game.biology import Biology
from advsci_singlecell.game.columns import Columns
from advsci_singlecell.game.companions import Companion, Cycle, OrthogonalBatch
from advsci_singlecell.game.groups import Groups
from advsci_singlecell.game.networks import Encoder
from advsci_singlecell.game.play import solver_of, trainer_of
from advsci_singlecell.game.priors import GaussianPrior, Spread, VampPrior
from advsci_singlecell.game.strength import AdaptiveStrength, Balance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Integration"]

HELD = 1500
PSEUDO_INPUTS = 100


@dataclass
class Integration:
    """The fitted map from components and batch to the embedding.

    Attributes
    ----------
    equaliser, alignment, whitening, anchor, scale, encoder, head
        In the order in which a cell passes them; the head names types, where there are any.
    history
        Records of the training; with an adaptive strength its curve: strength, readability, phantom mixing.
    """

    equaliser: Equaliser
    alignment: Alignment
    whitening: Whitening
    anchor: Anchor
    scale: float
    encoder: Encoder
    head: nn.Module | None = None
    history: list[dict[str, float | int]] = field(default_factory=list)

    @classmethod
    def fit(
        cls,
        components: np.ndarray,
        cells: Cells,
        settings: Settings,
        *,
        stream: Stream,
        device: str | torch.device | None = None,
        obs: "pd.DataFrame | None" = None,
        fields: Fields | None = None,
        quiet: bool = True,
        run: Run | None = None,
    ) -> "Integration":
        """Fit on the sketched cells.

        Parameters
        ----------
        components
            Principal components (n d).
        cells
            Batches and labels of the cells.
        settings
            How.
        stream
            Source of all randomness.
        device
            Torch device; None: an accelerator if there is one.
        obs, fields
            Columns of the cells, and which of them are further nuisances or must not be removed.
        quiet
            Whether to print nothing.
        run
            Folder for checkpoints; a training that was stopped goes on from there.

        Returns
        -------
        Integration
            The fitted map.
        """
        batch, types = cells.batch, len(cells.types)
        chain, even = Chain.fit(
            components,
            batch,
            len(cells.batches),
            cells.labels,
            stream=stream.at("align"),
            neighbours=settings.neighbours,
            diffusion=settings.diffusion,
            diversity=settings.diversity,
        )
        equaliser, alignment, whitening = chain.equaliser, chain.alignment, chain.whitening
        aligned, plain = chain.moved(even.cells, batch)
        anchor, reference = Anchor.fit(
            aligned,
            plain,
            batch,
            len(cells.batches),
            cells.labels,
            types,
            neighbours=settings.neighbours,
            rate=settings.diffusion,
            pull=settings.pull,
        )
        target, posterior = anchor.placed(reference, cells.labels), anchor.posterior
        columns = Columns.of(obs, fields)
        groups = Groups.fit(target, batch, posterior, columns, settings, stream=stream)
        membership = groups(target, posterior, columns)
        scale = float(np.sqrt(target.var(axis=0).sum() / target.shape[1])) or 1.0
        data = tensors(target / scale, batch, membership, posterior, len(cells.batches))
        if posterior is not None:
            data["untold"] = torch.from_numpy(anchor.placed(reference) / np.float32(scale))
        if settings.orthogonality:
            centred = components - components.mean(axis=0)
            data["components"] = torch.from_numpy((centred / max(float(centred.std()), 1e-12)).astype(np.float32))
        adversaries = adversaries_of(data, columns, settings, len(cells.batches), data["anchor"].shape[1])
        with stream.at("initial parameters").seeded():
            task = _task(data, types, len(cells.batches), settings, stream)
            players = {name: make() for name, make in adversaries.items()}
        adaptive = AdaptiveStrength()
        strength = adaptive if settings.strength is None else settings.strength
        game = DomainAdversarial(task, players, strength)
        balance = [Balance(adaptive, held_cells(data, stream))] if players and settings.strength is None else []
        callbacks = [*balance, *probes_of(data)] if players else []
        trainer = trainer_of(
            settings, len(batch), stream, device=device, quiet=quiet, run=run, callbacks=callbacks,
            ema=EMA(0.98, of=("task",)),
        )  # fmt: skip
        training = trainer.fit(game, data, solver_of(settings, players, Linear(1.0, 0.1), (1.0, 2.0)))
        played = cast(Biology, training.averaged("task")).cpu().eval()
        return cls(equaliser, alignment, whitening, anchor, scale, played.encoder, played.head, training.log)

    def embed(self, components: np.ndarray, batch: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """The embedding (n d) of cells of known batches; labels, where known, are part of the input.

        Parameters
        ----------
        components
            Principal components (n d).
        batch
            Batch numbers (n).
        """
        even = self.equaliser(components, batch)
        aligned = self.whitening(self.alignment(even, batch))
        return self.encode(self.anchor(aligned, self.whitening(even), batch, labels))

    def embed_unseen(self, components: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """The embedding (n d) of cells of batches that were not there in training.

        Parameters
        ----------
        components
            Principal components (n d).
        batch
            Batch numbers (n).
        """
        even = self.equaliser.unseen(components, batch)
        aligned = self.whitening(self.alignment.extend(even, batch)(even, batch))
        return self.encode(self.anchor(aligned, self.whitening(even), None))

    def encode(self, anchored: np.ndarray) -> np.ndarray:
        """The encoder on anchored components."""
        with torch.no_grad():
            return self.encoder(torch.from_numpy(anchored / self.scale)).numpy()

    def types(self, z: np.ndarray) -> np.ndarray:
        """Probabilities of the types (n c) by the class head.

        Parameters
        ----------
        z
            Embeddings (n d).
        """
        if self.head is None:  # one type alone needs no naming
            return np.ones((len(z), 1), np.float32)
        with torch.no_grad():
            return torch.softmax(self.head(torch.from_numpy(z)), dim=1).numpy()


def tensors(
    target: np.ndarray,
    batch: np.ndarray,
    membership: np.ndarray,
    posterior: np.ndarray | None,
    batches: int,
) -> dict[str, Tensor]:
    """What a training batch holds, for all cells.

    Parameters
    ----------
    target
        Anchors (n d).
    membership
        Soft groups (n k).
    posterior
        Probabilities of the types (n c); None without types.
    batches
        How many batches there are.
    """
    members, number = torch.from_numpy(membership), torch.from_numpy(batch.astype(np.int64))
    present = support(members, number, batches)
    weight, allowed = support_weights(members, number, present)
    data = {
        "anchor": torch.from_numpy(target.astype(np.float32)),
        "batch": number,
        "membership": members,
        "weight": weight,
        "allowed": allowed,
    }
    return data if posterior is None else {**data, "posterior": torch.from_numpy(posterior)}


def probes_of(data: dict[str, Tensor]) -> list[Probe]:
    """What reads every adversary against chance during the training; nothing where cells are fewer than twenty.

    Parameters
    ----------
    data
        What the game is trained on.
    """
    if len(data["batch"]) < 20:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it warns of discriminators of samples; this is none
        return [Probe(data, samples=HELD)]


def held_cells(data: dict[str, Tensor], stream: Stream, most: int = HELD) -> dict[str, Tensor]:
    """Cells on which the strength is judged.

    Parameters
    ----------
    data
        What the game is trained on; covariates are added to it.
    stream
        Source of the random numbers.
    most
        At most so many cells.
    """
    rows = stream.at("held").permutation(len(data["batch"]))[:most]
    return {key: value[rows] for key, value in data.items()}


def _task(data: dict[str, Tensor], types: int, batches: int, settings: Settings, stream: Stream) -> Biology:
    """Encoder, class head where there are types, and the ablations that the settings asks for."""
    dimensions, width = data["anchor"].shape[1], settings.width
    encoder = Encoder(dimensions, width=width)
    head = MLP(dimensions, types, width=width, depth=1) if types > 1 else None
    prior = None
    if settings.prior == "gaussian":
        prior = GaussianPrior(dimensions)
    elif settings.prior == "vamp":
        order = stream.at("pseudo-inputs").permutation(len(data["anchor"]))
        prior = VampPrior(data["anchor"][order[:PSEUDO_INPUTS]])
    companions: dict[str, Companion] = {}
    if settings.cycle:
        companions["cycle"] = Cycle(dimensions, batches, weight=settings.cycle, width=width)
    if settings.orthogonality:
        companions["orthogonal"] = OrthogonalBatch(dimensions, batches, weight=settings.orthogonality)
    return Biology(
        encoder,
        head=head,
        naming=settings.naming,
        discrepancy=settings.discrepancy,
        batches=batches,
        prior=prior,
        prior_weight=settings.prior_weight,
        spread=Spread(dimensions) if prior is not None else None,
        companions=companions,
    )


def adversaries_of(
    data: dict[str, Tensor], columns: Columns, settings: Settings, batches: int, dimensions: int
) -> dict[str, Callable[[], Adversary]]:
    """Name -> function that makes the adversary; adds the covariates to ``data``.

    Parameters
    ----------
    columns
        Which columns are further nuisances.
    settings
        How the embedding is made.
    batches
        How many batches there are.
    dimensions
        Length of the embedding.
    """
    groups = data["membership"].shape[1]
    made: dict[str, Callable[[], Adversary]] = {}
    if settings.adversary == "none":
        return {}
    if settings.adversary == "marginal":
        plain: dict[str, Any] = {"weight": None, "allowed": None, "condition": None}
        return {"batch": partial(CategoricalAdversary, dimensions, 0, batches, width=settings.width // 2, **plain)}
    made["batch"] = partial(CategoricalAdversary, dimensions, groups, batches, width=settings.width // 2)
    for key in columns.categorical:
        code = torch.from_numpy(columns.codes[key].astype(np.int64))
        present = support(data["membership"], code, columns.sizes[key])
        weight, allowed = support_weights(data["membership"], code, present)
        data |= {f"{key} code": code, f"{key} weight": weight, f"{key} allowed": allowed}
        keys: dict[str, Any] = {"target": f"{key} code", "weight": f"{key} weight", "allowed": f"{key} allowed"}
        made[_player(key)] = partial(CategoricalAdversary, dimensions, groups, columns.sizes[key], **keys)
    for key in columns.continuous:
        data[f"{key} value"] = torch.from_numpy(columns.values[key])[:, None]
        made[_player(key)] = partial(
            ContinuousAdversary, dimensions, groups, 1, target=f"{key} value", condition="membership"
        )
    return made


def _player(key: str) -> str:
    """A column's name as the name of a player, which must not hold a dot."""
    return "of " + key.replace(".", "_")
