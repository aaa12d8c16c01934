"""The order in which a large network is built: breadth first from its largest hub."""

import numpy as np

from advsci.errors import DataError

__all__ = ["breadth_first"]


def breadth_first(signs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The network with its genes in breadth-first order, arrows ignored.

    It begins with the gene of most neighbours. Of the neighbours of a gene the one with most neighbours comes first;
    ``rng`` decides between equals, so that one network has many orders.

    Parameters
    ----------
    signs : array, shape [n, n]
        Sign matrix of a connected network.
    rng
        Where ties are decided.

    Returns
    -------
    array, shape [n, n]
        Every gene but the first has a link to an earlier one.

    Raises
    ------
    DataError
        On a network of several parts.

    Examples
    --------
    >>> chain = np.array([[0, 1, 0], [0, 0, 0], [0, -1, 0]], dtype=np.int8)  # gene 2 acts on both others
    >>> breadth_first(chain, np.random.default_rng(0))[:, 0].tolist() in ([0, 1, -1], [0, -1, 1])
    True
    """
    linked = (signs != 0) | (signs != 0).T
    np.fill_diagonal(linked, False)
    rank = linked.sum(1) + 0.9 * rng.random(len(signs))
    order = [int(rank.argmax())]
    seen = {order[0]}
    for gene in order:
        near = [int(j) for j in np.flatnonzero(linked[gene]) if j not in seen]
        order += sorted(near, key=lambda j: -rank[j])
        seen.update(near)
    if len(order) < len(signs):
        raise DataError(
            f"got a network of {len(signs)} genes of which {len(order)} are connected; expected one connected network. "
            "Try: its largest connected part."
        )
    return signs[np.ix_(order, order)]
