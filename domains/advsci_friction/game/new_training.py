r"""Training of the game of new maps: the process first, then process and contact solver together.

In the first game nothing is solved; the players learn the process from its maps alone. In the second the same players
go on with the solver as the law, and a multiplier per load as the third player. Who teaches the generator is named for
each game: the critic, penalties on the maps' statistics (`advsci_friction.game.map_statistics`), the physics.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from advsci.diagnostics import Probe
from advsci.games.game import Batch, Draw
from advsci.latents import Gaussian, Latent
from advsci.penalties import R1, R2, Lazy
from advsci.physics import Multipliers, PhysicsGAN, PhysicsInformedDiscriminator
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import EMA, Run, Trainer
from advsci_friction.game.map_statistics import MapStatistics
from advsci_friction.game.new_maps import AreaPhysics, MapCritic, MapGenerator, laplacian_factor
from advsci_friction.game.refiner import MapRefiner, Patchworks
from advsci_friction.surfaces.pressed import Pressed, log_areas
from advsci_friction.surfaces.quilting import quilt

__all__ = ["MapGame", "MapTasks", "NewMaps", "NewMapsTraining", "Start", "Teacher", "train_new_maps"]

Teacher = Literal["critic", "penalties", "physics"]
Start = Literal["noise", "quilts"]


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


class MapGame(PhysicsGAN):
    """The game of maps: latent vectors near the request where there is a choice, penalties, and a critic only if it
    teaches.

    Parameters
    ----------
    generator, discriminator, latent, multipliers
        As in `advsci.physics.PhysicsGAN`.
    critic
        Whether the critic plays; otherwise the generator does not hear it, and it does not learn.
    statistics
        Penalty on the maps' statistics, or None.
    gamma
        Weight of R1 and R2.
    """

    PENALTY = 0.3

    def __init__(
        self,
        generator: nn.Module,
        discriminator: PhysicsInformedDiscriminator,
        latent: Latent,
        multipliers: Multipliers | None,
        *,
        critic: bool = True,
        statistics: MapStatistics | None = None,
        gamma: float = 0.3,
    ):
        super().__init__(
            generator, discriminator, latent, multipliers, penalties=(Lazy(R1(gamma), 4), Lazy(R2(gamma), 4)),
            adversarial=1.0 if critic else 0.0,
        )  # fmt: skip
        self.statistics = statistics

    @property
    def players(self) -> dict[str, nn.Module]:
        players = super().players
        return players if self.adversarial else {k: v for k, v in players.items() if k != "discriminator"}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """The numbers of one evaluation on ``batch``, from ``stream``; patchworks near the batch's requests."""
        draw = dict(super().draw(batch, stream))
        if isinstance(self.latent, Patchworks):
            draw["latent"] = self.latent.near(batch["condition"], stream.at("near"))
        return draw

    def generator_terms(self, batch: Batch, draw: Draw, made) -> dict[str, Tensor]:
        """The penalty on what was ``made`` of ``batch`` and ``draw``, where there is one."""
        return {} if self.statistics is None else {"statistics": self.PENALTY * self.statistics(made.samples)}


@dataclass(frozen=True)
class NewMaps:
    """A trained generator of new maps.

    Attributes
    ----------
    generator
        The averaged network.
    physics
        Loads and standardisation.
    latent
        Where its latent vectors come from.
    """

    generator: MapGenerator | MapRefiner
    physics: AreaPhysics
    latent: Latent

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
        condition = self.physics.condition(log_area).float()
        if isinstance(self.latent, Patchworks):
            z = self.latent.near(condition, stream)
        else:
            z = self.latent.sample(len(condition), stream, dtype=torch.float32)
        return self.physics.scale * self.generator(z, condition)


