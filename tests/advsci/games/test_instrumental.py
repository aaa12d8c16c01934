"""For linear classes the game's equilibrium is two-stage least squares."""

import pytest
import torch
from torch import nn

from advsci.errors import ShapeError
from advsci.games import InstrumentalVariables
from advsci.solvers import Extragradient, vector_field
from advsci.streams import Stream
from advsci.training import Trainer


def linear(inputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(layer.weight)
    return layer


def confounded(n: int = 400):
    """Two treatments that share a confounder with the outcome, three instruments."""
    stream = Stream(0)
    w, u, e = (stream.at(name).normal((n, k), dtype=torch.float64) for name, k in (("w", 3), ("u", 1), ("e", 2)))
    mix = torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]], dtype=torch.float64)
    x = w @ mix.T + u + 0.1 * e
    y = x @ torch.tensor([1.0, -2.0], dtype=torch.float64) + 3.0 * u[:, 0]
    return {"x": x, "instrument": w, "y": y}


def two_stage_least_squares(batch):
    x, w, y = batch["x"], batch["instrument"], batch["y"]
    fitted = w @ torch.linalg.lstsq(w, x).solution
    return torch.linalg.lstsq(fitted, y[:, None]).solution[:, 0]


def test_equilibrium_is_two_stage_least_squares():
    batch = confounded()
    beta = two_stage_least_squares(batch)
    game = InstrumentalVariables(linear(2), linear(3))
    with torch.no_grad():
        game.structural.weight.copy_(beta[None])
        w = batch["instrument"]
        moment = w.T @ (batch["y"] - batch["x"] @ beta) / len(w)
        game.test.weight.copy_(torch.linalg.solve(w.T @ w / len(w), moment)[None])
    _, field = vector_field(game, batch, {})
    for gradients in field.values():
        for gradient in gradients:
            assert gradient.abs().max() < 1e-12


def test_playing_the_game_finds_it_and_least_squares_does_not():
    batch = confounded()
    game = InstrumentalVariables(linear(2), linear(3))

    class Whole:
        def __len__(self):
            return len(batch["y"])

        def __getitem__(self, indices):
            return batch

    solver = Extragradient(lambda parameters: torch.optim.SGD(parameters, lr=0.4))
    Trainer(steps=600, batch_size=400, device="cpu", quiet=True, log_every=600).fit(game, Whole(), solver)
    beta = game.structural.weight.detach()[0]
    torch.testing.assert_close(beta, two_stage_least_squares(batch), rtol=1e-6, atol=1e-6)
    ordinary = torch.linalg.lstsq(batch["x"], batch["y"][:, None]).solution[:, 0]
    truth = torch.tensor([1.0, -2.0], dtype=torch.float64)
    assert (beta - truth).norm() < 0.5 < (ordinary - truth).norm()


def test_wrong_outcome_shape_is_named():
    batch = confounded() | {"y": torch.zeros(400, 1, dtype=torch.float64)}
    with pytest.raises(ShapeError, match=r"y of shape \(n,\)"):
        InstrumentalVariables(linear(2), linear(3)).check(batch, {})
