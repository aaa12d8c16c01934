"""Circuits to and from the formats of the field; files of strangers are refused by name, never guessed at."""

from advsci_circuits.formats.antimony import read_antimony as read_antimony
from advsci_circuits.formats.antimony import write_antimony as write_antimony
from advsci_circuits.formats.boolean import read_bnet as read_bnet
from advsci_circuits.formats.boolean import rule_signs as rule_signs
from advsci_circuits.formats.boolean import write_bnet as write_bnet
from advsci_circuits.formats.edge_list import read_sif as read_sif
from advsci_circuits.formats.edge_list import read_topology as read_topology
from advsci_circuits.formats.edge_list import write_sif as write_sif
from advsci_circuits.formats.edge_list import write_topology as write_topology
from advsci_circuits.formats.files import read as read
from advsci_circuits.formats.files import write as write
from advsci_circuits.formats.graphml import from_networkx as from_networkx
from advsci_circuits.formats.graphml import read_graphml as read_graphml
from advsci_circuits.formats.graphml import to_networkx as to_networkx
from advsci_circuits.formats.graphml import write_graphml as write_graphml
from advsci_circuits.formats.kinetic_circuit import KineticCircuit as KineticCircuit
from advsci_circuits.formats.own_model import OwnModel as OwnModel
from advsci_circuits.formats.qual import write_sbml_qual as write_sbml_qual
from advsci_circuits.formats.sbml_read import read_sbml as read_sbml
from advsci_circuits.formats.sbml_write import write_sbml as write_sbml
from advsci_circuits.formats.sbol import read_sbol as read_sbol
from advsci_circuits.formats.sbol import write_sbol as write_sbol
