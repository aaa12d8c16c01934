"""Training a prior by a recorded recipe, and the range test that its card states."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.diagnostics import Probe
from advsci.errors import DataError
from advsci.penalties import R1, R2
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Run, Trainer
from advsci_inverse.game.hybrid import HybridGAN
from advsci_inverse.priors.networks import build_discriminator, build_synthesis
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.search.projection import project_onto_range

if TYPE_CHECKING:
    from advsci_inverse.config import Train

__all__ = ["TrainedPrior", "check_images", "train_prior"]


@dataclass(frozen=True)
class TrainedPrior:
    """A prior, the card that describes it, and the log of its training."""

    prior: GeneratorPrior
    card: dict[str, Any]
    log: list[dict[str, float | int]]


def check_images(images: Float[Tensor, "n h w"], config: "Train", labels: Int[Tensor, " n"] | None) -> None:
    """Whether a prior can be trained on these images.

    Parameters
    ----------
    images
        Training images.
    config
        The settings.
    labels
        Classes of a conditional prior.

    Raises
    ------
    DataError
        Too few images, an image outside [0, 1], or a conditional prior without a label for each image.
    """
    if config.classes and (labels is None or len(labels) != len(images) or int(labels.max()) >= config.classes):
        got = "no labels" if labels is None else f"{len(labels)} labels up to {int(labels.max())}"
        raise DataError(
            f"got {got} for {len(images)} images of {config.classes} classes; expected one each. "
            "Try: a registered set with labels, an npz with y_train, or --classes 0."
        )
    if len(images) < config.held_out + config.batch_size:
        raise DataError(
            f"got {len(images)} images; expected at least held_out + batch_size = "
            f"{config.held_out + config.batch_size}. Try: a smaller --held-out."
        )
    if float(images.amin()) < -1e-6 or float(images.amax()) > 1 + 1e-6:
        raise DataError(
            f"got images in [{float(images.amin()):.3g}, {float(images.amax()):.3g}]; expected [0, 1]. "
            "Try: Scale.of(images).to_unit(images)."
        )


def train_prior(
    images: Float[Tensor, "n h w"],
    config: "Train",
    labels: Int[Tensor, " n"] | None = None,
    *,
    run: Run | None = None,
    quiet: bool = True,
) -> TrainedPrior:
    """Train on all but the last ``config.held_out`` images; fit the residual covariance on those.

    Parameters
    ----------
    images
        Training images in [0, 1].
    config
        The settings.
    labels
        Classes of a conditional prior, one per image, below ``config.classes``.
    run
        Where log and checkpoints go; None keeps all in memory.
    quiet
        Show no progress.

    Returns
    -------
    TrainedPrior
        The averaged prior, its card and the log.

    Raises
    ------
    DataError
        See `check_images`.
    """
    check_images(images, config, labels)
    shape = (images.shape[1], images.shape[2])
    train, held = images[: -config.held_out], images[-config.held_out :]
    with Stream(config.seed).at("networks").seeded():
        kind, classes = config.networks, config.classes
        synthesis = build_synthesis(
            kind, config.latent, shape, config.widths, encoder=config.encoder, condition=classes
        )
        discriminator = build_discriminator(kind, shape, config.critic_widths, condition=classes)
    game = HybridGAN(
        synthesis,
        discriminator,
        adversary=config.adversary if config.encoder else 1.0,
        penalties=(R1(config.penalty), R2(config.penalty)),
    )
    own = labels if config.classes else None
    data = _batches(train, None if own is None else own[: -config.held_out], config, "hidden pixels")
    own = None if own is None else own[-config.held_out :]
    spare = _batches(held, own, config, "hidden pixels, held out")
    probed = bool(game.adversarial)
    trainer = Trainer(
        steps=config.steps,
        batch_size=config.batch_size,
        seed=config.seed,
        device=config.device,
        ema=EMA(0.999, of=("generator",)),
        run=run,
        log_every=max(1, config.steps // 25),
        callbacks=[Probe(data, held_out=spare, samples=256, jacobians=0)] if probed else [],
        quiet=quiet,
        title="prior",
    )
    betas = (0.5, 0.99) if config.encoder else (0.0, 0.99)
    training = trainer.fit(game, data, Simultaneous(adam(config.rate, betas=betas), Cosine(1.0, 0.02)))
    prior = GeneratorPrior(training.averaged("generator").cpu(), shape, config.rank)  # type: ignore[arg-type]
    if config.masked:
        seen, mask = data["x"][-config.held_out :, 0], data["mask"][-config.held_out :, 0]
        residual = _masked_residual(prior, seen, mask, own)
    else:
        residual = held - project_onto_range(prior, held, own)
    prior.fit_residual(residual)
    card = _card(config, prior, (len(train), len(held)), float(residual.square().mean()))
    return TrainedPrior(prior.eval().requires_grad_(False), card, training.log)


def _batches(images: Tensor, labels: Tensor | None, config: "Train", purpose: str) -> dict[str, Tensor]:
    """What the game is given of images: classes, where there are some, and which pixels are hidden, if any are."""
    data = {"x": images[:, None]}
    if labels is not None:
        data["condition"] = labels
    if config.masked:
        hidden = Stream(config.seed).at(purpose).uniform(tuple(data["x"].shape))
        data["mask"] = (hidden >= config.masked).float()
        data["x"] = data["x"] * data["mask"]  # what is hidden is gone for good
    return data


def _card(config: "Train", prior: GeneratorPrior, images: tuple[int, int], error: float) -> dict[str, Any]:
    """The card of a prior: its networks, its recipe, and what it was trained on."""
    return {
        "kind": "prior",
        "networks": {
            "kind": config.networks,
            "latent": config.latent,
            "shape": list(prior.shape),
            "widths": list(config.widths),
            "encoder": config.encoder,
            "classes": config.classes,
            "rank": prior.residual_factor.shape[1],
        },
        "recipe": config.model_dump(mode="json", exclude={"out", "overwrite", "device"}),
        "data": {"name": config.data, "training_images": images[0], "held_out_images": images[1]},
        "representation_error": error,
    }


def _masked_residual(prior: GeneratorPrior, seen: Tensor, mask: Tensor, labels: Tensor | None) -> Tensor:
    """Residuals of incomplete images: zero where hidden, scaled so that their second moment is unbiased."""
    with torch.no_grad():
        rebuilt = prior.decode(prior.synthesis.encode(seen[:, None])[0], labels)
    share = mask.mean().clamp(min=1e-3)
    return (seen - rebuilt) * mask / share.sqrt()
