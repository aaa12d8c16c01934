r"""The game of texture design, and how it is trained.

Real samples are textures of the catalogue that solve their own task: a condition is drawn for which the pressed shape
is exactly right and feasible. The generator's shapes are judged against them by the critic, its friction by the contact
solver, and its load network learns from the catalogue as well (a reconstruction term that costs no solve).

The game is played twice: first without physics, which costs no solve, until critic and load network know the catalogue;
then by the same players with the contact solver as the law.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from advsci.diagnostics import Probe
from advsci.games.game import Batch, Draw
from advsci.latents import Gaussian
from advsci.penalties import R1, R2
from advsci.physics import Multipliers, PhysicsGAN, PhysicsInformedDiscriminator
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import EMA, Run, Trainer, Training
from advsci_friction.game.physics import ContactPhysics
from advsci_friction.game.players import TextureCritic, TextureGenerator, join_sample, split_sample
from advsci_friction.game.request import CONDITION, SEVERITY, STRAIN, Character, condition_of
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.catalogue import Catalogue
from advsci_friction.surfaces.fabrication import Fabrication
from advsci_friction.surfaces.textures import PARAMETERS

__all__ = ["Tasks", "make_game", "train_game", "train_players"]


class Tasks:
    """The catalogue as a source of (sample, condition) pairs: every texture with a task that it solves.

    Severity and strain are drawn between the hardest that the texture stands and the easiest of the range, and the
    character is given to within ``spread`` (standard deviations of log load and growth), as a pure function of the
    sample's index and ``seed``.
    """

    spread = (0.1, 0.03)

    def __init__(self, catalogue: Catalogue, band: Band, fabrication: Fabrication, seed: int = 0):
        self.catalogue, self.band, self.fabrication = catalogue, band, fabrication
        stream = Stream(seed).at("tasks")
        self.u = stream.uniform((len(catalogue), 2), dtype=torch.float32)
        self.off = stream.at("off").normal((len(catalogue), 2), dtype=torch.float32) * torch.tensor(self.spread)

    def __len__(self) -> int:
        return len(self.catalogue)

    def __getitem__(self, indices: Tensor) -> Batch:
        row = self.catalogue[indices]
        u = self.u[indices]
        load = row["log_reduced_load"].exp()
        hardest = (row["area"] * row["peak"] * 1.05).clamp(*SEVERITY).log()
        severity = (hardest + u[:, 0] * (torch.tensor(SEVERITY[1]).log() - hardest)).exp()
        # slope = strain / load within fabrication
        steepest = torch.minimum(torch.tensor(self.fabrication.slope), self.fabrication.depth / row["depth"])
        largest = (0.98 * load * steepest).clamp(*STRAIN).log()
        strain = (torch.tensor(STRAIN[0]).log() + u[:, 1] * (largest - torch.tensor(STRAIN[0]).log())).exp()
        off = self.off[indices]
        numbers = row["log_reduced_load"] + off[:, 0], row["growth"] + off[:, 1], severity
        condition = condition_of(row["area"], strain, Character(row["family"], row["layout"], *numbers))
        return {"x": join_sample(self.band, row["coefficients"], row["log_reduced_load"]), "condition": condition}


class Reconstruction:
    """The load network on real shapes under their own condition: smooth L1 distance of log loads."""

    def __init__(self, band: Band, weight: float = 20.0):
        self.band, self.weight = band, weight

    def __call__(self, generator: nn.Module, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        coefficients, log_reduced_load = split_sample(self.band, batch["x"])
        # the load does not change with the position of the cell
        shifted = self.band.shift(coefficients, draw["noise"][:, :2])
        predicted = generator.load(shifted, torch.sigmoid(batch["condition"][:, 0]))  # type: ignore[operator]
        return {"reconstruction": self.weight * smooth_l1_loss(predicted, log_reduced_load, beta=0.05)}


def make_game(
    band: Band,
    fabrication: Fabrication,
    pixels: int = 96,
    *,
    ablation: str = "none",
    seed: int = 0,
    players: tuple[TextureGenerator, TextureCritic] | None = None,
) -> PhysicsGAN:
    """The players, or those of an earlier game.

    ``ablation``: "none"; "no-physics" (a plain conditional GAN); "residual-only" (physics in the generator's loss, not
    shown to the critic); "surrogate" (kappa = 2 in place of the solve).

    Parameters
    ----------
    band
        Which waves a texture is made of.
    fabrication
        What can be made.
    pixels
        Pixels of a side.
    seed
        Root of all random numbers.
    """
    physics = ContactPhysics(band, pixels, fabrication, surrogate=ablation in ("surrogate", "no-physics"))
    if players is None:
        with Stream(seed).at("players").seeded():
            players = TextureGenerator(band), TextureCritic(band.size + 1, CONDITION + len(physics.names))
    generator, critic = players
    informed = ablation in ("none", "surrogate")
    discriminator = PhysicsInformedDiscriminator(critic, physics, (band.size + 1,), informed=informed)
    allowed = {"friction": 0.2, "asked_slope": 1.0, "asked_growth": 0.5, "hardness": 0.01, "slope": 0.01, "depth": 0.01}
    multipliers = None if ablation == "no-physics" else Multipliers(physics.names, rho=0.1, allowed=allowed)
    gamma = Cosine(0.5, 0.05)
    penalties = (R1(gamma), R2(gamma))
    return PhysicsGAN(
        generator, discriminator, Gaussian(PARAMETERS), multipliers, penalties=penalties, extra=Reconstruction(band)
    )


def train_game(
    game: PhysicsGAN,
    tasks: Tasks,
    *,
    steps: int,
    batch_size: int,
    seed: int = 0,
    run: Run | None = None,
    quiet: bool = False,
    title: str = "training",
    device: torch.device | None = None,
) -> Training:
    """Play the game with simultaneous steps; the multipliers ascend by plain gradient at a tenth of the rate of
    their penalty.

    Parameters
    ----------
    tasks
        The source of samples and conditions.
    batch_size
        Samples per step.
    seed
        Root of all random numbers.
    run
        Where log and checkpoints go, or None.
    quiet
        Show no progress.
    title
        The heading.
    device
        Torch device of the result.

    Returns
    -------
    Training
        The finished training.
    """
    moves = {"generator": adam(1e-3), "discriminator": adam(1e-3)}
    if game.multipliers is not None:
        moves["multipliers"] = lambda p: torch.optim.SGD(p, lr=0.01)
    trainer = Trainer(
        steps=steps,
        batch_size=batch_size,
        seed=seed,
        device=device if device is not None else torch.device("cpu"),
        ema=EMA(0.998),
        run=run,
        checkpoint_every=200,
        callbacks=[Probe(tasks, samples=128, spectrum_every=0)] if len(tasks) >= 20 else [],
        quiet=quiet,
        title=title,
    )
    return trainer.fit(game, tasks, Simultaneous(moves, Cosine(1.0, 0.02)))


def train_players(
    catalogue: Catalogue,
    band: Band,
    fabrication: Fabrication,
    *,
    pixels: int,
    first_steps: int,
    steps: int,
    batch_size: int,
    ablation: str = "none",
    seed: int = 0,
    run: Run | None = None,
    quiet: bool = False,
    device: torch.device | None = None,
) -> TextureGenerator:
    """The averaged generator of both games. Without physics the second game is the first, continued.

    Parameters
    ----------
    catalogue
        The catalogue of textures.
    band
        Which waves a texture is made of.
    fabrication
        What can be made.
    pixels
        Pixels of a side.
    first_steps
        Steps without solves.
    steps
        Steps of the descent.
    batch_size
        Samples per step.
    ablation
        Which player is off, or None.
    seed
        Root of all random numbers.
    run
        Where log and checkpoints go, or None.
    quiet
        Show no progress.
    device
        Torch device of the result.
    """
    tasks = Tasks(catalogue, band, fabrication, seed)
    first = make_game(band, fabrication, 32, ablation="no-physics", seed=seed)
    settings = {"batch_size": batch_size, "seed": seed, "quiet": quiet, "device": device}
    warmup = None if run is None else run.stage("warmup")
    train_game(first, tasks, steps=first_steps, run=warmup, title="without physics", **settings)
    critic = first.discriminator.critic
    assert isinstance(first.generator, TextureGenerator) and isinstance(critic, TextureCritic)
    game = make_game(band, fabrication, pixels, ablation=ablation, players=(first.generator, critic))
    training = train_game(game, tasks, steps=steps, run=run, title="with physics", **settings)
    generator = training.averaged("generator")
    assert isinstance(generator, TextureGenerator)
    return generator
