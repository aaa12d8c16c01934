"""Other ways to find circuits that work, on the same judge and the same clock."""

from advsci_circuits.baselines.diffusion import DiscreteDiffusion as DiscreteDiffusion
from advsci_circuits.baselines.graph_vae import GraphVAE as GraphVAE
from advsci_circuits.baselines.relational import LinkPredictor as LinkPredictor
from advsci_circuits.baselines.search import Found as Found
from advsci_circuits.baselines.search import Judge as Judge
from advsci_circuits.baselines.search import evolution as evolution
from advsci_circuits.baselines.search import from_generator as from_generator
from advsci_circuits.baselines.search import random_search as random_search
from advsci_circuits.baselines.search import search as search
from advsci_circuits.baselines.tree import TreeSearch as TreeSearch
