"""Where and how long a game is played: device, steps, checkpoints, signals, log, progress."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from advsci.devices import torch_device
from advsci.errors import ConfigError, DivergenceError, ShapeError, Stopped
from advsci.games.coupling import coupling
from advsci.games.game import Game
from advsci.games.switch import apply_switch
from advsci.penalties import Lazy
from advsci.processes import (
    any_process,
    average_over_processes,
    broadcast_from_first_process,
    from_first_process,
    join_processes,
    process_shard,
    several_processes,
)
from advsci.solvers.solver import Solver
from advsci.streams import Stream
from advsci.training import checkpoint
from advsci.training.best import Best
from advsci.training.clock import clock
from advsci.training.data import Data, Source, TensorSource, as_source, content_of
from advsci.training.described import described
from advsci.training.ema import EMA, Averaged
from advsci.training.feed import Feed
from advsci.training.handover import hand_over
from advsci.training.lock import locked
from advsci.training.loggers import opened_loggers
from advsci.training.progress import show_progress
from advsci.training.run import Run
from advsci.training.saved import check_finite, restore, state_of
from advsci.training.sharding import check_shard, shard
from advsci.training.signals import stop_on_signal
from advsci.training.watched import tell_watcher

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

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Alternating
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), Alternating())
    >>> training.step, training.averaged("generator") is game.generator
    (2, True)
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


@dataclass(frozen=True)
class Trainer:
    """Plays a game for a number of steps.

    Parameters
    ----------
    steps
        Steps of the solver. More of them than a finished run has had extend it: schedules go by the share of all steps
        that is done, so the first part was played by the schedule of the shorter training.
    batch_size
        Samples per batch, over all processes together.
    seed
        Root of all randomness of the training (the networks' initial parameters are the caller's).
    device
        Any torch device; None takes an accelerator if there is one, under torchrun that of ``LOCAL_RANK``.
    precision
        ``"float32"`` computes in the parameters' own precision; ``"bf16"`` computes matrix products and convolutions
        with 16 bits (`torch.autocast`), while parameters, reductions and optimizers keep theirs.
    accumulate
        Parts into which each process's batch is divided, played one after another and their gradients averaged: the
        memory of a part, the result of the whole for whatever is a mean over samples
        (`advsci.games.coupling.coupling`). Dropout draws other masks.
    shard
        Players in pieces over the processes (FSDP2), for networks that do not fit one device: ``("generator",)``. With
        one process nothing is sharded. Networks in pieces are called by all processes at once, also after the training.
    ema
        Which players to average; a number is the decay of the generator's average; None averages nobody.
    best
        Keep the checkpoint that an external metric finds best, in ``best/`` of the run folder, and perhaps stop early.
    run
        Folder for log and checkpoints, or None to keep all in memory.
    checkpoint_every
        Steps between checkpoints (0: only at the end), where there is a run folder. SIGUSR1 writes one at once.
    keep
        How many checkpoints stay.
    log_every
        Steps between records: the only points where the host waits for the device.
    callbacks
        Called at every logging step with the `Training`; a mapping that one returns is added to the record. One with
        ``state_dict`` and ``load_state_dict`` is remembered in checkpoints.
    loggers
        Called with every finished record, or names of `advsci.training.loggers` (``"tensorboard"``, ``"mlflow"``,
        ``"wandb"``, ``"trackio"``); one that fails is dropped with a warning.
    resume
        Continue from the newest checkpoint of the run folder. If False, a folder that holds one is refused.
    quiet
        Show no progress.
    title
        Name of the training where its progress is shown.

    Raises
    ------
    ConfigError
        A count is below one, or the precision is unknown.

    Notes
    -----
    Killed at any step and resumed, a training gives the same parameters and the same ``metrics.jsonl``, bit for bit
    on the same device, as one that was never interrupted; torch's own random modules (dropout) are keyed by the step.
    Everything that changes the result (settings, solver, game, data) is in the checkpoint's fingerprint, and a run
    folder of another training is refused. ``log_every``, ``callbacks``, ``loggers`` and ``quiet`` change no result.

    Under torchrun the trainer joins the group of processes, gradients and logged losses are averaged over them, the
    first one reads and writes the folder, and nothing is wrapped round the networks.

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Trainer
    >>> from advsci.solvers import Simultaneous
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> game = GAN(MLP(2, 2, 8), MLP(2, 1, 8), Gaussian(2))
    >>> trainer = Trainer(steps=3, batch_size=8, quiet=True, device="cpu")
    >>> trainer.fit(game, torch.randn(64, 2), Simultaneous()).step
    3
    """

    steps: int
    batch_size: int = 256
    seed: int = 0
    device: str | torch.device | None = None
    precision: Literal["float32", "bf16"] = "float32"
    accumulate: int = 1
    shard: Sequence[str] = ()
    ema: EMA | float | None = None
    best: Best | None = None
    run: Run | str | Path | None = None
    checkpoint_every: int = 1000
    keep: int = 2
    log_every: int = 50
    callbacks: Sequence[Callback] = ()
    loggers: Sequence[Callable[[Mapping[str, float | int]], None] | str] = ()
    resume: bool = True
    quiet: bool = False
    title: str = "training"

    def __post_init__(self):
        for name in ("steps", "batch_size", "accumulate", "log_every", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"got {name}={getattr(self, name)}; expected at least 1. Try: a positive number.")
        if isinstance(self.ema, float):
            object.__setattr__(self, "ema", EMA(self.ema))
        if self.precision not in ("float32", "bf16"):
            raise ConfigError(f"got precision={self.precision!r}; expected 'float32' or 'bf16'. Try: 'bf16'.")

    def fit(self, game: Game, data: Data, solver: Solver) -> Training:
        """Train a game.

        Parameters
        ----------
        game
            Its networks are moved to the device and trained in place.
        data
            Whatever `advsci.training.data.as_source` takes.
        solver
            How the players move.

        Returns
        -------
        Training
            At its last step; at once, where the run folder holds it finished.

        Raises
        ------
        DataError, ShapeError
            The data are empty or not finite, or a network returns the wrong shape: before the first step.
        ConfigError
            The run folder holds another training: before anything in it is touched.
        DivergenceError
            A loss or a parameter is no longer finite; the last checkpoint is intact.
        CheckpointError
            A checkpoint cannot be written or read, or another process works in the run folder.
        Stopped
            SIGTERM or SIGINT ended the training, after its checkpoint was written.
        """
        join_processes()
        device = torch_device(self.device)
        source = as_source(data)
        self._check_players(game, solver)
        apply_switch(game)
        fingerprint = self._fingerprint(game, source, solver)
        check_shard(game, solver, self.shard)
        averages = self._placed(game, device)
        stream = Stream(self.seed, shard=process_shard(self.batch_size, self.accumulate))
        self._check(game, source, stream, device)
        self._check_parts(game, source, solver)
        solver.bind(game)
        training = Training(game, solver, averages=averages)
        run = self.run if isinstance(self.run, Run | None) else Run(self.run)
        first = stream.shard[0] == 0
        with locked(run.path) if run is not None and first else nullcontext():
            if run is not None:
                restore(run, training, fingerprint, self.resume, first, self.callbacks)
                hand_over(run.path, training, source)
            feed = Feed(game, source, stream, self.batch_size, solver.draws_per_step, device, self.accumulate)
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                try:
                    self._play(training, feed, run if first else None, fingerprint)
                finally:
                    feed.close()
        return training

    def _placed(self, game: Game, device: torch.device) -> dict[str, Averaged]:
        """Move the game to its device, alike in all processes and sharded where asked, and make the averages."""
        sharded = self.shard if several_processes() else ()
        if not sharded:
            game.to(device)
        broadcast_from_first_process(game, device)
        ema = self.ema if isinstance(self.ema, EMA) else EMA(of=())
        averages = {player: Averaged(game.players[player], ema.decay) for player in ema.of}
        for player in sharded:
            shard(game.players[player], device)
            if player in averages:
                shard(averages[player].module, device)
        if sharded:
            game.to(device)
            for player, average in averages.items():
                average.module.to(device)
                average.follow(game.players[player])
        return averages

    def _play(self, training: Training, feed: Feed, run: Run | None, fingerprint: Mapping[str, Any]) -> None:
        """Every step that is left, with what belongs between steps; only the first process has a run."""
        first = feed.rank == 0
        with (
            clock(training.game) as tell_time,
            stop_on_signal() as asked,
            opened_loggers(self.loggers if first else (), run, self.title) as loggers,
            show_progress(self.steps, self.title, start=training.step, quiet=self.quiet or not first) as show,
        ):
            begin = time.perf_counter()
            spent = _cpu_seconds(run) - time.process_time()  # of all starts together
            while training.step < self.steps and not (self.best and self.best.over(training.log)):
                step = training.step
                last = step + 1 == self.steps
                logging = (step + 1) % self.log_every == 0 or last
                terms = self._step(training, feed, tell_time, logging)
                if logging:
                    record = self._record(training, terms, run)
                    if run is not None:
                        run.append("metrics.jsonl", record)
                        seconds = {"seconds": time.perf_counter() - begin, "cpu_seconds": spent + time.process_time()}
                        run.append("timing.jsonl", {"step": step + 1, **seconds})
                    loggers[:] = [logger for logger in loggers if tell(logger, record)]
                    if first:
                        tell_watcher(record)
                    show(step + 1, " ".join(f"{k}={v:.3g}" for k, v in list(record.items())[1:5]))
                    last = last or bool(self.best and self.best.over(training.log))
                due = self.checkpoint_every and (step + 1) % self.checkpoint_every == 0
                # on an accelerator the processes agree only where the host waits for it anyway
                agree = logging or feed.device.type == "cpu"
                stop = any_process(asked.signal, feed.device) if agree else None
                improved = logging and self.best is not None and self.best.step(training.log) == training.step
                if due or last or stop or improved or asked.checkpoint:
                    asked.checkpoint = False
                    state = {"fingerprint": fingerprint, **state_of(training, self.callbacks)}
                    check_finite(training, state)
                    if run is not None:
                        checkpoint.save(run.checkpoints, training.step, state, keep=self.keep)
                        if improved:
                            checkpoint.save(run.path / "best", training.step, state, keep=1)
                if stop:
                    raise Stopped(stop, training.step, self.steps)

    def _step(self, training: Training, feed: Feed, tell_time: Callable[[float], None], watch: bool) -> dict[str, Any]:
        """One step of the solver: a function of the state, the data and the step's number alone."""
        step = training.step
        progress = step / max(self.steps - 1, 1)
        tell_time(progress)
        for penalty in (*getattr(training.game, "penalties", ()), *getattr(training.game, "generator_penalties", ())):
            if isinstance(penalty, Lazy):
                penalty.step = step
        seed_torch(feed.stream.at("torch", step, feed.rank), feed.device)
        training.solver.set_progress(progress)
        training.solver.watch = watch
        with torch.autocast(feed.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            terms = training.solver.step(training.game, feed.at(step))
        training.step = step + 1
        for average in training.averages.values():
            average.update(step + 1, progress)
        return terms

    def _check_players(self, game: Game, solver: Solver) -> None:
        """Name what is meant for a player that the game has not."""
        named = {"ema": self.ema.of if isinstance(self.ema, EMA) else ()}
        if isinstance(solver.optimizer, Mapping):
            named["optimizer"] = tuple(solver.optimizer)
        for what, players in named.items():
            unknown = [p for p in players if p not in game.players]
            if unknown:
                raise ConfigError(
                    f"got {what} for {', '.join(map(repr, unknown))}; expected players of the game: "
                    f"{', '.join(game.players)}. Try: {what} for one of these."
                )
        if self.best is not None:
            self.best.check(list(game.players))

    def _check_parts(self, game: Game, source: Source, solver: Solver) -> None:
        """Refuse parts of a batch where they do not add up to the whole."""
        if self.accumulate == 1:
            return
        if not solver.accumulates:
            raise ConfigError(
                f"got accumulate={self.accumulate} for {type(solver).__name__}, which does more with a batch than "
                "average gradients over it; expected Simultaneous, Alternating, Extragradient, Optimistic or Lookahead "
                "round one of them. Try: accumulate=1."
            )
        if found := coupling(game, batch=source[torch.arange(1)]):
            raise ConfigError(
                f"got accumulate={self.accumulate} with {', '.join(found)}, which compare the samples of a batch; "
                "expected means over samples. Try: accumulate=1, or group norm, R1 and R2 in their place."
            )

    def _fingerprint(self, game: Game, source: Source, solver: Solver) -> dict[str, Any]:
        """Everything that changes the result; by it a run folder is known to hold this training."""
        names = ("batch_size", "seed", "precision", "ema", "best")
        return {
            "steps": self.steps,
            **{name: described(getattr(self, name)) for name in names},
            **({"accumulate": self.accumulate} if self.accumulate > 1 else {}),
            "solver": described(solver),
            "game": described(game),
            "data": content_of(source),
        }

    def _check(self, game: Game, source: Source, stream: Stream, device: torch.device) -> None:
        """Play one evaluation of every loss on one batch, so that what does not fit is named before training."""
        size = min(len(source), max(2, self.batch_size))  # the size that packs of samples must divide
        batch = {key: value.to(device) for key, value in source[torch.arange(size)].items()}
        draw = game.draw(batch, stream.at("check"))
        modes = {module: module.training for module in game.modules()}
        game.eval()  # batch statistics stay untouched
        try:
            game.check_data(source.tensors if isinstance(source, TensorSource) else batch)
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

    def _record(
        self, training: Training, terms: dict[str, dict[str, Tensor]], run: Run | None
    ) -> dict[str, float | int]:
        """The step's record, in one transfer from the device; refuses what is not finite, and leaves word of it."""
        named = {f"{player}/{term}": value for player, parts in terms.items() for term, value in parts.items()}
        norms = training.solver.gradient_norms
        named |= {f"{player}/gradient_norm": norm for player, norm in norms.items()}
        values = torch.stack([value.detach().double() for value in named.values()]) if named else torch.empty(0)
        average_over_processes([values])
        values = values.tolist()
        record: dict[str, float | int] = {"step": training.step, **dict(zip(named, values, strict=True))}
        bad = [name for name, value in zip(named, values, strict=True) if not (abs(value) < float("inf"))]
        if bad:
            # a later start forgets this record with all others after its checkpoint; a diagnosis reads it until then
            last: dict[str, float | int] = {"step": training.step, **{f"diverged/{name}": 1 for name in bad}}
            training.log.append(last)
            if run is not None:
                run.append("metrics.jsonl", last)
            raise DivergenceError(
                f"{', '.join(bad)} {'is' if len(bad) == 1 else 'are'} not finite at step {training.step}; "
                "expected finite losses and gradients. Try: a lower learning rate or a stronger gradient penalty; the "
                "last checkpoint is intact."
            )
        measured: dict[str, float | int] = {}
        for callback in self.callbacks:
            measured |= _numbers(callback, callback(training))
        record |= from_first_process(measured)
        training.log.append(record)
        return record


def _cpu_seconds(run: Run | None) -> float:
    """What the steps that are done took, over all starts."""
    times = run.records("timing.jsonl") if run is not None else []
    return float(times[-1].get("cpu_seconds", 0.0)) if times else 0.0


def _numbers(callback: Callback, values: Any) -> dict[str, float | int]:
    """What a callback measured, as plain numbers; a 0-dim tensor is one."""
    try:
        return {key: v if isinstance(v, int | float) else float(v) for key, v in (values or {}).items()}
    except (TypeError, ValueError, RuntimeError, AttributeError):
        raise ConfigError(
            f"got {values!r} from callback {callback!r}; expected None or a mapping of names to numbers. "
            "Try: {'name': float(value)}."
        ) from None


def seed_torch(stream: Stream, device: torch.device) -> None:
    """Set torch's own generators, which random modules such as dropout draw from.

    Parameters
    ----------
    stream
        Where the random numbers come from.
    device
        Torch device of the result.
    """
    key = stream.key() & (2**63 - 1)
    torch.default_generator.manual_seed(key)
    if device.type == "cuda":
        torch.cuda.manual_seed(key)


def tell(logger: Callable[[Mapping[str, float | int]], None], record: Mapping[str, float | int]) -> bool:
    """Whether ``logger`` took the ``record``; where it failed, a warning: logging never ends a training."""
    try:
        logger(record)
    except Exception as error:
        warnings.warn(f"logger {logger!r} failed ({type(error).__name__}: {error}) and is dropped", stacklevel=2)
        return False
    return True
