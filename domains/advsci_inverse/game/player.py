"""Training of a network that plays alone: denoiser, refiner, regulariser."""

from torch import Tensor, nn

from advsci.errors import DataError
from advsci.games import Game
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous, adam
from advsci.training import EMA, Run, Trainer
from advsci_inverse.config import Learning
from advsci_inverse.data.images import Scale, load_training_images

__all__ = ["learning_images", "train_player"]


def learning_images(config: Learning) -> tuple[Tensor, Tensor, Scale]:
    """Images to learn from and images to test on.

    Parameters
    ----------
    config
        Names the data, how many of the last training images are left out, and the images per step.

    Returns
    -------
    train, test : tensor [n, h, w], tensor [m, h, w]
        Images in [0, 1].
    scale : Scale
        Way back to the units of the data.

    Raises
    ------
    DataError
        Fewer images are left than one step needs.
    """
    train, test, scale = load_training_images(config.data)
    kept = len(train) - config.held_out
    if kept < config.batch_size:
        raise DataError(
            f"got {max(kept, 0)} training images beside {config.held_out} held out; expected at least the "
            f"{config.batch_size} of a step. Try: a smaller --held-out or --batch-size."
        )
    return train[:kept], test, scale


def train_player(
    game: Game, images: Tensor | dict[str, Tensor], config: Learning, folder: Run | None, *, decay: float
) -> tuple[nn.Module, list[dict]]:
    """Train the one player of a game by Adam on a falling rate.

    Parameters
    ----------
    game
        A game of one player.
    images
        Training data of the game, one row per image.
    config
        Steps, images per step, learning rate, seed and device.
    folder
        Where log and checkpoints go; None for nowhere.
    decay
        Of the exponential average of the player's weights.

    Returns
    -------
    player : nn.Module
        The averaged player on the CPU, ready to be used.
    log : list of dict
        One record per logged step.
    """
    (name,) = game.players
    trainer = Trainer(
        steps=config.steps,
        batch_size=config.batch_size,
        seed=config.seed,
        device=config.device,
        ema=EMA(decay, of=(name,)),
        run=folder,
        log_every=max(1, config.steps // 45),
        title=name,
    )
    training = trainer.fit(game, images, Simultaneous(adam(config.rate, betas=(0.9, 0.99)), Cosine(1.0, 0.01)))
    return training.averaged(name).cpu().eval(), training.log
