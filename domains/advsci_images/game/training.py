"""How every game of this package is played: the engine's trainer under the settings of a command."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from advsci.diagnostics import Probe
from advsci.games import AdversarialGame, DomainAdversarial, Game
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Callback, Data, Run, Trainer, Training

if TYPE_CHECKING:
    from advsci_images.config import Training as TrainingSettings

__all__ = ["Play"]


@dataclass(frozen=True)
class Play:
    """Settings of one training.

    Parameters
    ----------
    steps
        Steps of all players.
    batch_size
        Images per step and domain.
    rate
        Adam's learning rate, which falls to a tenth on a cosine.
    seed
        Root of all randomness, the networks' first parameters included.
    device
        Torch device, or None for an accelerator if there is one.
    run
        Folder of log and checkpoints, or None to keep all in memory.
    quiet
        Show no progress.
    records
        Logging steps of a training.

    Examples
    --------
    >>> Play(steps=10).stream("networks").uniform((2,)).shape
    torch.Size([2])
    """

    steps: int
    batch_size: int = 64
    rate: float = 1e-3
    seed: int = 0
    device: "str | None" = None
    run: "Run | None" = None
    quiet: bool = True
    records: int = 10

    @classmethod
    def of(cls, settings: "TrainingSettings", run: "Run | None" = None) -> "Play":
        """The settings of a command, in the folder ``run``, with progress shown where there is one.

        Parameters
        ----------
        settings
            Steps, batch size, rate, seed and device.
        run
            The command's run.

        Returns
        -------
        Play
            Ready to `fit`.
        """
        steps, batch_size, rate = settings.steps, settings.batch_size, settings.rate
        return cls(steps, batch_size, rate, settings.seed, settings.device, run, quiet=run is None)

    def stage(self, name: str, *, share: float = 1.0) -> "Play":
        """The same for one of several trainings, in a subfolder, with ``share`` of the steps.

        Parameters
        ----------
        name
            Of the stage and of its folder.
        share
            Factor on the number of steps.

        Returns
        -------
        Play
            Of the stage.
        """
        run = None if self.run is None else self.run.stage(name)
        return replace(self, run=run, steps=max(1, round(share * self.steps)))

    def stream(self, purpose: str) -> Stream:
        """The random numbers of one ``purpose``."""
        return Stream(self.seed).at(purpose)

    def fit(
        self,
        game: Game,
        data: Data,
        average: Sequence[str] = ("generator",),
        *,
        decay: float = 0.995,
        callbacks: Sequence[Callback] = (),
    ) -> Training:
        """Play a game.

        An adversarial game is probed in the log, so that a verdict can be read from the run.

        Parameters
        ----------
        game
            What is played.
        data
            Images, a table of tensors, or a source of batches.
        average
            Players whose parameters are averaged.
        decay
            Of the average, per step.
        callbacks
            Called at every logging step, before the probe.

        Returns
        -------
        Training
            The trained game with its log.
        """
        log_every = max(1, self.steps // self.records)
        played = isinstance(game, AdversarialGame | DomainAdversarial)
        probe = [Probe(data, samples=256, jacobians=4)] if played and self.run is not None else []
        trainer = Trainer(
            self.steps,
            self.batch_size,
            seed=self.seed,
            device=self.device,
            ema=EMA(decay, of=tuple(average)),
            run=self.run,
            checkpoint_every=max(1, self.steps // 5),
            log_every=log_every,
            callbacks=[*callbacks, *probe],
            quiet=self.quiet,
        )
        return trainer.fit(game, data, Simultaneous(adam(self.rate, betas=(0.5, 0.99)), Cosine(1.0, 0.1)))
