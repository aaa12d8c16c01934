"""Differentiable physics as part of a discriminator: residuals, feasibility, multipliers as players, implicit roots."""

from advsci.physics.discriminator import PhysicsInformedDiscriminator as PhysicsInformedDiscriminator
from advsci.physics.gan import PhysicsGAN as PhysicsGAN
from advsci.physics.implicit_root import dense_transpose_solve as dense_transpose_solve
from advsci.physics.implicit_root import implicit_root as implicit_root
from advsci.physics.law import Findings as Findings
from advsci.physics.law import Physics as Physics
from advsci.physics.law import residual_features as residual_features
from advsci.physics.multipliers import Multipliers as Multipliers
from advsci.physics.multipliers import augmented_lagrangian as augmented_lagrangian
