r"""An upper bound on a network's Lipschitz constant, over its graph.

With :math:`L(u)` the bound of a node's value as a function of the input (both in the Euclidean norm of a sample):

========================  ==========================================
layer :math:`f(u)`        :math:`Lip(f)\, L(u)`
sum :math:`u + v`         :math:`L(u) + L(v)`
concatenation             :math:`\sqrt{L(u)^2 + L(v)^2}`
constant                  0
========================  ==========================================

Spectral normalisation bounds the layers, not the network: two 1-Lipschitz branches whose outputs are added have the
bound 2, and attain it where they agree.
"""

import inspect
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.fx.proxy import TraceError

from advsci.errors import ConfigError
from advsci.nn.resampling import Downsample, Upsample
from advsci.nn.spectral import convolution_norm, matrix_norm

__all__ = ["LipschitzBound", "lipschitz_bound"]

# largest slopes of activations; those of GELU and SiLU lie at their only interior maximum
GELU_SLOPE = 1.1289042  # at sqrt(2)
SILU_SLOPE = 1.0998394  # at 2.3994
SELU_SLOPE = 1.0507009873554805 * 1.6732632423543772

ACTIVATIONS: dict[type[nn.Module], float] = {
    nn.ReLU: 1.0,
    nn.ReLU6: 1.0,
    nn.Tanh: 1.0,
    nn.Hardtanh: 1.0,
    nn.Softsign: 1.0,
    nn.Softplus: 1.0,
    nn.LogSigmoid: 1.0,
    nn.Sigmoid: 0.25,
    nn.GELU: GELU_SLOPE,
    nn.SiLU: SILU_SLOPE,
    nn.SELU: SELU_SLOPE,
    nn.Identity: 1.0,
    nn.Flatten: 1.0,
    nn.Unflatten: 1.0,
}
FUNCTIONS: dict[Any, float] = {
    torch.relu: 1.0,
    F.relu: 1.0,
    torch.tanh: 1.0,
    F.tanh: 1.0,
    torch.sin: 1.0,
    torch.cos: 1.0,
    torch.abs: 1.0,
    torch.sigmoid: 0.25,
    F.sigmoid: 0.25,
    F.softplus: 1.0,
    F.logsigmoid: 1.0,
    F.gelu: GELU_SLOPE,
    F.silu: SILU_SLOPE,
    torch.flatten: 1.0,
    operator.neg: 1.0,
    operator.getitem: 1.0,
    torch.reshape: 1.0,
    torch.squeeze: 1.0,
    torch.unsqueeze: 1.0,
    torch.transpose: 1.0,
    torch.permute: 1.0,
    torch.chunk: 1.0,
}
METHODS = {
    name: 1.0
    for name in (
        "relu tanh abs sin cos flatten reshape view view_as permute transpose squeeze unsqueeze contiguous chunk split "
        "detach clone float double to neg"
    ).split()
} | {"sigmoid": 0.25}


@dataclass(frozen=True)
class LipschitzBound:
    """A bound and where it comes from.

    Attributes
    ----------
    bound
        Upper bound of the network's Lipschitz constant.
    nodes
        Name of each node of the graph -> bound of its value, in order of execution.
    """

    bound: float
    nodes: dict[str, float]

    def __float__(self) -> float:
        return self.bound


