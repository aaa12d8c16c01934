r"""The game of texture design, and how it is trained.

Real samples are textures of the library that solve their own task: a condition is drawn for which the pressed shape is
exactly right and feasible. The generator's shapes are judged against them by the critic, its friction by the contact
solver, and its load network learns from the library as well (a reconstruction term that costs no solve).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from advsci.games.game import Batch, Draw
from advsci.latents import Gaussian
from advsci.penalties import R1, R2
from advsci.physics import Multipliers, PhysicsGAN, PhysicsInformedDiscriminator
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import EMA, Run, Trainer, Training
from advsci_friction.band import Band
from advsci_friction.generator import TextureCritic, TextureGenerator, join_sample, split_sample
from advsci_friction.library import SEVERITY, STRAIN, Library, condition_of
from advsci_friction.physics import ContactPhysics, Fabrication
from advsci_friction.textures import FAMILIES

__all__ = ["LATENT", "Tasks", "make_game", "train_game"]

LATENT = 32


class Tasks:
    """The library as a source of (sample, condition) pairs: every texture with a task that it solves.

    Severity and strain are drawn between the hardest that the texture stands and the easiest of the range, as a pure
    function of the sample's index and ``seed``.
    """

    def __init__(self, library: Library, band: Band, fabrication: Fabrication, seed: int = 0):
        self.library, self.band, self.fabrication = library, band, fabrication
        self.u = Stream(seed).at("tasks").uniform((len(library), 2), dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.library)

    def __getitem__(self, indices: Tensor) -> Batch:
        row = self.library[indices]
        u = self.u[indices]
        load = row["log_load"].exp()
        hardest = (row["area"] * row["peak"] * 1.05).clamp(*SEVERITY).log()
        severity = (hardest + u[:, 0] * (torch.tensor(SEVERITY[1]).log() - hardest)).exp()
        # slope = strain / load within fabrication
        steepest = torch.minimum(torch.tensor(self.fabrication.slope), self.fabrication.depth / row["depth"])
        largest = (0.98 * load * steepest).clamp(*STRAIN).log()
        strain = (torch.tensor(STRAIN[0]).log() + u[:, 1] * (largest - torch.tensor(STRAIN[0]).log())).exp()
        condition = condition_of(row["area"], severity, strain, row["family"])
        return {"x": join_sample(self.band, row["coefficients"], row["log_load"]), "condition": condition}


class Reconstruction:
    """The load network on real shapes under their own condition: smooth L1 distance of log loads."""

    def __init__(self, band: Band, weight: float = 20.0):
        self.band, self.weight = band, weight

    def __call__(self, generator: nn.Module, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        coefficients, log_load = split_sample(self.band, batch["x"])
        # the condition of the load does not change with the position of the cell
        shifted = self.band.shift(coefficients, draw["noise"][:, :2])
        predicted = generator.load(shifted, batch["condition"])  # type: ignore[operator]
        return {"reconstruction": self.weight * smooth_l1_loss(predicted, log_load, beta=0.05)}


def make_game(
    band: Band, fabrication: Fabrication, pixels: int = 64, *, ablation: str = "none", seed: int = 0
) -> PhysicsGAN:
    """The players.

    ``ablation``: "none"; "no-physics" (a plain conditional GAN); "residual-only" (physics in the generator's loss, not
    shown to the critic); "surrogate" (kappa = 2 in place of the solve).
    """
    condition = 3 + len(FAMILIES)
    physics = ContactPhysics(band, pixels, fabrication, surrogate=ablation in ("surrogate", "no-physics"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = TextureGenerator(band, LATENT, condition)
        critic = TextureCritic(band.size + 1, condition + len(physics.names))
    informed = ablation in ("none", "surrogate")
    judge = PhysicsInformedDiscriminator(critic, physics, (band.size + 1,), informed=informed)
    allowed = {"friction": 0.1, "hardness": 0.02, "slope": 0.02, "depth": 0.02}
    multipliers = None if ablation == "no-physics" else Multipliers(physics.names, rho=0.1, allowed=allowed)
    gamma = Cosine(1.0, 0.1)
    return PhysicsGAN(
        generator,
        judge,
        Gaussian(LATENT),
        multipliers,
        penalties=(R1(gamma), R2(gamma)),
        extra=Reconstruction(band),
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
) -> Training:
    """Play the game with simultaneous steps; the multipliers ascend by plain gradient at the rate of their penalty."""
    moves = {"generator": adam(1e-3), "discriminator": adam(1e-3)}
    if game.multipliers is not None:
        moves["multipliers"] = lambda p: torch.optim.SGD(p, lr=0.05)
    trainer = Trainer(
        steps=steps,
        batch_size=batch_size,
        seed=seed,
        device="cpu",
        ema=EMA(0.998),
        run=run,
        checkpoint_every=0,
        quiet=quiet,
    )
    return trainer.fit(game, tasks, Simultaneous(moves, Cosine(1.0, 0.02)))
