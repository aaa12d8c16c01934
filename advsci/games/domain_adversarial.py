r"""Domain-adversarial learning: features that serve a task and hide their domain.

An encoder :math:`f` and a task minimise :math:`L_{task}(f, h) - \lambda L_{dom}(f, a)`, adversaries :math:`a` minimise
:math:`L_{dom}(f, a)` (Ganin et al. 2016, arXiv 1505.07818, eq. 9-12). The coupling is zero-sum up to :math:`\lambda`,
so gradient reversal makes one scalar of it: the game is a `OneLossGame`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from advsci.games.game import Batch, Draw, OneLossGame
from advsci.nn.reversal import reverse_gradient
from advsci.schedules import Schedule, as_schedule
from advsci.streams import Stream

__all__ = ["Adversary", "DomainAdversarial", "Task"]


class Task(nn.Module, ABC):
    """What the features are for: an encoder and the loss that it serves, as one player.

    Examples
    --------
    >>> from advsci.games import Task
    >>> from advsci.nn import MLP
    >>> class Reconstruct(Task):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.encoder, self.decoder = MLP(3, 2), MLP(2, 3)
    ...     def draw(self, batch, stream):
    ...         return {}
    ...     def forward(self, batch, draw):
    ...         z = self.encoder(batch["x"])
    ...         return z, {"reconstruction": (self.decoder(z) - batch["x"]).square().mean()}
    >>> import torch
    >>> Reconstruct()({"x": torch.zeros(4, 3)}, {})[0].shape
    torch.Size([4, 2])
    """

    @abstractmethod
    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """All randomness of one evaluation, such as the noise of a variational encoder.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        stream
            Where the random numbers come from.
        """

    @abstractmethod
    def forward(self, batch: Batch, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        """The features (n d) that the adversaries see, and the named weighted terms of the task's loss.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """

    def features(self, batch: Batch, draw: Draw) -> Tensor:
        """The features (n d) alone, which is all that an adversary's turn needs.

        Parameters
        ----------
        batch, draw
            One evaluation of the game. A task whose terms cost more than its features overrides this.
        """
        return self(batch, draw)[0]


class Adversary(nn.Module, ABC):
    """A player that reads the domain from the features.

    Examples
    --------
    >>> import torch
    >>> from advsci.games import Adversary
    >>> from advsci.nn import MLP
    >>> class Reader(Adversary):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.net = MLP(2, 3)
    ...     def forward(self, features, batch):
    ...         return torch.nn.functional.cross_entropy(self.net(features), batch["domain"])
    >>> Reader()(torch.zeros(4, 2), {"domain": torch.tensor([0, 1, 2, 0])}).shape
    torch.Size([])
    """

    @abstractmethod
    def forward(self, features: Tensor, batch: Batch) -> Tensor:
        """The scalar loss of reading the domain of ``batch`` from ``features`` (n d)."""


class DomainAdversarial(OneLossGame):
    """A task against adversaries that read a domain from its features.

    Parameters
    ----------
    task
        Encoder and task loss.
    adversaries
        Name -> adversary: one domain, or several (nested levels, continuous covariates).
    strength
        :math:`\\lambda`, a number or schedule for all adversaries, or one a name.

    Notes
    -----
    Under `advsci.solvers.Simultaneous` the game takes one backward pass for all players (gradient reversal); under
    `advsci.solvers.Alternating` the players take turns, with as many adversary steps a task step as wanted. Both follow
    the same vector field.

    Examples
    --------
    >>> import torch
    >>> from advsci import DomainAdversarial, Stream, Trainer
    >>> from advsci.games import Adversary, Task
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Alternating
    >>> class Classify(Task):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.encoder, self.head = MLP(2, 3), MLP(3, 2)
    ...     def draw(self, batch, stream):
    ...         return {}
    ...     def forward(self, batch, draw):
    ...         z = self.encoder(batch["x"])
    ...         return z, {"class": torch.nn.functional.cross_entropy(self.head(z), batch["label"])}
    >>> class Reader(Adversary):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.net = MLP(3, 2)
    ...     def forward(self, features, batch):
    ...         return torch.nn.functional.cross_entropy(self.net(features), batch["domain"])
    >>> n = 64
    >>> data = {"x": Stream(0).normal((n, 2)), "label": torch.arange(n) % 2, "domain": torch.arange(n) // 32}
    >>> game = DomainAdversarial(Classify(), Reader(), strength=0.5)
    >>> Trainer(steps=2, batch_size=16, quiet=True).fit(game, data, Alternating()).step
    2
    """

    def __init__(
        self,
        task: Task,
        adversaries: Mapping[str, Adversary] | Adversary,
        strength: "float | Schedule | Mapping[str, float | Schedule]" = 1.0,
    ):
        super().__init__()
        self.task = task
        adversaries = {"adversary": adversaries} if isinstance(adversaries, Adversary) else dict(adversaries)
        self.adversaries = nn.ModuleDict(adversaries)
        strengths = strength if isinstance(strength, Mapping) else dict.fromkeys(adversaries, strength)
        self.strengths = {name: as_schedule(strengths[name]) for name in adversaries}

    @property
    def players(self) -> dict[str, nn.Module]:
        return {**dict(self.adversaries.items()), "task": self.task}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """The task's random numbers for ``batch``, from ``stream``."""
        return self.task.draw(batch, stream.at("task"))

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Terms of ``player`` on ``batch`` and ``draw``: the task's, less what the adversaries read; or one reading."""
        if player != "task":
            return {"domain": self.adversaries[player](self.task.features(batch, draw), batch)}
        features, terms = self.task(batch, draw)
        terms = dict(terms)
        for name, adversary in self.adversaries.items():
            terms[name] = -self.strengths[name](self.progress) * adversary(features, batch)
        return terms

    def joint_terms(self, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Terms on ``batch`` and ``draw`` in one pass; the adversaries see features of reversed gradient."""
        features, terms = self.task(batch, draw)
        terms = dict(terms)
        for name, adversary in self.adversaries.items():
            terms[name] = adversary(reverse_gradient(features, self.strengths[name](self.progress)), batch)
        return terms

    def check(self, batch: Batch, draw: Draw) -> None:
        """Evaluate the task and every adversary once on ``batch`` and ``draw``: their own errors name what is wrong."""
        features, _ = self.task(batch, draw)
        for adversary in self.adversaries.values():
            adversary(features, batch)
