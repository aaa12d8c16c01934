r"""Linear operators with exact adjoints: batched, differentiable any number of times, composable.

An operator :math:`A` maps images of ``image_shape`` to data of ``data_shape``; any leading dimensions are a batch.
Complex data (k-space) are real tensors with a trailing dimension of 2, so that one inner product serves everything.

``A @ B`` is the composition, ``A.T`` the adjoint, ``stack(A, B)`` the rows of both. An operator built from a forward
and an adjoint alone still has derivatives of every order and in both modes, because the derivative of a linear map is
the map and the derivative of its adjoint the adjoint.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from advsci.errors import DataError, ShapeError

__all__ = ["Adjoint", "Composition", "LinearOperator", "Stack", "dot_test", "linear_map", "stack"]

Map = Callable[[Tensor], Tensor]


class _LinearMap(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, forward: Map, adjoint: Map) -> Tensor:
        """``forward`` of ``x``; ``adjoint`` is kept for the gradient."""
        return forward(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep both maps of ``inputs`` in ``ctx``; ``output`` is not needed."""
        _, ctx.forward_map, ctx.adjoint_map = inputs

    @staticmethod
    def backward(ctx, *grad):
        """The adjoint map, kept in ``ctx``, of ``grad``."""
        return _LinearMap.apply(grad[0], ctx.adjoint_map, ctx.forward_map), None, None

    @staticmethod
    def jvp(ctx, *tangents):
        """The forward map, kept in ``ctx``, of ``tangents``."""
        return _LinearMap.apply(tangents[0], ctx.forward_map, ctx.adjoint_map)

    @staticmethod
    def vmap(info, in_dims, x, forward, adjoint):
        """``forward`` and ``adjoint`` on ``x`` with its mapped axis (``in_dims``) flattened; ``info`` is not used."""
        batched = x.movedim(in_dims[0], 0)  # [mapped, batch, *shape]: one flat batch for the maps
        out = _LinearMap.apply(batched.flatten(0, 1), forward, adjoint)
        return out.unflatten(0, batched.shape[:2]), 0


def linear_map(x: Tensor, forward: Map, adjoint: Map) -> Tensor:
    """Apply a linear map whose derivative is known.

    Parameters
    ----------
    x
        Batch ``[b, *shape]``.
    forward, adjoint
        The map and its transpose, whatever they are made of.

    Returns
    -------
    tensor
        ``forward(x)``, differentiable any number of times.
    """
    return _LinearMap.apply(x, forward, adjoint)  # type: ignore[return-value]


