"""Schemas of the commands of ``advsci-singlecell``; imports no torch."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from advsci.config import Config, DeviceConfig

__all__ = ["Check", "Compare", "Correct", "Evaluate", "Keys", "Map", "Settings", "WriteReport"]

INPUT = "AnnData file (.h5ad, .zarr), a registered data set such as cellmix_5batch, or 'simulator'."


def _anndata(path: Path) -> Path:
    """The path, if its ending says in which format an AnnData is to be written."""
    if path.suffix not in (".h5ad", ".zarr"):
        raise ValueError(f"got {path}; expected a name that ends in .h5ad or .zarr. Try: {path.stem}.h5ad.")
    return path


AnnDataPath = Annotated[Path, AfterValidator(_anndata)]


class Keys(Config):
    """Which columns mean what."""

    batch_key: str = Field(default="batch", description="Column of obs with the batches.")
    labels_key: str | None = Field(default=None, description="Column of obs with cell types, used in training.")
    unlabeled_category: str = Field(default="Unknown", description="Value of labels_key that means not known.")
    layer: str | None = Field(default=None, description="Layer with the counts; unset: X.")
    use_raw: bool = Field(default=False, description="Take counts and genes of .raw.")
    protected_key: str | None = Field(default=None, description="Column of obs that must not be removed.")
    categorical_covariate_keys: list[str] = Field(default=[], description="Further nuisances, by category.")
    continuous_covariate_keys: list[str] = Field(default=[], description="Further nuisances, by number.")

    def keys(self) -> dict[str, Any]:
        """The keys by name, as ``Model.setup_anndata`` takes them."""
        return self.model_dump(include=set(Keys.model_fields) - {"use_raw"})


class Settings(Config):
    """How an embedding is made; the defaults are meant to stay.

    Examples
    --------
    >>> from advsci_singlecell import Settings
    >>> Settings(steps=50).steps
    50
    """

    method: Literal["chain", "counts"] = Field(
        default="chain",
        description="chain: components aligned and averaged in closed form, then an encoder against the adversary; "
        "counts: an encoder of counts that the adversary alone makes blind to the batch.",
    )
    likelihood: Literal["nb", "zinb", "poisson", "gaussian"] = Field(
        default="nb", description="Of the expression; gaussian: the data are log-expression, not counts."
    )
    genes: int = Field(default=2000, ge=2, description="Most variable genes that are used.")
    library: Annotated[float, Field(gt=0)] | Literal["median"] | None = Field(
        default=None,
        description="Total that counts are normalised to; median: of the cells; unset: 10,000 or the median, whichever "
        "shows less of the batch.",
    )
    dimensions: int = Field(default=50, ge=2, description="Length of the embedding.")
    adversary: Literal["conditional", "marginal", "none"] = Field(
        default="conditional",
        description="conditional: reads the batch within types or clusters, where it has them; "
        "marginal: the textbook one, a baseline that merges types a batch lacks.",
    )
    strength: float | None = Field(
        default=None, ge=0, description="Of the adversary; unset: moved by readability and phantom mixing."
    )
    play: Literal["turns", "reversal"] = Field(
        default="turns",
        description="turns: the adversary moves several times between the encoder's moves; "
        "reversal: both move at once, one backward pass a step.",
    )
    steps: int | None = Field(
        default=None, ge=1, description="Training steps of the encoder; unset: 600, method counts 300."
    )
    moves: int = Field(default=3, ge=1, description="Steps of the adversary a step of the encoder.")
    batch_size: int | None = Field(default=None, ge=8, description="Cells a step; unset: 256, method counts 128.")
    rate: float = Field(
        default=1e-3,
        gt=0,
        description="Learning rate of the encoder; the adversary's is twice that; method counts: 2 and 15 times it.",
    )
    width: int = Field(default=128, ge=4, description="Units of a hidden layer.")
    clusters: int = Field(default=20, ge=2, description="Soft clusters that condition the adversary without types.")
    diversity: float = Field(default=1.0, ge=0, description="Penalty on clusters made of one batch.")
    neighbours: int = Field(default=30, ge=2, description="Size of neighbourhoods in every batch.")
    diffusion: float = Field(default=0.8, ge=0, lt=1, description="Rate of the diffusion that removes noise.")
    pull: float = Field(
        default=0.75, ge=0, le=1, description="How far a cell is drawn to the mean of its type, if given."
    )
    discrepancy: float = Field(
        default=0.0, ge=0, description="Weight of the kernel discrepancy between batches, an ablation."
    )
    prior: Literal["none", "gaussian", "vamp"] = Field(
        default="none", description="Makes the encoder variational with this prior, an ablation."
    )
    prior_weight: float = Field(default=0.01, ge=0, description="Weight of the divergence from the prior.")
    cycle: float = Field(default=0.0, ge=0, description="Weight of cycle consistency across batches, an ablation.")
    orthogonality: float = Field(
        default=0.0, ge=0, description="Weight of a batch encoder orthogonal to the embedding, an ablation."
    )
    naming: float = Field(default=0.1, ge=0, description="Weight of the class head.")
    features: int = Field(default=24, ge=2, description="Length of the encoder's part of the embedding, method counts.")
    explaining: float = Field(default=10.0, ge=0, description="Weight of the likelihood, method counts; 0: off.")
    sharpening: float = Field(
        default=0.7, ge=0, le=1, description="Probability that a neighbour's counts are explained, method counts."
    )
    contrast: float = Field(default=0.0, ge=0, description="Weight of the contrast in the own batch, method counts.")
    weighing: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="How far directions of the embedding count by what they say of the components, method counts; "
        "0: all alike.",
    )
    remainder: float = Field(
        default=0.6,
        ge=0,
        description="Length of what the encoder forgets of the components, which is appended to the embedding, as a "
        "share of the embedding's, method counts; 0: nothing.",
    )
    sketch: int = Field(
        default=20_000,
        ge=100,
        description="Most cells that all but the networks is fitted to, and they too without passes; all are embedded.",
    )
    passes: float = Field(
        default=0.0,
        ge=0,
        description="How often the training goes through all cells, read block by block, method counts; "
        "0: it takes its steps on the sketch.",
    )

    @model_validator(mode="after")
    def _streams(self) -> "Settings":
        """Refuse passes where nothing would go through the cells, or steps say otherwise."""
        if self.passes and self.method != "counts":
            raise ValueError(
                f"got passes={self.passes:g} for method '{self.method}', which is fitted to the sketch in closed form; "
                "expected 0. Try: method='counts', or a larger sketch."
            )
        if self.passes and self.steps is not None:
            raise ValueError(
                f"got passes={self.passes:g} and steps={self.steps}; expected one of the two, since passes times cells "
                "make the steps. Try: leave steps unset."
            )
        return self

    def training(self, cells: int = 0) -> tuple[int, int]:
        """Steps of the training, and cells a step.

        Parameters
        ----------
        cells
            How many cells the training goes through, where it does so in passes.

        Returns
        -------
        steps, batch_size
            As set, or what suits the method.

        Examples
        --------
        >>> Settings().training(), Settings(method="counts", steps=5).training()
        ((600, 256), (5, 128))
        >>> Settings(method="counts", passes=2).training(1280)
        (20, 128)
        """
        steps, size = (300, 128) if self.method == "counts" else (600, 256)
        size = self.batch_size or size
        if self.passes:
            return max(1, math.ceil(self.passes * cells / min(size, max(cells, 1)))), size
        return self.steps or steps, size


class Check(Keys):
    """Look at a file before any training: keys, counts, composition, what cannot be told apart.

    Example: advsci-singlecell check cells.h5ad --batch-key donor --labels-key cell_type
    """

    file: str = Field(default="simulator", description=INPUT)
    condition_key: str | None = Field(
        default=None, description="Column of obs with the biology to keep; default: labels."
    )
    likelihood: str = Field(default="nb", description="nb, zinb, poisson: X holds counts; gaussian: log-expression.")


class Correct(Keys, DeviceConfig):
    """Train on the batches of a file and write it with obsm['X_advsci'] and a report.

    Example: advsci-singlecell correct cells.h5ad corrected.h5ad --batch-key donor
    """

    file: str = Field(default="simulator", description=INPUT)
    output: AnnDataPath | None = Field(
        default=None, description="AnnData file to write (.h5ad, .zarr); default: corrected.h5ad in the run folder."
    )
    settings: Settings = Settings()
    score_key: str | None = Field(
        default=None,
        description="Column of obs with types to score by and to colour; default: labels_key, or cell_type.",
    )
    corrected_layer: bool = Field(default=False, description="Also write layers['advsci_corrected'].")
    umap: bool = Field(default=True, description="Draw UMAPs in the report.")
    markers: bool = Field(default=True, description="Marker genes before and after in the report.")
    curve: bool = Field(
        default=False,
        description="Train with adversaries of several strengths and draw what each mixes and destroys (minutes).",
    )


class Evaluate(Config):
    """Score the embeddings of a file: over-correction, mixing, transfer, batch probe, and scIB.

    Example: advsci-singlecell evaluate corrected.h5ad --batch-key donor --labels-key cell_type --scib
    """

    file: Path = Field(default=Path("corrected.h5ad"), description="AnnData file with embeddings in obsm.")
    embeddings: list[str] = Field(
        default=[],
        description="Keys of obsm; default: X_advsci_pca and the corrected one, labels hidden if they are scored by.",
    )
    batch_key: str = Field(default="batch", description="Column of obs with the batches.")
    labels_key: str = Field(default="cell_type", description="Column of obs with the types to score by.")
    unlabeled_category: str = Field(default="Unknown", description="Value of labels_key that is not scored.")
    scib: bool = Field(default=True, description="Also scib-metrics' default benchmark.")


class Map(Config):
    """Place new cells into a trained embedding, and say which are unlike anything in it.

    Example: advsci-singlecell map model.zip corrected.h5ad new.h5ad --output mapped.h5ad
    """

    model: Path = Field(default=Path("model"), description="Folder of the model, written by correct.")
    reference: str = Field(default="simulator", description="The model's own cells. " + INPUT)
    file: str = Field(default="simulator", description="The new cells. " + INPUT)
    output: AnnDataPath = Field(default=Path("mapped.h5ad"), description="AnnData file to write (.h5ad, .zarr).")
    batch_key: str | None = Field(default=None, description="Column of obs with the new batches; default: the model's.")


class Compare(Keys, DeviceConfig):
    """Run every installed peer beside advsci on one file and score them alike.

    Example: advsci-singlecell compare cells.h5ad --batch-key donor --labels-key cell_type --scib
    """

    file: str = Field(default="simulator", description=INPUT)
    score_key: str = Field(default="cell_type", description="Column of obs with the types to score by.")
    methods: list[str] = Field(default=[], description="Names of methods; default: all that are installed.")
    controls: bool = Field(
        default=True, description="Also embeddings whose fault is known, a textbook DANN among them."
    )
    curve: bool = Field(default=False, description="Also the curve over the strength of the adversary (minutes).")
    averaging: bool = Field(default=True, description="Also every embedding averaged over neighbours.")
    scib: bool = Field(default=True, description="Also scib-metrics' default benchmark.")


class WriteReport(Config):
    """Write the report of a corrected file again, for another column or other genes.

    Example: advsci-singlecell report corrected.h5ad --output report.html
    """

    file: Path = Field(default=Path("corrected.h5ad"), description="AnnData file that correct wrote.")
    output: Path = Field(default=Path("report.html"), description="Page to write.")
    batch_key: str = Field(default="batch", description="Column of obs with the batches.")
    labels_key: str = Field(default="cell_type", description="Column of obs with the types.")
    unlabeled_category: str = Field(default="Unknown", description="Value of labels_key that is not scored.")
    umap: bool = Field(default=True, description="Draw UMAPs.")
