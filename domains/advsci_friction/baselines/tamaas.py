"""tamaas (AGPL, not a dependency): the peer that solves designs again where it is installed."""

from importlib import import_module

import numpy as np
from jaxtyping import Float

from advsci.errors import MissingDependencyError

__all__ = ["tamaas_pressure"]


def tamaas_pressure(
    heights: Float[np.ndarray, "p p"], load: float, modulus: float, size: float, tolerance: float = 1e-6
) -> Float[np.ndarray, "p p"]:
    """Elastic pressures [Pa] of one map by tamaas (AGPL, not a dependency), in dimensionless units within.

    Parameters
    ----------
    heights
        Heights [m] (... y x).
    load
        Mean pressure [Pa].
    modulus
        Contact modulus [Pa].
    size
        Length of each side of the map [m].
    tolerance
        Relative error at which the solver stops.

    Raises
    ------
    MissingDependencyError
        tamaas is not installed.
    """
    try:
        tamaas = import_module("tamaas")
    except ImportError as error:
        raise MissingDependencyError(
            "got no package 'tamaas'; expected it to judge. Try: pip install tamaas."
        ) from error
    tamaas.set_log_level(tamaas.LogLevel.error)
    model = tamaas.Model(tamaas.model_type.basic_2d, [1.0, 1.0], list(heights.shape))
    model.E, model.nu = 1.0, 0.0
    surface = np.ascontiguousarray(heights / size, dtype=np.float64)
    kind = tamaas.PolonskyKeerRey.pressure
    solver = tamaas.PolonskyKeerRey(model, surface, tolerance, kind, kind)
    solver.max_iter = 10000
    solver.solve(load / modulus)
    return np.array(model.traction) * modulus
