"""Networks and layers of players."""

from advsci.nn.condition import ConditionEmbedding as ConditionEmbedding
from advsci.nn.condition import Projection as Projection
from advsci.nn.mlp import MLP as MLP
from advsci.nn.mlp import FourierFeatures as FourierFeatures
from advsci.nn.resampling import Downsample as Downsample
from advsci.nn.resampling import Upsample as Upsample
from advsci.nn.residual_conv import ResidualBlock as ResidualBlock
from advsci.nn.residual_conv import ResidualDiscriminator as ResidualDiscriminator
from advsci.nn.residual_conv import ResidualGenerator as ResidualGenerator
from advsci.nn.reversal import GradientReversal as GradientReversal
from advsci.nn.reversal import reverse_gradient as reverse_gradient
