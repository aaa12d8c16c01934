"""Generative models without an adversary, on the interface of games: what a GAN must beat."""

from advsci.generative.autoencoder import Autoencoder as Autoencoder
from advsci.generative.vae import VAE as VAE
