"""Players in pieces over the processes, for networks that do not fit one device: torch's FSDP2.

Each process holds a part of every parameter, its gradient and its optimizer's state; the whole of one block of layers
exists only while the block computes (Zhao et al. 2023, "PyTorch FSDP", arXiv 2304.11277).
"""

from collections.abc import Sequence

import torch
from torch import nn

from advsci.errors import ConfigError
from advsci.games.adversarial import AdversarialGame
from advsci.games.game import Game
from advsci.games.gan import WeightedGenerator
from advsci.processes import world_size
from advsci.sharded import is_sharded
from advsci.solvers.solver import Solver

__all__ = ["check_shard", "shard"]

BLOCK = 2**22
"""Entries up to which a module is one block, gathered at once."""


def shard(network: nn.Module, device: torch.device) -> None:
    """Leave a part of every parameter in each process; a network that is in pieces already stays as it is.

    Parameters
    ----------
    network
        Equal in all processes. It may lie on another device than ``device``: its blocks go there one after another.
    device
        Where the parts lie.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    if any(map(is_sharded, network.parameters())):
        return
    mesh = init_device_mesh(device.type, (world_size(),))
    for block in [*_blocks(network), network]:
        # gathered anew for the backward pass: a player that is frozen for another's move holds no whole tensors
        fully_shard(block, mesh=mesh, reshard_after_forward=True)


def _blocks(module: nn.Module) -> list[nn.Module]:
    """The largest parts below ``module`` of at most `BLOCK` entries, where the whole has more."""
    if sum(p.numel() for p in module.parameters()) <= BLOCK:
        return []
    found = []
    for child in module.children():
        found += _blocks(child)
        # a list of modules is never called, and a block gathers its parameters when it is called
        if any(True for _ in child.parameters()) and not isinstance(child, nn.ModuleList | nn.ModuleDict):
            found.append(child)
    return found


def check_shard(game: Game, solver: Solver, players: Sequence[str]) -> None:
    """Refuse what FSDP2 cannot do: it exchanges gradients in ``loss.backward()`` and differentiates once.

    Parameters
    ----------
    game, solver
        The training's.
    players
        The players that are to be in pieces.

    Raises
    ------
    ConfigError
        No such player, or a game, penalty or solver that needs more than first derivatives of one.
    """
    if not players:
        return
    if not isinstance(game, AdversarialGame) or not set(players) <= {"generator", "discriminator"}:
        raise ConfigError(
            f"got shard={tuple(players)} for a {type(game).__name__}; expected 'generator' or 'discriminator' of an "
            "adversarial game. Try: shard=('generator',) of a GAN."
        )
    rule = solver.inner or solver
    if not rule.accumulates or rule.compile:
        how = f"compiled {type(rule).__name__}" if rule.compile else type(rule).__name__
        raise ConfigError(
            f"got shard={tuple(players)} under {how}; expected a rule that needs gradients alone, not compiled. "
            "Try: Alternating()."
        )
    twice = [p.name for p in game.penalties if "discriminator" in players and p.gradients]
    twice += [p.name for p in game.generator_penalties if "generator" in players]
    if "generator" in players and isinstance(game.generator, WeightedGenerator):
        twice.append(type(game.generator).__name__)
    if twice:
        raise ConfigError(
            f"got shard={tuple(players)} with {', '.join(twice)}, which differentiate or call a player's network in "
            "another way than its loss; expected a player without. Try: ApproximateR1 and ApproximateR2 in place of R1 "
            "and R2, or a player that is not sharded."
        )
