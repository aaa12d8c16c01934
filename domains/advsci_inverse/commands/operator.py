"""``advsci-inverse operator``: build an operator, test its adjoint, look at what it cannot see."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from advsci.config import to_toml
from advsci.report import Report, drawn
from advsci.training import Run
from advsci_inverse.config import InspectOperator
from advsci_inverse.evaluation.pictures import gallery
from advsci_inverse.operators import LinearOperator, build_operator, dot_test

__all__ = ["plan", "run"]

_LARGEST = 4096


def plan(config: InspectOperator) -> dict[str, object]:
    """Shapes of image and data.

    Parameters
    ----------
    config
        The settings.

    Returns
    -------
    dict
        Facts about the run.
    """
    operator = build_operator(config.operator)
    return {"image": operator.image_shape, "data": operator.data_shape}


def run(config: InspectOperator, folder: Run) -> Path:
    """Write ``operator.toml``, ``operator.json`` (shapes, dot tests, spectrum) and the report.

    Parameters
    ----------
    config
        The settings.
    folder
        The run's folder.

    Returns
    -------
    Path
        The facts.
    """
    operator = build_operator(config.operator)
    facts = {
        "image": list(operator.image_shape),
        "data": list(operator.data_shape),
        "norm": operator.norm(),
        "dot test float32": dot_test(operator, dtype=torch.float32, tolerance=1e-5),
        "dot test float64": dot_test(operator, dtype=torch.float64, tolerance=1e-10),
    }
    spectrum = torch.linalg.svd(operator.matrix().double(), full_matrices=False) if _small(operator) else None
    if spectrum is not None:
        s = spectrum[1]
        rank = int((s > 1e-6 * s[0]).sum())
        facts |= {"rank": rank, "null space": operator.image_size - rank, "condition": float(s[0] / s[rank - 1])}
    path = folder.path / "operator.json"
    path.write_text(json.dumps(facts, indent=2))
    (folder.path / "operator.toml").write_text(to_toml(config))
    with drawn("report"):
        _page(config, operator, facts, spectrum[2] if spectrum is not None else None, folder)
    return path


def _small(operator: LinearOperator) -> bool:
    return operator.image_size <= _LARGEST


def _page(
    config: InspectOperator, operator: LinearOperator, facts: dict[str, Any], vh: Tensor | None, folder: Run
) -> None:
    report = Report("Operator", f"{config.operator.kind} on {operator.image_shape}")
    report.card("Dot test, float64", facts["dot test float64"], verdict="good", note="limit 1e-10")
    report.card("Dot test, float32", facts["dot test float32"], verdict="good", note="limit 1e-5")
    if vh is not None:
        rank = facts["rank"]
        report.card("Null space", facts["null space"], note=f"of {operator.image_size} dimensions are not measured")
        strong, weak = vh[:8], vh[max(rank - 8, 0) : rank].flip(0)
        show = {
            "seen best": strong.reshape(-1, *operator.image_shape),
            "seen worst": weak.reshape(-1, *operator.image_shape),
        }
        if all(len(images) for images in show.values()) and len(operator.image_shape) == 2:
            spread = float(strong.abs().max())
            report.section("What it sees", "Right singular vectors of the largest and the smallest non-zero gain.")
            report.figure(gallery(show, span={name: (-spread, spread) for name in show}))
    report.section("Facts").table([{"what": k, "value": str(v)} for k, v in facts.items()])
    report.write(folder.report)