class LinearOperator(nn.Module, ABC):
    """A linear map between an image space and a data space.

    Parameters
    ----------
    image_shape, data_shape : tuple of int
        Shapes without batch dimensions.

    Examples
    --------
    >>> import torch
    >>> from advsci_inverse import LinearOperator, dot_test
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> operator = gaussian_sensing(20, (8, 8))
    >>> isinstance(operator, LinearOperator), operator(torch.zeros(2, 8, 8)).shape
    (True, torch.Size([2, 20]))
    """

    def __init__(self, image_shape: tuple[int, ...], data_shape: tuple[int, ...]):
        super().__init__()
        self.image_shape = tuple(int(n) for n in image_shape)
        self.data_shape = tuple(int(n) for n in data_shape)

    @abstractmethod
    def apply_forward(self, x: Tensor) -> Tensor:
        """``A x`` for ``x`` of shape ``[batch, *image_shape]``."""

    @abstractmethod
    def apply_adjoint(self, y: Tensor) -> Tensor:
        """``A^T y`` for ``y`` of shape ``[batch, *data_shape]``."""

    def forward(self, x: Tensor) -> Tensor:
        """``A x``.

        Parameters
        ----------
        x
            Images ``[..., *image_shape]``.

        Returns
        -------
        tensor [..., *data_shape]
            Data.

        Raises
        ------
        ShapeError
            Images of another shape.
        """
        return self._mapped(x, self.image_shape, self.data_shape, self.apply_forward, self.apply_adjoint)

    def adjoint(self, y: Tensor) -> Tensor:
        """``A^T y``.

        Parameters
        ----------
        y
            Data ``[..., *data_shape]``.

        Returns
        -------
        tensor [..., *image_shape]
            Images.

        Raises
        ------
        ShapeError
            Data of another shape.
        """
        return self._mapped(y, self.data_shape, self.image_shape, self.apply_adjoint, self.apply_forward)

    def _mapped(self, x, shape_in, shape_out, forward, adjoint):
        lead = x.shape[: x.dim() - len(shape_in)]
        if x.shape[len(lead) :] != shape_in:
            raise ShapeError(
                f"{type(self).__name__} got an input of shape {tuple(x.shape)}; expected [..., "
                f"{', '.join(map(str, shape_in))}]. Try: reshape it, or build the operator for this size."
            )
        flat = x.reshape(-1, *shape_in)
        return linear_map(flat, forward, adjoint).reshape(*lead, *shape_out)

    @property
    def image_size(self) -> int:
        """Number of unknowns."""
        return math.prod(self.image_shape)

    @property
    def data_size(self) -> int:
        """Number of measurements."""
        return math.prod(self.data_shape)

    @property
    def device(self) -> torch.device:
        """Where the operator's constants are; the CPU if it has none."""
        return next((buffer.device for buffer in self.buffers()), torch.device("cpu"))

    @property
    def T(self) -> "LinearOperator":
        """The adjoint as an operator."""
        return Adjoint(self)

    def __matmul__(self, other: "LinearOperator") -> "LinearOperator":
        return Composition(self, other)

    def gram(self, x: Tensor) -> Tensor:
        """``A^T A x``."""
        return self.adjoint(self(x))

    @torch.no_grad()
    def norm(
        self, steps: int = 40, dtype: torch.dtype = torch.float32, device: torch.device | str | None = None
    ) -> float:
        """Largest singular value, by the power method on ``A^T A`` from a fixed start (a slight under-estimate).

        Parameters
        ----------
        steps
            Iterations.
        dtype, device
            Where it is computed; default: where the operator is.

        Returns
        -------
        float
            The norm.
        """
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(1, *self.image_shape, generator=generator).to(device=device or self.device, dtype=dtype)
        for _ in range(steps):
            x = self.gram(x / x.norm())
        return float(x.norm().sqrt())

    @torch.no_grad()
    def matrix(
        self, dtype: torch.dtype = torch.float32, device: torch.device | str | None = None, chunk: int = 1024
    ) -> Tensor:
        """The operator as a dense matrix.

        Parameters
        ----------
        dtype, device
            Of the matrix; default: where the operator is.
        chunk
            Columns computed at once.

        Returns
        -------
        tensor [data_size, image_size]
            The matrix.
        """
        columns, kind = [], {"dtype": dtype, "device": device or self.device}
        for start in range(0, self.image_size, chunk):
            block = torch.zeros(min(chunk, self.image_size - start), self.image_size, **kind)
            block[torch.arange(len(block)), torch.arange(len(block)) + start] = 1.0
            columns.append(self(block.reshape(-1, *self.image_shape)).reshape(len(block), -1))
        return torch.cat(columns).T.contiguous()


