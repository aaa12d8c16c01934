"""The game's time: layers with a schedule of their own (growth, augmentation, gradient reversal) are told it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from advsci.games.game import Game

__all__ = ["clock"]


@contextmanager
def clock(game: Game) -> Iterator[Callable[[float], None]]:
    """Within the context a function that tells the game's layers the share of the training that is done.

    A buffer ``progress`` of any layer is filled with it. A layer's ``keep_time`` is called with it, as a number on the
    host, and with None when the training ends.

    Parameters
    ----------
    game
        The game.

    Yields
    ------
    callable
        ``tell(progress)``.
    """
    buffers = [buffer for name, buffer in game.named_buffers() if name.split(".")[-1] == "progress"]
    layers = [module for module in game.modules() if hasattr(module, "keep_time")]

    def tell(progress: float) -> None:
        """Tell all layers the ``progress``."""
        for buffer in buffers:
            buffer.fill_(progress)
        for layer in layers:
            layer.keep_time(progress)  # type: ignore[operator]

    try:
        yield tell
    finally:
        for layer in layers:
            layer.keep_time(None)  # type: ignore[operator]