class Tracer(fx.Tracer):
    """Stops at torch's own layers and at modules that have a rule."""

    def __init__(self, rules: Mapping[type[nn.Module], Callable]):
        super().__init__()
        self.rules = tuple(rules)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether ``m``, found under ``module_qualified_name``, is bounded by a rule of its own."""
        return isinstance(m, (*self.rules, Upsample, Downsample)) or super().is_leaf_module(m, module_qualified_name)


@torch.no_grad()
def lipschitz_bound(
    network: nn.Module,
    example: Tensor,
    rules: Mapping[type[nn.Module], Callable[[nn.Module, Tensor], float]] | None = None,
) -> LipschitzBound:
    """Bound the Lipschitz constant of ``network`` by propagating bounds through its graph.

    Parameters
    ----------
    network
        Traceable by torch.fx; evaluated in evaluation mode.
    example
        A batch of one or more inputs: it fixes the shapes.
    rules
        Module class -> ``rule(module, input)``, the Lipschitz constant of a layer of one's own on inputs like
        ``input``.

    Returns
    -------
    LipschitzBound
        The bound and where it comes from.

    Raises
    ------
    ConfigError
        The graph holds an operation without a rule, or one without any finite bound (a product of two
        values that both depend on the input). Nothing is ever assumed to be 1-Lipschitz.

    Examples
    --------
    >>> import torch
    >>> from advsci.diagnostics import lipschitz_bound
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    >>> bool(lipschitz_bound(net, torch.zeros(1, 2)).bound > 0)
    True
    """
    rules = dict(rules or {})
    training = network.training
    network.eval()
    try:
        graph = Tracer(rules).trace(network, _defaults(network))
        module = fx.GraphModule(network, graph)
        ShapeProp(module).propagate(example)
    except (TraceError, TypeError) as error:
        raise ConfigError(
            f"torch.fx cannot trace {type(network).__name__} ({error}); expected a graph that does not depend on "
            "values. "
            "Try: a rule for the offending module, rules={Module: lambda module, x: ...}."
        ) from error
    finally:
        network.train(training)
    bounds: dict[fx.Node, float] = {}
    for node in graph.nodes:
        bounds[node] = _bound(node, module, bounds, rules)
    named = {node.name: bound for node, bound in bounds.items() if node.op != "output"}
    return LipschitzBound(bounds[list(graph.nodes)[-1]], named)


def _defaults(network: nn.Module) -> dict[str, Any]:
    """Optional arguments of the forward pass, held at their defaults."""
    parameters = inspect.signature(network.forward).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _bound(node: fx.Node, module: fx.GraphModule, bounds: dict[fx.Node, float], rules) -> float:
    inputs = [bounds[n] for n in node.all_input_nodes]
    if node.op == "placeholder":
        return 1.0 if not bounds else 0.0  # the first is the input, further ones are held fixed
    if node.op == "get_attr" or not any(inputs):
        return 0.0
    if node.op == "output":
        return math.sqrt(sum(b**2 for b in inputs))
    if node.op == "call_module":
        layer = module.get_submodule(str(node.target))
        example = torch.empty(_shape(node.all_input_nodes[0]))
        return inputs[0] * _layer(layer, example, rules, node)
    return _operation(node, bounds)


def _layer(layer: nn.Module, example: Tensor, rules, node: fx.Node) -> float:
    for kind, rule in rules.items():
        if isinstance(layer, kind):
            return float(rule(layer, example))
    if isinstance(layer, nn.Linear):
        return float(matrix_norm(layer.weight))
    if isinstance(layer, nn.Conv2d) and len(set(layer.stride)) == len(set(layer.dilation)) == 1:
        settings = {"stride": layer.stride[0], "dilation": layer.dilation[0], "groups": layer.groups}
        circular = layer.padding_mode == "circular"
        if circular or layer.padding_mode == "zeros":
            return float(convolution_norm(layer.weight, example.shape[-2:], circular=circular, **settings))
    if isinstance(layer, nn.LeakyReLU):
        return max(1.0, abs(layer.negative_slope))
    if isinstance(layer, nn.ELU):
        return max(1.0, abs(layer.alpha))
    if isinstance(layer, nn.PReLU):
        return max(1.0, float(layer.weight.abs().max()))
    if isinstance(layer, nn.Dropout | nn.Dropout2d):
        return 1.0
    if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_var is not None:
        scale = (layer.running_var + layer.eps).rsqrt()
        return float((scale if layer.weight is None else scale * layer.weight.abs()).max())
    if isinstance(layer, nn.LayerNorm | nn.GroupNorm):
        # the slope is largest where the sample is constant: only eps bounds it
        scale = 1.0 if layer.weight is None else float(layer.weight.abs().max())
        return scale / math.sqrt(layer.eps)
    if isinstance(layer, nn.AvgPool2d | nn.MaxPool2d):
        return _pooling(layer)
    if isinstance(layer, nn.Upsample) and layer.mode == "nearest" and layer.scale_factor is not None:
        factor = layer.scale_factor
        factors = factor if isinstance(factor, tuple) else (factor, factor)
        return math.sqrt(math.prod(math.ceil(f) for f in factors))
    if isinstance(layer, Upsample | Downsample):
        return _axis_norm(layer, example.shape[-2]) * _axis_norm(layer, example.shape[-1])
    for kind, slope in ACTIVATIONS.items():
        if isinstance(layer, kind):
            return slope
    raise _unknown(node, type(layer).__name__)


def _axis_norm(layer: nn.Module, n: int) -> float:
    """The norm of a separable linear map along one axis: its matrix, from columns that are constant along the other."""
    columns = torch.eye(n, dtype=torch.float64)[:, None, :, None].expand(n, 1, n, 4)
    return float(matrix_norm(layer(columns)[:, 0, :, 0].T))


def _pooling(layer: nn.AvgPool2d | nn.MaxPool2d) -> float:
    kernel, stride = (
        (value, value) if isinstance(value, int) else tuple(value) for value in (layer.kernel_size, layer.stride)
    )
    # an entry lies in at most prod(ceil(k / s)) windows; an average of m entries has the norm 1/sqrt(m)
    windows = math.prod(math.ceil(k / s) for k, s in zip(kernel, stride, strict=True))
    return math.sqrt(windows) / (math.sqrt(math.prod(kernel)) if isinstance(layer, nn.AvgPool2d) else 1.0)


def _operation(node: fx.Node, bounds: dict[fx.Node, float]) -> float:
    target = node.target
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))

    args: tuple[Any, ...] = tuple(node.args)

    def of(value: Any) -> float:
        """Bound on one operand: of a ``value`` that depends on the input; of a constant, zero."""
        return bounds[value] if isinstance(value, fx.Node) else 0.0

    if name in ("size", "dim", "numel") or (name == "getattr" and args[1] in ("shape", "ndim", "dtype", "device")):
        return 0.0
    alpha: Any = node.kwargs.get("alpha", 1.0)
    if name in ("add", "sub", "iadd", "isub", "add_", "sub_"):
        return (of(args[0]) + abs(alpha) * of(args[1])) * _broadcast(node)
    if name in ("mul", "imul", "truediv", "itruediv", "div"):
        dependent = [a for a in args[:2] if of(a) > 0.0]
        constant = [a for a in args[:2] if of(a) == 0.0]
        if len(dependent) == 1 and isinstance(constant[0], int | float):
            if name in ("mul", "imul"):
                return abs(constant[0]) * of(dependent[0])
            if dependent[0] is args[0]:
                return of(args[0]) / abs(constant[0])
        raise _unknown(node, f"{name} of two tensors")
    if name in ("cat", "concat", "stack"):
        parts = args[0]
        assert isinstance(parts, list | tuple)
        return math.sqrt(sum(of(part) ** 2 for part in parts))
    if name in ("sum", "mean") and isinstance(args[0], fx.Node):
        before, after = math.prod(_shape(args[0])), math.prod(_shape(node))
        count = before / max(after, 1)
        if _shape(node)[:1] != _shape(args[0])[:1]:
            raise _unknown(node, f"{name} over the batch")
        return of(args[0]) * (math.sqrt(count) if name == "sum" else 1.0 / math.sqrt(count))
    if name == "leaky_relu":
        slope: Any = (*args[1:], node.kwargs.get("negative_slope", 0.01))[0]
        return max(1.0, abs(slope)) * of(args[0])
    factor = METHODS.get(name) if isinstance(target, str) else FUNCTIONS.get(target)
    if factor is None:
        raise _unknown(node, name)
    return factor * of(args[0])


def _broadcast(node: fx.Node) -> float:
    """A dependent operand that is repeated by broadcasting counts once for each copy."""
    size = math.prod(_shape(node))
    copies = [
        size / math.prod(_shape(n)) for n in node.all_input_nodes if "tensor_meta" in n.meta and n.op != "get_attr"
    ]
    return math.sqrt(max(copies, default=1.0))


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["tensor_meta"].shape)


def _unknown(node: fx.Node, what: str) -> ConfigError:
    return ConfigError(
        f"got {what} at node '{node.name}'; expected an operation with a known Lipschitz constant. "
        "Try: put it into a module and give a rule, rules={Module: lambda module, x: ...}."
    )
