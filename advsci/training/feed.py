"""What a solver is fed with: (batch, draw) pairs, a pure function of seed, step and call."""

import torch

from advsci.games.game import Batch, Draw, Game
from advsci.solvers.accumulation import Parts
from advsci.streams import Stream
from advsci.training.data import Source
from advsci.training.reading import reader
from advsci.training.streaming import ReadAhead

__all__ = ["Feed"]


class Feed:
    """Hands a solver its (batch, draw) pairs.

    Parameters
    ----------
    game
        Says what random numbers an evaluation needs.
    source
        The data.
    stream
        Key of all randomness, with this process's shard.
    batch_size
        Samples per batch, over all processes.
    per_step
        How many pairs a step may ask for.
    device
        Where batches and draws lie.
    parts
        Into how many parts a process's batch is divided. Their draws are those that so many more processes would have.
    """

    def __init__(
        self,
        game: Game,
        source: Source,
        stream: Stream,
        batch_size: int,
        per_step: int,
        device: torch.device,
        parts: int = 1,
    ):
        self.game, self.source, self.device = game, source, device
        self.stream, self.per_step, self.batch_size = stream, per_step, batch_size
        self.rank, self.world = stream.shard
        self.local = batch_size // self.world
        self.read = reader(source, stream.at("order"), batch_size, self.local)
        self.streams = [stream.sharded(self.rank * parts + part, self.world * parts) for part in range(parts)]
        self.step = self.call = 0

    def at(self, step: int) -> "Feed":
        """Start the calls of a step.

        Parameters
        ----------
        step
            Number of the step, from 0.

        Returns
        -------
        Feed
            The feed itself.
        """
        self.step, self.call = step, 0
        return self

    def close(self) -> None:
        """End the processes that read ahead."""
        if isinstance(self.read, ReadAhead):
            self.read.batches = None

    def __call__(self) -> tuple[Batch, Draw]:
        position = (self.step * self.per_step + self.call) * self.batch_size + self.rank * self.local
        batch = self.read(position, self.local)
        batch = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
        size = self.local // len(self.streams)
        batches = [
            {key: value[i * size : (i + 1) * size] for key, value in batch.items()} for i in range(len(self.streams))
        ]
        draws = [
            self.game.draw(part, stream.at("draw", self.step, self.call))
            for part, stream in zip(batches, self.streams, strict=True)
        ]
        self.call += 1
        return (batch, draws[0]) if len(draws) == 1 else (Parts(batches), Parts(draws))
