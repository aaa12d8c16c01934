"""What is already on in a training, so that no advice recommends it."""

from collections.abc import Callable

from torch import nn

from advsci.games.adversarial import AdversarialGame
from advsci.nn import FourierFeatures, Packed, SpectralNorm, Whitening
from advsci.objectives import Minimax, NonSaturating, RelativisticPairing
from advsci.solvers import Consensus, Extragradient, Lookahead, Optimistic
from advsci.training.trainer import Training

__all__ = ["settings_of"]

Test = Callable[[AdversarialGame, Training], bool]


def settings_of(training: Training) -> dict[str, float]:
    """Which remedies a training of an adversarial game uses already.

    Parameters
    ----------
    training
        As a callback gets it.

    Returns
    -------
    dict
        ``"on_NAME"`` -> 1 or 0, for the names that `advsci.diagnostics.verdict` asks for.
    """
    game = training.game
    assert isinstance(game, AdversarialGame)
    return {f"on_{name}": float(test(game, training)) for name, test in TESTS.items()}


def _has(network: nn.Module, kind: type[nn.Module]) -> bool:
    return any(isinstance(module, kind) for module in network.modules())


def _momentum(game: AdversarialGame, training: Training) -> bool:
    groups = [g for optimizer in training.solver.optimizers.values() for g in optimizer.param_groups]
    return any(g.get("betas", (g.get("momentum", 0.0),))[0] > 0.0 for g in groups)


def _paced(game: AdversarialGame, training: Training) -> bool:
    return max(getattr(training.solver, "moves", {}).values(), default=1) > 1


TESTS: dict[str, Test] = {
    "penalty": lambda game, training: any(p.name not in ("orthogonal", "damping") for p in game.penalties),
    "r1": lambda game, training: any("r1" in p.name for p in game.penalties),
    "spectral_norm": lambda game, training: _has(game.discriminator, SpectralNorm),
    "non_saturating": lambda game, training: isinstance(game.objective, NonSaturating | RelativisticPairing),
    "minimax": lambda game, training: isinstance(game.objective, Minimax),
    "relativistic": lambda game, training: isinstance(game.objective, RelativisticPairing),
    "average": lambda game, training: "generator" in training.averages,
    "momentum": _momentum,
    "many_moves": _paced,
    "damped_rotation": lambda game, training: isinstance(
        training.solver, Extragradient | Optimistic | Consensus | Lookahead
    ),
    "augmentation": lambda game, training: getattr(game, "augment", None) is not None,
    "packing": lambda game, training: _has(game, Packed),
    "fourier": lambda game, training: _has(game.discriminator, FourierFeatures),
    "whitening": lambda game, training: _has(game, Whitening),
    "conditioning": lambda game, training: bool(game.generator_penalties),
}