class Adjoint(LinearOperator):
    """``A^T`` as an operator of its own.

    Parameters
    ----------
    operator
        :math:`A`.
    """

    def __init__(self, operator: LinearOperator):
        super().__init__(operator.data_shape, operator.image_shape)
        self.operator = operator

    def apply_forward(self, x: Tensor) -> Tensor:
        """``A^T x``."""
        return self.operator.apply_adjoint(x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """``A y``."""
        return self.operator.apply_forward(y)

    @property
    def T(self) -> LinearOperator:
        """The operator itself."""
        return self.operator


class Composition(LinearOperator):
    """``A B x``: first ``B``, then ``A``.

    Parameters
    ----------
    outer, inner
        :math:`A` and :math:`B`.

    Raises
    ------
    ShapeError
        ``B`` gives another shape than ``A`` takes.
    """

    def __init__(self, outer: LinearOperator, inner: LinearOperator):
        if outer.image_shape != inner.data_shape:
            raise ShapeError(
                f"got A @ B with A taking {outer.image_shape} and B giving {inner.data_shape}; expected equal shapes. "
                "Try: the other order, or an operator of matching size between them."
            )
        super().__init__(inner.image_shape, outer.data_shape)
        self.outer, self.inner = outer, inner

    def apply_forward(self, x: Tensor) -> Tensor:
        """``A B x``."""
        return self.outer.apply_forward(self.inner.apply_forward(x))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """``B^T A^T y``."""
        return self.inner.apply_adjoint(self.outer.apply_adjoint(y))


class Stack(LinearOperator):
    """Several operators on one image; the data are the flattened data of all, one after the other.

    Parameters
    ----------
    operators
        On images of one shape.

    Raises
    ------
    ShapeError
        None, or images of several shapes.
    """

    def __init__(self, *operators: LinearOperator):
        if not operators or any(o.image_shape != operators[0].image_shape for o in operators):
            raise ShapeError(
                f"got operators on images of shapes {[o.image_shape for o in operators]}; expected one common shape. "
                "Try: crop to one size."
            )
        super().__init__(operators[0].image_shape, (sum(o.data_size for o in operators),))
        self.operators = nn.ModuleList(operators)

    def apply_forward(self, x: Tensor) -> Tensor:
        """All data of ``x`` ``[b, *image_shape]``."""
        return torch.cat([o.apply_forward(x).flatten(1) for o in self.operators], 1)  # type: ignore[operator]

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """The sum of all adjoints at the parts of ``y`` ``[b, m]``."""
        total: Tensor | None = None
        start = 0
        for o in self.operators:
            part = y[:, start : start + o.data_size].reshape(-1, *o.data_shape)  # type: ignore[operator, misc]
            start += o.data_size  # type: ignore[operator]
            image = o.apply_adjoint(part)  # type: ignore[operator]
            total = image if total is None else total + image
        assert total is not None
        return total


def stack(*operators: LinearOperator) -> Stack:
    """All measurements of one image by several operators, as one operator.

    Parameters
    ----------
    operators
        On images of one shape.

    Returns
    -------
    Stack
        The operator.
    """
    return Stack(*operators)


@torch.no_grad()
def dot_test(
    operator: LinearOperator,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
    repeats: int = 8,
    seed: int = 0,
    tolerance: float | None = None,
) -> float:
    r"""How far the adjoint is from the transpose.

    :math:`\mathrm{rms}(\langle Ax,y\rangle-\langle x,A^Ty\rangle)` over :math:`\mathrm{rms}(\|Ax\|\,\|y\|/\sqrt{m})`,
    with signed Gaussian :math:`x, y`: positive vectors would hide a wrong adjoint behind the large common mean.

    Parameters
    ----------
    operator
        :math:`A`.
    dtype, device
        Where it is tested.
    repeats
        Pairs of vectors.
    seed
        Of the vectors.
    tolerance
        Largest mismatch that passes; None states it only.

    Returns
    -------
    float
        The relative mismatch, near rounding for an exact adjoint.

    Raises
    ------
    DataError
        The mismatch exceeds ``tolerance``, or the operator gives values that are not finite.

    Examples
    --------
    >>> from advsci_inverse.operators import Radon, equispaced_angles
    >>> dot_test(Radon(16, equispaced_angles(8))) < 1e-12
    True
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(shape):
        """Normal numbers (repeats, ``shape``)."""
        return torch.randn(repeats, *shape, generator=generator, dtype=torch.float64).to(device=device, dtype=dtype)

    x, y = draw(operator.image_shape), draw(operator.data_shape)
    ax, aty = operator(x), operator.adjoint(y)
    left = (ax.double() * y.double()).flatten(1).sum(1)
    right = (x.double() * aty.double()).flatten(1).sum(1)
    scale = ax.double().flatten(1).norm(dim=1) * y.double().flatten(1).norm(dim=1) / math.sqrt(operator.data_size)
    mismatch = float((left - right).square().mean().sqrt() / scale.square().mean().sqrt().clamp(min=1e-300))
    if not math.isfinite(mismatch) or (tolerance is not None and mismatch > tolerance):
        raise DataError(
            f"{type(operator).__name__} failed its dot test: got a relative mismatch of {mismatch:.2e}; expected at "
            f"most {tolerance}. Try: check that the adjoint is the transpose of the forward map, without weights."
        )
    return mismatch
