"""Games: players, and the loss each minimises on a batch."""

from advsci.games.adversarial import AdversarialGame as AdversarialGame
from advsci.games.adversarial import Made as Made
from advsci.games.autoencoder import Autoencoder as Autoencoder
from advsci.games.domain_adversarial import Adversary as Adversary
from advsci.games.domain_adversarial import DomainAdversarial as DomainAdversarial
from advsci.games.domain_adversarial import Task as Task
from advsci.games.federation import Federation as Federation
from advsci.games.federation import masked_sum as masked_sum
from advsci.games.game import Batch as Batch
from advsci.games.game import Constraint as Constraint
from advsci.games.game import Draw as Draw
from advsci.games.game import Game as Game
from advsci.games.game import OneLossGame as OneLossGame
from advsci.games.game import OnePassGame as OnePassGame
from advsci.games.game import as_batch as as_batch
from advsci.games.gan import GAN as GAN
from advsci.games.gan import WeightedGenerator as WeightedGenerator
from advsci.games.instrumental import InstrumentalVariables as InstrumentalVariables
from advsci.games.mean_field import MeanFieldGame as MeanFieldGame
from advsci.games.moment_matching import MomentMatching as MomentMatching
from advsci.games.switch import switch_off as switch_off
from advsci.games.switch import switched_off as switched_off
from advsci.games.vae import VAE as VAE
from advsci.games.weak_form import WeakForm as WeakForm
