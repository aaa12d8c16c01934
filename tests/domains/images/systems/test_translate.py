"""Translators find maps that are known, with and without pairs, and keep what an image shows."""

import pytest
import torch

from advsci.errors import DataError, ShapeError
from advsci.streams import Stream
from advsci_images.evaluation.hallucination import examine
from advsci_images.evaluation.scores import own_source
from advsci_images.game.cut import patch_nce
from advsci_images.game.cyclegan import CycleGAN, PairJudge
from advsci_images.game.players import Judge
from advsci_images.game.training import Play
from advsci_images.systems.translate import between_classes, by_contrast, from_pairs, translated, without_pairs

SIDE = 12
INKS = torch.tensor([[1.0, -0.5, -0.5], [-0.5, 1.0, -0.5], [-0.5, -0.5, 1.0]])


def discs(n: int, stream: Stream) -> torch.Tensor:
    """Soft bright discs on black at random places, (n 1 side side) in [-1, 1]."""
    place = 3 + (SIDE - 6) * stream.at("place").uniform((n, 2, 1, 1))
    radius = 1.5 + 1.5 * stream.at("radius").uniform((n, 1, 1))
    row, column = torch.arange(SIDE)[:, None], torch.arange(SIDE)[None, :]
    far = ((row - place[:, 0]).square() + (column - place[:, 1]).square()).sqrt()
    return 2.0 * torch.sigmoid(3.0 * (radius - far))[:, None] - 1.0


def coloured(x: torch.Tensor) -> torch.Tensor:
    """A fixed stain of grey images."""
    d = (x + 1.0) / 2.0
    return 2.0 * torch.cat([0.9 * d, 0.1 * d, 0.4 * d.square()], 1) - 1.0


def test_regression_and_pix2pix_find_the_map_of_pairs():
    x, held = discs(300, Stream(0)), discs(60, Stream(1))
    for weight in (0.0, 1.0):
        net = from_pairs(x, coloured(x), Play(150, 32, 3e-3, device="cpu"), adversarial=weight)
        seen = examine(translated(net, held), coloured(held))
        assert seen.psnr > 25 and not seen.warnings(), (weight, seen)


def test_cyclegan_finds_the_map_without_pairs():
    x, y = discs(300, Stream(0)), coloured(discs(300, Stream(5)))
    there, back = without_pairs(x, y, Play(200, 24, 3e-3, device="cpu"))
    held = discs(60, Stream(1))
    made = translated(there, held)
    assert examine(made, coloured(held)).psnr > 22 > 15 > examine(held.expand(-1, 3, -1, -1), coloured(held)).psnr
    assert examine(translated(back, coloured(held)), held).psnr > 22  # the mean of the channels: 15.9
    assert float(own_source(made, held)) > 0.9


def test_stargan_moves_to_any_class_and_keeps_the_shape():
    ink = torch.arange(300) % 3
    d = (discs(300, Stream(0)) + 1.0) / 2.0
    x = d * INKS[ink][:, :, None, None] - (1.0 - d)
    net = between_classes(x, ink, Play(200, 32, 3e-3, device="cpu"))
    held = x[:90]
    for wanted in range(3):
        made = translated(net, held, torch.full((90,), wanted))
        assert float((made.amax((2, 3)).argmax(1) == wanted).float().mean()) > 0.95
        assert float(own_source(made, held)) > 0.9


def test_wrong_sets_are_named():
    x = torch.zeros(4, 1, SIDE, SIDE)
    with pytest.raises(ShapeError, match="cyclegan"):
        from_pairs(x, x[:3], Play(1))
    with pytest.raises(ShapeError, match="--identity 0"):
        without_pairs(x, x.expand(-1, 3, -1, -1), Play(1), identity=1.0)
    with pytest.raises(DataError, match="at least 2"):
        between_classes(x, torch.zeros(4, dtype=torch.long), Play(1))


def test_cut_finds_the_map_without_pairs_by_the_contrast_of_patches():
    x, y = discs(300, Stream(0)).expand(-1, 3, -1, -1), coloured(discs(300, Stream(5)))
    held = discs(60, Stream(1)).expand(-1, 3, -1, -1)
    made = translated(by_contrast(x, y, Play(150, 16, 4e-3, device="cpu")), held)
    assert examine(made, coloured(held[:, :1])).psnr > 17.5 > 15 > examine(held, coloured(held[:, :1])).psnr
    assert float(own_source(made, held)) > 0.7
    with pytest.raises(ShapeError, match="repeat a grey channel"):
        by_contrast(x[:, :1], y, Play(1))


def test_the_contrast_is_small_where_patches_keep_their_places():
    v = torch.eye(8)[None]
    assert float(patch_nce(v, v)) < 1e-4
    assert float(patch_nce(v.roll(1, 1), v)) == pytest.approx(1 / 0.07, rel=1e-3)
    assert float(patch_nce(v, v, tau=1.0)) == pytest.approx(float(torch.tensor(2.718281828 + 7).log()) - 1.0, rel=1e-5)


def test_noise_on_a_translation_is_what_identical_translators_cannot_take_back():
    judge = PairJudge(Judge(1, (SIDE, SIDE)), Judge(1, (SIDE, SIDE)), 1)
    batch = {"x": torch.cat([discs(40, Stream(0)), discs(40, Stream(1))], 1)}
    for noise in (0.0, 0.3):
        game = CycleGAN(torch.nn.Identity(), torch.nn.Identity(), judge, lam=10.0, noise=noise)
        made = game.make(batch, draw := game.draw(batch, Stream(2)))
        # E |e| of a standard normal number is sqrt(2 / pi)
        cycle = game.generator_terms(batch, draw, made)["cycle"]
        assert float(cycle) == pytest.approx(10.0 * noise * (2.0 / torch.pi) ** 0.5, rel=0.03)
