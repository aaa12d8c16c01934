"""Few-view CT of 256 x 256 pixels: a refiner trained on random ellipses against total variation, on fresh ones.

The network is trained on coarse grids with as many fewer views first, then at full size; mean and covariance of the
images are those of the full size. Settings were chosen on the validation phantoms.
"""

import math
import resource
import time

import torch
from _row import interval, row
from torch import Tensor

from advsci.streams import Stream
from advsci_inverse.baselines import total_variation
from advsci_inverse.config import TrainRefiner
from advsci_inverse.data.measurement import measure
from advsci_inverse.evaluation.scores import psnr
from advsci_inverse.game.player import train_player
from advsci_inverse.game.refining import RefiningGame
from advsci_inverse.methods import reconstruct
from advsci_inverse.operators import Radon, equispaced_angles
from advsci_inverse.priors.refiner import Refiner
from advsci_inverse.problem import Problem

__all__ = ["large_learned_rows"]

NOISE, PHANTOMS, RANK = 0.01, 1500, 64
WIDTHS, BLOCKS = (24, 32, 48, 64), (1, 1, 1, 2)
COURSE = ((64, 5, 2500, 4, 2e-3), (128, 10, 500, 2, 1e-3), (256, 20, 500, 2, 1e-3))
"""Side, views, training steps, images a step, rate of each grid, coarse to fine."""


def phantoms(count: int, n: int, stream: Stream) -> Tensor:
    """Random phantoms: a body with a gradient, and 15 to 39 shaded ellipses with edges of finite width in it.

    Parameters
    ----------
    count
        How many.
    n
        Pixels of a side.
    stream
        Source of the random numbers.

    Returns
    -------
    tensor [count, n, n]
        Between 0 and 1.
    """
    line = (2.0 * torch.arange(n) + 1.0) / n - 1.0
    x, y = line[None, :], -line[:, None]
    images = []
    for draw in stream.uniform((count, 41, 8)):
        width, height, grey, right, up, number, *_ = draw[40].tolist()
        width, height = 0.6 + 0.3 * width, 0.65 + 0.3 * height
        window, inside = _ellipse(x, y, 0.0, 0.0, width, height, 0.0, edge=0.006, slope=0.0)
        body = torch.zeros(n, n)
        body[window] = inside
        image = (0.3 + 0.2 * grey) * body * (1 + 0.3 * (right - 0.5) * x / width + 0.3 * (up - 0.5) * y / height)
        for where, radius, size, flat, turn, edge, value, slope in draw[: 15 + int(25 * number)].tolist():
            x0, y0 = (0.9 * radius**0.5 * f(2 * math.pi * where) for f in (math.cos, math.sin))
            a = 0.025 * 12**size
            window, inside = _ellipse(
                x, y, width * x0, height * y0, a, a * (0.4 + 0.6 * flat), math.pi * turn,
                edge=0.003 + 0.02 * edge**3, slope=0.6 * (slope - 0.5),
            )  # fmt: skip
            image[window] += 0.6 * (value - 0.5) * inside
        images.append((image * body).clamp(0, 1))
    return torch.stack(images)


def _ellipse(
    x: Tensor, y: Tensor, x0: float, y0: float, a: float, b: float, angle: float, *, edge: float, slope: float
) -> tuple[tuple[slice, slice], Tensor]:
    """The pixels around an ellipse, and its value there: 1 inside with a slope along its axis, 0 outside."""
    n, reach = x.shape[1], max(a, b) + 8 * edge
    first = lambda t: max(0, int((t + 1) / 2 * n))  # noqa: E731
    rows = slice(first(-y0 - reach), min(n, int((1 - y0 + reach) / 2 * n) + 1))
    columns = slice(first(x0 - reach), min(n, int((1 + x0 + reach) / 2 * n) + 1))
    along, across = x[:, columns] - x0, y[rows] - y0
    u = (along * math.cos(angle) + across * math.sin(angle)) / a
    v = (across * math.cos(angle) - along * math.sin(angle)) / b
    return (rows, columns), torch.sigmoid((1 - torch.hypot(u, v)) * min(a, b) / edge) * (1 + slope * u)


