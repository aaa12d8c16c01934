"""A game under the microscope: its vector field, its generator, and what is sick."""

from advsci.diagnostics.detectors import batch_coupling as batch_coupling
from advsci.diagnostics.detectors import critic_slopes as critic_slopes
from advsci.diagnostics.detectors import relative_frechet as relative_frechet
from advsci.diagnostics.detectors import signal as signal
from advsci.diagnostics.field import VectorField as VectorField
from advsci.diagnostics.field import adam_scale as adam_scale
from advsci.diagnostics.jacobian import effective_rank as effective_rank
from advsci.diagnostics.jacobian import singular_values as singular_values
from advsci.diagnostics.lipschitz import LipschitzBound as LipschitzBound
from advsci.diagnostics.lipschitz import lipschitz_bound as lipschitz_bound
from advsci.diagnostics.path import path_angle as path_angle
from advsci.diagnostics.probe import Probe as Probe
from advsci.diagnostics.readability import chance_loss as chance_loss
from advsci.diagnostics.settings import settings_of as settings_of
from advsci.diagnostics.shares import Share as Share
from advsci.diagnostics.shares import Shares as Shares
from advsci.diagnostics.shares import paired_shares as paired_shares
from advsci.diagnostics.shares import shares as shares
from advsci.diagnostics.spectrum import Spectrum as Spectrum
from advsci.diagnostics.spectrum import game_spectrum as game_spectrum
from advsci.diagnostics.spectrum import rotation_share as rotation_share
from advsci.diagnostics.spectrum import stable_rate as stable_rate
from advsci.diagnostics.verdict import Diagnosis as Diagnosis
from advsci.diagnostics.verdict import Finding as Finding
from advsci.diagnostics.verdict import judge as judge
