"""The game of new maps: players on the torus, the law of their areas, both games, each part left out."""

import pytest
import torch

from advsci.latents import Gaussian
from advsci.physics import PhysicsGAN, PhysicsInformedDiscriminator
from advsci.streams import Stream
from advsci_friction.game.map_statistics import MapStatistics
from advsci_friction.game.new_maps import AreaPhysics, MapCritic, MapGenerator, laplacian_factor
from advsci_friction.game.new_training import MapGame, MapTasks, NewMapsTraining
from advsci_friction.game.refiner import MapRefiner, Patchworks
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


@pytest.mark.parametrize(("halvings", "reach"), [(1, 12), (2, 22)])
def test_a_critic_with_fewer_halvings_sees_patches(halvings, reach):
    with Stream(0).seeded():
        critic = MapCritic(1, halvings=halvings)
    x = Stream(1).normal((1, 64, 64)).requires_grad_()
    seen = []
    critic.layers[-1].register_forward_hook(lambda *call: seen.append(call[-1]))
    critic(x, x.new_zeros(1, 1))
    middle = seen[0].shape[-1] // 2
    seen[0][0, :, middle, middle].sum().backward()
    assert x.grad is not None
    rows = x.grad[0].abs().sum(1).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == reach, "its convolutions, and one pixel of the Laplacian on each side"


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


@pytest.mark.parametrize("start", ["noise", "quilts"])
def test_both_games_play(library, start, monkeypatch):
    monkeypatch.setattr(NewMapsTraining, "PATCHWORKS", 16)
    strain = tuple(library.log_strain[[7, 9]].exp().tolist())
    training = NewMapsTraining(library, strain, start=start, batch_size=4, quiet=True)
    training.first(2)
    before = {k: v.clone() for k, v in training.generator.state_dict().items()}
    wanted, drawn = library.areas(torch.tensor(strain))[:3], []
    for teachers in (("critic", "physics"), ("penalties", "physics"), ("critic",)):
        trained = training.second(2, teachers)
        maps = trained.draw(wanted, Stream(1))
        assert maps.shape == (3, 32, 32) and bool(torch.isfinite(maps).all())
        assert torch.equal(maps, trained.draw(wanted, Stream(1)))
        drawn.append(maps)
    assert not torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert all(torch.equal(v, before[k]) for k, v in training.generator.state_dict().items()), "the first game stays"


def test_a_critic_that_does_not_teach_does_not_play(library):
    physics = AreaPhysics(*facts(library), active=False)
    judge = PhysicsInformedDiscriminator(MapCritic(4), physics, (32, 32), informed=False)
    maps = library.maps / physics.scale
    game = MapGame(MapGenerator(32, 2), judge, Gaussian(MapGenerator(32, 2).latent), None, critic=False,
                   statistics=MapStatistics(maps))  # fmt: skip
    assert list(game.players) == ["generator"]
    batch = MapTasks(maps, torch.zeros(20, 2), 2, Stream(0))[torch.arange(4)]
    terms = game.terms("generator", batch, game.draw(batch, Stream(0)))
    assert float(terms["objective"]) == 0.0 and float(terms["statistics"]) > 0.0


def test_penalties_cost_what_exceeds_the_process(library):
    maps = library.maps / library.maps.std()
    penalty = MapStatistics(maps)
    own = float(penalty(maps))
    assert own < 1.0, "a map of the process has E z^2 = 1 per kind"
    for worse in (2.0 * maps, maps + 0.3 * Stream(0).normal(maps.shape), maps.clamp_max(0.0)):
        assert float(penalty(worse)) > 5.0 * own
    assert torch.allclose(penalty(maps.roll((3, 5), (1, 2))), penalty(maps), rtol=0.05)


def test_the_refiner_starts_as_the_identity_near_the_request(library):
    maps = library.maps / library.maps.std()
    condition = Stream(1).normal((20, 2))
    pool = Patchworks(maps, condition, nearest=1)
    z = pool.near(condition[:3], Stream(2))
    refined = MapRefiner(32, 2)(z, condition[:3])
    assert torch.equal(refined.flatten(1), z)
    best = [max(float((refined[i] * maps[i].roll((a, b), (0, 1))).sum()) for a in range(32) for b in range(32))
            for i in range(3)]  # fmt: skip
    assert best == pytest.approx(maps[:3].square().sum((1, 2)).tolist(), rel=1e-4), "its own map, somewhere"
    assert pool.sample(5, Stream(0)).shape == (5, 1024)


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
