"""The matrix-free spectrum against closed forms and dense matrices."""

import math

import pytest
import torch

from advsci.diagnostics import VectorField, adam_scale, game_spectrum, path_angle, rotation_share, stable_rate
from advsci.errors import ConfigError, DataError
from advsci.solvers import Simultaneous
from advsci.streams import Stream
from tests.toys.saddle_games import Saddle

DOUBLE = torch.double


def spectrum_of(game):
    return game_spectrum(VectorField(game, {}, {}), count=2)


def test_bilinear_game_is_pure_rotation_and_never_stable(games):
    field = VectorField(games.zero_sum(lambda x, y: x * y), {}, {})
    spectrum = game_spectrum(field, count=2)
    assert sorted(spectrum.eigenvalues.imag.tolist()) == pytest.approx([-1.0, 1.0])
    assert spectrum.eigenvalues.real.tolist() == pytest.approx([0.0, 0.0], abs=1e-12)
    assert spectrum.stable_rate == 0.0
    assert rotation_share(field) == pytest.approx(1.0)
    assert "unstable at any learning rate" in (spectrum.warning(0.01) or "")
    h = 0.3
    assert spectrum.multipliers(h).abs().tolist() == pytest.approx([math.sqrt(1 + h * h)] * 2)


def test_saddle_has_its_published_eigenvalues_and_stable_rate(games):
    game = games.zero_sum(lambda t, p: 1.5 * t * t - 2.5 * p * p + 4 * t * p)
    spectrum = spectrum_of(game)
    assert [complex(z) for z in spectrum.eigenvalues][0] == pytest.approx(
        complex(4, math.sqrt(15)), rel=1e-9
    ) or complex(spectrum.eigenvalues[1]) == pytest.approx(complex(4, math.sqrt(15)), rel=1e-9)
    assert spectrum.stable_rate == pytest.approx(8 / 31)
    assert float(spectrum.multipliers(4 / 31).abs().max()) == pytest.approx(math.sqrt(15 / 31))
    assert spectrum.warning(0.1) is None and spectrum.warning(0.89 * 8 / 31) is None
    for share, place in ((0.91, "close to"), (1.0, "close to"), (1.01, "beyond")):
        text, rate = spectrum.warning(share * spectrum.stable_rate) or "", share * 8 / 31
        turns = 2 * math.pi / math.atan2(rate * math.sqrt(15), 1 - 4 * rate)
        assert "Hopf" in text and place in text and f"turns once in {turns:.0f} steps" in text


@pytest.mark.parametrize("al, be", [(1.0, 0.5), (0.3, 4.0)])
def test_bilinear_quadratic_focus_and_node(games, al, be):
    # d ascends dg - al/2 d^2 + be/2 g^2, g descends it
    payoff = lambda d, g: d * g - al / 2 * d * d + be / 2 * g * g  # noqa: E731
    game = games.ScalarGame(lambda d, g: -payoff(d, g), payoff)
    root = torch.sqrt(torch.tensor((al - be) ** 2 / 4 - 1 + 0j))
    expected = torch.stack([(al + be) / 2 - root, (al + be) / 2 + root])
    found = spectrum_of(game).eigenvalues
    for value in expected:
        assert float((found - value).abs().min()) < 1e-6
    assert (abs(float(found[0].imag)) > 1e-9) == (abs(al - be) < 2)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 3.0])
def test_dirac_gan_with_r1(games, gamma):
    # generator at x, D(s) = y s, data at 0, minimax logistic: f'(0) = 1/2; R1 = gamma/2 y^2
    f = lambda x, y: -torch.nn.functional.softplus(x * y)  # noqa: E731
    game = games.ScalarGame(f, lambda x, y: -f(x, y) + gamma / 2 * y * y, x=0.0, y=0.0)
    root = torch.sqrt(torch.tensor(gamma**2 / 4 - 0.25 + 0j))
    found = spectrum_of(game).eigenvalues
    for value in (gamma / 2 + root, gamma / 2 - root):
        assert float((found - value).abs().min()) < 1e-6


def test_a_flip_is_named_where_the_eigenvalue_is_real(games):
    spectrum = spectrum_of(games.ScalarGame(lambda x, y: 2 * x * x, lambda x, y: y * y))
    assert spectrum.stable_rate == pytest.approx(0.5)
    assert "flip" in (spectrum.warning(0.49) or "")
    assert rotation_share(VectorField(games.zero_sum(lambda x, y: x * x - y * y), {}, {})) == pytest.approx(0.0)


def test_products_are_adjoint_and_equal_finite_differences(games):
    game, batch, draw = games.small_gan()
    field = VectorField(game, batch, draw)
    u, w = torch.randn(2, field.size, dtype=DOUBLE)
    product = field.jvp(u)
    torch.testing.assert_close(product @ w, u @ field.vjp(w))
    parameters = [p for player in game.players for p in game.parameters_of(player)]
    eps, values = 1e-5, []
    for sign in (1, -1):
        with torch.no_grad():
            for p, part in zip(parameters, u.split([p.numel() for p in parameters]), strict=True):
                p.add_(sign * eps * part.view_as(p))
        values.append(VectorField(game, batch, draw).value)
        with torch.no_grad():
            for p, part in zip(parameters, u.split([p.numel() for p in parameters]), strict=True):
                p.sub_(sign * eps * part.view_as(p))
    torch.testing.assert_close(product, (values[0] - values[1]) / (2 * eps), atol=1e-7, rtol=1e-5)


