"""Samples of circuits against samples of circuits."""

from advsci_circuits.metrics.descriptors import DESCRIPTORS as DESCRIPTORS
from advsci_circuits.metrics.descriptors import describe as describe
from advsci_circuits.metrics.distance import Discrepancy as Discrepancy
from advsci_circuits.metrics.distance import discrepancy as discrepancy
from advsci_circuits.metrics.distance import mmd_squared as mmd_squared
from advsci_circuits.metrics.distance import ratios as ratios
from advsci_circuits.metrics.features import random_features as random_features
from advsci_circuits.metrics.nulls import NULLS as NULLS
from advsci_circuits.metrics.nulls import null_sample as null_sample
from advsci_circuits.metrics.vun import VUN as VUN
from advsci_circuits.metrics.vun import vun as vun
