r"""Gaussian images, whose posterior is known: Wasserstein-2 distance of the sampler's law to it, in d = 10 to 100.

The problem is that of pcaGAN's first experiment (Bendel et al. 2024, arXiv 2411.00605), set up anew: every second
coordinate is seen, with noise of variance .001; the covariance has random eigenvectors and eigenvalues
:math:`(k+1)^{-1}`. Every arm is an affine map, the least class that holds the posterior. Its law given the data is
Gaussian, so that the distance is computed, not estimated:

.. math:: W_2^2 = |m_1-m_2|^2 + \mathrm{tr}\,(S_1 + S_2 - 2 (S_1^{1/2} S_2 S_1^{1/2})^{1/2}).

The rules of rcGAN and pcaGAN are written anew on this library's game; they see the data and noise alone. The two-stage
sampler sees draws of the posterior under the training images' own moments.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from _inverse_fixed import Fixed
from _row import interval, row
from torch import Tensor, nn

from advsci.metrics.frechet import trace_of_root
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci_inverse.game.posterior import PosteriorGAN, SpreadControl, started
from advsci_inverse.game.scoring import energy_score, mean_and_spread
from advsci_inverse.operators import DenseOperator
from advsci_inverse.priors.sampler import Consistency
from advsci_inverse.search.proposal import GaussianProposal, Start

__all__ = ["gaussian_rows"]

STEPS, BATCH, IMAGES, VARIANCE, ADVERSARY, COMPONENTS = 800, 64, 20000, 1e-3, 0.05, 5


@dataclass(frozen=True)
class _Arm:
    """How one sampler is trained."""

    two_stages: bool
    adversary: float
    score: Callable[[Tensor, Tensor, Tensor], Tensor]
    count: int = 2


class _Affine(nn.Module):
    """Draw, estimate and noise to a sample, linearly; nothing is added at the start but a little noise."""

    def __init__(self, d: int):
        super().__init__()
        self.body = nn.Linear(3 * d, d)
        nn.init.normal_(self.body.weight, std=0.1 / d**0.5)
        nn.init.zeros_(self.body.bias)

    def forward(self, draw: Tensor, point: Tensor, deviation: Tensor, noise: Tensor) -> Tensor:
        flat = torch.cat([part.flatten(1) for part in (draw, point, noise)], 1)
        return draw + self.body(flat).reshape(draw.shape)


class _Critic(nn.Module):
    """Logit of an image beside its estimate."""

    def __init__(self, d: int):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2 * d, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2))
        self.head = nn.Linear(128, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self.head(self.body(torch.cat([x.flatten(1), condition.flatten(1)], 1)))


def _principal(weight: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """rcGAN's score with pcaGAN's terms: principal directions that hold the error, eigenvalues as large as it is."""

    def score(samples: Tensor, truth: Tensor, beta: Tensor) -> Tensor:
        flat = samples.flatten(2).transpose(0, 1)
        centred = flat - flat.mean(1, keepdim=True)
        _, s, v = torch.linalg.svd(centred, full_matrices=False)
        v, values = v[:, :COMPONENTS], s[:, :COMPONENTS].square() / (len(samples) - 1)
        error = (truth.flatten(1) - flat.mean(1)).detach()
        along = torch.einsum("nkd,nd->nk", v, error).square()
        off = (values - along.detach()).square().mean() / along.detach().mean().clamp(min=1e-9)
        return mean_and_spread(samples, truth, beta) + weight * (off - along.mean())

    return score


ARMS = {
    "two stages, game": _Arm(True, ADVERSARY, energy_score),
    "two stages, adversary off": _Arm(True, 0.0, energy_score),
    "rule of rcGAN": _Arm(False, ADVERSARY, mean_and_spread),
    "rule of rcGAN, adversary off": _Arm(False, 0.0, mean_and_spread),
    "rule of pcaGAN": _Arm(False, ADVERSARY, _principal(0.1), 8),
}


class _Truth:
    """Images, their data, and the posterior that is to be reached."""

    def __init__(self, d: int, seed: int):
        stream = Stream(seed).at("gaussian", d)
        basis = torch.linalg.qr(stream.at("basis").normal((d, d), dtype=torch.float64)).Q
        values = 1.0 / torch.arange(1, d + 1, dtype=torch.float64)
        self.covariance = (basis * values) @ basis.T
        self.mean = stream.at("mean").normal((d,), dtype=torch.float64)
        self.matrix = torch.eye(d, dtype=torch.float64)[1::2]
        root = torch.linalg.cholesky(self.covariance)
        x = self.mean + stream.at("images").normal((IMAGES, d), dtype=torch.float64) @ root.T
        noise = VARIANCE**0.5 * stream.at("noise").normal((IMAGES, d // 2), dtype=torch.float64)
        self.x, self.y = x.float().reshape(-1, 1, d), (x @ self.matrix.T + noise).float()
        self.operator = DenseOperator(self.matrix.float(), (1, d))

    def posterior(self) -> tuple[Tensor, Tensor]:
        """Gain and covariance: the mean is ``mean + gain (y - A mean)``."""
        seen = self.matrix @ self.covariance @ self.matrix.T + VARIANCE * torch.eye(len(self.matrix))
        gain = torch.linalg.solve(seen, self.matrix @ self.covariance).T
        return gain, self.covariance - gain @ self.matrix @ self.covariance


def _start(truth: _Truth, arm: _Arm) -> tuple[Start, GaussianProposal | None]:
    """Draws under the images' own moments, or the data themselves where the network is to do all."""
    sigma, shape = VARIANCE**0.5, (1, truth.x.shape[2])
    if not arm.two_stages:
        lifted = truth.operator.adjoint(truth.y)
        return Start(lifted, torch.ones_like(lifted), torch.zeros_like(lifted)[:, None].expand(-1, 2, -1, -1)), None
    flat = truth.x.flatten(1)
    proposal = GaussianProposal(truth.operator, sigma, flat.mean(0).reshape(shape), torch.cov(flat.T))
    return proposal(truth.y, 4, Stream(1).at("draws")), proposal


