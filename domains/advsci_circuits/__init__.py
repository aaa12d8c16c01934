"""Gene-regulatory circuits: signed graphs, their dynamics, and a game that proposes circuits which work."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_circuits.design.posterior import design as design
    from advsci_circuits.dynamics.fixed_points import fixed_points as fixed_points
    from advsci_circuits.dynamics.hill import HillModel as HillModel
    from advsci_circuits.dynamics.racipe import racipe as racipe
    from advsci_circuits.dynamics.robustness import robustness as robustness
    from advsci_circuits.formats.files import read as read
    from advsci_circuits.formats.files import write as write
    from advsci_circuits.game.missing_edges import complete as complete
    from advsci_circuits.game.sample import generate as generate
    from advsci_circuits.graphs.batch import CircuitBatch as CircuitBatch
    from advsci_circuits.graphs.canonical import canonical_keys as canonical_keys
    from advsci_circuits.graphs.circuit import Circuit as Circuit
    from advsci_circuits.networks.completing import complete_network as complete_network

__getattr__, __dir__, __all__ = exports(__name__)
