"""Exactness and speed of the operators of the inverse problems."""

import torch
from _row import ratio, row

from advsci_inverse.operators import (
    FourierRadon,
    FourierSampling,
    Radon,
    SparseOperator,
    SubsampledDCT,
    SubsampledHadamard,
    cartesian_mask,
    dot_test,
    equispaced_angles,
)

__all__ = ["operator_rows", "small_sparse_row"]


def operator_rows(quick: bool) -> None:
    angles = equispaced_angles(12)
    operators = {
        "strip": Radon(64, angles),
        "Fourier slice": FourierRadon(128, equispaced_angles(60)),
        "DCT": SubsampledDCT(100, (28, 28)),
        "Hadamard": SubsampledHadamard(100, (28, 28)),
        "Fourier": FourierSampling(cartesian_mask((32, 32), 3.0)),
    }
    for dtype, limit in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        worst = max((dot_test(o, dtype=dtype), name) for name, o in operators.items())
        row(f"dot test, {str(dtype)[6:]}, worst of {len(operators)} operators", worst[0], limit, note=worst[1])
    try:
        import astra
    except ImportError:
        astra = None
    for n, views, limit in ((256, 180, 0.15),) if quick else ((256, 180, 0.15), (512, 720, 0.05)):
        name = f"Radon {n}^2 x {views} views, forward and adjoint, CPU time over ASTRA's"
        if astra is None:
            row(name, None, limit, note="ASTRA is not installed")
            continue
        ours = FourierRadon(n, equispaced_angles(views))
        image, data = torch.rand(1, n, n), torch.rand(1, *ours.data_shape)
        volume = astra.create_vol_geom(n, n)
        geometry = astra.create_proj_geom("parallel", 1.0, ours.data_shape[1], equispaced_angles(views))
        theirs = astra.OpTomo(astra.create_projector("linear", geometry, volume))
        x, y = image.numpy().ravel(), data.numpy().ravel()
        ours(image)  # converts its constants to float32 once
        value, quartiles = ratio(
            lambda a=ours, x=image, y=data: (a(x), a.adjoint(y)),
            lambda a=theirs, x=x, y=y: (a.FP(x), a.BP(y)),
            rounds=4 if quick else 8,
            warmup=1,
        )
        row(name, value, limit, unit="ratio", peer=f"astra-toolbox {astra.__version__}, linear", interval=quartiles)


def small_sparse_row() -> None:
    """At 64^2 a cached sparse matrix is the faster backend: what `Radon` uses."""
    sparse, slices = Radon(64, equispaced_angles(30)), FourierRadon(64, equispaced_angles(30))
    assert isinstance(sparse, SparseOperator)
    x = torch.rand(16, 64, 64)
    a, b = slices(x), sparse(x)
    value, quartiles = ratio(lambda: slices.adjoint(slices(x)), lambda: sparse.adjoint(sparse(x)), rounds=5)
    row(
        "Radon 64^2 x 30 views, batch of 16: Fourier slice over sparse matrix", value, None, interval=quartiles,
        note=f"they differ by {float((a - b).norm() / b.norm()):.1e} on white noise",
    )  # fmt: skip
