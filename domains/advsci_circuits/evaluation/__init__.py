"""Samples of circuits against samples of circuits."""

from advsci_circuits.evaluation.descriptors import DESCRIPTORS as DESCRIPTORS
from advsci_circuits.evaluation.descriptors import describe as describe
from advsci_circuits.evaluation.distance import Discrepancy as Discrepancy
from advsci_circuits.evaluation.distance import discrepancy as discrepancy
from advsci_circuits.evaluation.distance import mmd_squared as mmd_squared
from advsci_circuits.evaluation.distance import ratios as ratios
from advsci_circuits.evaluation.features import random_features as random_features
from advsci_circuits.evaluation.nulls import NULLS as NULLS
from advsci_circuits.evaluation.nulls import null_sample as null_sample
from advsci_circuits.evaluation.vun import VUN as VUN
from advsci_circuits.evaluation.vun import vun as vun
