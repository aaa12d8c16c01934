"""Deep image prior: an untrained convolutional decoder fitted to one measurement (Ulyanov et al. 2018; the decoder of
Heckel and Hand 2019, arXiv 1810.03982), stopped early, its output averaged over the iterations."""

import torch
from torch import Tensor, nn

from advsci.streams import Stream
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["deep_image_prior"]


def _decoder(width: int, stages: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(stages):
        layers += [nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"), nn.ReLU(), nn.BatchNorm2d(width)]
        layers += [nn.Upsample(scale_factor=2, mode="bilinear")]
    layers += [nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"), nn.ReLU(), nn.BatchNorm2d(width)]
    return nn.Sequential(*layers, nn.Conv2d(width, 1, 1), nn.Sigmoid())


def deep_image_prior(
    operator: LinearOperator, y: Tensor, *, steps: int = 400, width: int = 48, rate: float = 5e-3, seed: int = 0
) -> Tensor:
    """Fit an untrained network to each measurement and average its output; slow, as each image trains its own network.

    Parameters
    ----------
    operator
        The measurement.
    y
        Data ``[n, *data_shape]``.
    steps
        Steps of Adam per image; few, because a network that is trained to the end reproduces the noise.
    width
        Channels of every layer.
    rate
        Learning rate.
    seed
        Of the networks' initial weights and inputs.

    Returns
    -------
    tensor [n, h, w]
        Reconstructions with values in [0, 1].
    """
    h, w = operator.image_shape
    stages = next(k for k in (3, 2, 1, 0) if h % 2**k == 0 and w % 2**k == 0 and min(h, w) >> k >= 2)
    results = []
    for i in range(len(y)):
        stream = Stream(seed).at("image", i)
        with torch.random.fork_rng():
            torch.manual_seed(stream.key() % 2**63)
            net = _decoder(width, stages).to(device=y.device, dtype=y.dtype)
        seed_image = stream.normal((1, width, h >> stages, w >> stages), device=y.device, dtype=y.dtype)
        optimizer = torch.optim.Adam(net.parameters(), rate)
        average = torch.zeros(1, h, w, dtype=y.dtype, device=y.device)
        for k in range(steps):
            x = net(seed_image)[:, 0]
            loss = (operator(x) - y[i : i + 1]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.lerp_(x.detach(), max(1.0 / (k + 1), 0.02))
        results.append(average)
    return torch.cat(results)
