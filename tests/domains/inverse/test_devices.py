"""`--device` is honoured: everything that a method sees lies on the device that was asked for.

The meta device stands in for it: each command is stopped where its method would begin, and what it hands over is read.
"""

import numpy as np
import pytest
import torch
from torch import nn

from advsci.training import Run
from advsci_inverse.commands import compare, evaluate, reconstruct, refiner
from advsci_inverse.config import Compare, Evaluate, OperatorSpec, Reconstruct, TrainRefiner
from advsci_inverse.problem import Problem


class _Seen(Exception):
    """What a method was given."""


def _devices(value) -> set[str]:
    """Device types of all tensors in a problem, a module or an operator."""
    if isinstance(value, torch.Tensor):
        return {value.device.type}
    if isinstance(value, nn.Module):
        return {t.device.type for t in [*value.parameters(), *value.buffers()]}
    if isinstance(value, tuple | list):
        return set().union(*map(_devices, value)) if value else set()
    if isinstance(value, Problem):
        return set().union(*(_devices(part) for part in vars(value).values()))
    return set()


def _stop(*given, **named):
    raise _Seen(given)


def _measured(operator, images, *_):
    """As `measure`, without reading a value, which the meta device does not have."""
    return operator(images), 0.1


def _asked(monkeypatch, module, config, folder):
    monkeypatch.setattr(module, "torch_device", lambda name: torch.device("meta"))
    with pytest.raises(_Seen) as seen:
        module.run(config, Run(folder))
    return _devices(seen.value.args[0])


OPERATOR = OperatorSpec(kind="gaussian", measurements=20)


def test_reconstruct_hands_everything_to_the_device(monkeypatch, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).random((40, 28, 28), dtype=np.float32))
    monkeypatch.setattr(reconstruct, "reconstruct", _stop)
    given = {"file": tmp_path / "x.npz", "simulate": True, "method": "latent", "prior": "digits"}
    config = Reconstruct(**given, data=str(tmp_path / "x.npz"), operator=OPERATOR)
    assert _asked(monkeypatch, reconstruct, config, tmp_path / "run") == {"meta"}


def test_compare_hands_everything_to_the_device(monkeypatch, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).random((40, 28, 28), dtype=np.float32))
    monkeypatch.setattr(compare, "reconstruct", _stop)
    monkeypatch.setattr(compare, "measure", _measured)
    config = Compare(data=str(tmp_path / "x.npz"), methods=["latent"], operator=OPERATOR)
    assert _asked(monkeypatch, compare, config, tmp_path / "run") == {"meta"}


def test_evaluate_hands_everything_to_the_device(monkeypatch, tmp_path):
    monkeypatch.setattr(evaluate, "LatentSearch", _stop)
    monkeypatch.setattr(evaluate, "measure", _measured)
    assert _asked(monkeypatch, evaluate, Evaluate(operator=OPERATOR, images=8), tmp_path / "run") == {"meta"}


def test_refiner_plans_on_the_device(monkeypatch, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8))
    monkeypatch.setattr(refiner.Refiner, "plan", lambda self, operator, *_, **__: _stop((self, operator)))
    config = TrainRefiner(data=str(tmp_path / "x.npz"), views=[3], held_out=8, rank=4, widths=(8,), blocks=(1,))
    assert _asked(monkeypatch, refiner, config, tmp_path / "run") == {"meta"}
