r"""Instrumental variables as a game: a structural function against a test function of the instruments.

With outcome :math:`y`, treatments :math:`x` and instruments :math:`w`, the structural function :math:`h` obeys the
moment conditions :math:`E[(y - h(x)) f(w)] = 0` for every :math:`f`. The adversary looks for the :math:`f` that they
miss most:

.. math:: \min_h \max_f \; E[(y - h(x))\, f(w)] - \tfrac12 E[f(w)^2]

(Dikkala et al. 2020, arXiv 2006.07201; Bennett et al. 2019, arXiv 1905.12495; Lewis and Syrgkanis 2018, arXiv
1803.07164). For linear :math:`h` and :math:`f` the inner maximum is :math:`\tfrac12 m^T E[w w^T]^{-1} m` with
:math:`m = E[w (y - h(x))]`, and its minimiser is two-stage least squares.
"""

import torch
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.game import Batch, Draw, Game, require
from advsci.streams import Stream

__all__ = ["InstrumentalVariables"]


class InstrumentalVariables(Game):
    """A structural function against the test function that its moment conditions fail most.

    Parameters
    ----------
    structural
        ``h``: treatments (n p) to outcomes (n) or (n 1).
    test
        ``f``: instruments (n q) to (n) or (n 1).

    Notes
    -----
    A batch holds ``"x"`` (n p), ``"instrument"`` (n q) and ``"y"`` (n).

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.games import InstrumentalVariables
    >>> from advsci.nn import MLP
    >>> game = InstrumentalVariables(MLP(1, 1), MLP(2, 1))
    >>> batch = {"x": Stream(0).normal((8, 1)), "instrument": Stream(1).normal((8, 2)), "y": Stream(2).normal((8,))}
    >>> sorted(game.terms("test", batch, {}))
    ['moment', 'norm']
    """

    def __init__(self, structural: nn.Module, test: nn.Module):
        super().__init__()
        self.structural = structural
        self.test = test

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"test": self.test, "structural": self.structural}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: the losses on ``batch`` need none of ``stream``."""
        return {}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """The moment on ``batch``, and the critic's norm, as ``player`` minimises them; ``draw`` is empty."""
        residual = batch["y"] - self.structural(batch["x"]).reshape(-1)
        f = self.test(batch["instrument"]).reshape(-1)
        moment = (residual * f).mean()
        if player == "structural":
            return {"moment": moment}
        return {"moment": -moment, "norm": 0.5 * f.square().mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit.

        Raises
        ------
        ShapeError
            A function does not return one number per sample, or outcomes are not one number each.
        """
        y = require(batch, "y", "InstrumentalVariables")
        with torch.no_grad():
            for name, network, key in (("structural", self.structural, "x"), ("test", self.test, "instrument")):
                out = network(require(batch, key, "InstrumentalVariables"))
                if out.numel() != y.shape[0] or y.dim() != 1:
                    raise ShapeError(
                        f"the {name} function returned {tuple(out.shape)} for outcomes of shape "
                        f"{tuple(y.shape)}; expected "
                        f"one number a sample and y of shape (n,). Try: end it with Linear(..., 1), and y.reshape(-1)."
                    )