def trained(course: tuple, count: int, stream: Stream) -> tuple[Refiner, Radon]:
    """The refiner of the last grid of a course, and that grid's scanner."""
    network, scanner = None, None
    for side, views, steps, batch, rate in course:
        images, scanner = phantoms(count, side, stream.at("training")), Radon(side, equispaced_angles(views))
        before = network
        with stream.at("network").seeded():
            network = Refiner(
                (side, side), spread=float(images.std()), rank=min(RANK, count // 2), widths=WIDTHS, blocks=BLOCKS,
                precision=torch.bfloat16,
            )  # fmt: skip
            network.denoiser.mean = float(images.mean())
            network.fit_covariance(images)
        if before is not None:
            network.denoiser.load_state_dict(before.denoiser.state_dict())
        sigma = NOISE * float(scanner(images[:50]).square().mean().sqrt())
        plan = network.plan(scanner, sigma, explicit=True)
        config = TrainRefiner(steps=steps, batch_size=batch, rate=rate, device="cpu")
        player, _ = train_player(RefiningGame(network, [plan]), images, config, None, decay=0.99)
        network.load_state_dict(player.state_dict())
    assert network is not None and scanner is not None
    return network.eval(), scanner


def large_learned_rows(quick: bool) -> None:
    """PSNR of the refiner less that of total variation on ten fresh phantoms; ``quick`` takes a quarter of the side."""
    course, tests = COURSE, 10
    if quick:
        course, tests = tuple((side // 4, views, steps // 50, *rest) for side, views, steps, *rest in COURSE), 3
    stream, begin = Stream(0), time.process_time()
    network, scanner = trained(course, PHANTOMS // (10 if quick else 1), stream)
    training = time.process_time() - begin
    side = scanner.image_shape[0]
    spare, fresh = phantoms(4, side, stream.at("validation")), phantoms(tests, side, stream.at("test"))
    (data, _), (y, sigma) = (measure(scanner, x, NOISE, stream.at("noise", k)) for k, x in enumerate((spare, fresh)))
    begin = time.process_time()
    problem = Problem(scanner, y, sigma, refiner=network, validation=(spare, data))
    ours = psnr(reconstruct("refiner", problem).mean, fresh)
    seconds = time.process_time() - begin
    begin = time.process_time()
    tuned = reconstruct("tv", problem)
    theirs_seconds, norm = time.process_time() - begin, scanner.norm()
    weight = float(tuned.setting.split()[-1])
    longer = total_variation(scanner, y, weight * norm**2 / 12, steps=3000, norm=norm)
    theirs, short = (psnr(x.clamp(0, 1), fresh) for x in (longer, tuned.mean))
    name = f"CT, {side} x {side}, {scanner.data_shape[0]} views, random ellipses"
    row(
        f"{name}: refiner over total variation", float((ours - theirs).mean()), 1.0, "higher", unit="dB",
        peer=f"TV, weight {weight:g}, 3000 steps", interval=interval((ours - theirs).tolist()),
        note=f"{float(ours.mean()):.2f} dB against {float(theirs.mean()):.2f} dB ({float(short.mean()):.2f} dB at 1500 "
        f"steps); {tests} phantoms, least gain {float((ours - theirs).amin()):+.2f} dB",
    )  # fmt: skip
    row(f"{name}: training", training, None, unit="s", note=f"CPU time; side, views, steps, images, rate: {course}")
    row(
        f"{name}: time an image", seconds / tests, None, unit="s",
        note=f"CPU time, plan included; total variation with its choice of weight {theirs_seconds / tests:.1f} s",
    )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row(f"{name}: peak memory of the whole process", peak, 4.0, unit="GiB", note="training and reconstructions")
