"""Logic: whether the output of a circuit follows a truth table of its inputs.

The inputs are the first genes, the output is the last. In every row of the table the production of each input is
multiplied by `LOW` or `HIGH` and the circuit settles from the same start. It follows the table where it settles in
every row and the lowest output that should be on is `FOLD` times the highest that should be off.
"""

import torch
from jaxtyping import Bool
from torch import Tensor

from advsci.errors import ConfigError
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.settling import settle

__all__ = ["follows_table", "inputs_of"]

LOW, HIGH, FOLD = 0.1, 10.0, 2.0
MOST_INPUTS = 3


def inputs_of(table: str) -> int:
    """How many inputs a truth table has.

    Parameters
    ----------
    table
        The output of every row as 0 or 1, the first input changing fastest: ``"0001"`` is AND, ``"0110"`` XOR.

    Returns
    -------
    int

    Raises
    ------
    ConfigError
        On a text that is no table of one to three inputs, or a table that is always on or always off.

    Examples
    --------
    >>> inputs_of("0110")
    2
    """
    inputs = len(table).bit_length() - 1
    if not 1 <= inputs <= MOST_INPUTS or len(table) != 2**inputs or set(table) != {"0", "1"}:
        raise ConfigError(
            f"got the truth table '{table}'; expected 2, 4 or 8 of the digits 0 and 1, both among them. Try: 0001, the "
            "output of two inputs that is on where both are."
        )
    return inputs


def follows_table(model: HillModel, table: str, output: int = -1) -> Bool[Tensor, " b"]:
    """Whether each model follows the table.

    Parameters
    ----------
    model
        The kinetics.
    table
        A truth table, as `inputs_of` reads it.
    output
        Place of the output gene.

    Returns
    -------
    Tensor

    Raises
    ------
    ConfigError
        On a table with as many inputs as the circuit has genes, or none.
    """
    inputs = inputs_of(table)
    if inputs >= model.genes:
        raise ConfigError(
            f"got a truth table of {inputs} inputs for {model.genes} genes; expected an output beside them. Try: more "
            "genes."
        )
    on = torch.full_like(model.rate[:, 0], torch.inf)
    off, fine = torch.zeros_like(on), torch.ones(len(on), dtype=torch.bool, device=on.device)
    for row, wanted in enumerate(table):
        driven = model
        for gene in range(inputs):
            driven = driven.scale_rate(gene, HIGH if row >> gene & 1 else LOW)
        level, reached = settle(driven, model.rate / model.decay * 0.5)
        fine &= reached
        if wanted == "1":
            on = torch.minimum(on, level[:, output])
        else:
            off = torch.maximum(off, level[:, output])
    return fine & (on > FOLD * off)
