r"""Shifts of batches that pairs of cells ask for: a linear system per cluster, solved without all pairs of batches.

.. math:: \min_u \sum_{(p, q)} m_{pq} \| g_{pq} - (u_p - u_q) \|^2 + \rho \sum_b \|u_b\|^2, \qquad
          (\rho I + L) u = \sum_q m_{pq} g_{pq}

with the Laplacian :math:`L` of the graph of batches that are compared. Of few batches the matrices are dense; of many
all clusters are one sparse matrix, solved by conjugate gradients, since every batch is compared with a few.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

__all__ = ["spread_out"]

DENSE = 64
NOTHING = 1e-6  # mass of a pair of batches in a cluster that is left out of the sparse matrix
TOLERANCE, STEPS = 1e-5, 300


def spread_out(
    edges: Int[np.ndarray, "e 2"],
    mass: Float[np.ndarray, "e k"],
    pull: Float[np.ndarray, "k b d"],
    ridge: float,
    dense: int = DENSE,
) -> Float[np.ndarray, "k b d"]:
    """Shifts of every batch in every cluster.

    Parameters
    ----------
    edges
        Numbers of the two batches of every pair that is compared.
    mass
        Weight of every pair in every cluster.
    pull
        What all pairs of a batch ask of it, weighed.
    ridge
        :math:`\\rho`.
    dense
        Most batches whose matrices are dense.

    Returns
    -------
    numpy.ndarray
        The shifts.

    Examples
    --------
    >>> pull = np.array([[[3.0], [-3.0]]])
    >>> spread_out(np.array([[0, 1]]), np.array([[1.0]]), pull, 1.0).ravel().tolist()
    [1.0, -1.0]
    """
    k, batches, _ = pull.shape
    if not len(edges):
        return pull / ridge
    first, second = edges.T
    if batches <= dense:
        normal = np.tile(ridge * np.eye(batches), (k, 1, 1))
        for p, q, m in zip(first, second, mass, strict=True):
            normal[:, p, p] += m
            normal[:, q, q] += m
            normal[:, p, q] -= m
            normal[:, q, p] -= m
        return np.linalg.solve(normal, pull)
    edge, cluster = np.nonzero(mass > NOTHING)
    m = mass[edge, cluster]
    p, q = cluster * batches + first[edge], cluster * batches + second[edge]
    size = k * batches
    across = sparse.csr_matrix((np.concatenate([m, m]), (np.concatenate([p, q]), np.concatenate([q, p]))), (size, size))
    degree = ridge + np.asarray(across.sum(axis=1)).ravel()
    return _conjugate(across, degree, pull.reshape(size, -1), batches).reshape(pull.shape)


def _conjugate(
    across: sparse.csr_matrix, degree: Float[np.ndarray, " n"], right: Float[np.ndarray, "n d"], batches: int
) -> Float[np.ndarray, "n d"]:
    """Solve (degree - across) u = right by conjugate gradients, preconditioned by the diagonal; clusters apart."""

    def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Inner products of ``a`` and ``b``, one per cluster and column, repeated over its batches."""
        return np.repeat((a * b).reshape(-1, batches, a.shape[1]).sum(axis=1), batches, axis=0)

    weight = degree[:, None]
    u = right / weight
    residual = right - (weight * u - across @ u)
    aim = TOLERANCE * max(float(np.linalg.norm(right)), 1e-30)
    step = residual / weight
    direction, now = step, dot(residual, step)
    for _ in range(STEPS):
        if np.linalg.norm(residual) <= aim:
            break
        image = weight * direction - across @ direction
        length = now / np.maximum(dot(direction, image), 1e-300)
        u = u + length * direction
        residual = residual - length * image
        step = residual / weight
        before, now = now, dot(residual, step)
        direction = step + now / np.maximum(before, 1e-300) * direction
    return u
