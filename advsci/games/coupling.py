r"""What of a game compares the samples of a batch with each other.

Most losses are means over samples, :math:`L = \frac1n \sum_i \ell_i`: the mean of the gradients of parts of a batch is
then the gradient of the whole, whether the parts are played by processes or one after another. What is no such mean is
named here.
"""

from torch import nn

from advsci.games.adversarial import AdversarialGame
from advsci.games.game import Batch, Game
from advsci.games.gan import GAN, WeightedGenerator
from advsci.penalties.scores import compares_samples

__all__ = ["coupling"]


def coupling(game: Game, *, batch: Batch | None = None, processes: bool = False) -> list[str]:
    """The parts of a game that are no means over samples or pairs of a batch, by name.

    Parameters
    ----------
    game
        The game.
    batch
        A batch of its data: whether it has weights, which are normalised by their sum over the batch.
    processes
        Name only what does not see the samples of other processes either.

    Returns
    -------
    list of str
        Names of classes of layers, objectives, penalties, games and generators of weighted samples, and ``"weight"``;
        empty where all are means.

    Examples
    --------
    >>> from advsci import GAN
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import DRAGAN, R1
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(R1(), DRAGAN()))
    >>> coupling(game), coupling(game, processes=True)
    (['DRAGAN'], [])
    """
    parts: list[object] = [*game.modules()]
    found = set()
    if isinstance(game, AdversarialGame):
        parts += [game.objective, *game.penalties, *game.generator_penalties]
    for part in parts:
        synchronised = getattr(part, "gathers", isinstance(part, nn.SyncBatchNorm))
        if compares_samples(part) and not (processes and synchronised):
            found.add(type(part).__name__)
    if not processes and isinstance(game, GAN) and isinstance(game.generator, WeightedGenerator):
        found.add(type(game.generator).__name__)  # its learned weights are normalised by their sum over the batch
    if not processes and batch is not None and "weight" in batch:
        found.add("weight")
    return sorted(found)
