"""Early stopping: the parameters with which families that are not trained on surprise a network least."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from advsci.training import Training
from advsci.training.weights import load_weights, read_card, save_weights

__all__ = ["LeastSurprised"]

KIND = "least surprised so far"


class LeastSurprised:
    """Callback that keeps on disk the parameters with which held-out data surprise a player least.

    Parameters
    ----------
    player
        Name of the player.
    surprise
        Gives the mean surprise of held-out data, of the player's network.
    path
        The file; what an interrupted training left in it is gone on from.
    """

    def __init__(self, player: str, surprise: Callable[[nn.Module], float], path: Path):
        self.player, self.measure, self.path = player, surprise, path
        self.surprise = read_card(path, kind=KIND)["surprise"] if path.is_file() else float("inf")

    def __call__(self, training: Training) -> dict[str, float]:
        network = training.game.players[self.player]
        was = network.training
        network.eval()
        with torch.no_grad():
            surprise = self.measure(network)
        network.train(was)
        if surprise < self.surprise:
            self.surprise = surprise
            save_weights(self.path, network, {"kind": KIND, "surprise": surprise})
        return {"held_out_surprise": surprise}

    def restore(self, network: nn.Module) -> None:
        """Give a network the best parameters, in evaluation mode.

        Parameters
        ----------
        network
            The network that was trained.
        """
        network.load_state_dict(load_weights(self.path, kind=KIND)[0])
        network.eval()
