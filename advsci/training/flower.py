"""A site of a federation that Flower coordinates: the shared players leave as one vector, and their mean comes back.

`advsci.games.Federation` asks one thing of the others: the sum of the sites' vectors (``sum_of``). Here the vector goes
to Flower's server, and its mean over the sites is the answer (McMahan et al. 2017, arXiv 1602.05629, algorithm 1). The
site's training runs in a thread of its own and waits at the end of each round, so that optimizers, local players, logs
and checkpoints are those of any other training.
"""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advsci.errors import ConfigError, needs
from advsci.games.federation import Federation, numbers_of
from advsci.games.game import Game
from advsci.solvers.federated import Federated
from advsci.solvers.solver import Solver
from advsci.training.data import as_source
from advsci.training.sites import Sites
from advsci.training.trainer import Trainer

__all__ = ["FlowerSite", "flower_client"]

SITE = "here"


class _Ended(BaseException):
    """Ends the training's thread; no `Exception`, so that nothing in between takes it for a failure."""


class FlowerSite:
    """One site: its game, its data, and the exchange of what it shares, as arrays; it needs no Flower.

    Parameters
    ----------
    game
        The site's game.
    data
        Its data, of a known length.
    solver
        How the players move between two exchanges.
    trainer
        Its ``steps`` are those of all rounds; they must be a multiple of ``every``.
    every
        Steps of a round.
    shared
        Players that the sites have in common.
    proximal
        FedProx's price of leaving the last mean.
    measure
        ``measure(game)``, what the server is told of the mean, lower is better; None: nothing is measured.

    Raises
    ------
    ConfigError
        ``trainer.steps`` is no multiple of ``every``.

    Examples
    --------
    Two sites and a server that takes the mean:

    >>> import torch
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Simultaneous
    >>> sites = [
    ...     FlowerSite(GAN(MLP(2, 2), MLP(2, 1), Gaussian(2)), Stream(i).normal((40, 2)), Simultaneous(),
    ...                Trainer(4, 16, quiet=True), every=2)
    ...     for i in range(2)
    ... ]
    >>> mean = sites[0].numbers()
    >>> for _ in range(2):
    ...     mean = [sum(parts) / 2 for parts in zip(*(site.round(mean) for site in sites))]
    >>> for site in sites:
    ...     site.finish(mean)
    >>> one, other = (site.game.generator.state_dict() for site in sites)
    >>> all(torch.equal(one[name], other[name]) for name in one)
    True
    """

    def __init__(
        self,
        game: Game,
        data: Any,
        solver: Solver,
        trainer: Trainer,
        *,
        every: int = 10,
        shared: Sequence[str] = ("generator",),
        proximal: float = 0.0,
        measure: Callable[[Game], float] | None = None,
    ):
        if every < 1 or trainer.steps % every:
            raise ConfigError(
                f"got {trainer.steps} steps in rounds of {every}; expected whole rounds. Try: a multiple of {every}."
            )
        self.game, self.solver, self.trainer, self.every = game, solver, trainer, every
        self.source = as_source(data)
        self.shared, self.proximal, self.measure = tuple(shared), proximal, measure
        self._sent: queue.Queue[Tensor | BaseException | None] = queue.Queue()
        self._answers: queue.Queue[Tensor | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._left: list[Tensor] = []

    @property
    def samples(self) -> int:
        """The site's number of samples, its weight in the mean."""
        return len(self.source)

    def numbers(self) -> list[np.ndarray]:
        """What the site shares now.

        Returns
        -------
        list of numpy.ndarray
            One vector (p), parameters and statistics of all shared players.
        """
        return [self._vector().cpu().numpy().copy()]

    def round(self, numbers: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Take the mean of the sites, and play one round from there.

        Parameters
        ----------
        numbers
            As `numbers` gives them.

        Returns
        -------
        list of numpy.ndarray
            What the site would share now.

        Raises
        ------
        ConfigError
            The vector has another length; all rounds are played.
        AdvsciError
            Whatever the training raises.
        """
        mean = self._checked(numbers)
        if self._thread is None:
            self._take(mean)
            self._thread = threading.Thread(target=self._train, daemon=True)
            self._thread.start()
        elif not self._thread.is_alive():
            raise self._over()
        else:
            self._answers.put(mean)
        sent = self._sent.get()
        if isinstance(sent, BaseException):
            raise sent
        if sent is None:
            raise self._over()
        return [sent.cpu().numpy().copy()]

    def finish(self, numbers: Sequence[np.ndarray]) -> None:
        """Take the last mean, and end the training.

        Parameters
        ----------
        numbers
            As `numbers` gives them.
        """
        mean = self._checked(numbers)
        if self._thread is not None and self._thread.is_alive():
            self._answers.put(mean)  # the last round's; an unfinished training is told to stop at its next exchange
            self._answers.put(None)
            self._thread.join()
        self._take(mean)

    def evaluate(self, numbers: Sequence[np.ndarray]) -> float:
        """What ``measure`` says of the mean.

        Parameters
        ----------
        numbers
            As `numbers` gives them.

        Returns
        -------
        float
            NaN without a measure.
        """
        self._take(self._checked(numbers))  # the training waits, and takes the same mean when it goes on
        return float("nan") if self.measure is None else float(self.measure(self.game))

    def _over(self) -> ConfigError:
        rounds = self.trainer.steps // self.every
        return ConfigError(
            f"got a round after all {self.trainer.steps} steps; expected {rounds} rounds. Try: more steps."
        )

    def _train(self) -> None:
        try:
            federation = Federation(
                {SITE: self.game}, shared=self.shared, proximal=self.proximal, sum_of=self._exchange
            )
            self.trainer.fit(federation, Sites({SITE: self.source}), Federated(self.solver, self.every))
            self._sent.put(None)
        except _Ended:
            self._sent.put(None)
        except BaseException as error:  # raised where the round was asked for
            self._sent.put(error)

    def _exchange(self, vectors: Sequence[Tensor]) -> Tensor:
        """What this site shares goes out, and the sites' mean comes back; asked player by player, sent together."""
        if not self._left:
            self._sent.put(self._vector())
            answer = self._answers.get()
            if answer is None:
                raise _Ended
            players = (self.game.players[player] for player in self.shared)
            self._left = list(answer.split([sum(t.numel() for t in numbers_of(player)) for player in players]))
        return self._left.pop(0).to(vectors[0])

    def _vector(self) -> Tensor:
        parts = [t.reshape(-1) for player in self.shared for t in numbers_of(self.game.players[player])]
        return torch.cat(parts)

    @torch.no_grad()
    def _take(self, mean: Tensor) -> None:
        tensors = [t for player in self.shared for t in numbers_of(self.game.players[player])]
        for t, part in zip(tensors, mean.split([t.numel() for t in tensors]), strict=True):
            t.copy_(part.view_as(t))

    def _checked(self, numbers: Sequence[np.ndarray]) -> Tensor:
        length = self._vector().numel()
        if len(numbers) != 1 or np.shape(numbers[0]) != (length,) or not np.isfinite(numbers[0]).all():
            raise ConfigError(
                f"got {len(numbers)} arrays of shapes {[np.shape(n) for n in numbers]}; expected one of {length:,} "
                "finite numbers. Try: the same networks and the same shared players at every site."
            )
        return torch.as_tensor(np.asarray(numbers[0]))


def flower_client(site: FlowerSite) -> Any:
    """The site as Flower's client.

    Parameters
    ----------
    site
        The site. It keeps its local players and its optimizers between rounds, so the client must be one object for the
        whole federation: make it once, outside of ``client_fn``.

    Returns
    -------
    flwr.client.NumPyClient
        ``fit`` plays a round, ``evaluate`` measures the mean.

    Raises
    ------
    MissingDependencyError
        Flower is not installed.

    Examples
    --------
    The client is handed to Flower's own ``ClientApp``:

    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Simultaneous
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> site = FlowerSite(game, Stream(0).normal((40, 2)), Simultaneous(), Trainer(4, 16, quiet=True), every=2)
    >>> client = flower_client(site)  # doctest: +SKIP
    """
    with needs("flwr", "flower"):
        from flwr.client import NumPyClient

    class Client(NumPyClient):
        """Hands arrays to the site and back."""

        def get_parameters(self, config: Mapping[str, Any]) -> list[np.ndarray]:
            """What the site shares now, whatever ``config`` says."""
            return site.numbers()

        def fit(self, parameters: list[np.ndarray], config: Mapping[str, Any]) -> tuple[list[np.ndarray], int, dict]:
            """One round from the mean ``parameters``, whatever ``config`` says."""
            return site.round(parameters), site.samples, {}

        def evaluate(self, parameters: list[np.ndarray], config: Mapping[str, Any]) -> tuple[float, int, dict]:
            """The site's measure of the mean ``parameters``, whatever ``config`` says."""
            return site.evaluate(parameters), site.samples, {}

    return Client()
