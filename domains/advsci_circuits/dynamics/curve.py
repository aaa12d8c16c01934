"""The curve of steady states ``f(x, p) = 0``: its measure of length, tangent, corrector, and what its points are.

Points are ``y = (x, p)``. Lengths are relative, ``<a, b> = sum_i a_i b_i w_i^2`` with ``w_i = 1 / (|y_i| + floor_i)``
and the n states together as heavy as the parameter, so levels of any size count alike.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

__all__ = ["Curve", "CurvePoint", "Family", "Rates", "Vector", "pair_measure"]

Vector = np.ndarray
Rates = tuple[Vector, np.ndarray, Vector]


@runtime_checkable
class Family(Protocol):
    """Rate equations with one parameter."""

    def __call__(self, x: Vector, value: float, /) -> Rates:
        """``f``, ``df/dx`` and ``df/dp`` at a state and a value of the parameter.

        Parameters
        ----------
        x
            The state.
        value
            The parameter p.

        Returns
        -------
        (f, jacobian, slope) : arrays, shapes [n], [n, n], [n]
        """
        ...


@dataclass(frozen=True)
class CurvePoint:
    """A point of the curve.

    Parameters
    ----------
    y, tangent, weight : arrays, shape [n + 1]
        State and parameter, the unit tangent and the weights there.
    det
        Zero where another branch crosses, of another sign on its two sides.
    eigenvalues : array, shape [n]
        Of the Jacobian, by falling real part.
    """

    y: Vector
    tangent: Vector
    weight: Vector
    det: float
    eigenvalues: np.ndarray

    @property
    def measures(self) -> dict[str, float]:
        """What changes its sign at each kind of special point."""
        return {"branch point": self.det, "fold": self.tangent[-1], "hopf": pair_measure(self.eigenvalues)[0]}


def pair_measure(eigenvalues: np.ndarray) -> tuple[float, complex]:
    """The least ``|lambda_i + lambda_j| / (|lambda_i| + |lambda_j|)`` over conjugate and over real pairs, with the sign
    of the product of all such sums; and an eigenvalue of that pair.

    Parameters
    ----------
    eigenvalues : array, shape [n]
        Of a real matrix.

    Returns
    -------
    (measure, eigenvalue)
        Zero for the measure where a pair sums to zero; the eigenvalue with a positive imaginary part, or zero where
        the pair is real.
    """
    upper = eigenvalues[np.imag(eigenvalues) > 0]
    real = np.real(eigenvalues[np.imag(eigenvalues) == 0])
    i, j = np.triu_indices(len(real), 1)
    sums = np.concatenate([2 * np.real(upper), real[i] + real[j]])
    if not len(sums):
        return 1.0, 0j
    sizes = np.concatenate([2 * np.abs(upper), np.abs(real[i]) + np.abs(real[j])])
    near = np.abs(sums) / np.maximum(sizes, np.finfo(float).tiny)
    least = int(near.argmin())
    sign = -1.0 if (sums < 0).sum() % 2 else 1.0
    return sign * float(near[least]), complex(upper[least]) if least < len(upper) else 0j


@dataclass(frozen=True)
class Curve:
    """The curve's equations and its measure of length.

    Parameters
    ----------
    family
        Rate equations with exact derivatives.
    floor : array, shape [n + 1]
        Levels (and, last, value of the parameter) below which differences count as they are.
    """

    family: Family
    floor: Vector

    def weight(self, y: Vector) -> Vector:
        """``w``: the states together as heavy as the parameter.

        Parameters
        ----------
        y : array, shape [n + 1]
            State and parameter.

        Returns
        -------
        array, shape [n + 1]
        """
        weight = 1 / (np.abs(y) + self.floor)
        weight[:-1] /= np.sqrt(max(len(y) - 1, 1))
        return weight

    def border(self, y: Vector, row: Vector) -> tuple[Vector, np.ndarray, np.ndarray]:
        """``f``, ``[f_x f_p; row]`` and ``f_x`` at a point.

        Parameters
        ----------
        y, row : arrays, shape [n + 1]
            State and parameter; the row below the derivatives.

        Returns
        -------
        (f, matrix, jacobian) : arrays, shapes [n], [n + 1, n + 1], [n, n]
        """
        f, jacobian, slope = self.family(y[:-1], float(y[-1]))
        return f, np.vstack([np.column_stack([jacobian, slope]), row]), jacobian

    def correct(self, y: Vector, row: Vector) -> Vector | None:
        """Newton's method for ``f = 0`` in the plane ``row (. - y) = 0``.

        Parameters
        ----------
        y, row : arrays, shape [n + 1]
            Where to start, and what is normal to the plane.

        Returns
        -------
        array, shape [n + 1], or None
            None where it fails.
        """
        goal, weight, last = row @ y, self.weight(y), np.inf
        for _ in range(12):
            with np.errstate(all="ignore"):
                f, matrix, _ = self.border(y, row)
            residual = np.append(f, row @ y - goal)
            if not (np.isfinite(matrix).all() and np.isfinite(residual).all()):
                return None
            try:
                # equations of very different speed: rows scaled before elimination
                size = np.abs(matrix).max(1).clip(np.finfo(float).tiny)
                step = np.linalg.solve(matrix / size[:, None], -residual / size)
            except np.linalg.LinAlgError:
                return None
            y = y + step
            length = float(np.linalg.norm(weight * step))
            if length < 1e-13 or (length < 1e-9 and length >= 0.5 * last):
                return y
            if length > 2 * last and length > 1e-6:
                return None
            last = length
        return y if last < 1e-9 else None

    def point(self, y: Vector, row: Vector) -> CurvePoint:
        """The point at a solution, with tangent, determinant and eigenvalues.

        Parameters
        ----------
        y, row : arrays, shape [n + 1]
            A solution, and whereto the tangent looks.

        Returns
        -------
        CurvePoint
        """
        _, matrix, jacobian = self.border(y, row)
        size = np.abs(matrix).max(1).clip(np.finfo(float).tiny)
        unit = np.zeros(len(y))
        unit[-1] = 1 / size[-1]
        try:
            tangent = np.linalg.solve(matrix / size[:, None], unit)
        except np.linalg.LinAlgError:
            tangent = np.linalg.svd(matrix[:-1])[2][-1]
            tangent *= np.sign(row @ tangent) or 1.0
        weight = self.weight(y)
        tangent /= np.linalg.norm(weight * tangent)
        matrix[-1] = weight**2 * tangent
        scaled = matrix / weight
        # the determinant's sign with the least singular value: zero with it, and never under- or overflows
        det = float(np.linalg.slogdet(scaled)[0] * np.linalg.svd(scaled, compute_uv=False)[-1])
        eigenvalues = np.linalg.eigvals(jacobian).astype(complex)
        order = np.argsort(-np.real(eigenvalues), kind="stable")
        return CurvePoint(y, tangent, weight, det, eigenvalues[order])

    def ahead(self, start: CurvePoint, length: float) -> CurvePoint | None:
        """The point at some arclength from another.

        Parameters
        ----------
        start
            The point to start from.
        length
            The arclength, along the start's tangent.

        Returns
        -------
        CurvePoint or None
            None where Newton's method fails.
        """
        row = start.weight**2 * start.tangent
        y = self.correct(start.y + length * start.tangent, row)
        return None if y is None else self.point(y, row)
