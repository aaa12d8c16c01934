r"""Training of the game of new maps: the critic first, then critic and contact solver together.

In the first game nothing is solved; generator and critic learn the process from its maps alone. In the second the same
players go on with the solver as the law, and a multiplier per load as the third player. The critic is never dropped.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advsci.diagnostics import Probe
from advsci.games.game import Batch
from advsci.latents import Gaussian
from advsci.penalties import R1, R2
from advsci.physics import Multipliers, PhysicsGAN, PhysicsInformedDiscriminator
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import EMA, Run, Trainer
from advsci_friction.game.new_maps import AreaPhysics, MapCritic, MapGenerator, laplacian_factor
from advsci_friction.surfaces.pressed import Pressed

__all__ = ["MapTasks", "NewMaps", "Without", "train_new_maps"]

Without = Literal["nothing", "critic", "physics"]


class MapTasks:
    """Maps of a process with their own areas as the request, each at a random place and reflected at random.

    Parameters
    ----------
    maps
        (m p p) maps in units of their standard deviation.
    condition
        (m j) their requests.
    copies
        How many places and reflections of each map there are.
    stream
        Where these come from.
    """

    def __init__(self, maps: Tensor, condition: Tensor, copies: int, stream: Stream):
        self.maps, self.condition, self.copies = maps, condition, copies
        self.moves = stream.integers(maps.shape[-1], (len(maps) * copies, 2))
        self.kinds = stream.at("kind").integers(4, (len(maps) * copies,))

    def __len__(self) -> int:
        return len(self.moves)

    def __getitem__(self, indices: Tensor) -> Batch:
        rows = indices // self.copies
        found = []
        for i, row in zip(indices.tolist(), rows.tolist(), strict=True):
            x = self.maps[row].roll(tuple(self.moves[i].tolist()), (0, 1))
            flips = [axis for axis in (0, 1) if int(self.kinds[i]) >> axis & 1]
            found.append(x.flip(flips) if flips else x)
        return {"x": torch.stack(found), "condition": self.condition[rows]}


@dataclass(frozen=True)
class NewMaps:
    """A trained generator of new maps.

    Attributes
    ----------
    generator
        The averaged network.
    physics
        Loads and standardisation.
    """

    generator: MapGenerator
    physics: AreaPhysics

    @torch.no_grad()
    def draw(self, log_area: Tensor, stream: Stream) -> Tensor:
        """New maps for requests.

        Parameters
        ----------
        log_area
            (n j) wanted log area fractions at the loads of the training.
        stream
            Where their differences come from.

        Returns
        -------
        Tensor
            (n p p) heights over the cell's length.
        """
        z = stream.normal((len(log_area), self.generator.latent))
        return self.physics.scale * self.generator(z, self.physics.condition(log_area).float())


def train_new_maps(
    library: Pressed,
    strain: tuple[float, ...],
    *,
    first_steps: int = 800,
    steps: int = 200,
    batch_size: int = 16,
    without: Without = "nothing",
    seed: int = 0,
    run: Run | None = None,
    quiet: bool = False,
    device: torch.device | None = None,
) -> NewMaps:
    """Play both games.

    Parameters
    ----------
    library
        Maps of the process, pressed.
    strain
        :math:`P/E^*` at which areas will be asked for.
    first_steps
        Steps without solves.
    steps
        Steps with solves.
    batch_size
        Maps per step; each costs a solve per load in the second game.
    without
        What the second game leaves out: nothing, the critic's say (physics alone teaches the generator), or the
        physics (the first game goes on).
    seed
        Of networks, data and latent vectors.
    run
        Folder of records and checkpoints.
    quiet
        Show no progress.
    device
        Where to train; the CPU by default.

    Returns
    -------
    NewMaps
        The averaged generator with its physics.
    """
    log_area = library.areas(torch.tensor(strain))
    mean, deviation = log_area.mean(0), log_area.std(0)
    scale = float(library.maps.std())
    facts = (scale, strain, tuple(mean.tolist()), tuple(deviation.tolist()))
    maps = library.maps / scale
    tasks = MapTasks(maps, ((log_area - mean) / deviation).float(), 16, Stream(seed).at("tasks"))
    pixels, loads = maps.shape[-1], len(strain)
    with Stream(seed).at("networks").seeded():
        generator = MapGenerator(pixels, loads)
        critic = MapCritic(2 * loads, laplacian_factor(maps))
    trainer = {"batch_size": batch_size, "seed": seed, "quiet": quiet, "device": device or torch.device("cpu")}

    def play(physics: AreaPhysics, steps: int, adversarial: float, rate: float, stage: Run | None, title: str):
        """A training of ``steps`` under ``physics`` at ``rate``, with ``adversarial``, ``stage`` and ``title``."""
        judge = PhysicsInformedDiscriminator(critic, physics, (pixels, pixels), informed=physics.active)
        multipliers = Multipliers(physics.names, rho=0.05, allowed=0.3) if physics.active else None
        gamma = 0.3
        game = PhysicsGAN(
            generator,
            judge,
            Gaussian(generator.latent),
            multipliers,
            penalties=(R1(gamma), R2(gamma)),
            adversarial=adversarial,
        )
        moves = {name: adam(rate, betas=(0.0, 0.99)) for name in ("generator", "discriminator")}
        if multipliers is not None:
            moves["multipliers"] = lambda p: torch.optim.SGD(p, lr=0.01)
        probe = Probe(tasks, samples=64, spectrum_every=0)
        return Trainer(
            steps=steps, ema=EMA(0.98), run=stage, checkpoint_every=200, log_every=100, callbacks=[probe], title=title,
            **trainer,
        ).fit(game, tasks, Simultaneous(moves, Cosine(1.0, 0.2)))  # fmt: skip

    first = None if run is None else run.stage("critic-first")
    play(AreaPhysics(*facts, active=False), first_steps, 1.0, 1e-3, first, "critic first")
    physics = AreaPhysics(*facts, active=without != "physics")
    weight = 0.0 if without == "critic" else 1.0
    training = play(physics, steps, weight, 5e-4, run, "critic and physics")
    averaged = training.averaged("generator")
    assert isinstance(averaged, MapGenerator)
    return NewMaps(averaged.cpu(), AreaPhysics(*facts))
