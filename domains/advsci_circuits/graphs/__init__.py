"""Signed directed graphs: one circuit, many circuits in one tensor, their canonical form and their structure."""

from advsci_circuits.graphs.batch import CircuitBatch as CircuitBatch
from advsci_circuits.graphs.canonical import canonical_form as canonical_form
from advsci_circuits.graphs.canonical import canonical_keys as canonical_keys
from advsci_circuits.graphs.circuit import MAX_GENES as MAX_GENES
from advsci_circuits.graphs.circuit import Circuit as Circuit
from advsci_circuits.graphs.cycles import cycle_signs as cycle_signs
from advsci_circuits.graphs.cycles import elementary_cycles as elementary_cycles
from advsci_circuits.graphs.cycles import signed_closed_walks as signed_closed_walks
from advsci_circuits.graphs.validity import in_degree as in_degree
from advsci_circuits.graphs.validity import is_valid as is_valid
from advsci_circuits.graphs.validity import is_weakly_connected as is_weakly_connected
