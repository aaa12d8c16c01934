"""What a checkpoint holds of a training, and whether one that is found belongs to this training."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from advsci.errors import CheckpointError, ConfigError, DivergenceError
from advsci.processes import from_first_process
from advsci.sharded import parted, whole
from advsci.training import checkpoint
from advsci.training.described import differences
from advsci.training.run import Run

if TYPE_CHECKING:
    from advsci.training.trainer import Training

__all__ = ["check_finite", "restore", "state_of"]


def state_of(training: "Training", callbacks: Any = ()) -> dict[str, Any]:
    """All that a resumed training needs.

    Parameters
    ----------
    training
        The training.
    callbacks
        Those with a ``state_dict`` are remembered too.

    Returns
    -------
    dict
        ``game``, ``solver``, ``averages``, ``callbacks``: tensors and plain data. Sharded tensors are whole in it, on
        the CPU; all processes must call it.
    """
    state = {
        "game": dict(training.game.state_dict()),
        "solver": training.solver.state_dict(),
        "averages": {player: dict(average.state_dict()) for player, average in training.averages.items()},
        "callbacks": [c.state_dict() if hasattr(c, "state_dict") else None for c in callbacks],
    }
    return whole(state)


def check_finite(training: "Training", state: Mapping[str, Any]) -> None:
    """Refuse to keep what is not finite.

    Parameters
    ----------
    training
        The training, for its step.
    state
        From `state_of`.

    Raises
    ------
    DivergenceError
        A parameter, or what an optimizer remembers, is NaN or infinite.
    """
    parts = {
        "a parameter": [state["game"][name] for name, _ in training.game.named_parameters()],
        "the state of an optimizer": list(_tensors(state["solver"])),
    }
    for what, tensors in parts.items():
        real = [t for t in tensors if t.is_floating_point() and t.numel()]
        if real and not torch.isfinite(torch.stack([t.abs().max().double() for t in real]).sum()):
            raise DivergenceError(
                f"got {what} that is not finite at step {training.step}; expected finite numbers. "
                "Try: a lower learning rate or a stronger gradient penalty; the last checkpoint is intact."
            )


def restore(
    run: Run, training: "Training", fingerprint: Mapping[str, Any], resume: bool, first: bool, callbacks: Any = ()
) -> None:
    """Continue from the newest sound checkpoint of a run folder; only the first process reads and writes it.

    Parameters
    ----------
    run
        The run folder.
    training
        Bound to its solver; takes over what the checkpoint holds.
    fingerprint
        What changes the result: must equal the checkpoint's, but for more ``steps``.
    resume
        Whether a checkpoint may be continued from.
    first
        Whether this is the first process.
    callbacks
        As in `state_of`.

    Raises
    ------
    ConfigError
        The folder holds another training (each differing setting is named), or ``resume`` is False.
    CheckpointError
        All checkpoints are damaged.
    """
    found, problem = None, None
    if first:
        try:
            found = _found(run, fingerprint, resume)
        except (ConfigError, CheckpointError) as error:
            problem = error
    found, problem = from_first_process((found, problem))
    if problem is not None:
        raise problem
    if found is None:
        if first:
            run.rewind(0)
        return
    step, state, log = found
    try:
        training.game.load_state_dict(parted(state["game"], training.game.state_dict()))
        training.solver.load_state_dict(state["solver"])
        for player, average in training.averages.items():
            average.load_state_dict(state["averages"][player])
        for callback, remembered in zip(callbacks, state["callbacks"], strict=False):
            if remembered is not None and hasattr(callback, "load_state_dict"):
                callback.load_state_dict(remembered)
    except (KeyError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"got a checkpoint of step {step} in {run.path} that does not fit this game ({error}); expected one of the "
            "same networks and solver. Try: another run folder."
        ) from error
    training.step = step
    if first:
        run.rewind(step)
    training.log = log


def _found(run: Run, fingerprint: Mapping[str, Any], resume: bool) -> tuple[int, Any, list] | None:
    """Step, state and log of the newest checkpoint that is whole; damaged ones are set aside."""
    steps = checkpoint.steps(run.checkpoints)
    if not steps:
        return None
    if not resume:
        raise ConfigError(
            f"got {run.path}, which already holds a training, and resume is off; expected an empty folder. "
            "Try: another folder, or resume."
        )
    for step in reversed(steps):
        path = run.checkpoints / f"step-{step:09d}"
        try:
            step, state = checkpoint.load(path)
            break
        except CheckpointError as error:
            if step == steps[0]:
                raise
            aside = path.with_name(f"damaged-{path.name}")
            path.replace(aside)
            warnings.warn(f"{error} It is kept as {aside.name}; the one before it is taken.", stacklevel=2)
    _refuse_another(run, state.get("fingerprint", {}), fingerprint, step)
    return step, state, [record for record in run.records() if record["step"] <= step]


def _refuse_another(run: Run, then: Mapping[str, Any], now: Mapping[str, Any], step: int) -> None:
    if now["steps"] < step:
        raise ConfigError(
            f"got steps={now['steps']} for {run.path}, where {step} are done; expected at least as many. "
            f"Try: steps={step}, or another folder."
        )
    lines = differences(then, {**now, "steps": then.get("steps")})
    if lines:
        shown = "; ".join(lines[:12]) + (f"; and {len(lines) - 12} more" if len(lines) > 12 else "")
        raise ConfigError(
            f"got {run.path}, which holds a training with other settings or data ({shown}); expected the same. "
            "Try: the settings in its config.json, or another folder."
        )


def _tensors(tree: Any):
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from _tensors(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from _tensors(value)
