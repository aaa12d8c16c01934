"""A network as a program for other software: torch's own format, and ONNX. Each is compared before it is kept."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from advsci.errors import needs

__all__ = ["write_onnx", "write_program"]


def write_program(network: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> bool:
    """Write a program of `torch.export` for any number of samples; a warning says why there is none.

    Parameters
    ----------
    network
        In evaluation mode.
    inputs
        Two samples (2 ...) for each argument.
    path
        A ``.pt2`` file.

    Returns
    -------
    bool
        Whether it was written.
    """
    rows = torch.export.Dim("n", min=1)
    try:
        program = torch.export.export(network, inputs, dynamic_shapes=tuple({0: rows} for _ in inputs))
        torch.testing.assert_close(program.module()(*inputs), network(*inputs))
        torch.export.save(program, path)
    except Exception as error:  # torch raises many kinds for what it cannot trace
        return _warned("torch.export", network, path, error)
    return True


def write_onnx(network: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> bool:
    """Write an ONNX model for any number of samples; a warning says why there is none.

    Its outputs are compared with the network's, by onnx's own reference evaluation.

    Parameters
    ----------
    network, inputs
        As in `write_program`.
    path
        An ``.onnx`` file, which holds the weights.

    Returns
    -------
    bool
        Whether it was written.

    Raises
    ------
    MissingDependencyError
        onnx or onnxscript is not installed.
    """
    with needs("onnx", "onnx"):
        from onnx.reference import ReferenceEvaluator
    with needs("onnxscript", "onnx"):
        import onnxscript  # noqa: F401 - what torch translates with
    rows = torch.export.Dim("n", min=1)
    names = [f"input_{i}" for i in range(len(inputs))]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.onnx.export(
            network,
            inputs,
            path,
            input_names=names,
            output_names=["samples"],
            dynamic_shapes=tuple({0: rows} for _ in inputs),
            external_data=False,
            dynamo=True,
            verbose=False,
        )
        given = dict(zip(names, (x.cpu().numpy() for x in inputs), strict=True))
        (made,) = ReferenceEvaluator(str(path)).run(None, given)
        np.testing.assert_allclose(np.asarray(made), network(*inputs).cpu().numpy(), rtol=1e-3, atol=1e-4)
    except Exception as error:  # torch and onnx raise many kinds for what they cannot translate
        return _warned("torch.onnx", network, path, error)
    return True


def _warned(what: str, network: nn.Module, path: Path, error: Exception) -> bool:
    path.unlink(missing_ok=True)
    reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
    warnings.warn(
        f"no program was written: {what} failed on {type(network).__qualname__} "
        f"({type(error).__name__}: {reason}); the weights are there",
        stacklevel=4,
    )
    return False
