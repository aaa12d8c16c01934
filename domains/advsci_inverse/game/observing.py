"""The game of an observer: one player, its guesses whether and where a detail was planted."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.games import Game
from advsci.games.game import Batch, Draw, require
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.uncertainty.observer import Observer

__all__ = ["ObservingGame", "learn_details"]


class ObservingGame(Game):
    """A game of one player: half of the images get a detail at a place drawn evenly, and the observer guesses which.

    Parameters
    ----------
    observer
        The player.
    operator
        :math:`A`.
    sigma
        Standard deviation of the noise.
    """

    def __init__(self, observer: Observer, operator: LinearOperator, sigma: float):
        super().__init__()
        self.observer, self.operator, self.sigma = observer, operator, sigma

    @property
    def players(self) -> dict[str, nn.Module]:
        """The one player."""
        return {"observer": self.observer}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """The random numbers of one evaluation on ``batch``, from the ``stream``."""
        x = require(batch, "x", "ObservingGame")
        place = stream.at("place").integers(len(self.observer.details), (len(x),), device=x.device)
        planted = stream.at("planted").uniform((len(x),), device=x.device) < 0.5
        shape = (len(x), *self.operator.data_shape)
        noise = stream.at("noise").normal(shape, device=x.device, dtype=x.dtype)
        return {"place": torch.where(planted, place, -1), "noise": noise}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Terms of the ``player`` on a ``batch`` and ``draw``."""
        observer, place = self.observer, draw["place"]
        planted = torch.where((place < 0)[:, None, None], 0.0, observer.details[place.clamp(min=0)])
        y = self.operator(batch["x"] + planted) + self.sigma * draw["noise"]
        return {"guess": observer.misjudged(y, place)}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Whether ``batch``, ``draw`` and network fit."""
        self.terms("observer", batch, draw)


def learn_details(
    observer: Observer,
    operator: LinearOperator,
    sigma: float,
    images: Float[Tensor, "n h w"],
    steps: int,
    *,
    seed: int = 0,
    batch_size: int = 64,
) -> Observer:
    """Train an observer on images of its kind.

    Parameters
    ----------
    observer
        It stays as it is.
    operator, sigma
        Those of the observer.
    images
        ``(n h w)`` images, in [0, 1].
    steps
        Of Adam, on a falling rate.
    seed
        Of all random numbers.
    batch_size
        Images per step.

    Returns
    -------
    Observer
        The average of the last steps.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> from advsci_inverse.uncertainty import disc_templates
    >>> operator, images = gaussian_sensing(30, (8, 8)), torch.rand(40, 8, 8)
    >>> observer = Observer(operator, 0.1, images, 0.5 * disc_templates((8, 8), 1.0), width=8)
    >>> learn_details(observer, operator, 0.1, images, 2, batch_size=8).ratio(operator(images)).shape
    torch.Size([40])
    """
    trainer = Trainer(
        steps=steps, batch_size=batch_size, seed=seed, device=str(observer.offset.device), quiet=True,
        ema=EMA(0.99, of=("observer",)), log_every=max(1, steps // 20),
    )  # fmt: skip
    solver = Simultaneous(adam(2e-3, betas=(0.9, 0.99)), Cosine(1.0, 0.02))
    found = trainer.fit(ObservingGame(observer, operator, sigma), {"x": images}, solver).averaged("observer").eval()
    assert isinstance(found, Observer)
    return found
