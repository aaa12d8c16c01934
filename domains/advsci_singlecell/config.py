"""Schemas of the commands of ``advsci-singlecell``; imports no torch."""

from pathlib import Path

from pydantic import Field

from advsci.config import Config, RunConfig
from advsci_singlecell.settings import Design

__all__ = ["Check", "Compare", "Correct", "Evaluate", "Keys", "Map", "Page"]

INPUT = "AnnData file (.h5ad, .zarr), a registered data set such as cellmix_5batch, or 'simulator'."


class Keys(Config):
    """Which columns mean what."""

    batch_key: str = Field(default="batch", description="Column of obs with the batches.")
    labels_key: str | None = Field(default=None, description="Column of obs with cell types, used in training.")
    unlabeled_category: str = Field(default="Unknown", description="Value of labels_key that means not known.")
    layer: str | None = Field(default=None, description="Layer with the counts; unset: X.")
    protected_key: str | None = Field(default=None, description="Column of obs that must not be removed.")
    categorical_covariate_keys: list[str] = Field(default=[], description="Further nuisances, by category.")
    continuous_covariate_keys: list[str] = Field(default=[], description="Further nuisances, by number.")


class Check(Keys):
    """Look at a file before any training: keys, counts, composition, what cannot be told apart."""

    file: str = Field(default="simulator", description=INPUT)
    condition_key: str | None = Field(
        default=None, description="Column of obs with the biology to keep; default: labels."
    )
    likelihood: str = Field(default="nb", description="nb, zinb, poisson: X holds counts; gaussian: log-expression.")


class Correct(RunConfig):
    """Train on the batches of a file and write it with obsm['X_advsci'] and a report."""

    file: str = Field(default="simulator", description=INPUT)
    output: Path | None = Field(
        default=None, description="AnnData file to write; default: corrected.h5ad in the run folder."
    )
    keys: Keys = Keys()
    design: Design = Design()
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
    """Score the embeddings of a file: over-correction, mixing, transfer, batch probe, and scIB."""

    file: Path = Field(default=Path("corrected.h5ad"), description="AnnData file with embeddings in obsm.")
    embeddings: list[str] = Field(
        default=[],
        description="Keys of obsm; default: X_pca and the corrected one, labels hidden if they are scored by.",
    )
    batch_key: str = Field(default="batch", description="Column of obs with the batches.")
    labels_key: str = Field(default="cell_type", description="Column of obs with the types to score by.")
    scib: bool = Field(default=True, description="Also scib-metrics' default benchmark.")


class Map(Config):
    """Place new cells into a trained embedding, and say which are unlike anything in it."""

    model: Path = Field(default=Path("model"), description="Folder of the model, written by correct.")
    reference: str = Field(default="simulator", description="The model's own cells. " + INPUT)
    file: str = Field(default="simulator", description="The new cells. " + INPUT)
    output: Path = Field(default=Path("mapped.h5ad"), description="AnnData file to write.")
    batch_key: str | None = Field(default=None, description="Column of obs with the new batches; default: the model's.")


class Compare(RunConfig):
    """Run every installed peer beside advsci on one file and score them alike."""

    file: str = Field(default="simulator", description=INPUT)
    keys: Keys = Keys()
    score_key: str = Field(default="cell_type", description="Column of obs with the types to score by.")
    methods: list[str] = Field(default=[], description="Names of methods; default: all that are installed.")
    controls: bool = Field(
        default=True, description="Also embeddings whose fault is known, a textbook DANN among them."
    )
    curve: bool = Field(default=False, description="Also the curve over the strength of the adversary (minutes).")
    scib: bool = Field(default=True, description="Also scib-metrics' default benchmark.")


class Page(Config):
    """Write the report of a corrected file again, for another column or other genes."""

    file: Path = Field(default=Path("corrected.h5ad"), description="AnnData file that correct wrote.")
    output: Path = Field(default=Path("report.html"), description="Page to write.")
    batch_key: str = Field(default="batch", description="Column of obs with the batches.")
    labels_key: str = Field(default="cell_type", description="Column of obs with the types.")
    umap: bool = Field(default=True, description="Draw UMAPs.")
