"""Posterior samples, and tests of what a prior may have hidden."""

from advsci_inverse.uncertainty.annealed import Annealed as Annealed
from advsci_inverse.uncertainty.annealed import annealed_importance as annealed_importance
from advsci_inverse.uncertainty.calibration import STRATA as STRATA
from advsci_inverse.uncertainty.calibration import Calibration as Calibration
from advsci_inverse.uncertainty.calibration import interval_factor as interval_factor
from advsci_inverse.uncertainty.calibration import strata as strata
from advsci_inverse.uncertainty.hamiltonian import hamiltonian as hamiltonian
from advsci_inverse.uncertainty.kind import Evidence as Evidence
from advsci_inverse.uncertainty.kind import KindTest as KindTest
from advsci_inverse.uncertainty.kind import residual_over_noise as residual_over_noise
from advsci_inverse.uncertainty.langevin import langevin as langevin
from advsci_inverse.uncertainty.langevin import metropolis_langevin as metropolis_langevin
from advsci_inverse.uncertainty.lesion import disc_templates as disc_templates
from advsci_inverse.uncertainty.lesion import matched_residual as matched_residual
from advsci_inverse.uncertainty.look import Look as Look
from advsci_inverse.uncertainty.observer import Observer as Observer
from advsci_inverse.uncertainty.posterior import posterior_samples as posterior_samples
from advsci_inverse.uncertainty.posterior import recentred as recentred
from advsci_inverse.uncertainty.posterior import spot_probability as spot_probability
from advsci_inverse.uncertainty.posterior import trust_in_point as trust_in_point
