"""SBOL3: a component a gene product, an interaction an edge, with terms of the Systems Biology Ontology."""

from pathlib import Path
from typing import Any

from advsci.errors import DataError, needs
from advsci.files.text import read_text
from advsci.files.xml_text import read_xml
from advsci_circuits.formats.identifiers import safe_ids
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["read_sbol", "write_sbol"]

SBO = "https://identifiers.org/SBO:"
INHIBITION, STIMULATION = f"{SBO}0000169", f"{SBO}0000170"
INHIBITED, STIMULATED = f"{SBO}0000642", f"{SBO}0000643"
INHIBITOR, STIMULATOR = f"{SBO}0000020", f"{SBO}0000459"
ROLES = {INHIBITION: (-1, INHIBITOR, INHIBITED), STIMULATION: (1, STIMULATOR, STIMULATED)}


def _sbol3() -> Any:
    with needs("sbol3", "circuits"):
        import sbol3
    return sbol3


def write_sbol(circuit: Circuit, namespace: str = "https://advsci.org/circuits") -> str:
    """SBOL3 as sorted N-Triples.

    Parameters
    ----------
    circuit
        The circuit.
    namespace
        What the identifiers of its components begin with.
    """
    sbol3, ids = _sbol3(), safe_ids(circuit.genes)
    previous = sbol3.get_namespace()
    sbol3.set_namespace(namespace)
    try:
        document = sbol3.Document()
        title = safe_ids((circuit.name or "circuit",))[0]
        system = sbol3.Component(f"{title}_system", sbol3.SBO_FUNCTIONAL_ENTITY, name=circuit.name)
        document.add(system)
        feature = {}
        for gene, word in zip(circuit.genes, ids, strict=True):
            protein = sbol3.Component(f"{title}_{word}", sbol3.SBO_PROTEIN, name=gene)
            document.add(protein)
            feature[gene] = sbol3.SubComponent(protein, name=gene)
            system.features.append(feature[gene])
        for source, target, sign in circuit.edges:
            kind = STIMULATION if sign > 0 else INHIBITION
            _, acting, acted = ROLES[kind]
            parts = [sbol3.Participation([acting], feature[source]), sbol3.Participation([acted], feature[target])]
            system.interactions.append(sbol3.Interaction([kind], participations=parts))
        return document.write_string(sbol3.SORTED_NTRIPLES)
    finally:
        sbol3.set_namespace(previous)


def read_sbol(path: str | Path) -> Circuit:
    """The circuit of the interactions of an SBOL3 file (N-Triples, Turtle or RDF/XML by its ending).

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Circuit

    Raises
    ------
    DataError
        Where the file does not parse, or an interaction is neither stimulation nor inhibition.
    """
    sbol3, path = _sbol3(), Path(path)
    kinds = {".nt": sbol3.SORTED_NTRIPLES, ".ttl": sbol3.TURTLE, ".rdf": sbol3.RDF_XML, ".xml": sbol3.RDF_XML}
    kind = kinds.get(path.suffix.lower(), sbol3.SORTED_NTRIPLES)
    text = read_xml(path) if kind == sbol3.RDF_XML else read_text(path)
    document = sbol3.Document()
    try:
        document.read_string(text, kind)
    except Exception as error:
        raise DataError(
            f"got SBOL in {path.name} that does not parse ({error}); expected a valid SBOL3 file. Try: a validator."
        ) from error
    components = [c for c in document.objects if isinstance(c, sbol3.Component) and c.interactions]
    if not components:
        raise DataError(
            f"got an empty graph in {path.name}: no component has interactions; expected a circuit. Try: add them."
        )
    system = components[0]
    names: dict[str, str] = {}
    for feature in system.features:
        part = feature.instance_of.lookup() if isinstance(feature, sbol3.SubComponent) else None
        names[str(feature.identity)] = feature.name or (part.name or part.display_id if part else feature.display_id)
    if len(set(names.values())) < len(names):
        raise DataError(f"got duplicate genes or species in {path.name}; expected distinct names. Try: rename one.")
    edges = []
    for interaction in system.interactions:
        known = [t for t in interaction.types if t in ROLES]
        if not known:
            raise DataError(
                f"got the unknown sign of an interaction of type {list(interaction.types)} in {path.name}; expected "
                f"stimulation ({STIMULATION}) or inhibition ({INHIBITION}). Try: set its type."
            )
        sign, acting, acted = ROLES[known[0]]
        ends: dict[str, str] = {}
        for participation in interaction.participations:
            for role in (acting, acted):
                if role in participation.roles:
                    ends[role] = names[str(participation.participant)]
        if len(ends) < 2:
            raise DataError(
                f"got an interaction in {path.name} without its two participants; expected actor and target. "
                "Try: give each its role."
            )
        edges.append((ends[acting], ends[acted], sign))
    return Circuit.from_edges(edges, list(names.values()), system.name or path.stem)
