"""Games whose players lie in pieces over the processes: trained, and resumed from their checkpoints.

As a script with a folder, one process of several (RANK, WORLD_SIZE and MASTER_* set).
"""

import sys
from pathlib import Path

import torch
from divided_games import WEIGHTED, Case, gan, play

from advsci.objectives import NonSaturating
from advsci.penalties import R1, ApproximateR1
from advsci.processes import several_processes
from advsci.sharded import is_sharded
from advsci.solvers import Alternating, Extragradient, Lookahead, Optimistic, Simultaneous, adam
from advsci.training import sharding

sharding.BLOCK = 16  # small networks in several blocks

SHARDED: dict[str, tuple[Case, tuple[str, ...]]] = {
    "adam": (gan(penalties=(R1(0.1),), solver=lambda _: Alternating(adam(0.01))), ("generator",)),
    "one pass": (gan(WEIGHTED, objective=NonSaturating(), penalties=(R1(0.1),), solver=Simultaneous), ("generator",)),
    "optimistic": (gan(penalties=(), solver=lambda rule: Lookahead(Optimistic(rule), k=2)), ("generator",)),
    "both": (gan(penalties=(ApproximateR1(0.1),), solver=Extragradient), ("discriminator", "generator")),
}
"""Name -> a game with data and rule, and the players that are sharded."""


def trained(folder: Path) -> None:
    """Every case for 4 steps, then resumed to 8."""
    for name, (case, players) in SHARDED.items():
        made = []

        def noted(case: Case = case, made: list = made):
            made.append(case())
            return made[-1]

        for steps in (4, 8):
            play(noted, folder / name, steps, shard=players)
        for game, _, _ in made:
            pieces = [player for player in game.players if all(map(is_sharded, game.parameters_of(player)))]
            assert set(pieces) == (set(players) if several_processes() else set()), name


if __name__ == "__main__":
    torch.set_num_threads(1)
    trained(Path(sys.argv[1]))
