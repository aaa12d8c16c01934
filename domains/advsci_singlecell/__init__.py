"""Single cells: remove the batch by adversarial training, keep the biology, and prove both."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_singlecell.adversary import CategoricalAdversary as CategoricalAdversary
    from advsci_singlecell.adversary import ContinuousAdversary as ContinuousAdversary
    from advsci_singlecell.alignment import Alignment as Alignment
    from advsci_singlecell.confounding import check_confounding as check_confounding
    from advsci_singlecell.corrector import BatchCorrector as BatchCorrector
    from advsci_singlecell.corrector import correct as correct
    from advsci_singlecell.equaliser import Equaliser as Equaliser
    from advsci_singlecell.evaluate import correction_scores as correction_scores
    from advsci_singlecell.evaluate import scib_scores as scib_scores
    from advsci_singlecell.fields import Fields as Fields
    from advsci_singlecell.fields import read_cells as read_cells
    from advsci_singlecell.model import Model as Model
    from advsci_singlecell.query import QueryMap as QueryMap
    from advsci_singlecell.settings import Design as Design
    from advsci_singlecell.whitening import Whitening as Whitening

__getattr__, __dir__, __all__ = exports(__name__)
