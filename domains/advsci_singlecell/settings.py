"""The model's settings: one schema for Python, TOML and the command line. Imports no torch."""

from typing import Annotated, Literal

from pydantic import Field

from advsci.config import Config

__all__ = ["Design"]


class Design(Config):
    """How an embedding is made; the defaults are meant to stay."""

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
    steps: int = Field(default=600, ge=1, description="Training steps of the encoder.")
    moves: int = Field(default=3, ge=1, description="Steps of the adversary a step of the encoder.")
    batch_size: int = Field(default=256, ge=8, description="Cells a step.")
    rate: float = Field(default=1e-3, gt=0, description="Learning rate of the encoder; the adversary's is twice that.")
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
    sketch: int = Field(default=20_000, ge=100, description="Most cells that are trained on; all cells are embedded.")
