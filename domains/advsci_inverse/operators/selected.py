"""Some of an operator's data, each with a weight: dead detectors left out, noise of different levels made equal."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.errors import ShapeError
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["Selected"]


class Selected(LinearOperator):
    """``w (A x)[kept]``, the kept data in one row.

    Parameters
    ----------
    operator
        :math:`A`.
    kept
        Which data are kept, ``[*data_shape]``.
    weights
        Factor of each datum, ``[*data_shape]``; 1 if omitted.

    Raises
    ------
    ShapeError
        Masks or weights of another shape than the data.

    Examples
    --------
    >>> from advsci_inverse.operators import Downsampling
    >>> operator = Selected(Downsampling(2, (4, 4)), torch.tensor([[True, True], [True, False]]))
    >>> operator(torch.ones(4, 4))
    tensor([1., 1., 1.])
    """

    kept: Tensor
    weights: Tensor

    def __init__(
        self, operator: LinearOperator, kept: Bool[Tensor, "*data"], weights: Float[Tensor, "*data"] | None = None
    ):
        if tuple(kept.shape) != operator.data_shape or (weights is not None and weights.shape != kept.shape):
            raise ShapeError(
                f"got a mask of {tuple(kept.shape)}; expected the operator's data, {operator.data_shape}. "
                "Try: broadcast it."
            )
        super().__init__(operator.image_shape, (int(kept.sum()),))
        self.operator = operator
        self.register_buffer("kept", kept.flatten().nonzero().flatten())
        chosen = torch.ones(len(self.kept)) if weights is None else weights.flatten()[self.kept]
        self.register_buffer("weights", chosen)

    def pick(self, y: Float[Tensor, "n *data"]) -> Float[Tensor, "n m"]:
        """The kept data, weighed.

        Parameters
        ----------
        y
            Data of the whole operator.

        Returns
        -------
        tensor [n, m]
            Data of this one.
        """
        return y.flatten(1)[:, self.kept] * self.weights.to(y.dtype)

    def apply_forward(self, x: Tensor) -> Tensor:
        """Kept data ``[b, m]`` of images ``x``."""
        return self.pick(self.operator.apply_forward(x))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Images of kept data ``y`` ``[b, m]``."""
        full = y.new_zeros(len(y), self.operator.data_size)
        full[:, self.kept] = y * self.weights.to(y.dtype)
        return self.operator.apply_adjoint(full.reshape(-1, *self.operator.data_shape))
