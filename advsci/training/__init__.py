"""Training: where and how long a game is played, and what is kept of it."""

from advsci.errors import Stopped as Stopped
from advsci.training.best import Best as Best
from advsci.training.data import Data as Data
from advsci.training.data import ItemSource as ItemSource
from advsci.training.data import Source as Source
from advsci.training.data import StreamSource as StreamSource
from advsci.training.data import TensorSource as TensorSource
from advsci.training.ema import EMA as EMA
from advsci.training.export import Generator as Generator
from advsci.training.export import export_generator as export_generator
from advsci.training.export import load_generator as load_generator
from advsci.training.flower import FlowerSite as FlowerSite
from advsci.training.flower import flower_client as flower_client
from advsci.training.images import ImageFolder as ImageFolder
from advsci.training.run import Run as Run
from advsci.training.shards import TarShards as TarShards
from advsci.training.sites import Sites as Sites
from advsci.training.trainer import Callback as Callback
from advsci.training.trainer import Trainer as Trainer
from advsci.training.trainer import Training as Training
