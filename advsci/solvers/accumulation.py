r"""Gradients over a batch that comes in parts, one after another: as much memory as one part needs.

For a loss that is a mean over samples, and k parts of equal size,

.. math:: \nabla L = \frac1k \sum_{j=1}^k \nabla L_j .

What is no such mean, `advsci.games.coupling.coupling` names.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from advsci.games.game import Batch, Draw, Game
from advsci.penalties import StatefulPenalty

__all__ = ["Parts", "over_parts"]


class Parts(Mapping[str, Tensor]):
    """Batches, or draws, that together are one: read as a mapping it is the first of them.

    Parameters
    ----------
    parts
        The parts, each with equally many samples.

    Examples
    --------
    >>> import torch
    >>> batch = Parts([{"x": torch.zeros(2)}, {"x": torch.ones(2)}])
    >>> batch["x"], len(batch.parts)
    (tensor([0., 0.]), 2)
    """

    def __init__(self, parts: Sequence[Mapping[str, Tensor]]):
        self.parts = tuple(parts)

    def __getitem__(self, key: str) -> Tensor:
        return self.parts[0][key]

    def __iter__(self):
        return iter(self.parts[0])

    def __len__(self) -> int:
        return len(self.parts[0])


def over_parts(evaluate: Callable[[Batch, Draw], Any], game: Game, batch: Batch, draw: Draw) -> Any:
    """``evaluate(batch, draw)``; of a batch in parts, the mean over the parts.

    Parameters
    ----------
    evaluate
        Gives tensors in nested dicts, lists and tuples, without their graph; None where there is none.
    game
        The game: the running statistics of its penalties see all parts.
    batch, draw
        One evaluation, or `Parts` of it.

    Returns
    -------
    object
        What ``evaluate`` gives.
    """
    if not isinstance(batch, Parts):
        return evaluate(batch, draw)
    assert isinstance(draw, Parts)
    penalties = [module for module in game.modules() if isinstance(module, StatefulPenalty)]
    found = None
    for part in zip(batch.parts, draw.parts, strict=True):
        new = evaluate(*part), [penalty.last.clone() for penalty in penalties]
        found = new if found is None else _sum(found, new)
    assert found is not None
    value, statistics = _scaled(found, 1.0 / len(batch.parts))
    for penalty, mean in zip(penalties, statistics, strict=True):
        penalty.last.copy_(mean)
    return value


def _sum(a: Any, b: Any) -> Any:
    if isinstance(a, dict):
        return {key: _sum(a[key], b[key]) for key in a}
    if isinstance(a, list | tuple):
        return type(a)(_sum(x, y) for x, y in zip(a, b, strict=True))
    return b if a is None else a if b is None else a + b


def _scaled(a: Any, factor: float) -> Any:
    if isinstance(a, dict):
        return {key: _scaled(value, factor) for key, value in a.items()}
    if isinstance(a, list | tuple):
        return type(a)(_scaled(value, factor) for value in a)
    return None if a is None else factor * a