def test_arnoldi_equals_the_dense_spectrum_of_a_small_gan(games):
    game, batch, draw = games.small_gan()
    field = VectorField(game, batch, draw)
    dense = torch.linalg.eigvals(field.dense())
    dense = dense[dense.abs().argsort(descending=True)]
    spectrum = game_spectrum(field, count=8, steps=field.size)
    for value in spectrum.eigenvalues:
        assert float((dense - value).abs().min() / dense[0].abs()) < 1e-5
    assert spectrum.eigenvalues.abs().tolist() == pytest.approx(dense[:8].abs().tolist(), rel=1e-5)


def test_the_spectrum_of_nearly_equal_eigenvalues_keeps_its_digits():
    """Of I + 1e-6 A: each product takes almost all of itself away, so that one pass would lose orthogonality."""
    generator = torch.Generator().manual_seed(0)
    a, b, c, d = 1e-6 * torch.randn(4, 4, 4, generator=generator, dtype=DOUBLE)
    losses = {
        "x": lambda x, y: 0.5 * x @ x + 0.5 * x @ (a + a.T) @ x + x @ b @ y,
        "y": lambda x, y: 0.5 * y @ y + 0.5 * y @ (d + d.T) @ y + y @ c @ x,
    }
    field = VectorField(Saddle(losses, {"x": [0.0] * 4, "y": [0.0] * 4}), {}, {})
    exact = torch.linalg.eigvals(torch.cat([torch.cat([a + a.T, b], 1), torch.cat([c, d + d.T], 1)]))
    found = game_spectrum(field, count=8, steps=8).eigenvalues - 1.0
    assert len(found) == 8
    for value in exact:
        assert float((found - value).abs().min()) < 1e-12


def test_residuals_bound_the_error_of_an_early_stop(games):
    game, batch, draw = games.small_gan(1)
    field = VectorField(game, batch, draw)
    spectrum = game_spectrum(field, count=3, steps=field.size, tolerance=1e-8)
    assert spectrum.products < field.size
    assert float(spectrum.residuals.max()) < 1e-8


def test_rotation_share_equals_the_dense_split(games):
    game, batch, draw = games.small_gan()
    field = VectorField(game, batch, draw)
    j = field.dense()
    exact = float(((j - j.T) / 2).square().sum() / j.square().sum())
    assert rotation_share(field, probes=200) == pytest.approx(exact, rel=0.1)


def test_adam_s_metric_scales_rows(games):
    game, batch, draw = games.small_gan()
    solver = Simultaneous()
    solver.bind(game)
    with pytest.raises(DataError, match="second moments"):
        adam_scale(game, solver)
    before = VectorField(game, batch, draw).value
    solver.step(game, lambda: (batch, draw))
    scale = adam_scale(game, solver)
    moved = before.abs() > 1e-4  # a relativistic discriminator's last bias has no gradient
    torch.testing.assert_close((scale * before)[moved], before.sign()[moved], atol=1e-3, rtol=0)  # Adam's first step
    plain, scaled = VectorField(game, batch, draw).dense(), VectorField(game, batch, draw, scale).dense()
    torch.testing.assert_close(scaled, scale.unsqueeze(1) * plain)
    u = torch.randn(len(scale), dtype=DOUBLE)
    torch.testing.assert_close(VectorField(game, batch, draw, scale).jvp(u), scaled @ u)


def test_path_angle_is_minus_one_towards_a_minimum_and_one_behind_it(games):
    game = games.zero_sum(lambda x, y: x * x - y * y)
    start = [torch.tensor(1.0, dtype=DOUBLE), torch.tensor(1.0, dtype=DOUBLE)]
    end = [torch.zeros((), dtype=DOUBLE), torch.zeros((), dtype=DOUBLE)]
    before = game.x.value.item()
    angle = path_angle(game, start, end, {}, {}, [0.5, 1.5])
    assert angle.tolist() == pytest.approx([-1.0, 1.0])
    rotation = path_angle(games.zero_sum(lambda x, y: x * y), start, end, {}, {}, [0.5])
    assert rotation.tolist() == pytest.approx([0.0], abs=1e-12)
    assert game.x.value.item() == before


def test_zero_directions_do_not_limit_the_rate():
    assert stable_rate(torch.tensor([2.0, 1e-18, 0.0], dtype=torch.cdouble)) == 1.0
    assert stable_rate(torch.tensor([2.0, -1.0], dtype=torch.cdouble)) == 0.0


def test_errors_say_what_was_expected(games):
    field = VectorField(games.zero_sum(lambda x, y: x * y), {}, {})
    with pytest.raises(ConfigError, match="count"):
        game_spectrum(field, count=5, steps=4)
    assert game_spectrum(field, count=2, stream=Stream(3)).products == 2


def test_past_the_hopf_rate_the_players_circle_with_amplitude_sqrt_of_the_excess(games):
    f = lambda x, y: x * y + 0.1 * x * x + 0.25 * x**4  # noqa: E731
    game = games.ScalarGame(f, lambda x, y: -f(x, y) + 0.1 * y * y, x=0.0, y=0.0)
    critical = spectrum_of(game).stable_rate
    # x minimises f, y minimises -xy + y^2/10: gradients by hand, so that long orbits are cheap

    def amplitude(rate):
        x, y, largest = 0.01, 0.0, 0.0
        for step in range(20_000):
            x, y = x - rate * (y + 0.2 * x + x**3), y - rate * (-x + 0.2 * y)
            if step >= 18_000:
                largest = max(largest, abs(x))
        return largest

    assert amplitude(0.98 * critical) < 1e-9
    small, large = amplitude(1.01 * critical), amplitude(1.04 * critical)
    assert small > 0.01
    assert large / small == pytest.approx(2.0, rel=0.1)
