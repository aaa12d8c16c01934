"""advsci: adversarial learning for science."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci.citation import citation as citation
    from advsci.commands.reopened import load as load
    from advsci.games import GAN as GAN
    from advsci.games import DomainAdversarial as DomainAdversarial
    from advsci.games import Game as Game
    from advsci.streams import Stream as Stream
    from advsci.training import EMA as EMA
    from advsci.training import Run as Run
    from advsci.training import Trainer as Trainer

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = exports(__name__)
