"""A game under the microscope: its vector field, its generator, and what is sick."""

from advsci.diagnostics.field import VectorField as VectorField
from advsci.diagnostics.field import adam_scale as adam_scale
from advsci.diagnostics.jacobian import effective_rank as effective_rank
from advsci.diagnostics.jacobian import singular_values as singular_values
from advsci.diagnostics.path import path_angle as path_angle
from advsci.diagnostics.spectrum import Spectrum as Spectrum
from advsci.diagnostics.spectrum import game_spectrum as game_spectrum
from advsci.diagnostics.spectrum import rotation_share as rotation_share
from advsci.diagnostics.spectrum import stable_rate as stable_rate