class NewMapsTraining:
    """Both games on one library: `first` begins with new players, `second` goes on with copies of trained ones.

    Parameters
    ----------
    library
        Maps of the process, pressed.
    strain
        :math:`P/E^*` at which areas will be asked for.
    start
        ``"noise"``: the generator makes maps from noise; ``"quilts"``: from patchworks of the library.
    batch_size
        Maps per step; each costs a solve per load in the second game.
    halvings
        Of the critic's grid: fewer than 3 judge patches.
    seed
        Of networks, data and latent vectors.
    quiet
        Show no progress.
    device
        Where to train; the CPU by default.
    """

    PATCHWORKS = 256

    def __init__(
        self,
        library: Pressed,
        strain: Sequence[float],
        *,
        start: Start = "noise",
        batch_size: int = 16,
        halvings: int = 3,
        seed: int = 0,
        quiet: bool = False,
        device: torch.device | None = None,
    ):
        loads = torch.tensor(tuple(strain))
        log_area = library.areas(loads)
        mean, deviation = log_area.mean(0), log_area.std(0)
        scale = float(library.maps.std())
        correction = library.corrections(loads)
        self.facts = (scale, tuple(strain), tuple(mean.tolist()), tuple(deviation.tolist()))
        self.correction = tuple(correction.tolist())
        self.maps, self.start = library.maps / scale, start
        self.tasks = MapTasks(self.maps, ((log_area - mean) / deviation).float(), 16, Stream(seed).at("tasks"))
        pixels = self.maps.shape[-1]
        with Stream(seed).at("networks").seeded():
            if start == "quilts":
                sewn = quilt(library.maps, self.PATCHWORKS, Stream(seed).at("quilts"))
                own = AreaPhysics(*self.facts).condition(log_areas(sewn, loads, 1e-4) + correction)
                self.latent: Latent = Patchworks(sewn / scale, own.float())
                self.generator: MapGenerator | MapRefiner = MapRefiner(pixels, len(loads))
            else:
                self.generator = MapGenerator(pixels, len(loads))
                self.latent = Gaussian(self.generator.latent)
            self.critic = MapCritic(2 * len(loads), laplacian_factor(self.maps), halvings=halvings)
        self.trainer = {"batch_size": batch_size, "seed": seed, "quiet": quiet, "device": device or torch.device("cpu")}

    def first(self, steps: int, teachers: Sequence[Teacher] = ("critic",), run: Run | None = None) -> None:
        """The process alone, without a solve.

        Parameters
        ----------
        steps
            Steps of the game.
        teachers
            Critic, penalties or both.
        run
            Folder of records and checkpoints.
        """
        physics = AreaPhysics(*self.facts, active=False)
        self._play((self.generator, self.critic), physics, steps, teachers, 1e-3, run, "process first")

    def second(
        self, steps: int, teachers: Sequence[Teacher] = ("critic", "physics"), run: Run | None = None
    ) -> NewMaps:
        """Process and areas, from where the first game has left the players.

        Parameters
        ----------
        steps
            Steps of the game.
        teachers
            Critic, penalties, physics.
        run
            Folder of records and checkpoints.

        Returns
        -------
        NewMaps
            The averaged generator with its physics; the players of the first game stay as they are.
        """
        physics = AreaPhysics(*self.facts, correction=self.correction, active="physics" in teachers)
        players = copy.deepcopy(self.generator), copy.deepcopy(self.critic)
        training = self._play(players, physics, steps, teachers, 5e-4, run, "process and physics")
        averaged = training.averaged("generator").cpu()
        assert isinstance(averaged, MapGenerator | MapRefiner)
        return NewMaps(averaged, AreaPhysics(*self.facts, correction=self.correction), self.latent)

    def _play(self, players, physics: AreaPhysics, steps: int, teachers, rate: float, run: Run | None, title: str):
        pixels = self.maps.shape[-1]
        judge = PhysicsInformedDiscriminator(players[1], physics, (pixels, pixels), informed=physics.active)
        multipliers = Multipliers(physics.names, rho=0.05, allowed=0.3) if physics.active else None
        game = MapGame(
            players[0],
            judge,
            self.latent,
            multipliers,
            critic="critic" in teachers,
            statistics=MapStatistics(self.maps) if "penalties" in teachers else None,
        )
        moves = {name: adam(rate, betas=(0.0, 0.99)) for name in game.players if name != "multipliers"}
        if multipliers is not None:
            moves["multipliers"] = lambda p: torch.optim.SGD(p, lr=0.01)
        # nobody reads the records of a training without a folder
        probes = [] if run is None else [Probe(self.tasks, samples=64, spectrum_every=0)]
        return Trainer(
            steps=steps, ema=EMA(0.98), run=run, checkpoint_every=200, log_every=100, callbacks=probes, title=title,
            **self.trainer,
        ).fit(game, self.tasks, Simultaneous(moves, Cosine(1.0, 0.2)))  # fmt: skip


def train_new_maps(
    library: Pressed,
    strain: Sequence[float],
    *,
    first_steps: int = 150,
    steps: int = 30,
    batch_size: int = 16,
    start: Start = "quilts",
    first_teachers: Sequence[Teacher] = ("critic",),
    teachers: Sequence[Teacher] = ("critic", "physics"),
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
    start
        ``"noise"`` or ``"quilts"``: what the generator makes maps from.
    first_teachers, teachers
        Who teaches the generator in the first and in the second game.
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
    training = NewMapsTraining(
        library, strain, start=start, batch_size=batch_size, seed=seed, quiet=quiet, device=device
    )
    training.first(first_steps, first_teachers, None if run is None else run.stage("process-first"))
    return training.second(steps, teachers, run)
