"""The game of new maps: players on the torus, the law of their areas, both games, each part left out."""

import pytest
import torch

from advsci.latents import Gaussian
from advsci.physics import PhysicsGAN, PhysicsInformedDiscriminator
from advsci.streams import Stream
from advsci_friction.game.new_maps import AreaPhysics, MapCritic, MapGenerator, laplacian_factor
from advsci_friction.game.new_training import MapTasks, train_new_maps
from advsci_friction.surfaces.pressed import press
from advsci_friction.surfaces.processes import find_process


@pytest.fixture(scope="module")
def library():
    process = find_process("e-beam")
    return press(process.simulate(20, Stream(0), 32), process.cell)


def facts(library):
    strain = library.log_strain[[7, 9]].exp()
    log_area = library.areas(strain)
    scale = float(library.maps.std())
    return scale, tuple(strain.tolist()), tuple(log_area.mean(0).tolist()), tuple(log_area.std(0).tolist())


def test_the_critic_does_not_see_where_the_cell_begins(library):
    critic = MapCritic(4, laplacian_factor(library.maps))
    x, context = library.maps[:3] / library.maps.std(), torch.zeros(3, 4)
    assert torch.allclose(critic(x, context), critic(x.roll((8, 16), (1, 2)), context), atol=1e-5)
    generator = MapGenerator(32, 2)
    z = Stream(0).normal((3, generator.latent))
    made = generator(z, torch.zeros(3, 2))
    assert made.shape == (3, 32, 32) and not torch.allclose(made[0], made[1])


def test_maps_meet_their_own_request_and_gradients_point_to_it(library):
    physics = AreaPhysics(*facts(library))
    own = physics.condition(library.areas(torch.tensor(physics.strain))).float()
    x = (library.maps / physics.scale).requires_grad_()
    found = physics(x, own)
    assert float(torch.stack(list(found.residuals.values())).abs().median()) < 1.0, "within 5 %, by interpolation"
    higher = physics(1.3 * x, own)
    assert float(higher.residuals["area_0"].median()) < -2.0, "a higher map touches less"
    (gradient,) = torch.autograd.grad(higher.violations["area_0"].sum(), x)
    assert float(((gradient * x).sum((1, 2)) > 0.0).double().mean()) > 0.8
    idle = AreaPhysics(*facts(library), active=False)(x, own)
    assert float(torch.stack(list(idle.residuals.values())).abs().max()) == 0.0


@pytest.mark.parametrize("without", ["nothing", "critic", "physics"])
def test_both_games_play(library, without):
    strain = tuple(library.log_strain[[7, 9]].exp().tolist())
    settings = {"first_steps": 2, "steps": 2, "batch_size": 4, "quiet": True}
    trained = train_new_maps(library, strain, without=without, **settings)
    wanted = library.areas(torch.tensor(strain))[:3]
    maps = trained.draw(wanted, Stream(1))
    assert maps.shape == (3, 32, 32) and bool(torch.isfinite(maps).all())
    assert torch.equal(maps, trained.draw(wanted, Stream(1)))


def test_steps_on_the_meta_device(library):
    physics = AreaPhysics(*facts(library))
    tasks = MapTasks(library.maps / physics.scale, torch.zeros(20, 2), 2, Stream(0))
    critic = PhysicsInformedDiscriminator(MapCritic(4), physics, (32, 32))
    generator = MapGenerator(32, 2)
    game = PhysicsGAN(generator, critic, Gaussian(generator.latent))
    batch = tasks[torch.arange(4)]
    draw = game.draw(batch, Stream(0))
    game = game.to("meta")
    shared = game.shared_terms(*({k: v.to("meta") for k, v in d.items()} for d in (batch, draw)))
    for terms in shared.values():
        torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is not None and p.grad.is_meta for p in generator.parameters())
