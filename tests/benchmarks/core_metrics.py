"""Metrics against the packages they replace: time as a ratio of interleaved medians, values, and memory."""

import argparse
import contextlib
import io
import resource
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch
from _row import ratio, row

from advsci.metrics import frechet_distance, frechet_from_gaussians, prdc
from advsci.metrics.frechet import GaussianFit


def samples(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((d, d)) / d**0.5
    return rng.standard_normal((n, d)), rng.standard_normal((n, d)) @ (0.8 * np.eye(d) + 0.2 * mix) + 0.05


def peer(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def neighbours(n: int, d: int, rounds: int) -> None:
    names = {
        "speed": f"PRDC, {n} x {n} x {d}: time over prdc",
        "value": f"PRDC, {n} x {n} x {d}: largest difference from prdc",
        "memory": f"PRDC, {n} x {n} x {d}: memory of the whole process",
    }
    peak = memory_of_prdc(n, d)
    row(names["memory"], peak, 1000.0, unit="MB", note="peak resident size, libraries and data included")
    reference = peer("prdc")
    if not reference:
        for name, target in ((names["speed"], 1 / 3), (names["value"], 1e-8)):
            row(name, None, target, peer="prdc", note="the peer is not installed")
        return
    from prdc import compute_prdc

    real, fake = samples(n, d, 0)
    found = {}

    def ours() -> None:
        found["ours"] = {
            k: float(v) for k, v in prdc(torch.from_numpy(real), torch.from_numpy(fake), 5)._asdict().items()
        }

    def theirs() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            found["theirs"] = compute_prdc(real, fake, 5)

    value, quartiles = ratio(ours, theirs, rounds=rounds, warmup=0)
    row(
        names["speed"],
        value,
        1 / 3,
        unit="ratio",
        peer=reference,
        interval=quartiles,
        note="float64, k = 5, CPU seconds",
    )
    gap = max(abs(found["ours"][k] - float(v)) for k, v in found["theirs"].items())
    row(names["value"], gap, 1e-8, peer=reference, note=str({k: round(v, 4) for k, v in found["ours"].items()}))


def memory_of_prdc(n: int, d: int) -> float:
    """Peak resident size in MB of a fresh process, its libraries and data included."""
    out = subprocess.run(
        [sys.executable, __file__, "--memory", str(n), str(d)], capture_output=True, text=True, check=True
    )
    return float(out.stdout)


def print_memory(n: int, d: int) -> None:
    real, fake = (torch.from_numpy(x) for x in samples(n, d, 0))
    prdc(real, fake, 5)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def frechet(n: int, d: int, target: float, rounds: int) -> None:
    """Full rank: from the two covariances. Fewer samples than features: from the samples, both sides."""
    from scipy.linalg import sqrtm

    x, y = samples(n, d, 1)
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    low = n < d
    m1, m2 = x.mean(0), y.mean(0)
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    fits = [GaussianFit(torch.from_numpy(m), torch.from_numpy(s), n) for m, s in ((m1, s1), (m2, s2))]
    found = {}

    def ours() -> None:
        found["ours"] = float(frechet_distance(a, b) if low else frechet_from_gaussians(*fits))

    def theirs() -> None:
        root = np.asarray(sqrtm(s1 @ s2)).real
        found["theirs"] = float(np.sum((m1 - m2) ** 2) + np.trace(s1) + np.trace(s2) - 2.0 * np.trace(root))

    kind = f"{n} samples" if low else "full rank"
    value, quartiles = ratio(ours, theirs, rounds=rounds, warmup=0 if low else 1)
    name = f"Frechet, {kind}, d = {d}"
    speed = f"{name}: time over scipy sqrtm"
    row(speed, value, 1 / target, unit="ratio", peer=peer("scipy"), interval=quartiles, note="float64, CPU seconds")
    if (
        low
    ):  # the root of a singular product is where scipy loses digits: the eigenvalues of the small Gram matrix do not
        xc, yc = (x - m1) / (n - 1) ** 0.5, (y - m2) / (n - 1) ** 0.5
        gram = np.linalg.eigvals((xc @ yc.T) @ (yc @ xc.T)).real.clip(min=0.0)
        exact = float(np.sum((m1 - m2) ** 2) + np.trace(s1) + np.trace(s2) - 2.0 * np.sqrt(gram).sum())
        note = f"against the n x n eigenvalues; scipy itself is off by {abs(found['theirs'] / exact - 1):.1e}"
        row(f"{name}: relative difference", abs(found["ours"] / exact - 1), 1e-6, note=note)
    else:
        row(f"{name}: relative difference", abs(found["ours"] / found["theirs"] - 1), 1e-6, peer=peer("scipy"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", nargs=2, type=int)
    settings = parser.parse_args()
    torch.set_num_threads(1)
    if settings.memory:
        print_memory(*settings.memory)
        sys.exit()
    quick = settings.quick
    frechet(600 if quick else 4000, 256 if quick else 1024, 4.5, 3)
    frechet(100 if quick else 400, 512 if quick else 2048, 50.0, 2)
    neighbours(3000 if quick else 20_000, 64, 2)
