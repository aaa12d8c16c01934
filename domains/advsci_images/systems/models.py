"""Four generative models of the same images on the same networks and budget: GAN, VAE, autoencoder, diffusion."""

import math
import time
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.games import VAE, Autoencoder
from advsci.nn import StridedDiscriminator
from advsci.streams import Stream
from advsci_images.baselines.diffusion import TIME_FEATURES, Diffusion
from advsci_images.game.generators import generator_of
from advsci_images.game.players import Translator
from advsci_images.game.training import Play
from advsci_images.systems.generate import drawn_images, trained_generator

__all__ = ["MODELS", "Made", "Model", "importance_bound", "made_by"]

Model = Literal["gan", "vae", "autoencoder", "diffusion"]
MODELS: tuple[Model, ...] = ("gan", "vae", "autoencoder", "diffusion")

LATENT, WIDTH = 32, 16


@dataclass(frozen=True)
class Made:
    """What a model made, and what it cost.

    Attributes
    ----------
    images
        Samples in [-1, 1].
    seconds, per_image
        CPU seconds of the training, and CPU milliseconds per sample.
    megabytes
        Parameters and the optimizer's two moments.
    bits
        Upper bound of the negative log-likelihood per pixel and channel, in bits of a continuous density on [-1, 1], or
        None for models without one.
    reconstruction
        Mean squared error on held-out images, or None for models that encode nothing.
    tighter_bits
        ``bits`` by `importance_bound`, nearer to the likelihood.
    network
        The trained model: a generator of the GAN, else the averaged game or denoiser.
    """

    images: Float[Tensor, "n c s s"]
    seconds: float
    per_image: float
    megabytes: float
    bits: "float | None" = None
    reconstruction: "float | None" = None
    tighter_bits: "float | None" = None
    network: "nn.Module | None" = None


def made_by(model: Model, x: Float[Tensor, "n c s s"], held: Float[Tensor, "m c s s"], n: int, play: Play) -> Made:
    """Train one model and draw from it.

    Parameters
    ----------
    model
        Which of `MODELS`.
    x, held
        Square images in [-1, 1] to learn from, and to judge reconstruction and likelihood on.
    n
        How many samples.
    play
        Steps, rate, seed, device, folder.

    Returns
    -------
    Made
        Samples and costs.
    """
    channels, size = x.shape[1], x.shape[2]
    begin = time.process_time()
    stream = Stream(play.seed).at("samples")
    bits = tighter = reconstruction = None
    if model == "gan":
        network = trained_generator(x, play, latent=LATENT, width=WIDTH)
        pair = 3 * (
            weights(network) + weights(StridedDiscriminator(channels, size, (WIDTH // 2, 2 * WIDTH), 8 * WIDTH))
        )
        seconds, begin = time.process_time() - begin, time.process_time()
        images = drawn_images(network, n, LATENT, stream)
        return Made(images, seconds, 1e3 * (time.process_time() - begin) / n, pair * 4e-6, network=network)
    with play.stream("networks").seeded():
        decoder = generator_of("strided", channels, size, LATENT, WIDTH)
        if model == "diffusion":
            denoiser = Translator(channels, channels, condition=TIME_FEATURES)
            game = Diffusion(denoiser, (channels, size, size))
        elif model == "vae":
            game = VAE(encoder(channels, size, 2 * LATENT), decoder, LATENT)
        else:
            game = Autoencoder(encoder(channels, size, LATENT), decoder, LATENT)
    training = play.fit(game, x, ("model",))
    trained = training.averaged("model").eval()
    if isinstance(trained, Autoencoder):
        trained.fit_codes(x)
    seconds, begin = time.process_time() - begin, time.process_time()
    if isinstance(game, Diffusion):
        images = game.sample(n, stream, denoiser=trained)
    else:
        images = trained.sample(n, stream)  # type: ignore[operator]
    per_image = 1e3 * (time.process_time() - begin) / n
    if isinstance(trained, VAE):
        reconstruction = error(trained.encoder(held).chunk(2, 1)[0], trained.decoder, held)
        nats = 0.6931471805599453 * held[0].numel()
        bits = bound(trained, held)
        tighter = -float(importance_bound(trained, held[:100], 64, Stream(0)).mean()) / nats
    elif isinstance(trained, Autoencoder):
        reconstruction = error(trained.encoder(held), trained.decoder, held)
    images, memory = images.clamp(-1.0, 1.0).cpu(), 3 * weights(game) * 4e-6
    return Made(images, seconds, per_image, memory, bits, reconstruction, tighter, trained)


def encoder(channels: int, size: int, outputs: int) -> nn.Module:
    """A network from square images of ``size`` and ``channels`` to vectors of length ``outputs``."""
    strided = StridedDiscriminator(channels, size, (WIDTH, 2 * WIDTH), 8 * WIDTH)
    return nn.Sequential(*list(strided.layers)[:-1], nn.Linear(8 * WIDTH, outputs))


def weights(network: nn.Module) -> int:
    """Number of parameters of ``network``."""
    return sum(p.numel() for p in network.parameters())


@torch.no_grad()
def error(code: Tensor, decoder: nn.Module, held: Tensor) -> float:
    """Mean squared error of ``decoder(code)`` against the images ``held``."""
    return float((decoder(code) - held).square().mean())


@torch.no_grad()
def bound(vae: VAE, held: Tensor) -> float:
    """The negative evidence lower bound of ``vae`` on images ``held``, in bits per pixel and channel."""
    batch = {"x": held}
    terms = vae.terms("model", batch, vae.draw(batch, Stream(0)))
    return float(sum(terms.values())) / held[0].numel() / 0.6931471805599453


@torch.no_grad()
def importance_bound(vae: VAE, x: Tensor, samples: int, stream: Stream) -> Float[Tensor, " n"]:
    r"""The importance-weighted lower bound of :math:`\log p(x)`.

    .. math:: \log \frac1K \sum_k \frac{p(x | z_k)\, p(z_k)}{q(z_k | x)}, \qquad z_k \sim q(z | x)

    (Burda et al. 2016, arXiv 1509.00519, eq. 8): one sample gives the evidence lower bound, many the likelihood.

    Parameters
    ----------
    vae
        Trained.
    x
        Images (n c h w).
    samples
        K.
    stream
        Source of the noise.

    Returns
    -------
    Tensor
        Bound for each image [nats].
    """
    mean, log_variance = vae.encoder(x).chunk(2, 1)
    constant = x[0].numel() * (vae.log_sigma + 0.5 * math.log(2.0 * math.pi))
    weights = []
    for k in range(samples):
        noise = stream.at("importance", k).normal(tuple(mean.shape))
        z = mean + torch.exp(0.5 * log_variance) * noise
        misfit = 0.5 * (x - vae.decoder(z)).square().flatten(1).sum(1) * torch.exp(-2.0 * vae.log_sigma)
        gap = 0.5 * (noise.square() + log_variance - z.square()).sum(1)  # log p(z) - log q(z | x)
        weights.append(gap - misfit - constant)
    return torch.stack(weights).logsumexp(0) - math.log(samples)
