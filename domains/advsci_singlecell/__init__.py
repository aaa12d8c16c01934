"""Single cells: remove the batch by adversarial training, keep the biology, and prove both."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_singlecell.config import Settings as Settings
    from advsci_singlecell.data.collection import CollectionCells as CollectionCells
    from advsci_singlecell.data.fields import Fields as Fields
    from advsci_singlecell.data.files import read_cells as read_cells
    from advsci_singlecell.embedding.alignment import Alignment as Alignment
    from advsci_singlecell.embedding.averaging import averaged as averaged
    from advsci_singlecell.embedding.equaliser import Equaliser as Equaliser
    from advsci_singlecell.embedding.whitening import Whitening as Whitening
    from advsci_singlecell.evaluation.biology import explained_by_neighbours as explained_by_neighbours
    from advsci_singlecell.evaluation.biology import order_within_types as order_within_types
    from advsci_singlecell.evaluation.biology import thinned as thinned
    from advsci_singlecell.evaluation.confounding import check_confounding as check_confounding
    from advsci_singlecell.evaluation.scores import correction_scores as correction_scores
    from advsci_singlecell.evaluation.scores import scib_scores as scib_scores
    from advsci_singlecell.game.adversary import CategoricalAdversary as CategoricalAdversary
    from advsci_singlecell.game.adversary import ContinuousAdversary as ContinuousAdversary
    from advsci_singlecell.model.corrector import BatchCorrector as BatchCorrector
    from advsci_singlecell.model.corrector import correct as correct
    from advsci_singlecell.model.model import Model as Model
    from advsci_singlecell.model.query import QueryMap as QueryMap

__getattr__, __dir__, __all__ = exports(__name__)
