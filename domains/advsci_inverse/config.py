"""Schemas of the commands of ``advsci-inverse``: what can be set, in which units and ranges."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from advsci.config import Config, DeviceConfig, RunConfig

__all__ = [
    "Compare",
    "Evaluate",
    "InspectOperator",
    "Learning",
    "OperatorSpec",
    "Parts",
    "Reconstruct",
    "WriteReport",
    "Train",
    "TrainDenoiser",
    "TrainPosterior",
    "TrainRefiner",
    "TrainRegulariser",
]

Kind = Literal[
    "radon",
    "fourier_radon",
    "fan",
    "gaussian",
    "dct",
    "hadamard",
    "fourier",
    "blur",
    "inpainting",
    "downsampling",
    "matrix",
]
Method = Literal[
    "latent",
    "range",
    "amp",
    "hqs",
    "refiner",
    "posterior",
    "adversarial",
    "fbp",
    "cgls",
    "tikhonov",
    "tv",
    "lasso-pixel",
    "lasso-dct",
    "lasso-haar",
    "gaussian",
    "mixture",
    "kernel",
    "dip",
]


class OperatorSpec(Config):
    """The measurement: which operator, on images of which size."""

    kind: Kind = Field(default="radon", description="The operator.")
    size: int = Field(default=28, ge=2, le=4096, description="Side of the square images [pixels].")
    views: int = Field(default=10, ge=1, description="Projection angles of radon, fourier_radon and fan.")
    arc: float = Field(default=180.0, gt=0, le=360, description="Arc that the views share equally [degrees].")
    angles: list[float] | None = Field(
        default=None,
        description="radon, fourier_radon, fan: the angles themselves [degrees], in place of views and arc.",
    )
    detectors: int | None = Field(default=None, ge=1, description="Detector bins of one view; default: the diagonal.")
    spacing: float = Field(default=1.0, gt=0, description="radon: width of a detector bin [pixels].")
    offset: float = Field(
        default=0.0, description="radon, fan: rotation centre on the detector, from its middle [bins]."
    )
    measurements: int = Field(default=100, ge=1, description="Measurements of gaussian, dct and hadamard.")
    source: float = Field(default=2.0, gt=0.71, description="fan: source to centre [image sides].")
    detector: float = Field(default=2.0, gt=0, description="fan: centre to detector [image sides].")
    pitch: float | None = Field(
        default=None, gt=0, description="fan: width of a bin [pixels]; default: a pixel's shadow."
    )
    acceleration: float = Field(default=4.0, ge=1, description="fourier: one line in so many is measured.")
    coils: Path | None = Field(
        default=None,
        description="fourier: npz with coils (c, h, w), complex sensitivities, or mask (h, w), zero frequency first; "
        "or both.",
    )
    width: float = Field(default=1.5, gt=0, description="blur: standard deviation of the kernel [pixels].")
    share: float = Field(default=0.5, gt=0, le=1, description="inpainting: share of pixels that are seen.")
    factor: int = Field(default=2, ge=1, description="downsampling: block side [pixels].")
    file: Path | None = Field(default=None, description="matrix: npz of a SciPy sparse matrix, one row a datum.")
    seed: int = Field(default=0, ge=0, description="Of random operators.")

    @model_validator(mode="after")
    def _file_for_matrix(self):
        if (self.kind == "matrix") != (self.file is not None):
            raise ValueError(
                f"got kind = {self.kind!r} with file = {self.file}; expected a file for 'matrix' alone. "
                "Try: --operator.kind matrix with --operator.file."
            )
        return self


class Train(DeviceConfig):
    """Train an image prior: a generator with an encoder against a discriminator.

    Example: advsci-inverse train --data slices.npz --latent 24 --out runs/prior
    """

    data: str = Field(default="digits", description="Registered data set, folder of images, or npz, nii, dcm, h5 file.")
    networks: Literal["dense", "residual", "style"] = Field(
        default="dense", description="Fully connected, R3GAN's residual, or style-based."
    )
    classes: int = Field(default=0, ge=0, description="Classes of a conditional prior, by the data's labels; 0: none.")
    latent: int = Field(default=24, ge=1, le=1024, description="Length of the latent vector.")
    widths: list[int] = Field(default=[512, 512], min_length=1, description="Generator's widths, from the latent on.")
    critic_widths: list[int] = Field(
        default=[256, 256], min_length=1, description="Discriminator's, from the image on."
    )
    adversary: float = Field(default=0.05, ge=0, description="Weight of the adversarial term; 0 makes a VAE.")
    encoder: bool = Field(default=True, description="Hold the generator to the data by an encoder; off: a plain GAN.")
    masked: float = Field(
        default=0.0, ge=0, lt=1, description="AmbientGAN: share of each image's pixels that is hidden."
    )
    penalty: float = Field(default=5.0, ge=0, description="Weight of R1 and R2.")
    steps: int = Field(default=5000, ge=1, description="Training steps.")
    batch_size: int = Field(default=128, ge=2, description="Images per step.")
    rate: float = Field(default=1e-3, gt=0, description="Learning rate, falling on a cosine.")
    held_out: int = Field(default=1000, ge=16, description="Last training images, kept for the range test.")
    rank: int = Field(default=64, ge=1, description="Rank of the residual covariance's low-rank part.")


class InspectOperator(RunConfig):
    """Build an operator, test its adjoint, and look at what it cannot see.

    Example: advsci-inverse operator --operator.kind radon --operator.size 64 --operator.views 20
    """

    operator: OperatorSpec = OperatorSpec()


class Parts(DeviceConfig):
    """What was learned before, and the noise of simulated data."""

    operator: OperatorSpec = OperatorSpec()
    prior: str | None = Field(
        default=None, description="latent, range, amp: a prior that ships with the package, or a prior.safetensors."
    )
    label: int | None = Field(default=None, ge=0, description="Class of the images, for a conditional prior.")
    denoiser: str | None = Field(default=None, description="amp, hqs: a shipped denoiser or a file.")
    refiner: str | None = Field(default=None, description="refiner: a shipped one or a file.")
    regulariser: Path | None = Field(default=None, description="adversarial: file of a trained regulariser.")
    sampler: Path | None = Field(default=None, description="posterior: file of a trained sampler.")
    samples: int = Field(default=32, ge=2, le=1024, description="posterior: samples of each image.")


class Reconstruct(Parts):
    """Reconstruct images from measurements, with error bars and a verdict on each.

    Example: advsci-inverse reconstruct sinogram.npy --operator.kind radon --operator.views 20
    """

    file: Path = Field(description="npz with the data y (n, ...) and optionally sigma; or images with --simulate.")
    simulate: bool = Field(default=False, description="The file holds images: measure them first.")
    transmission: bool = Field(default=False, description="The data are transmissions I / I0, not line integrals.")
    counts: float | None = Field(
        default=None,
        gt=0,
        description="Counts of a datum of 1, with --transmission of the open beam: noise is Poisson's, and the file's "
        "sigma, if any, the electronics'.",
    )
    units: tuple[float, float] | None = Field(
        default=None, description="What 0 and 1 of the images are in the data's units; default: the learned part's."
    )
    noise: float | None = Field(
        default=None,
        gt=0,
        description="Standard deviation of the noise [share of the rms datum], where the file has no sigma; default: "
        "estimated, 0.01 with --simulate.",
    )
    method: Method | Literal["auto"] = Field(
        default="auto", description="How to reconstruct; auto: the best on held-out images of --data, else tv."
    )
    starts: int = Field(default=6, ge=1, le=64, description="Starts of the latent search.")
    limit: int = Field(default=64, ge=1, description="Most images of the file that are taken.")
    data: str | None = Field(
        default=None,
        description="Images of the same kind: held-out ones calibrate intervals and verdicts and choose the method, "
        "the others serve the Gaussian, mixture and kernel priors.",
    )
    coverage: float = Field(default=0.9, gt=0, lt=1, description="Share of the pixels that the intervals cover.")
    spot: tuple[float, float, float] | None = Field(
        default=None, description="posterior: is there a spot at this row, column, of this radius [pixels]?"
    )


class Evaluate(DeviceConfig):
    """Test a prior before its use: range, coverage of its error bars, identifiability, images of another kind.

    Example: advsci-inverse evaluate --operator.kind radon --operator.views 20
    """

    operator: OperatorSpec = OperatorSpec(kind="gaussian")
    prior: str = Field(default="digits", description="A prior that ships with the package, or a prior.safetensors.")
    noise: float = Field(default=0.01, gt=0, description="Standard deviation of the noise [share of the rms datum].")
    data: str = Field(default="digits", description="Images of the prior's kind; held-out ones are used.")
    foreign: str = Field(default="fashion", description="Images of another kind, of the same size.")
    images: int = Field(default=64, ge=8, description="Images of each kind.")


class Compare(Parts):
    """Compare methods on held-out images under one operator.

    Example: advsci-inverse compare --operator.kind radon --operator.views 20
    """

    prior: str | None = Field(
        default="digits", description="latent, range, amp: a prior that ships with the package, or a prior.safetensors."
    )
    denoiser: str | None = Field(default="digits-denoiser", description="amp, hqs: a shipped denoiser or a file.")
    refiner: str | None = Field(default="head-ct-refiner", description="refiner: a shipped one or a file.")
    noise: float = Field(default=0.01, gt=0, description="Standard deviation of the noise [share of the rms datum].")
    data: str = Field(default="digits", description="Data set; held-out images are measured and reconstructed.")
    methods: list[Method] = Field(
        default=["latent", "cgls", "tv", "gaussian", "mixture"], min_length=1, description="Methods, in this order."
    )
    images: int = Field(default=32, ge=1, description="Held-out images.")
    validation: int = Field(default=16, ge=1, description="Further held-out images on which weights are tuned.")


class WriteReport(Config):
    """Write the report of a finished reconstruction anew.

    Example: advsci-inverse report runs/reconstruction
    """

    run: Path = Field(description="Run folder of reconstruct or compare.")


class Learning(DeviceConfig):
    """What every network that plays alone is trained by."""

    data: str = Field(default="digits", description="Registered data set, folder of images, or npz, nii, dcm, h5 file.")
    steps: int = Field(default=4500, ge=1, description="Training steps.")
    batch_size: int = Field(default=64, ge=1, description="Images per step.")
    rate: float = Field(default=2e-3, gt=0, description="Learning rate, falling on a cosine.")
    held_out: int = Field(default=0, ge=0, description="Last training images, left out.")


class TrainDenoiser(Learning):
    """Train a denoiser of all noise levels, for message passing and plug-and-play.

    Example: advsci-inverse denoiser --data slices.npz --out runs/denoiser
    """

    widths: list[int] = Field(default=[32, 96], min_length=1, description="Channels of the stages, fine to coarse.")
    blocks: list[int] = Field(default=[1, 3], min_length=1, description="Residual blocks of the stages.")
    half: bool = Field(default=True, description="Convolutions in bfloat16: twice as fast where the CPU has it.")


class TrainRefiner(Learning):
    """Train a reconstruction end to end for few-view CT, or for an operator of yours.

    Example: advsci-inverse refiner --data slices.npz --views 10 20 30 --out runs/refiner
    """

    data: str = Field(
        default="head-ct", description="Registered data set, folder of images, or npz, nii, dcm, h5 file."
    )
    views: list[int] = Field(default=[10, 20, 30], min_length=1, description="Numbers of parallel-beam views.")
    operator: OperatorSpec = Field(
        default=OperatorSpec(), description="Where anything of it is set: train for this operator, in place of views."
    )
    noise: float = Field(default=0.01, gt=0, description="Standard deviation of the noise [share of the rms datum].")
    stages: int = Field(default=2, ge=1, le=8, description="Network evaluations.")
    rank: int = Field(default=128, ge=1, description="Rank of the images' covariance.")
    widths: list[int] = Field(default=[48, 64, 96], min_length=1, description="Channels of the stages, fine to coarse.")
    blocks: list[int] = Field(default=[1, 1, 2], min_length=1, description="Residual blocks of the stages.")
    half: bool = Field(default=True, description="Convolutions in bfloat16: twice as fast where the CPU has it.")
    steps: int = Field(default=5500, ge=1, description="Training steps.")
    batch_size: int = Field(default=12, ge=1, description="Images per step, over all numbers of views.")
    rate: float = Field(default=1e-3, gt=0, description="Learning rate, falling on a cosine.")
    held_out: int = Field(default=300, ge=0, description="Last training images, left out.")


class TrainPosterior(Learning):
    """Train a sampler of the posterior: draws by likelihood, made to look real against a discriminator.

    Example: advsci-inverse posterior --data slices.npz --operator.kind radon --operator.views 20
    """

    operator: OperatorSpec = OperatorSpec()
    prior: str | None = Field(default=None, description="Draws come from this generator prior: shipped, or a file.")
    refiner: str | None = Field(default=None, description="Draws come from this refiner's mean and covariance.")
    denoiser: str | None = Field(default=None, description="point = amp: a shipped denoiser or a file.")
    point: Literal["draws", "latent", "amp", "refiner", "gaussian"] = Field(
        default="draws", description="Estimate that the samples are told; draws: the mean of their own posterior."
    )
    noise: float = Field(default=0.01, gt=0, description="Standard deviation of the noise [share of the rms datum].")
    pairs: int = Field(default=5000, ge=64, description="Most training images that are measured.")
    draws: int = Field(default=4, ge=2, le=64, description="Draws of each image.")
    adversary: float = Field(default=0.1, ge=0, description="Weight of the adversarial term; 0 leaves it out.")
    score: Literal["energy", "mean-and-spread"] = Field(
        default="energy", description="Score of the samples: ranked probability score, or rcGAN's."
    )
    widths: list[int] = Field(default=[24, 64], min_length=1, description="Channels of the stages, fine to coarse.")
    blocks: list[int] = Field(default=[1, 2], min_length=1, description="Residual blocks of the stages.")
    critic_width: int = Field(default=24, ge=2, description="Channels of the discriminator at half the resolution.")
    validation: int = Field(default=200, ge=16, description="Held-out images on which the spread is measured.")
    steps: int = Field(default=2500, ge=1, description="Training steps.")
    batch_size: int = Field(default=32, ge=2, description="Images per step.")
    rate: float = Field(default=4e-4, gt=0, description="Learning rate, falling on a cosine.")


class TrainRegulariser(Learning):
    """Train an adversarial regulariser for one operator: a critic of true images against poor reconstructions.

    Example: advsci-inverse regulariser --data slices.npz --operator.kind radon --operator.views 20
    """

    data: str = Field(
        default="head-ct", description="Registered data set, folder of images, or npz, nii, dcm, h5 file."
    )
    operator: OperatorSpec = OperatorSpec()
    noise: float = Field(default=0.01, gt=0, description="Standard deviation of the noise [share of the rms datum].")
    kind: Literal["free", "convex"] = Field(default="free", description="Any critic, or one convex in the image.")
    widths: list[int] = Field(default=[16, 32, 32], min_length=1, description="Channels of the layers.")
    penalty: float = Field(default=10.0, gt=0, description="Weight of the one-sided gradient penalty.")
    images: int = Field(default=4000, ge=16, description="Most training images; half are measured, half are truths.")
    steps: int = Field(default=1500, ge=1, description="Training steps.")
    batch_size: int = Field(default=32, ge=2, description="Images per step.")
    rate: float = Field(default=5e-4, gt=0, description="Learning rate, falling on a cosine.")
    held_out: int = Field(default=300, ge=0, description="Last training images, left out.")
