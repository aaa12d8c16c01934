"""Settings of every command of ``advsci-circuits``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from advsci.config import Config, DeviceConfig, RunConfig

Function = Annotated[
    Literal["oscillation", "oscillator", "tristability", "adaptation"],
    AfterValidator(lambda word: "oscillation" if word == "oscillator" else word),
]
Measured = Literal[
    "oscillation", "bistability", "tristability", "adaptation", "pulse", "band-pass", "memory", "homeostasis"
]
AnyFunction = Annotated[
    Literal[
        "oscillation", "oscillator", "bistability", "tristability", "adaptation", "pulse", "band-pass", "memory",
        "homeostasis",
    ],
    AfterValidator(lambda word: "oscillation" if word == "oscillator" else word),
]  # fmt: skip
Logic = Literal["product", "average", "competitive"]


class Train(DeviceConfig):
    """Train the likelihood of real circuits that designs are sampled by; with --game, the circuit generator; with
    --networks, the model of large networks.

    Example: advsci-circuits train --game --out runs/generator
    """

    networks: bool = Field(
        default=False,
        description="Train the generator of large networks (13 to 60 genes), the discriminators that rank what it "
        "proposes, and the link predictor that completes networks.",
    )
    judge: bool = Field(
        default=False,
        description="Train the judge of pages: whether a circuit of 4 to 12 genes would be taken for a real one.",
    )
    surrogates: bool = Field(
        default=False,
        description="Fit the surrogates of robustness with which 'design' starts, from simulations of 3 to 6 genes.",
    )
    functions: tuple[Measured, ...] = Field(
        default=("oscillation", "adaptation"), min_length=1, description="Functions of the surrogates."
    )
    proposed: int = Field(
        default=6000, ge=60, description="Circuits proposed per size and function, a hundred parameter sets each."
    )
    fit_steps: int = Field(default=4000, ge=1, description="Steps of the surrogate of each function.")
    network_steps: int = Field(default=1400, ge=1, description="Steps of the generator of large networks.")
    ranking_steps: int = Field(default=300, ge=1, description="Steps of each discriminator of large networks.")
    network_links: int = Field(
        default=1000, ge=0, description="Steps of the link predictor of large networks, which completes them; 0: none."
    )

    game: bool = Field(
        default=False,
        description="Train the generator by the game: completion of real circuits against a discriminator, then with "
        "simulated function. The settings from 'examples' on are the game's.",
    )
    likelihood_steps: int = Field(default=3000, ge=1, description="Steps of the likelihood, each size of 3 to 6 genes.")

    data: Literal["library", "embedded"] = Field(
        default="library",
        description="Real circuits: the library in $ADVSCI_DATA, or those that pyboolnet and cana carry.",
    )
    smallest: int = Field(default=3, ge=2, le=12, description="Fewest genes.")
    largest: int = Field(default=8, ge=2, le=12, description="Most genes.")
    draws: int = Field(
        default=60_000,
        ge=100,
        description="Real circuits drawn, every source family alike; of large networks 6,000 at most.",
    )
    examples: int = Field(
        default=500, ge=0, description="Circuits of 3, 4 and 5 genes each whose function is simulated."
    )
    sets: int = Field(default=48, ge=8, description="Parameter sets per simulated circuit.")
    warmup: int = Field(default=13_500, ge=1, description="Steps of the generator alone (likelihood of hidden edges).")
    steps: int = Field(default=250, ge=0, description="Steps of the game, each round.")
    rounds: int = Field(default=2, ge=0, description="Rounds: play, generate, simulate, refit the surrogate.")
    surrogate_steps: int = Field(default=400, ge=1, description="Steps of the robustness surrogate, each round.")
    links: int = Field(
        default=4000, ge=0, description="Steps of the link predictor, which completes circuits; 0: none."
    )
    batch: int = Field(default=64, ge=4, description="Circuits per step.")
    width: int = Field(default=48, ge=4, description="Width of the generator.")
    blocks: int = Field(default=4, ge=1, description="Blocks of the generator.")
    rate: float = Field(default=2e-3, gt=0, description="Learning rate of the warm-up; the critic takes a fifth of it.")
    adversarial: float = Field(default=0.02, gt=0, description="Weight of the game beside the likelihood.")
    held_out: float = Field(default=0.2, gt=0, lt=1, description="Part of the source families kept for testing.")
    hold_out: bool = Field(
        default=True,
        description="Leave out every three-gene circuit that oscillates and is in no library (needs $ADVSCI_DATA).",
    )

    @model_validator(mode="after")
    def _one_kind(self):
        kinds = [f"--{name}" for name in ("game", "networks", "judge", "surrogates") if getattr(self, name)]
        if len(kinds) > 1:
            raise ValueError(f"got {' and '.join(kinds)}; expected one of them. Try: one run of each.")
        return self


class Generate(RunConfig):
    """Draw circuits from a trained generator, or large networks.

    Example: advsci-circuits generate --count 100 --smallest 3 --largest 5
    """

    model: Path | None = Field(
        default=None,
        description="A trained generator or, with --genes, model of large networks; default: the one of the package.",
    )
    genes: int | None = Field(
        default=None, ge=13, le=200, description="Draw large networks of so many genes; --smallest and --largest rest."
    )
    tries: int = Field(
        default=1, ge=1, le=1000,
        description="Proposals for each large network, of which the discriminators keep one; 1: no discriminator, "
        "since their choice was not found to help.",
    )  # fmt: skip
    edges_per_gene: float | None = Field(
        default=None, ge=1, le=10, description="Regulations per gene of large networks; default: as real ones have."
    )
    activating: float | None = Field(
        default=None, ge=0, le=1, description="Share of activations in large networks; default: as real ones have."
    )
    hub: float | None = Field(
        default=None, gt=0, le=1,
        description="Targets of the largest hub of large networks, as a share of the genes; default: as real ones.",
    )  # fmt: skip
    count: int = Field(default=100, ge=1, description="How many circuits.")
    smallest: int = Field(default=4, ge=2, le=12, description="Fewest genes.")
    largest: int = Field(default=8, ge=2, le=12, description="Most genes.")
    function: Function | None = Field(
        default=None,
        description="Function to ask for. Oscillators of 3 to 6 genes are drawn from the likelihood of real circuits "
        "and kept as a surrogate guesses; all else, and all with --model, comes from the generator.",
    )
    goal: float = Field(
        default=0.015, gt=0, lt=1,
        description="Share of parameter sets at which a circuit of the likelihood is kept with probability one half.",
    )  # fmt: skip
    temperature: float = Field(
        default=1.0, gt=0, description="Of the generator: below one likelier, above one more diverse circuits."
    )
    rounds: int = Field(default=8, ge=1, description="Of the generator: rounds in which a circuit is sampled.")
    format: Literal["graphml", "bnet", "topo", "nt"] = Field(default="graphml", description="File format.")


class Complete(RunConfig):
    """Say which open pairs of a circuit or network are regulations, and fill them in; no function is asked for.

    Example: advsci-circuits complete plasmid.sbml --open araC:lacI
    """

    file: Path = Field(default=Path("circuit.graphml"), description="A circuit in any supported format.")
    model: Path | None = Field(
        default=None,
        description="A trained generator or, from 13 genes on, model of large networks; default: that of the package.",
    )
    best: int = Field(default=200, ge=1, description="Most pairs that are written, likeliest first.")
    open: tuple[str, ...] = Field(
        default=(),
        description="Pairs to fill in, each as source:target, whatever the file says of them; none: rank every pair "
        "without an edge by how likely one is missing.",
    )
    format: Literal["graphml", "bnet", "topo", "nt"] = Field(default="graphml", description="File format.")


class Design(RunConfig):
    """Propose ranked, new, simulated circuits with a function, sampled from what nature builds and what works.

    Example: advsci-circuits design --function oscillation --max-genes 4 --best 20
    """

    model: Path | None = Field(
        default=None, description="A trained likelihood of real circuits; default: the one of the package."
    )
    surrogates: Path | None = Field(
        default=None,
        description="Surrogates of one's own, from 'train --surrogates'; default: those of the package. Functions that "
        "they do not know are learned in the search.",
    )
    function: AnyFunction = Field(default="oscillation", description="What the circuits must do.")
    table: str | None = Field(
        default=None,
        description="A truth table instead: the last gene's output for all inputs at the first genes, the first input "
        "fastest. 0001 is AND, 0110 XOR.",
    )
    reward: str | None = Field(
        default=None,
        description="A function of one's own instead: name of an entry point in the group advsci_circuits.rewards.",
    )
    max_genes: int = Field(default=4, ge=3, le=6, description="Most genes.")
    min_genes: int = Field(default=3, ge=3, le=6, description="Fewest genes.")
    keep: Path | None = Field(
        default=None, description="A circuit that stays as it is within every design (any format)."
    )
    parts: Path | Literal["cello"] | None = Field(
        default=None,
        description="Repressors at hand: 'cello' ($ADVSCI_DATA) or a JSON list of gates; only what they can build.",
    )
    regulators: int = Field(default=3, ge=1, le=6, description="Most regulators of a promoter.")
    dual: bool = Field(default=False, description="Allow genes that activate some and repress others.")
    weight: float = Field(default=1.0, ge=0, le=2, description="How much the likelihood of real circuits counts.")
    goal: float = Field(
        default=0.1, gt=0, lt=1, description="Share of parameter sets beyond which robustness counts no more."
    )
    best: int = Field(default=5, ge=1, description="Designs returned.")
    models: int = Field(default=31_000, ge=1000, description="Simulated models, the final judging included.")
    sets: int = Field(default=400, ge=20, description="Held-out parameter sets of the final ranking.")
    chains: int = Field(default=96, ge=4, description="Chains of each size that sample the posterior.")
    steps: int = Field(default=300, ge=1, description="Steps of each chain.")
    logic: Logic = Field(default="product", description="How regulators of a promoter combine.")
    front: bool = Field(default=True, description="Also sample with other weights, for the page.")


class Simulate(RunConfig):
    """Simulate a circuit: robustness of every function, a time course, and steady states along one parameter.

    Example: advsci-circuits simulate plasmid.sbml --sets 1000 --set g_lacI=x0.1 --vary g_tetR=0.1:100
    """

    file: Path = Field(default=Path("circuit.sbml"), description="A circuit in any supported format.")
    sets: int = Field(default=500, ge=10, description="Random parameter sets.")
    logic: Logic = Field(default="product", description="How regulators of a promoter combine.")
    functions: tuple[Measured, ...] = Field(
        default=("oscillation", "bistability", "tristability"), description="Functions to judge."
    )
    source: str | None = Field(default=None, description="The input gene; default: the first.")
    output: str | None = Field(default=None, description="The output gene; default: the last.")
    end: float = Field(default=100.0, gt=0, description="End of the time course [1 / (decay unit)].")
    set: tuple[str, ...] = Field(
        default=(),
        description="Parameters or start levels changed, each as NAME=VALUE or NAME=xFACTOR: g_lacI=x0.1 knocks lacI "
        "down, g_lacI=x10 over-expresses it, K__lacI=x20 is an inducer of it. A model of others has its own names.",
    )
    vary: str | None = Field(
        default=None,
        description="Follow all steady states along one parameter, as NAME=LOW:HIGH: folds, Hopf points, stability.",
    )


class Evaluate(RunConfig):
    """Judge a generator's sample: validity, uniqueness, novelty, distance to held-out circuits, beside nulls.

    Example: advsci-circuits evaluate --count 1000
    """

    model: Path | None = Field(default=None, description="A trained generator; default: the one of the package.")
    data: Literal["library", "embedded"] | None = Field(
        default=None, description="Real circuits; default: those of the model's training, as its split needs."
    )
    count: int = Field(default=1000, ge=20, description="Circuits on each side.")
    smallest: int = Field(default=4, ge=2, le=12, description="Fewest genes.")
    largest: int = Field(default=8, ge=2, le=12, description="Most genes.")


class Export(Config):
    """Convert a circuit between formats; kinetics for SBML come from the file or are drawn.

    Example: advsci-circuits export plasmid.sbml plasmid.bnet
    """

    file: Path = Field(default=Path("circuit.graphml"), description="A circuit in any supported format.")
    to: Path = Field(default=Path("circuit.sbml"), description="The file to write; its ending says the format.")
    seed: int = Field(default=0, ge=0, description="Draw of the kinetics, where the file has none.")


class WriteReport(RunConfig):
    """Write a page on one circuit: drawing, time course, bifurcation and robustness.

    Example: advsci-circuits report plasmid.sbml --vary g_lacI=0.1:100
    """

    file: Path = Field(default=Path("circuit.sbml"), description="A circuit in any supported format.")
    sets: int = Field(default=400, ge=10, description="Random parameter sets.")
    set: tuple[str, ...] = Field(
        default=(),
        description="Parameters or start levels changed, each as NAME=VALUE or NAME=xFACTOR (as in simulate).",
    )
    vary: str | None = Field(
        default=None,
        description="The parameter of the bifurcation diagram, as NAME=LOW:HIGH; default: the first gene's production, "
        "a tenth to ten times, where the kinetics are Hill's.",
    )
