"""GAN, VAE, autoencoder and diffusion on the same images: what each claim of the usual table of them is measured by."""

from collections.abc import Sequence

import numpy as np
import torch
from _images_found import Found
from _images_reader import digit_reader, features
from torch import Tensor, nn

from advsci.metrics import kid, prdc
from advsci.streams import Stream
from advsci_images.data.examples import held_out
from advsci_images.data.stack import read_images
from advsci_images.evaluation.scores import sharpness
from advsci_images.game.training import Play
from advsci_images.systems.adapt import predict
from advsci_images.systems.models import LATENT, MODELS, Made, made_by

STEPS = 500
"""Steps of every model."""


def compare_rows(seeds: Sequence[int], share: float) -> None:
    """The table of the four models."""
    found = Found(f"digits, {STEPS} steps")
    digits, test, judge = read_images("digits"), held_out("digits"), digit_reader(share)
    real = features(judge, test.images)
    for seed in seeds:
        for model in MODELS:
            play = Play(max(2, int(share * STEPS)), 32, 2e-3, seed, "cpu")
            made = made_by(model, digits.images, test.images[:500], 1000, play)
            scores: dict[str, float | None] = {"KID": float(kid(real, features(judge, made.images)).value)}
            near = prdc(real, features(judge, made.images))
            scores |= {k: float(getattr(near, k)) for k in ("precision", "recall", "coverage")}
            scores["sharpness"] = float(sharpness(made.images) / sharpness(test.images))
            scores["rarest digit"] = rarest(predict(judge, made.images))
            scores |= {"training [CPU s]": made.seconds, "sampling [CPU ms]": made.per_image}
            scores |= {"memory [MB]": made.megabytes, "reconstruction": made.reconstruction}
            scores |= {"likelihood bound [bits]": made.bits, "tighter bound [bits]": made.tighter_bits}
            if model != "diffusion":
                scores |= of_codes(model, made, judge, real, seed)
            for name, value in scores.items():
                if value is not None:
                    found.add(f"{model} {name}", value)
    found.add("32 principal components, reconstruction", of_components(digits.images, test.images[:500]))
    higher = ("precision", "recall", "coverage", "sharpness", "rarest", "class from", "between")
    lower = tuple(n for n in found.values if not any(word in n for word in higher))
    found.print(lower=lower)


def rarest(logits: Tensor) -> float:
    """Ten times the share of the digit that is drawn least often: 1 where all come equally often."""
    return 10.0 * float(torch.bincount(logits.argmax(1), minlength=10).min()) / len(logits)


def of_codes(model: str, made: Made, judge: nn.Module, real: Tensor, seed: int) -> dict[str, float]:
    """What the codes of a model say: the class by a linear map, images half way between two, cleaning of noise."""
    from sklearn.linear_model import LogisticRegression

    network, test = made.network, held_out("digits")
    assert network is not None
    found: dict[str, float] = {}
    with torch.no_grad():
        if model == "gan":
            codes = Stream(seed).at("codes").normal((1000, LATENT))
            label = predict(judge, network(codes)).argmax(1)  # type: ignore[arg-type]
            middle = network((codes[:500] + codes[500:]) / 2.0**0.5)  # as long as a code
        else:
            codes = encoded(network, test.images[:1000])
            label = test.require_labels("digits")[:1000]
            middle = network.decoder((codes[:500] + codes[500:]) / 2.0)  # type: ignore[operator]
            noisy = test.images[:500] + 0.5 * Stream(seed).at("noise").normal(tuple(test.images[:500].shape))
            cleaned = network.decoder(encoded(network, noisy))  # type: ignore[operator]
            found["noise of .25 cleaned to"] = float((cleaned - test.images[:500]).square().mean())
    probe = LogisticRegression(max_iter=300).fit(codes[:700].numpy(), label[:700].numpy())
    found["class from the code, linear"] = float((probe.predict(codes[700:].numpy()) == label[700:].numpy()).mean())
    found["precision between two codes"] = float(prdc(real, features(judge, middle)).precision)  # type: ignore[arg-type]
    return found


def encoded(network: nn.Module, x: Tensor) -> Tensor:
    """Codes (n latent) of images ``x``; of a VAE the means."""
    return network.encoder(x)[:, :LATENT]  # type: ignore[operator]


def of_components(x: Tensor, held: Tensor) -> float:
    """Mean squared error of images ``held`` in as many principal components of ``x`` as the codes are long."""
    from sklearn.decomposition import PCA

    pca = PCA(LATENT, random_state=0).fit(x[:4000].flatten(1).numpy())
    flat = held.flatten(1).numpy()
    return float(np.square(pca.inverse_transform(pca.transform(flat)) - flat).mean())
