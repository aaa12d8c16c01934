"""Where and how long a game is played: device, steps, checkpoints, signals, log, progress."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from advsci.devices import torch_device
from advsci.errors import CheckpointError, ConfigError, DivergenceError, ShapeError, Stopped
from advsci.games.game import Batch, Draw, Game
from advsci.solvers.solver import Solver
from advsci.streams import Stream
from advsci.training import checkpoint
from advsci.training.data import Data, Order, Source, as_source
from advsci.training.ema import EMA, Averaged
from advsci.training.lock import locked
from advsci.training.progress import show_progress
from advsci.training.run import Run
from advsci.training.signals import stop_on_signal

__all__ = ["Callback", "Trainer", "Training"]


@dataclass
class Training:
    """A training at some step: what callbacks see, and what `Trainer.fit` gives back.

    Attributes
    ----------
    game, solver
        The played game and its solver.
    step
        Completed steps.
    averages
        Player -> its exponential moving average, for the players that were averaged.
    log
        One record a logging step: ``"step"`` and ``"player/term"`` -> value.
    """

    game: Game
    solver: Solver
    step: int = 0
    averages: dict[str, Averaged] = field(default_factory=dict)
    log: list[dict[str, float | int]] = field(default_factory=list)

    def averaged(self, player: str) -> nn.Module:
        """The averaged network of ``player`` (frozen), or the network itself where none was averaged."""
        return self.averages[player].module if player in self.averages else self.game.players[player]


Callback = Callable[[Training], Mapping[str, float | int] | None]


class Feed:
    """Hands a solver its (batch, draw) pairs: a pure function of seed, step and call."""

    def __init__(
        self, game: Game, source: Source, stream: Stream, batch_size: int, per_step: int, device: torch.device
    ):
        self.game, self.source, self.device = game, source, device
        self.stream, self.per_step, self.batch_size = stream, per_step, batch_size
        self.order = Order(len(source), stream.at("order"))
        self.rank, self.world = stream.shard
        self.step = self.call = 0

    def at(self, step: int) -> "Feed":
        """Start the calls of ``step``."""
        self.step, self.call = step, 0
        return self

    def __call__(self) -> tuple[Batch, Draw]:
        local = self.batch_size // self.world
        position = (self.step * self.per_step + self.call) * self.batch_size + self.rank * local
        batch = self.source[self.order(position, local)]
        batch = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
        draw = self.game.draw(batch, self.stream.at("draw", self.step, self.call))
        self.call += 1
        return batch, draw


@dataclass(frozen=True)
class Trainer:
    """Plays a game for a number of steps.

    Parameters
    ----------
    steps
        Steps of the solver.
    batch_size
        Samples a batch, over all processes together.
    seed
        Root of all randomness of the training (the networks' initial parameters are the caller's).
    device
        Any torch device; None takes an accelerator if there is one.
    ema
        Which players to average, or None.
    run
        Folder for log and checkpoints, or None to keep all in memory.
    checkpoint_every
        Steps between checkpoints (0: only at the end), where there is a run folder.
    keep
        How many checkpoints stay.
    log_every
        Steps between records: the only points where the host waits for the device.
    callbacks
        Called at every logging step with the `Training`; a mapping that one returns is added to the record.
    loggers
        Called with every finished record, for TensorBoard and the like; one that fails is dropped with a warning.
    resume
        Continue from the newest checkpoint of the run folder. If False, a folder that holds one is refused.
    quiet
        Show no progress.

    Notes
    -----
    Killed at any step and resumed, a training gives the same parameters and the same ``metrics.jsonl``, bit for bit
    on the same device, as one that was never interrupted. Under torchrun the gradients of all processes are averaged;
    nothing is wrapped round the networks.
    """

    steps: int
    batch_size: int = 256
    seed: int = 0
    device: str | torch.device | None = None
    ema: EMA | None = None
    run: Run | str | Path | None = None
    checkpoint_every: int = 1000
    keep: int = 2
    log_every: int = 50
    callbacks: Sequence[Callback] = ()
    loggers: Sequence[Callable[[Mapping[str, float | int]], None]] = ()
    resume: bool = True
    quiet: bool = False
    title: str = "training"

    def __post_init__(self):
        for name in ("steps", "batch_size", "log_every", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"got {name}={getattr(self, name)}; expected at least 1. Try: a positive number.")

    def fit(self, game: Game, data: Data, solver: Solver) -> Training:
        """Train ``game`` on ``data``.

        Raises
        ------
        DataError, ShapeError
            The data are empty or not finite, or a network returns the wrong shape: before the first step.
        DivergenceError
            A loss or a parameter is no longer finite; the last checkpoint is intact.
        CheckpointError
            A checkpoint cannot be written or read, or another process works in the run folder.
        Stopped
            SIGTERM or SIGINT ended the training before its last step, after its checkpoint was written.
        """
        device = torch_device(self.device)
        source = as_source(data)
        game.to(device)
        stream = Stream(self.seed, shard=process_shard(self.batch_size))
        self._check(game, source, stream, device)
        solver.bind(game)
        broadcast_from_first_process(game)
        averages = {p: Averaged(game.players[p], self.ema.decay) for p in self.ema.of} if self.ema else {}
        training = Training(game, solver, averages=averages)
        run = self.run if isinstance(self.run, Run | None) else Run(self.run)
        first = stream.shard[0] == 0
        with locked(run.path) if run is not None and first else nullcontext():
            if run is not None:
                self._restore(run, training, source, first)
            feed = Feed(game, source, stream, self.batch_size, solver.draws_per_step, device)
            self._play(training, feed, run, first)
        return training

    def _play(self, training: Training, feed: "Feed", run: Run | None, first: bool) -> None:
        """Every step that is left, with what belongs between steps."""
        game, solver = training.game, training.solver
        # layers with a schedule of their own (growth, augmentation, gradient reversal) keep the game's time
        clocks = [buffer for name, buffer in game.named_buffers() if name.split(".")[-1] == "progress"]
        loggers = list(self.loggers)
        with (
            stop_on_signal() as stop,
            show_progress(self.steps, self.title, start=training.step, quiet=self.quiet or not first) as show,
        ):
            begin = time.perf_counter()
            while training.step < self.steps:
                step = training.step
                last = step + 1 == self.steps
                logging = (step + 1) % self.log_every == 0 or last
                progress = step / max(self.steps - 1, 1)
                for clock in clocks:
                    clock.fill_(progress)
                solver.set_progress(progress)
                solver.watch = logging
                terms = solver.step(game, feed.at(step))
                training.step = step + 1
                for average in training.averages.values():
                    average.update(step + 1, progress)
                if logging:
                    record = self._record(training, terms)
                    if run is not None and first:
                        run.append("metrics.jsonl", record)
                        run.append("timing.jsonl", {"step": step + 1, "seconds": time.perf_counter() - begin})
                    loggers = [logger for logger in loggers if tell(logger, record)]
                    show(step + 1, " ".join(f"{k}={v:.3g}" for k, v in list(record.items())[1:5]))
                due = self.checkpoint_every and (step + 1) % self.checkpoint_every == 0
                if run is not None and first and (due or last or stop.signal):
                    self._save(run, training, feed.source)
                if stop.signal:
                    raise Stopped(stop.signal, training.step, self.steps)

    def _check(self, game: Game, source: Source, stream: Stream, device: torch.device) -> None:
        """Play one evaluation of every loss on a few samples, so that what does not fit is named before training."""
        few = min(len(source), max(2, min(self.batch_size, 8)))
        batch = {key: value.to(device) for key, value in source[torch.arange(few)].items()}
        draw = game.draw(batch, stream.at("check"))
        modes = {module: module.training for module in game.modules()}
        game.eval()  # batch statistics stay untouched
        try:
            game.check(batch, draw)
        except RuntimeError as error:  # torch's own complaints, with what it was given
            given = ", ".join(f"{key}: {tuple(value.shape)} {value.dtype}" for key, value in batch.items())
            raise ShapeError(
                f"the networks cannot take a batch with {given} ({error}); expected the shapes and dtype of "
                f"their first layers "
                f"({next((p.dtype for p in game.parameters()), None)}). Try: data.to(dtype), or networks of the "
                f"data's width."
            ) from error
        finally:
            for module, mode in modes.items():
                module.training = mode

    def _record(self, training: Training, terms: dict[str, dict[str, Tensor]]) -> dict[str, float | int]:
        """The step's record, in one transfer from the device; refuses what is not finite."""
        named = {f"{player}/{term}": value for player, parts in terms.items() for term, value in parts.items()}
        norms = training.solver.gradient_norms
        named |= {f"{player}/gradient_norm": norm for player, norm in norms.items()}
        values = torch.stack([value.detach().double() for value in named.values()]).tolist() if named else []
        record: dict[str, float | int] = {"step": training.step, **dict(zip(named, values, strict=True))}
        bad = [name for name, value in zip(named, values, strict=True) if not (abs(value) < float("inf"))]
        if bad:
            raise DivergenceError(
                f"{', '.join(bad)} {'is' if len(bad) == 1 else 'are'} not finite at step {training.step}; "
                f"expected finite losses "
                "and gradients. Try: a lower learning rate or a stronger gradient penalty; the last checkpoint "
                "is intact."
            )
        for callback in self.callbacks:
            record |= callback(training) or {}
        training.log.append(record)
        return record

    def _state(self, training: Training) -> dict[str, Any]:
        return {
            "game": dict(training.game.state_dict()),
            "solver": training.solver.state_dict(),
            "averages": {player: dict(average.state_dict()) for player, average in training.averages.items()},
        }

    def _fingerprint(self, training: Training, source: Source) -> dict[str, Any]:
        """What must not change between an interruption and its resume."""
        return {
            "steps": self.steps,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "samples": len(source),
            "solver": type(training.solver).__name__,
            "averages": list(training.averages),
            "game": {name: str(tuple(tensor.shape)) for name, tensor in training.game.state_dict().items()},
        }

    def _save(self, run: Run, training: Training, source: Source) -> None:
        parameters = [p.detach() for p in training.game.parameters()]
        if parameters and not torch.isfinite(torch.stack(torch._foreach_norm(parameters)).sum()):
            raise DivergenceError(
                f"a parameter is not finite at step {training.step}; expected finite parameters. Try: a lower "
                f"learning rate or a "
                "stronger gradient penalty; the last checkpoint is intact."
            )
        state = {"fingerprint": self._fingerprint(training, source), **self._state(training)}
        checkpoint.save(run.checkpoints, training.step, state, keep=self.keep)

    def _restore(self, run: Run, training: Training, source: Source, first: bool) -> None:
        """Continue from the newest checkpoint; only the first process touches the log."""
        newest = checkpoint.latest(run.checkpoints)
        if newest is None:
            if first:
                run.rewind(0)
            return
        if not self.resume:
            raise ConfigError(
                f"{run.path} already holds a training and resume is off; expected an empty folder. Try: another "
                f"folder, or resume."
            )
        step, state = checkpoint.load(newest)
        now, then = self._fingerprint(training, source), state["fingerprint"]
        changed = [key for key in now if now[key] != then.get(key)]
        if changed:
            detail = "; ".join(f"{key}: got {now[key]}, expected {then.get(key)}" for key in changed if key != "game")
            raise ConfigError(
                f"{run.path} holds a training with other settings ({detail or 'networks of other shapes'}). "
                "Try: the settings in its config.json, or another folder."
            )
        try:
            training.game.load_state_dict(state["game"])
            training.solver.load_state_dict(state["solver"])
            for player, average in training.averages.items():
                average.load_state_dict(state["averages"][player])
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(f"{newest} does not fit this game: {error}. Try: another run folder.") from error
        training.step = step
        if first:
            run.rewind(step)
        training.log = [record for record in run.records() if record["step"] <= step]


def process_shard(batch_size: int) -> tuple[int, int]:
    """(rank, world) of this process under torch.distributed, (0, 1) without it."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return 0, 1
    world = torch.distributed.get_world_size()
    if batch_size % world:
        raise ConfigError(
            f"got batch_size={batch_size} on {world} processes; expected a multiple of {world}. Try: "
            f"{batch_size // world * world}."
        )
    return torch.distributed.get_rank(), world


def broadcast_from_first_process(game: Game) -> None:
    """Give every process the parameters and buffers of the first."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        for tensor in game.state_dict().values():
            torch.distributed.broadcast(tensor, 0)


def tell(logger: Callable[[Mapping[str, float | int]], None], record: Mapping[str, float | int]) -> bool:
    """Hand a record to a logger; False, with a warning, if it failed: logging never ends a training."""
    try:
        logger(record)
    except Exception as error:
        warnings.warn(f"logger {logger!r} failed ({type(error).__name__}: {error}) and is dropped", stacklevel=2)
        return False
    return True