def _distance(net: nn.Module, truth: _Truth, proposal: GaussianProposal | None, tests: int = 50) -> float:
    """Root mean square over data of the Wasserstein-2 distance, in exact moments of the affine map."""
    d = truth.x.shape[2]
    weight, bias = (p.detach().double() for p in net.body.parameters())  # type: ignore[union-attr]
    of_draw, of_point, of_noise = weight.split(d, 1)
    of_draw = of_draw + torch.eye(d)
    gain, after = truth.posterior()
    y = truth.y[:tests].double()
    wanted = truth.mean + (y - truth.mean @ truth.matrix.T) @ gain.T
    if proposal is None:
        mean = truth.operator.adjoint(truth.y[:tests]).flatten(1).double() @ of_point.T + bias
        own = of_noise @ of_noise.T
    else:
        point = proposal(truth.y[:tests], 1, Stream(0)).point.flatten(1).double()
        mean = point @ (of_draw + of_point).T + bias
        covariance = proposal.step.covariance.double()
        rows = proposal.step.gain(VARIANCE**0.5).double()
        left = covariance - rows.T @ truth.matrix @ covariance
        own = of_draw @ left @ of_draw.T + of_noise @ of_noise.T
    spread = own.trace() + after.trace() - 2 * trace_of_root(own, after)
    return float(((mean - wanted).square().sum(1).mean() + spread.clamp(min=0)).sqrt())


def _trained(truth: _Truth, arm: _Arm, seed: int, steps: int) -> float:
    d = truth.x.shape[2]
    start, proposal = _start(truth, arm)
    consistency = Consistency.of(truth.operator, VARIANCE**0.5, 1e-6)  # none: the network must find the posterior
    data = started(truth.x, truth.y, start, consistency)
    with Stream(seed).at("networks").seeded():
        net, critic = _Affine(d), _Critic(d)
    game = PosteriorGAN(net, critic, [consistency], adversarial=arm.adversary, score=arm.score, count=arm.count)
    control = SpreadControl(game, {k: v[-500:] for k, v in data.items()})
    trainer = Trainer(
        steps=steps, batch_size=BATCH, seed=seed, device="cpu", ema=EMA(0.98, of=("generator",)), quiet=True,
        log_every=max(1, steps // 10), callbacks=[control],
    )  # fmt: skip
    training = trainer.fit(
        game, {k: v[:-500] for k, v in data.items()}, Simultaneous(adam(5e-3, betas=(0.5, 0.99)), Cosine(1.0, 0.02))
    )
    return _distance(training.averaged("generator"), truth, proposal)


def gaussian_rows(fixed: Fixed, quick: bool, several: int = 3) -> None:
    """Distances of every arm in every dimension, over ``several`` seeds; the size of the posterior is in the note."""
    for d in (10,) if quick else (10, 100, 30):
        for name, arm in ARMS.items():
            seeds = 1 if quick else several
            found, size = [], 0.0
            for seed in range(seeds):
                truth = _Truth(d, seed)
                found.append(_trained(truth, arm, seed, 100 if quick else STEPS))
                size = float(truth.posterior()[1].trace().sqrt())
            row(
                f"Gaussian images, d = {d}, {name}: Wasserstein-2 to the true posterior", sum(found) / seeds, None,
                seeds=seeds, interval=interval(found) if seeds > 1 else None,
                note=f"{STEPS} steps of {BATCH}; root of the posterior's trace {size:.3f}",
            )  # fmt: skip
