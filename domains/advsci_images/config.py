"""Schemas of the commands of ``advsci-images``: what can be set, in which units and ranges."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from advsci.config import DeviceConfig

__all__ = ["Adapt", "Augment", "Caption", "Compare", "Sample", "Train", "Training", "Translate", "Upscale"]

SOURCE = "Registered data set, folder of PNG, JPEG, TIFF or DICOM files (subfolders are classes), or npz file."


class Training(DeviceConfig):
    """What every training shares."""

    steps: int = Field(default=1500, ge=1, description="Steps of all players.")
    batch_size: int = Field(default=32, ge=2, description="Images per step and domain.")
    rate: float = Field(default=1e-3, gt=0, description="Adam's learning rate, falling to a tenth on a cosine.")
    limit: int = Field(default=9000, ge=16, description="Most images that are read of each set.")


class Adapt(Training):
    """Train a classifier for images without labels, from labelled images of another domain.

    Example: advsci-images adapt --data labelled/ --target unlabelled/ --method dann
    """

    data: str = Field(default="digits", description="Labelled images. " + SOURCE)
    target: str = Field(
        default="textured", description="Images without labels; 'textured' puts held-out digits on coloured textures."
    )
    method: Literal["source", "dann", "cdan", "adda", "pixelda"] = Field(
        default="pixelda", description="How; 'source' does not adapt."
    )
    strength: float = Field(default=1.0, ge=0, description="Weight of the adversary of dann, cdan, pixelda.")
    entropy: float | None = Field(
        default=None,
        ge=0,
        description="Weight of the class entropy on images without labels; default: 0.1 for pixelda, 0 for the others.",
    )
    recolour: bool = Field(
        default=False, description="source, dann, cdan: show the labelled images in random colours, anew at every step."
    )

    @model_validator(mode="after")
    def _colours_for_a_method_that_takes_them(self):
        if self.recolour and self.method not in ("source", "dann", "cdan"):
            raise ValueError(
                f"got recolour for {self.method}; expected source, dann or cdan. Try: --method dann, or no --recolour."
            )
        return self


class Translate(Training):
    """Translate images of one kind into another: from pairs, from two unpaired sets, or between several domains.

    Example: advsci-images translate --data stained/ --target unstained/ --method cyclegan
    """

    data: str = Field(
        default="stained", description="Images to translate, or an example: stained, low-dose, inks. " + SOURCE
    )
    target: str = Field(default="", description="Images of the other kind; of the same names for pairs.")
    method: Literal["pix2pix", "regression", "cyclegan", "cut", "stargan"] = Field(
        default="cyclegan",
        description="From pairs with or without adversary, unpaired (two ways), or between the classes of one set.",
    )
    cycle: float = Field(default=10.0, ge=0, description="cyclegan, stargan: weight of the way back.")
    identity: float = Field(default=0.0, ge=0, description="cyclegan: weight of leaving images of the target alone.")
    noise: float = Field(
        default=0.0, ge=0, description="cyclegan: deviation of the noise on a translation before its way back."
    )
    distance: float = Field(default=10.0, ge=0, description="pix2pix: weight of the distance to the target.")
    contrast: float = Field(default=1.0, ge=0, description="cut: weight of the contrastive patch loss.")


class Upscale(Training):
    """Enlarge images two or four times with a judge of detail, beside bicubic and least squares.

    Example: advsci-images upscale --data micrographs/ --factor 4
    """

    data: str = Field(default="digits", description="Large images, to learn from. " + SOURCE)
    images: str = Field(default="", description="Small images to enlarge; default: held-out ones, made small.")
    factor: Literal[2, 4] = Field(default=4, description="Enlargement of each side.")
    adversarial: float = Field(default=0.1, ge=0, description="Weight of the adversary.")
    pixels: float = Field(default=10.0, ge=0, description="Weight of the squared error.")
    perceptual: float = Field(default=1.0, ge=0, description="Weight of the distance in random features.")


class Train(Training):
    """Train a generator of images, of each class where there are classes.

    Example: advsci-images train --data micrographs/ --steps 20000 --out runs/images
    """

    data: str = Field(default="digits", description="Images. " + SOURCE)
    networks: Literal["strided", "residual", "style", "dcgan", "progressive"] = Field(
        default="strided",
        description="R3GAN's game on cheap networks, on its own, on a style-based or a growing one; or DCGAN.",
    )
    conditional: bool = Field(default=False, description="One generator for all classes, told which is wanted.")
    auxiliary: float = Field(
        default=1.0, ge=0, description="Conditional: weight of the classes that the judge reads in generated images."
    )
    augment: Literal["none", "diffaugment", "ada"] = Field(
        default="none", description="Differentiable augmentation for few images, at a fixed or an adapted probability."
    )
    latent: int = Field(default=64, ge=2, le=512, description="Length of the latent vector.")
    width: int = Field(default=32, ge=8, description="Channels of the finest layer; divisible by 8.")


class Sample(DeviceConfig):
    """Draw images from a trained generator.

    Example: advsci-images sample runs/images/model.safetensors --count 64
    """

    model: Path = Field(description="generator.safetensors of a run of train.")
    count: int = Field(default=64, ge=1, le=100_000, description="How many images.")
    label: int | None = Field(
        default=None, ge=0, description="Class, for a conditional generator; default: all in turn."
    )
    truncation: float = Field(
        default=1.0, gt=0, le=1, description="Factor on the latent vectors; below 1 safer images."
    )


class Augment(Training):
    """Make images of rare classes by a conditional generator, and say whether that helps a classifier.

    Example: advsci-images augment --data micrographs/ --minority 3 --seeds 3
    """

    data: str = Field(default="digits", description="Labelled images. " + SOURCE)
    minority: list[int] = Field(default=[8], min_length=1, description="Classes that are rare.")
    keep: float = Field(
        default=0.01, gt=0, le=1, description="Share of the rare classes' images that are kept; 1 takes data as it is."
    )
    seeds: int = Field(default=3, ge=1, description="Repetitions, for the intervals.")
    classifier_steps: int = Field(default=400, ge=1, description="Steps of each classifier.")


class Compare(Training):
    """Compare a GAN, a VAE, an autoencoder and a diffusion model on the same images, for the same number of steps.

    Example: advsci-images compare --data micrographs/ --models gan vae
    """

    data: str = Field(default="digits", description="Images. " + SOURCE)
    models: list[Literal["gan", "vae", "autoencoder", "diffusion"]] = Field(
        default=["gan", "vae", "autoencoder", "diffusion"], min_length=1, description="Which, in this order."
    )


class Caption(Training):
    """Make images from captions in two stages, with attention over words.

    Example: advsci-images caption --text "two red threes left" --steps 2000
    """

    rate: float = Field(default=2e-3, gt=0, description="Adam's learning rate, falling to a tenth on a cosine.")
    text: list[str] = Field(
        default=["two red sevens left", "one green three right"],
        description="Captions: count, colour, digit, place.",
    )
    attention: bool = Field(default=True, description="Second stage with attention over words.")
    readers: int = Field(default=2, ge=1, le=8, description="Readers of attributes that teach the stages together.")

    @model_validator(mode="after")
    def _some_text(self):
        if not all(line.strip() for line in self.text):
            raise ValueError(f"got text = {self.text}; expected words in every caption. Try: 'two red sevens left'.")
        return self
