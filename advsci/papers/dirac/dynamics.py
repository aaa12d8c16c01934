r"""The Dirac-GAN: data at 0, a generator that is a point :math:`\theta`, a discriminator :math:`D(x) = \psi x`.

The spectrum is that of the engine's vector field at the equilibrium :math:`(0, 0)`; whether a method converges is read
from a training by alternating gradient descent, which either comes to rest at the equilibrium or does not.
"""

from functools import partial

import torch
from torch import nn

from advsci.diagnostics import VectorField
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import InstanceNoise
from advsci.objectives import Minimax, Wasserstein
from advsci.papers import step
from advsci.penalties import R1, R2, WGANGP, WeightClipping
from advsci.solvers import Alternating, Consensus, Solver


class Point(nn.Module):
    """A generator whose every sample is theta."""

    def __init__(self, theta: float):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([[theta]], dtype=torch.float64))

    def forward(self, z):
        """The generator's parameter, at every latent vector ``z``."""
        return self.theta + 0.0 * z


def dirac(theta: float, psi: float, objective, penalties=(), noise: float = 0.0) -> GAN:
    """The game at (theta, psi).

    Parameters
    ----------
    theta
        Where the generator stands.
    psi
        Slope of the discriminator.
    objective
        What both are scored with.
    penalties
        On the discriminator.
    noise
        Standard deviation of the instance noise.

    Returns
    -------
    GAN
        In float64.
    """
    critic = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    nn.init.constant_(critic.weight, psi)
    augment = InstanceNoise(noise) if noise else None
    return GAN(Point(theta), critic, Gaussian(1), objective=objective, penalties=penalties, augment=augment)


def feed():
    """Two samples at 0; the instance noise of -1 and 1 has the moments that the spectrum depends on.

    Returns
    -------
    tuple
        Batch and draw.
    """
    zero, sign = torch.zeros(2, 1, dtype=torch.float64), torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    return {"x": zero}, {"latent": zero, "instance_noise": sign, "wgan_gp/uniform": torch.full((2,), 0.5).double()}


def eigenvalue(objective, penalties=(), noise: float = 0.0) -> complex:
    """The eigenvalue of the flow -v at the equilibrium with the largest real part, then imaginary part.

    Parameters
    ----------
    objective
        What both players are scored with.
    penalties
        On the discriminator.
    noise
        Standard deviation of the instance noise.

    Returns
    -------
    complex
        In 1 / time of the flow.
    """
    jacobian = VectorField(dirac(0.0, 0.0, objective, penalties, noise), *feed()).dense()
    return max((complex(z) for z in torch.linalg.eigvals(-jacobian)), key=lambda z: (round(z.real, 9), z.imag))


def converges(
    objective, penalties=(), noise: float = 0.0, clip: float = 0.0, solver: type[Solver] = Alternating, **rule
) -> bool:
    """Whether training from (1, 1) ends within 0.001 of the equilibrium.

    Parameters
    ----------
    objective
        What both players are scored with.
    penalties
        On the discriminator.
    noise
        Standard deviation of the instance noise.
    clip
        Bound on the discriminator's slope; 0 for none.
    solver
        Rule of motion; its further settings may follow.

    Returns
    -------
    bool
        False for a cycle, too.
    """
    game = dirac(1.0, 1.0, objective, penalties, noise)
    if clip:
        game.constraints.setdefault("discriminator", []).append(WeightClipping(clip))
    rule = solver(partial(torch.optim.SGD, lr=0.2), **rule)
    rule.bind(game)
    for _ in range(400):
        rule.step(game, feed)
    return max(float(p.detach().abs().max()) for p in game.parameters()) < 1e-3


def measure(seed: int, effort: str) -> dict[str, float]:
    """Spectra and outcomes of all methods; nothing is random.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    gan, wasserstein = Minimax(), Wasserstein()
    spectra = {
        "unregularised": eigenvalue(gan),
        "instance noise 1": eigenvalue(gan, noise=1.0),
        "instance noise 2": eigenvalue(gan, noise=2.0),
        "R1 0.5": eigenvalue(gan, (R1(0.5),)),
        "R1 2": eigenvalue(gan, (R1(2.0),)),
        "WGAN": eigenvalue(wasserstein),
    }
    cells: dict[str, float] = {f"{name}/real": z.real for name, z in spectra.items()}
    cells |= {f"{name}/imaginary": z.imag for name, z in spectra.items()}
    return cells | {
        "unregularised/converges": converges(gan),
        "WGAN/converges": converges(wasserstein, clip=1.0),
        "WGAN-GP/converges": converges(wasserstein, (WGANGP(1.0),)),
        "instance noise/converges": converges(gan, noise=1.0),
        "R1/converges": converges(gan, (R1(1.0),)),
        "R2/converges": converges(gan, (R2(1.0),)),
        "consensus/converges": converges(gan, solver=Consensus, gamma=1.0),
    }


if __name__ == "__main__":
    step(measure)
