"""What something is made of, as plain data: by it two runs are known to be the same, or each difference is named."""

import functools
import hashlib
import inspect
import types
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advsci.streams import Stream

__all__ = ["described", "differences", "hashed"]

_PLAIN = (bool, int, float, str, type(None))
_SETTINGS = (*_PLAIN, tuple, list, dict, types.FunctionType, functools.partial)
"""What a network's attribute may be to count as a setting even where no argument has its name."""


def described(value: Any) -> Any:
    """A value as nested dicts, lists, numbers and strings that JSON can hold.

    Dataclasses give their fields, functions and classes their qualified names (those made inside a function what they
    enclose, too), partials their function and arguments, tensors shape, type and a hash of the content. Networks give
    their structure, their settings and the shapes of their parameters, not the values. Any other object gives the
    attributes that its constructor sets from an argument of the same name, or else all public ones.

    Parameters
    ----------
    value
        Anything: a solver, an objective, a game.

    Returns
    -------
    dict, list, str, int, float, bool or None
        Equal for two values that were made alike, in any process.

    Examples
    --------
    >>> from functools import partial
    >>> described(partial(round, ndigits=2))
    {'partial': 'builtins.round', 'ndigits': 2}
    """
    return _described(value, ())


def differences(then: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Each leaf in which two nested mappings differ, in words.

    Parameters
    ----------
    then
        What is expected.
    now
        What came.
    prefix
        Put before each key.

    Returns
    -------
    list of str
        As ``"optimizer.lr: got 0.1, expected 0.2"``.

    Examples
    --------
    >>> differences({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}})
    ['b.c: got 3, expected 2']
    """
    lines: list[str] = []
    for key in dict.fromkeys([*then, *now]):
        a, b = then.get(key), now.get(key)
        if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            a, b = ({str(i): item for i, item in enumerate(items)} for items in (a, b))
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            lines.append(f"{prefix}{key}: got {_short(b)}, expected {_short(a)}")
    return lines


def hashed(*tensors: Tensor) -> str:
    """sha256 of the types, shapes and bytes of tensors.

    Parameters
    ----------
    tensors
        Tensors on any device.
    """
    digest = hashlib.sha256()
    for tensor in tensors:
        tensor = tensor.detach().cpu().contiguous()
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _described(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, Enum):
        return f"{_name(type(value))}.{value.name}"
    if isinstance(value, _PLAIN):
        return value
    if id(value) in above or len(above) > 40:
        return "..."
    down = functools.partial(_described, above=(*above, id(value)))
    if isinstance(value, Tensor | np.ndarray):
        return _array(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, torch.dtype | torch.device | Path):
        return str(value)
    if isinstance(value, Stream):
        return {"stream": f"{value.key():032x}"}
    if isinstance(value, Mapping):
        return {str(key): down(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [down(inner) for inner in value]
    if isinstance(value, Set):
        return sorted(map(str, map(down, value)))
    if isinstance(value, functools.partial):
        arguments = {str(i): down(inner) for i, inner in enumerate(value.args)}
        return {"partial": down(value.func), **arguments, **{k: down(inner) for k, inner in value.keywords.items()}}
    if isinstance(value, type):
        return _name(value)
    if isinstance(value, types.MethodType):
        return {"method": value.__func__.__qualname__, "of": down(value.__self__)}
    if isinstance(value, types.FunctionType):
        return _function(value, down)
    if isinstance(value, types.BuiltinFunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, nn.Module):
        return _network(value, down)
    if is_dataclass(value):
        own = {field.name: getattr(value, field.name, None) for field in fields(value)}
    else:
        own = _attributes(value)
    return {"": _name(type(value)), **{key: down(inner) for key, inner in own.items()}}


def _network(network: nn.Module, down) -> dict[str, Any]:
    hidden = {"training", *network._parameters, *network._buffers, *network._modules}
    arguments = _arguments(type(network))
    own = {
        key: inner
        for key, inner in vars(network).items()
        if not key.startswith("_") and key not in hidden and (key in arguments or isinstance(inner, _SETTINGS))
    }
    tensors = {**network._parameters, **network._buffers}
    return {
        "": _name(type(network)),
        **{key: down(inner) for key, inner in own.items()},
        **{key: f"{tuple(t.shape)} {t.dtype}" for key, t in tensors.items() if t is not None},
        **{key: down(inner) for key, inner in network._modules.items() if inner is not None},
    }


def _attributes(value: Any) -> dict[str, Any]:
    public = {key: inner for key, inner in getattr(value, "__dict__", {}).items() if not key.startswith("_")}
    set_by_arguments = {key: public[key] for key in _arguments(type(value)) if key in public}
    return set_by_arguments or public


@functools.cache
def _arguments(kind: type) -> tuple[str, ...]:
    """Names of the arguments of the constructors of a class and its bases."""
    names: list[str] = []
    for base in kind.__mro__[:-1]:
        if "__init__" in vars(base):
            names += [name for name in inspect.signature(base.__init__).parameters if name != "self"]
    return tuple(dict.fromkeys(names))


def _function(function: types.FunctionType, down) -> Any:
    """A function of a module by its name; one that was made inside another with what it encloses and its constants."""
    name = f"{function.__module__}.{function.__qualname__}"
    if "<" not in name:
        return name
    code = function.__code__
    enclosed = zip(code.co_freevars, (cell.cell_contents for cell in function.__closure__ or ()), strict=True)
    constants = [c for c in code.co_consts if isinstance(c, int | float | str) and c != function.__doc__]
    return {
        "function": name.replace("__main__", ""),
        "names": list(code.co_names),
        "constants": down(constants),
        **{key: down(inner) for key, inner in enclosed},
        **{key: down(inner) for key, inner in (function.__kwdefaults__ or {}).items()},
    }


def _array(value: "Tensor | np.ndarray") -> dict[str, str]:
    tensor = value if isinstance(value, Tensor) else torch.from_numpy(np.ascontiguousarray(value))
    if tensor.device.type == "meta" or tensor.is_sparse:
        return {"shape": str(tuple(tensor.shape)), "dtype": str(tensor.dtype)}
    return {"shape": str(tuple(tensor.shape)), "dtype": str(tensor.dtype), "sha256": hashed(tensor)[:16]}


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".replace("__main__.", "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:28]}...{text[-28:]}"
