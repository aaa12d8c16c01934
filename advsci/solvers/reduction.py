r"""Gradients as means over the processes, exchanged in buckets while the backward pass still runs.

.. math:: \bar g = \frac1W \sum_{r=1}^W g_r

A backward pass reaches the last layers first. Their gradients fill the first bucket, which is sent while the earlier
layers are still being differentiated (Li et al. 2020, "PyTorch Distributed", arXiv 2006.15704). torch's own reducer
belongs to ``loss.backward()`` of a wrapped network; players' gradients come from `torch.autograd.grad`, whose inputs
call their hooks all the same, and the exchange itself is ``torch.distributed.all_reduce``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from advsci.processes import several_processes, world_size
from advsci.sharded import is_sharded

__all__ = ["Reduction", "Shared", "reduced"]

FIRST = 2**20
"""Bytes of the first bucket: small, so that the exchange starts early (the sizes are those of torch's reducer)."""
LATER = 25 * 2**20
"""Bytes of each later bucket."""


class Shared(list[Tensor | None]):
    """Gradients that are means over the processes already: `Solver.apply` exchanges them no second time."""


class Reduction:
    """The exchange of one evaluation's gradients: starts bucket by bucket as hooks report them, ends in `means`.

    A bucket whose reported gradients are not the ones that the evaluation returns in the end (a penalty had
    differentiated in a parameter too) is exchanged again. Every process evaluates the same losses, hence the buckets
    leave in one order everywhere.

    Parameters
    ----------
    parameters
        What is differentiated in. Sharded ones are left alone: their gradients are means as they come.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]):
        self.parameters = parameters
        self.buckets = buckets(parameters, FIRST, LATER)
        self.reported: list[Tensor | None] = [None] * len(parameters)
        self.sent: list[_Sent] = []
        self._place = {i: b for b, bucket in enumerate(self.buckets) for i in bucket}
        self._missing = [len(bucket) for bucket in self.buckets]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within the context a backward pass sends each bucket as soon as it is full."""
        handles = [self.parameters[i].register_hook(partial(self._report, i)) for i in self._place]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _report(self, i: int, gradient: Tensor) -> None:
        if gradient.requires_grad:  # of a penalty's own differentiation
            return
        if self.reported[i] is None:
            self._missing[self._place[i]] -= 1
        self.reported[i] = gradient
        while len(self.sent) < len(self.buckets) and not self._missing[len(self.sent)]:
            self.sent.append(_Sent([self.reported[j] for j in self.buckets[len(self.sent)]]))

    def means(self, gradients: Sequence[Tensor | None]) -> Shared:
        """The means over all processes of what the evaluation returned.

        Parameters
        ----------
        gradients
            One per parameter, None where there is none (in every process alike).

        Returns
        -------
        Shared
            One per parameter, shaped like it.
        """
        found = Shared(gradients)
        started = []
        for b, bucket in enumerate(self.buckets):
            present = [i for i in bucket if gradients[i] is not None]
            if b < len(self.sent) and self.sent[b].holds([gradients[i] for i in bucket]):
                started.append((self.sent[b], present))
            elif present:
                started.append((_Sent([gradients[i] for i in present]), present))
        for sent in self.sent:
            sent.work.wait()
        for sent, members in started:
            for i, mean in zip(members, sent.means(), strict=True):
                found[i] = mean
        return found


class _Sent:
    """One bucket on its way."""

    def __init__(self, gradients: Sequence[Tensor | None]):
        self.gradients = [g.detach() for g in gradients if g is not None]
        self.flat = torch.cat([g.reshape(-1) for g in self.gradients])
        self.work: Any = torch.distributed.all_reduce(self.flat, async_op=True)

    def holds(self, gradients: Sequence[Tensor | None]) -> bool:
        """Whether these very ``gradients`` were sent."""
        return all(
            g is not None and g.data_ptr() == s.data_ptr() for g, s in zip(gradients, self.gradients, strict=True)
        )

    def means(self) -> list[Tensor]:
        """What has come back, over the number of processes."""
        self.work.wait()
        self.flat /= world_size()
        parts = self.flat.split([g.numel() for g in self.gradients])
        return [part.view(g.shape) for part, g in zip(parts, self.gradients, strict=True)]


def buckets(parameters: Sequence[nn.Parameter], first: int, later: int) -> list[list[int]]:
    """Positions of the parameters, from the last to the first, in groups of one dtype and device.

    Parameters
    ----------
    parameters
        Sharded ones are in no group.
    first, later
        Bytes from which a group is full.

    Returns
    -------
    list of list of int
        The groups.

    Examples
    --------
    >>> layers = [nn.Parameter(torch.zeros(n)) for n in (4, 3, 2, 1)]
    >>> buckets(layers, first=8, later=20)
    [[3, 2], [1, 0]]
    """
    groups: list[list[int]] = []
    size, kind = 0, None
    for i in reversed(range(len(parameters))):
        p = parameters[i]
        if is_sharded(p):
            continue
        limit = first if len(groups) <= 1 else later
        if not groups or size >= limit or (p.dtype, p.device) != kind:
            groups.append([])
            size, kind = 0, (p.dtype, p.device)
        groups[-1].append(i)
        size += p.numel() * p.element_size()
    return groups


def reduced(
    evaluate: Callable[[], tuple[Any, Any]], moving: dict[str, list[nn.Parameter]], overlap: bool
) -> tuple[Any, dict[str, list[Tensor | None]]]:
    """Terms and gradients of one evaluation, the gradients as means over the processes.

    Parameters
    ----------
    evaluate
        Gives terms, and player -> gradients.
    moving
        Player -> the parameters of these gradients.
    overlap
        Whether hooks may report gradients during the evaluation; compiled functions and sums over parts of a batch
        have none to report.

    Returns
    -------
    tuple
        As ``evaluate``; of one process as it is.
    """
    if not several_processes():
        return evaluate()
    everything = [p for own in moving.values() for p in own]
    reduction = Reduction(everything)
    if overlap:
        with reduction.listening():
            terms, gradients = evaluate()
    else:
        terms, gradients = evaluate()
    means = iter(reduction.means([g for player in moving for g in gradients[player]]))
    return terms, {player: Shared([next(means) for _ in own]) for player, own in moving.items()}
