"""Tools that work on an AnnData in place, as scanpy's ``tl``."""

from advsci_singlecell.model.corrector import correct as correct
