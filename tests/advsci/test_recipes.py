"""The low-dimensional recipe: what it reads off the data, and what it refuses."""

import pytest
import torch

from advsci.errors import ConfigError, DataError
from advsci.recipes import images, local_scale, low_dimensional
from advsci.schedules import Geometric
from advsci.streams import Stream
from advsci.training import Trainer


def clusters(width, n=4000):
    g = torch.Generator().manual_seed(0)
    centres = torch.cartesian_prod(torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0]))
    return centres[torch.randint(4, (n,), generator=g)] + width * torch.randn(n, 2, generator=g)


def test_the_local_scale_follows_the_width_of_the_clusters():
    assert local_scale(clusters(0.1)) == pytest.approx(10.0 * local_scale(clusters(0.01)), rel=0.03)
    with pytest.raises(DataError, match="finest"):
        local_scale(torch.randn(5, 2))


def test_geometric_schedules_have_equal_ratios():
    gamma = Geometric(0.02, 0.0002)
    assert [gamma(t) for t in (0.0, 0.5, 1.0)] == pytest.approx([0.02, 0.002, 0.0002])
    assert float(gamma(torch.tensor(0.5))) == pytest.approx(0.002)


def test_the_recipe_trains_depends_on_its_seed_and_leaves_the_global_generator_alone():
    x = clusters(0.05)
    x = (x - x.mean(0)) / x.std(0)
    state = torch.get_rng_state()
    a, b, c = (low_dimensional(x, width=8, waves=8, pieces=16, seed=s) for s in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    pairs = list(zip(a.game.parameters(), b.game.parameters(), c.game.parameters(), strict=True))
    assert all(torch.equal(p, q) for p, q, _ in pairs) and not all(torch.equal(p, r) for p, _, r in pairs)
    training = Trainer(2, a.batch_size, ema=a.ema, quiet=True, device="cpu").fit(a.game, x, a.solver)
    assert training.step == 2


def test_data_in_other_units_are_refused():
    with pytest.raises(ConfigError, match="standard deviation"):
        low_dimensional(100.0 * clusters(0.05))


def test_the_recipe_for_images_fits_their_shape_and_trains():
    x = torch.rand(16, 3, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    recipe = images(x, latent=4, width=8, groups=3)
    assert recipe.game.sample(2, Stream(0)).shape == (2, 3, 28, 28)
    training = Trainer(2, 8, ema=recipe.ema, quiet=True, device="cpu").fit(recipe.game, x, recipe.solver)
    assert training.step == 2
    with pytest.raises(ConfigError, match="in \\[-1, 1\\]"):
        images(255 * x)
    with pytest.raises(ConfigError, match="square"):
        images(x[:, :, :14])
