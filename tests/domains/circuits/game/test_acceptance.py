"""Rejection of made circuits: a tilted sample is recovered, names of genes do not matter, files keep it."""

import torch

from advsci.streams import Stream
from advsci_circuits.game.acceptance import features, fit_acceptance
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.sample import generate
from advsci_circuits.store import load_generator, save_generator


def test_kept_circuits_are_distributed_as_the_real_ones():
    """Real circuits that are made ones tilted by exp(-loops): the ratio is linear in a feature, so it can be exact."""
    torch.manual_seed(0)
    generator, sizes = CompletionGenerator(8, 1), torch.full((3000,), 4)
    made, more = (generate(generator, sizes, Stream(k), valid=False) for k in (1, 2))
    loops = (more.signs.diagonal(dim1=1, dim2=2) != 0).sum(1)
    real = more[Stream(3).uniform((3000,)) < torch.exp(-loops.float())]
    acceptance = fit_acceptance(real, made, decay=1e-4, quantile=1.0)
    fresh = generate(generator, sizes, Stream(4), valid=False)
    kept = fresh[acceptance.accepts(fresh, Stream(5))]
    count = [(batch.signs.diagonal(dim1=1, dim2=2) != 0).sum(1).double() for batch in (kept, real, made)]
    tolerance = 4 * (count[0].var() / len(kept) + count[1].var() / len(real)).sqrt()
    assert abs(count[0].mean() - count[1].mean()) < tolerance < (count[2].mean() - count[1].mean()).abs()
    # the generator keeps by it where nothing is asked for, and only there
    plain = generate(generator, sizes[:500], Stream(6))
    asked = generate(generator, sizes[:500], Stream(6), function="oscillation")
    generator.acceptance = acceptance
    chosen = generate(generator, sizes[:500], Stream(6))
    assert (chosen.signs != 0).diagonal(dim1=1, dim2=2).sum() < (plain.signs != 0).diagonal(dim1=1, dim2=2).sum()
    again = generate(generator, sizes[:500], Stream(6), function="oscillation")
    assert (again.signs == asked.signs).all()


def test_features_do_not_depend_on_the_order_of_genes():
    signs = Stream(0).integers(3, (20, 6, 6)).to(torch.int8) - 1
    order = Stream(1).permutation(6)
    sizes = torch.full((20,), 6)
    torch.testing.assert_close(features(signs, sizes), features(signs[:, order][:, :, order], sizes))


def test_a_stored_generator_keeps_its_acceptance(tmp_path):
    generator = CompletionGenerator(8, 1, choosy=True)
    assert generator.acceptance is not None
    generator.acceptance.weight.copy_(torch.arange(len(generator.acceptance.weight)))
    stored = load_generator(save_generator(generator, tmp_path / "model.safetensors", {}))[0]
    assert stored.acceptance is not None
    assert torch.equal(stored.acceptance.weight, generator.acceptance.weight)
